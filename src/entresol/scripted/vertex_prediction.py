"""Vertex AI's `:predict` for models of Google's that make vectors: what they refuse, and what they answer.

Source: Vertex AI REST reference (v1), TextEmbeddingPredictionInstance and TextEmbeddingPredictionParams; "Text
embeddings API" for the limits.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

from entresol.scripted import faults, tokens, wire_errors
from entresol.scripted.embedding import vector_of
from entresol.scripted.gemini_checks import invalid
from entresol.scripted.script import Incoming, Refusal, Script, json_script
from entresol.scripted.settings import Answered, Settings
from entresol.scripted.shape import Flag, ListOf, Number, Object, Problem, Text
from entresol.scripted.vertex_counting import check_model, read_body

_PATH: Final = re.compile(r"/v1/projects/[^/]+/locations/[^/]+/publishers/google/models/([^/]+):predict")
_FAMILIES: Final = ("text-embedding-", "text-multilingual-embedding-", "textembedding-gecko", "gemini-embedding-")
_TASKS: Final = Text(
    (
        "RETRIEVAL_QUERY",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
        "QUESTION_ANSWERING",
        "FACT_VERIFICATION",
        "CODE_RETRIEVAL_QUERY",
    )
)
_INSTANCE: Final = Object({"content": Text(shortest=1)}, {"task_type": _TASKS, "taskType": _TASKS, "title": Text()})
_PARAMETERS: Final = Object({}, {"autoTruncate": Flag(), "outputDimensionality": Number(1, 3072, whole=True)})
_REQUEST: Final = Object({"instances": ListOf(_INSTANCE, 1, 250)}, {"parameters": _PARAMETERS})
_MOST_TOKENS: Final = 2048
"""Of one text; what is more is cut, or refused."""


def answer_vertex_prediction(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request that Vertex AI's predict answers; None for any other."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return None
    model = unquote(match[1])
    try:
        body = read_body(request, settings, "gemini")
        check_model("gemini", model, _FAMILIES)
        script = faults.bend(_embed(body, model), model, settings.slow_s, b"", b"")
    except Refusal as refusal:
        script = wire_errors.render("gemini", refusal, request)
    return Answered(script, "gemini", model)


def _embed(body: object, model: str) -> Script:
    problem = _REQUEST.check(body, ())
    if problem is not None:
        raise invalid(_words(problem))
    assert isinstance(body, dict)
    instances, parameters = body["instances"], body.get("parameters") or {}
    if model.startswith("gemini-embedding-") and not model.startswith("gemini-embedding-001"):
        raise Refusal(400, "FAILED_PRECONDITION", "Precondition check failed.")  # it has embedContent only
    if model.startswith("gemini-embedding-001") and len(instances) > 1:
        raise invalid(f"{len(instances)} instance(s) is more than the 1 allowed for this model.")
    size = parameters.get("outputDimensionality") or 8
    cuts = parameters.get("autoTruncate", True)
    return json_script(200, {"predictions": [_prediction(each, size, cuts) for each in instances]})


def _prediction(instance: dict[str, Any], size: int, cuts: bool) -> dict[str, Any]:
    text, task = instance["content"], instance.get("task_type") or instance.get("taskType")
    if instance.get("title") is not None and task != "RETRIEVAL_DOCUMENT":
        raise invalid("Unable to submit request because title is only supported for RETRIEVAL_DOCUMENT.")
    counted = tokens.count_text(text)
    if counted > _MOST_TOKENS and not cuts:
        raise invalid(f"The input token count is {counted} but the model supports up to {_MOST_TOKENS}.")
    statistics = {"truncated": counted > _MOST_TOKENS, "token_count": min(counted, _MOST_TOKENS)}
    return {"embeddings": {"values": vector_of(text, size), "statistics": statistics}}


def _words(problem: Problem) -> str:
    where = ".".join(str(step) for step in problem.path)
    return f"Invalid value at '{where}' ({problem.kind}): expected {problem.expected or 'nothing'}, got {problem.got}"
