"""What Text Generation Inference refuses. Shapes follow its OpenAPI document 3.3 and the types of huggingface_hub 2.4;
limits are those of `router/src/validation.rs` at the default settings.

The real server passes over fields that it does not know; here they are refused, so that a test notices a misspelling.
"""

from typing import Any, Final

from entresol.scripted.script import Refusal
from entresol.scripted.shape import Anything, Flag, ListOf, MapOf, Number, Object, Problem, Tagged, Text

_WHOLE: Final = Number(0, whole=True)
_GRAMMAR: Final = Tagged(
    {
        "json": Object({"type": Text(), "value": MapOf()}),
        "json_schema": Object({"type": Text(), "value": Object({"schema": MapOf()}, {"name": Text()})}),
        "regex": Object({"type": Text(), "value": Text()}),
    }
)
_PARAMETERS: Final = Object(
    {},
    {
        **dict.fromkeys(("best_of", "max_new_tokens", "top_n_tokens", "truncate", "seed"), _WHOLE),
        **dict.fromkeys(("temperature", "repetition_penalty", "frequency_penalty", "top_p", "typical_p"), Number()),
        **dict.fromkeys(("do_sample", "return_full_text", "watermark", "details", "decoder_input_details"), Flag()),
        "top_k": Number(whole=True),
        "stop": ListOf(Text()),
        "grammar": _GRAMMAR,
        "adapter_id": Text(),
    },
)
GENERATE: Final = Object({"inputs": Text()}, {"parameters": _PARAMETERS, "stream": Flag(), "model": Anything()})
_POSITIVE: Final = ("temperature", "repetition_penalty", "top_k", "max_new_tokens", "best_of")
_FRACTIONS: Final = ("top_p", "typical_p")
_MAX_STOPS: Final = 4
_MAX_TOP_TOKENS: Final = 5


def invalid(message: str) -> Refusal:
    """A request that cannot be served."""
    return Refusal(422, "validation", f"Input validation error: {message}")


def check_generate(decoded: object, streamed: bool) -> dict[str, Any]:
    """The body, if the server would take it. Raises Refusal."""
    problem = GENERATE.check(decoded, ())
    if problem is not None:
        raise Refusal(422, "validation", _wording(problem))
    assert isinstance(decoded, dict)
    if not decoded["inputs"]:
        raise invalid("`inputs` cannot be empty")
    _check_parameters(decoded.get("parameters") or {}, streamed)
    return decoded


def _wording(problem: Problem) -> str:
    path = ".".join(str(step) for step in problem.path)
    words = {"missing": f"missing field `{path}`", "unknown": f"unknown field `{path}`"}
    kind = words.get(problem.kind, f"{path}: invalid value: {problem.got}, expected {problem.expected}")
    return f"Failed to deserialize the JSON body into the target type: {kind}"


def _check_parameters(parameters: dict[str, Any], streamed: bool) -> None:
    for name in _POSITIVE:
        if parameters.get(name) is not None and parameters[name] <= 0:
            raise invalid(f"`{name}` must be strictly positive")
    for name in _FRACTIONS:
        if parameters.get(name) is not None and not 0 < parameters[name] < 1:
            raise invalid(f"`{name}` must be > 0.0 and < 1.0")
    if not -2 <= (parameters.get("frequency_penalty") or 0) <= 2:
        raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    if len(parameters.get("stop") or []) > _MAX_STOPS:
        raise invalid(f"`stop` supports up to {_MAX_STOPS} stop sequences. Given: {len(parameters['stop'])}")
    if (parameters.get("top_n_tokens") or 0) > _MAX_TOP_TOKENS:
        raise invalid(f"`top_n_tokens` must be >= 0 and <= {_MAX_TOP_TOKENS}. Given: {parameters['top_n_tokens']}")
    if streamed and parameters.get("decoder_input_details"):
        raise invalid("`decoder_input_details` == true is not supported when streaming tokens")
    best_of = parameters.get("best_of") or 1
    if best_of > 1 and (streamed or not parameters.get("do_sample")):
        raise invalid("`best_of` > 1 needs sampling, and is not supported when streaming tokens")
