"""What other forms of log probabilities cannot say of OpenAI's, which is the canonical one."""

from entresol.llm.types import JsonObject


def lost_logprobs(logprobs: JsonObject, takes_alternatives: bool = True) -> list[str]:
    """Names for what is left out: those of a refusal, and the alternatives of a token where there is no place."""
    lost = ["logprobs.refusal"] if logprobs.get("refusal") else []
    content = logprobs.get("content")
    entries = content if isinstance(content, list) and not takes_alternatives else []
    if any(isinstance(entry, dict) and entry.get("top_logprobs") for entry in entries):
        lost.append("logprobs.top_logprobs")
    return lost
