"""What was asked, whatever the wire, and the deterministic reply to it."""

import re
from typing import Literal

import msgspec

from entresol.scripted import tokens
from entresol.scripted.instance import instance_of

JsonObject = dict[str, object]


class Attachment(msgspec.Struct, frozen=True):
    """A part that is not text."""

    kind: str
    """image, audio or document."""
    media_type: str
    size: int
    """Bytes, decoded; 0 when it came as a URL."""


class OfferedTool(msgspec.Struct, frozen=True):
    """A function the model may call."""

    name: str
    parameters: JsonObject


class ToolOutcome(msgspec.Struct, frozen=True):
    """The result of a call that the model made before."""

    name: str
    content: str


class Prompt(msgspec.Struct):
    """The parts of a request that decide the reply."""

    model: str
    text: str = ""
    """The text of the last user turn."""
    attachments: list[Attachment] = []
    tools: list[OfferedTool] = []
    tool_choice: str = "auto"
    """auto, none, required, or `=name`."""
    parallel: bool = True
    outcomes: list[ToolOutcome] = []
    """Set when the last turn holds tool results."""
    thinking: bool = False
    schema: JsonObject | None = None
    """Structured output asked for; `{}` for any JSON object."""
    max_tokens: int | None = None
    stops: list[str] = []
    input_tokens: int = 0
    marked_tokens: int = 0
    """Of `input_tokens`, those up to the last cache marker."""


class Call(msgspec.Struct, frozen=True):
    """A tool call."""

    name: str
    arguments: JsonObject


class Reply(msgspec.Struct):
    """What the model says."""

    text: str = ""
    thinking: str = ""
    calls: list[Call] = []
    stop: Literal["stop", "length", "sequence", "tools", "refusal"] = "stop"
    stop_sequence: str | None = None

    @property
    def thinking_tokens(self) -> int:
        """Tokens of the thinking."""
        return tokens.count_text(self.thinking)

    @property
    def visible_tokens(self) -> int:
        """Tokens of text and calls."""
        return tokens.count_text(self.text) + sum(
            tokens.count_text(call.name) + tokens.count_json(call.arguments) for call in self.calls
        )


_SUBJECT = re.compile(r"\b(?:in|of|for|at|about)\s+(.+?)(?:[.?!;\n]|$)", re.IGNORECASE)
_SEPARATOR = re.compile(r",\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_WORDS = re.compile(r"(\d{1,5}) words\b")
_VERBS = frozenset({"get", "fetch", "lookup", "look", "set", "run", "call", "tool", "find", "list", "create", "up"})
_VOCABULARY = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett")
_ECHO_LIMIT = 400


def reply_to(prompt: Prompt) -> Reply:
    """The reply: it depends on the prompt alone."""
    if "scripted-refusal" in prompt.model:
        return Reply(text="", stop="refusal")
    reply = Reply()
    if prompt.thinking:
        reply.thinking = (
            f"The last turn has {tokens.count_text(prompt.text)} tokens and {len(prompt.tools)} tools. I answer it."
        )
    if not prompt.outcomes:
        reply.calls = _calls(prompt)
    if reply.calls:
        reply.stop = "tools"
        return reply
    reply.text = _text(prompt)
    _apply_stops(prompt, reply)
    return reply


def subjects(text: str) -> list[str]:
    """What a sentence is about: `weather in Paris and Tokyo` gives Paris, Tokyo."""
    match = _SUBJECT.search(text)
    if match is None:
        return [text.strip()]
    return [part.strip() for part in _SEPARATOR.split(match.group(1)) if part.strip()]


def _wanted_tools(prompt: Prompt) -> list[OfferedTool]:
    if prompt.tool_choice == "none" or not prompt.tools:
        return []
    if prompt.tool_choice.startswith("="):
        return [tool for tool in prompt.tools if tool.name == prompt.tool_choice[1:]]
    said = set(re.findall(r"[a-z0-9_]+", prompt.text.lower()))
    wanted = [
        tool
        for tool in prompt.tools
        if tool.name.lower() in said or said & (set(re.split(r"[^a-z0-9]+", tool.name.lower())) - _VERBS - {""})
    ]
    return wanted or (prompt.tools[:1] if prompt.tool_choice == "required" else [])


def _calls(prompt: Prompt) -> list[Call]:
    calls = [
        Call(tool.name, _as_object(instance_of(tool.parameters, subject, prompt.text)))
        for tool in _wanted_tools(prompt)
        for subject in subjects(prompt.text)
    ]
    return calls if prompt.parallel else calls[:1]


def _as_object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _text(prompt: Prompt) -> str:
    if prompt.schema is not None:
        value = instance_of(prompt.schema or {"type": "object"}, subjects(prompt.text)[0], prompt.text)
        if not prompt.schema:
            value = {"answer": prompt.text[:_ECHO_LIMIT]}
        return msgspec.json.encode(value).decode()
    if prompt.outcomes:
        return " ".join(f"{outcome.name} says: {outcome.content[:_ECHO_LIMIT]}" for outcome in prompt.outcomes)
    wanted = _WORDS.search(prompt.text)
    if wanted is not None:
        return " ".join(_VOCABULARY[index % len(_VOCABULARY)] for index in range(int(wanted.group(1))))
    said = f'You said: "{prompt.text[:_ECHO_LIMIT]}".' if prompt.text else "You said nothing."
    seen = [
        f"I see one {item.kind} ({item.media_type}, {f'{item.size} bytes' if item.size else 'by reference'})."
        for item in prompt.attachments
    ]
    return " ".join([said, *seen])


def _apply_stops(prompt: Prompt, reply: Reply) -> None:
    found = [(reply.text.index(stop), stop) for stop in prompt.stops if stop and stop in reply.text]
    if found:
        position, reply.stop_sequence = min(found)
        reply.text = reply.text[:position]
        reply.stop = "sequence"
    if prompt.max_tokens is not None and tokens.count_text(reply.text) > prompt.max_tokens:
        reply.text = tokens.cut_to(reply.text, prompt.max_tokens)
        reply.stop = "length"
        reply.stop_sequence = None
