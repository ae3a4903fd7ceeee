"""Text Generation Inference's wire: one prompt in, tokens out, whole or one event each."""

import zlib
from typing import Any, Final

import msgspec

from entresol.scripted import tokens
from entresol.scripted.prompt import Prompt, Reply

Body = dict[str, Any]
FINISH: Final = {
    "stop": "eos_token",
    "sequence": "stop_sequence",
    "length": "length",
    "tools": "eos_token",
    "refusal": "eos_token",
}
_END_TOKEN: Final = {"id": 2, "text": "</s>", "logprob": -0.125, "special": True}


def read_generate(body: Body, model: str) -> Prompt:
    """The prompt in a request that has passed the checks."""
    parameters = body.get("parameters") or {}
    grammar = parameters.get("grammar")
    schema: dict[str, object] | None = None
    if grammar is not None and grammar["type"] != "regex":
        schema = grammar["value"] if grammar["type"] == "json" else grammar["value"]["schema"]
    return Prompt(
        model=model,
        text=body["inputs"].rpartition("\n\n")[2],
        schema=schema,
        max_tokens=parameters.get("max_new_tokens"),
        stops=parameters.get("stop") or [],
        input_tokens=tokens.count_text(body["inputs"]),
    )


def _token(text: str) -> Body:
    return {"id": zlib.crc32(text.encode()) % 32_000, "text": text, "logprob": -0.125, "special": False}


def _details(parameters: Body, reply: Reply, prompt: Prompt) -> Body:
    return {
        "finish_reason": FINISH[reply.stop],
        "generated_tokens": reply.visible_tokens,
        "seed": parameters.get("seed"),
    }


def _said(body: Body, reply: Reply) -> str:
    """What is answered: after the prompt, if the client wants it again."""
    parameters = body.get("parameters") or {}
    return (body["inputs"] if parameters.get("return_full_text") else "") + reply.text


def whole_answer(body: Body, prompt: Prompt, reply: Reply) -> Body:
    """An answer in one piece."""
    parameters = body.get("parameters") or {}
    answer: Body = {"generated_text": _said(body, reply)}
    if not (parameters.get("details") or parameters.get("decoder_input_details")):
        return answer
    details = _details(parameters, reply, prompt)
    counted = range(prompt.input_tokens) if parameters.get("decoder_input_details") else ()
    details["prefill"] = [{"id": at, "text": "", "logprob": None} for at in counted]
    details["tokens"] = [_token(piece) for piece in tokens.pieces(reply.text)]
    if parameters.get("top_n_tokens"):
        details["top_tokens"] = [[token] for token in details["tokens"]]
    return {**answer, "details": details}


def token_frames(body: Body, prompt: Prompt, reply: Reply) -> list[bytes]:
    """The events of a stream: a word each, and the end's with the whole text."""
    parameters = body.get("parameters") or {}
    events: list[Body] = []
    for piece in tokens.pieces(reply.text):
        token = _token(piece)
        event: Body = {"index": len(events) + 1, "token": token, "generated_text": None, "details": None}
        if parameters.get("top_n_tokens"):
            event["top_tokens"] = [token]
        events.append(event)
    details = {**_details(parameters, reply, prompt), "input_length": prompt.input_tokens}
    events.append(
        {
            "index": len(events) + 1,
            "token": _END_TOKEN,
            "generated_text": _said(body, reply),
            "details": details if parameters.get("details") else None,
        }
    )
    return [frame(event) for event in events]


def frame(value: object) -> bytes:
    """One event; TGI writes no space after the colon."""
    return b"data:" + msgspec.json.encode(value) + b"\n\n"
