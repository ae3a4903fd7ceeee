"""What Ollama's own API refuses. Shapes follow `api/types.go` of Ollama 0.13 and the types of ollama 0.6 for Python.

The real server passes over fields that it does not know; here they are refused, so that a test notices a misspelling.
"""

from typing import Any, Final

from entresol.scripted import media
from entresol.scripted.script import Refusal
from entresol.scripted.shape import Anything, Either, Flag, ListOf, MapOf, Number, Object, Path, Problem, Shape, Text

_WHOLE: Final = Number(whole=True)
_OPTIONS: Final = Object(
    {},
    {
        **dict.fromkeys(
            ("num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep", "seed", "num_predict", "top_k"),
            _WHOLE,
        ),
        **dict.fromkeys(("repeat_last_n", "mirostat"), _WHOLE),
        **dict.fromkeys(("top_p", "min_p", "tfs_z", "typical_p", "temperature", "repeat_penalty"), Number()),
        **dict.fromkeys(("presence_penalty", "frequency_penalty", "mirostat_tau", "mirostat_eta"), Number()),
        **dict.fromkeys(("numa", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mmap", "use_mlock"), Flag()),
        **dict.fromkeys(("embedding_only", "penalize_newline"), Flag()),
        "stop": ListOf(Text()),
    },
)
_THINK: Final = Either({"boolean": Flag(), "string": Text()})
_KEEP_ALIVE: Final = Either({"string": Text(), "integer": Number(), "number": Number()})
_FORMAT: Final = Either({"string": Text(("", "json")), "object": MapOf()})
_CALL: Final = Object(
    {"function": Object({"name": Text(), "arguments": MapOf()}, {"index": _WHOLE})}, {"id": Text(), "type": Text()}
)
_MESSAGE: Final = Object(
    {"role": Text(shortest=1)},
    {
        "content": Text(),
        "thinking": Text(),
        "images": ListOf(Text()),
        "tool_calls": ListOf(_CALL),
        "tool_name": Text(),
        "tool_call_id": Text(),
    },
)
_TOOL: Final = Object(
    {"type": Text(("function",))},
    {
        "function": Object({"name": Text(shortest=1)}, {"description": Text(), "parameters": MapOf()}),
        "items": Anything(),
    },
)
_SHARED: Final[dict[str, Shape]] = {
    "stream": Flag(),
    "format": _FORMAT,
    "keep_alive": _KEEP_ALIVE,
    "options": _OPTIONS,
    "think": _THINK,
    "logprobs": Flag(),
    "top_logprobs": Number(0, 20, whole=True),
    "truncate": Flag(),
    "shift": Flag(),
}
CHAT: Final = Object({"model": Text(shortest=1)}, {"messages": ListOf(_MESSAGE), "tools": ListOf(_TOOL), **_SHARED})
GENERATE: Final = Object(
    {"model": Text(shortest=1)},
    {
        **dict.fromkeys(("prompt", "suffix", "system", "template"), Text()),
        **dict.fromkeys(("width", "height", "steps"), _WHOLE),
        "context": ListOf(_WHOLE),
        "raw": Flag(),
        "images": ListOf(Text()),
        **_SHARED,
    },
)
EMBED: Final = Object(
    {"model": Text(shortest=1), "input": Either({"string": Text(), "array": ListOf(Text())})},
    {"truncate": Flag(), "dimensions": Number(1, whole=True), "keep_alive": _KEEP_ALIVE, "options": _OPTIONS},
)
EMBEDDINGS: Final = Object(
    {"model": Text(shortest=1)}, {"prompt": Text(), "keep_alive": _KEEP_ALIVE, "options": _OPTIONS}
)
_LEVELS: Final = ("low", "medium", "high")
_ROLES: Final = ("system", "user", "assistant", "tool")


def invalid(message: str) -> Refusal:
    """A request that cannot be served."""
    return Refusal(400, "", message)


def check_shape(body: object, shape: Object) -> dict[str, Any]:
    """The body, if its shape is right. Raises Refusal."""
    problem = shape.check(body, ())
    if problem is not None:
        raise invalid(_wording(problem))
    assert isinstance(body, dict)
    return body


def _wording(problem: Problem) -> str:
    where = _dotted(problem.path)
    if problem.kind == "missing":
        return f"{where} is required"
    if problem.kind == "type":
        return f"json: cannot unmarshal {problem.got} into Go struct field {where or 'body'} of type {problem.expected}"
    if problem.kind == "unknown":
        return f"json: unknown field {where!r}"
    return f"invalid {where}: {problem.got} (expected {problem.expected})"


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path if isinstance(step, str))


def check_chat(body: dict[str, Any]) -> None:
    """What shapes cannot say of a chat. Raises Refusal."""
    called: list[str] = []
    ids: set[str] = set()
    for message in body.get("messages") or []:
        role = message["role"].lower()
        if role not in _ROLES:
            raise invalid(f"invalid role: {message['role']}")
        check_images(message.get("images") or [])
        for call in message.get("tool_calls") or []:
            called.append(call["function"]["name"])
            ids |= {call["id"]} if call.get("id") else set()
        if role == "tool":
            _check_result(message, called, ids)
    check_settings(body)


def _check_result(message: dict[str, Any], called: list[str], ids: set[str]) -> None:
    """The real server believes every result; a gateway must not invent one."""
    name, call_id = message.get("tool_name"), message.get("tool_call_id")
    if name is not None and name not in called:
        raise invalid(f"tool result for {name!r}, which was not called")
    if call_id and call_id not in ids:
        raise invalid(f"tool result for call {call_id!r}, which was not made")


def check_settings(body: dict[str, Any]) -> None:
    """Thinking and log probabilities. Raises Refusal."""
    think = body.get("think")
    if isinstance(think, str):
        if think not in _LEVELS:
            raise invalid(f'invalid think value: "{think}" (must be "high", "medium", "low", true, or false)')
        if "gpt-oss" not in body["model"]:
            raise invalid(f'think value "{think}" is not supported for this model')
    if body.get("top_logprobs") and not body.get("logprobs"):
        raise invalid("top_logprobs requires logprobs")


def check_images(images: list[str]) -> list[int]:
    """The sizes of images. Raises Refusal for what is not base64 of one."""
    sizes: list[int] = []
    for image in images:
        try:
            data = media.decode_base64(image)
        except media.BadMedia as problem:
            raise invalid("illegal base64 data at input byte 0") from problem
        if media_type_of(data) is None:
            raise Refusal(500, "", "Failed to load image or audio file")
        sizes.append(len(data))
    return sizes


def media_type_of(data: bytes) -> str | None:
    """What an image is, by its first bytes."""
    known = (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"RIFF", "image/webp"),
    )
    return next((name for magic, name in known if data.startswith(magic)), None)
