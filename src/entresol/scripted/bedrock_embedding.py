"""Embedding models behind Bedrock's InvokeModel: what Titan's and Cohere's refuse, and what they answer."""

from typing import Any, Final

from entresol.scripted import tokens
from entresol.scripted.bedrock_turns import invalid
from entresol.scripted.embedding import vector_of
from entresol.scripted.shape import Flag, ListOf, Number, Object, Problem, Text

_TITAN_1: Final = Object({"inputText": Text(shortest=1, longest=50_000)}, nulls=False)
_TITAN_2: Final = Object(
    {"inputText": Text(shortest=1, longest=50_000)},
    {
        "dimensions": Number(256, 1024, whole=True),
        "normalize": Flag(),
        "embeddingTypes": ListOf(Text(("float", "binary")), 1),
    },
    nulls=False,
)
_COHERE: Final = Object(
    {
        "texts": ListOf(Text(shortest=1), 1, 96),
        "input_type": Text(("search_document", "search_query", "classification", "clustering")),
    },
    {
        "truncate": Text(("NONE", "START", "END", "LEFT", "RIGHT")),
        "embedding_types": ListOf(Text(("float", "int8", "uint8", "binary", "ubinary")), 1),
        "output_dimension": Number(256, 1536, whole=True),
    },
    nulls=False,
)
_TITAN_SIZES: Final = (256, 512, 1024)


def is_embedding_model(model: str) -> bool:
    """Whether a model makes vectors."""
    return "amazon.titan-embed-text" in model or "cohere.embed" in model


def embed(body: object, model: str) -> dict[str, Any]:
    """The answer to an invocation. Raises Refusal."""
    is_cohere = "cohere." in model
    shape = _COHERE if is_cohere else _TITAN_1 if "titan-embed-text-v1" in model else _TITAN_2
    problem = shape.check(body, ())
    if problem is not None:
        raise invalid(_words(problem))
    assert isinstance(body, dict)
    if is_cohere:
        size = body.get("output_dimension") or 8
        vectors = [vector_of(text, size) for text in body["texts"]]
        return {"embeddings": vectors, "id": "e1", "response_type": "embeddings_floats", "texts": body["texts"]}
    size = body.get("dimensions")
    if size is not None and size not in _TITAN_SIZES:
        raise invalid(f"Malformed input request: #/dimensions: {size} is not a valid enum value")
    text = body["inputText"]
    return {"embedding": vector_of(text, size or 8), "inputTextTokenCount": tokens.count_text(text)}


def _words(problem: Problem) -> str:
    where = "#/" + "/".join(str(step) for step in problem.path)
    if problem.kind == "unknown":
        return f"Malformed input request: #: extraneous key [{problem.path[-1]}] is not permitted"
    if problem.kind == "missing":
        return f"Malformed input request: #: required key [{problem.path[-1]}] not found"
    return f"Malformed input request: {where}: expected {problem.expected}, found {problem.got}"
