"""`POST /v1/rerank`, as vLLM and Jina AI have it.

Sources: vLLM, "Rerank API" (`RerankRequest`, `RerankResponse`); Jina AI, "Reranker API". Fields that neither knows are
refused, so that a test notices a misspelling.
"""

import re
from typing import Any, Final

import msgspec

from entresol.scripted import cohere_wire, faults, tokens, wire_errors
from entresol.scripted.script import Incoming, Refusal, Script, json_script
from entresol.scripted.settings import Answered, Settings
from entresol.scripted.shape import Either, Flag, ListOf, Number, Object, Text

_DOCUMENT: Final = Either({"string": Text(), "object": Object({"text": Text()}, {"title": Text()})})
_RERANK: Final = Object(
    {"model": Text(shortest=1), "query": Text(shortest=1), "documents": ListOf(_DOCUMENT, shortest=1)},
    {
        "top_n": Number(1, whole=True),
        "return_documents": Flag(),
        "truncate_prompt_tokens": Number(-1, whole=True),
        "max_tokens_per_doc": Number(1, whole=True),
        "user": Text(),
        "priority": Number(whole=True),
    },
)
_FAMILIES: Final = re.compile(r"(?:scripted-|bge-|jina-|rerank-|BAAI/|Qwen/|mxbai-)")


def answer_rerank(request: Incoming, settings: Settings) -> Answered | None:
    """The script for a request to `/v1/rerank`; None for any other."""
    if request.path != "/v1/rerank":
        return None
    model = ""
    try:
        body = _read(request, settings)
        model = body["model"]
        script = _run(body, request.body, settings)
    except Refusal as refusal:
        script = wire_errors.render("openai", refusal, request)
    return Answered(script, "rerank", model)


def _read(request: Incoming, settings: Settings) -> dict[str, Any]:
    if request.method != "POST":
        raise Refusal(405, "invalid_request_error", "Method Not Allowed")
    given = request.headers.get("authorization", "")
    if given[:7].lower() != "bearer " or given[7:] not in settings.keys:
        raise wire_errors.bad_key("openai", given[7:])
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError as error:
        raise wire_errors.bad_body("openai", f"the body is not JSON: {error}") from error
    problem = _RERANK.check(body, ())
    if problem is not None:
        where = ".".join(str(step) for step in problem.path)
        raise wire_errors.bad_body("openai", f"{problem.kind}: {where} {problem.expected}")
    assert isinstance(body, dict)
    return body


def _run(body: dict[str, Any], seed: bytes, settings: Settings) -> Script:
    model = body["model"]
    fault = faults.status_fault(model)
    if fault is not None:
        raise wire_errors.status_refusal("openai", fault)
    if _FAMILIES.match(model) is None and not faults.is_fault(model):
        raise wire_errors.no_model("openai", model)
    return faults.bend(json_script(200, _answer(body, seed)), model, settings.slow_s, b"", b"")


def _answer(body: dict[str, Any], seed: bytes) -> dict[str, Any]:
    documents = [{"text": each} if isinstance(each, str) else each for each in body["documents"]]
    texts = [document["text"] for document in documents]
    counted = sum(map(tokens.count_text, texts)) + len(texts) * tokens.count_text(body["query"])
    results = []
    for index, score in cohere_wire.ranked(body["query"], texts, body.get("top_n")):
        result: dict[str, Any] = {"index": index, "relevance_score": score}
        if body.get("return_documents") is not False:
            result["document"] = documents[index]
        results.append(result)
    identifier = tokens.derived_id("rerank-", 32, seed)
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    return {"id": identifier, "model": body["model"], "usage": usage, "results": results}
