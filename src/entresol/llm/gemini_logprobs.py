"""Log probabilities: Gemini's `logprobsResult` and OpenAI's form, which is the canonical one."""

from entresol.llm.types import JsonObject


def read_logprobs(wire: JsonObject) -> JsonObject:
    """OpenAI's form: one entry a token, with the alternatives at its place."""
    chosen, top = _list(wire.get("chosenCandidates")), _list(wire.get("topCandidates"))
    content: list[JsonObject] = []
    for position, candidate in enumerate(chosen):
        entry = _entry(candidate)
        others = _list(top[position].get("candidates")) if position < len(top) else []
        entry["top_logprobs"] = [_entry(other) for other in others]
        content.append(entry)
    return {"content": content, "refusal": None}


def write_logprobs(logprobs: JsonObject) -> JsonObject:
    """Gemini's form."""
    entries = _list(logprobs.get("content"))
    chosen = [{"token": entry.get("token"), "logProbability": entry.get("logprob")} for entry in entries]
    top = [
        {
            "candidates": [
                {"token": other.get("token"), "logProbability": other.get("logprob")}
                for other in _list(entry.get("top_logprobs"))
            ]
        }
        for entry in entries
    ]
    return {"chosenCandidates": chosen, "topCandidates": top}


def _entry(candidate: JsonObject) -> JsonObject:
    token = str(candidate.get("token") or "")
    return {"token": token, "logprob": candidate.get("logProbability"), "bytes": list(token.encode())}


def _list(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
