"""The ordinary form of Anthropic's blocks, read at once: an agent's turns hold dozens of them, all alike.

Whatever is out of the ordinary is left to the readers that find faults and name their places.
"""

from entresol.llm.format import encode_json
from entresol.llm.types import Part, Text, ToolCall


def plain_blocks(value: object) -> list[Part] | None:
    """A list of blocks of words and calls of tools, with nothing special about them; None if some are anything else."""
    if not isinstance(value, list):
        return None
    parts: list[Part] = []
    for each in value:
        part = _plain_block(each) if isinstance(each, dict) else None
        if part is None:
            return None
        parts.append(part)
    return parts


def _plain_block(value: dict[str, object]) -> Part | None:
    kind = value.get("type")
    if kind == "text":
        text = value.get("text")
        unsaid = "citations" in value and value["citations"] is None
        return Text(text=text) if isinstance(text, str) and len(value) == 2 + unsaid else None
    if kind != "tool_use" or len(value) != 4:
        return None
    call_id, name, given = value.get("id"), value.get("name"), value.get("input")
    if not isinstance(call_id, str) or not call_id or not isinstance(name, str) or not isinstance(given, dict):
        return None
    return ToolCall(id=call_id, name=name, arguments=encode_json(given).decode())
