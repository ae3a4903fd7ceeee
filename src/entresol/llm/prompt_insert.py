"""Prompts of the operator's put before and behind a conversation, in the client's own wire format.

Only what the prompts go into is written anew; every other part of the request keeps its bytes.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.chat_body import ChatBody
from entresol.llm.chat_structs import ChatTurn
from entresol.llm.json_fields import Fields, bad_request, encode_json, raw_json

Raws = list[msgspec.Raw]
_decode_array: Final = msgspec.json.Decoder(Raws).decode
_decode_object: Final = msgspec.json.Decoder(Fields).decode
_decode_text: Final = msgspec.json.Decoder(str).decode


Role = Literal["system", "user", "assistant"]


class Inserted:
    """A prompt to put in."""

    __slots__ = ("content", "role")

    def __init__(self, role: Role, content: str) -> None:
        self.role: Role = role
        self.content = content


Insert = Callable[[Fields, bool], None]
"""Changes the top level of a request. The flag says that it is an OpenAI Responses request."""


def inserter(llm_format: str, before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """How to put prompts into requests of a format (`openai`, `anthropic`, `gemini`, `bedrock`, …).

    What it returns raises ClientError `not_a_chat_request` for requests without a conversation, and `bad_request`,
    which names the field, where that is not of its format's shape.
    """
    insert, within = _INSERTERS[llm_format](before, after), _WITHIN.get(llm_format)
    return insert if within is None else _within(insert, within)


_WITHIN: Final = {
    "gemini": ("contents", (("generateContentRequest",), ("generate_content_request",))),
    "bedrock": ("messages", (("input", "converse"),)),
}
"""Where requests that count tokens have the request that is counted, and the conversation of those that do not."""


def _within(insert: Insert, within: tuple[str, tuple[tuple[str, ...], ...]]) -> Insert:
    """Put prompts also into a request to be counted: what is counted is what would be sent."""
    conversation, paths = within

    def insert_within(fields: Fields, is_responses: bool) -> None:
        is_changed = False
        for path in paths:
            if path[0] in fields and _change(fields, path, insert):
                is_changed = True
        if not is_changed or conversation in fields:  # a client must not be able to lead them elsewhere
            insert(fields, is_responses)

    return insert_within


def _change(fields: Fields, path: tuple[str, ...], insert: Insert) -> bool:
    """Change an object below others; False if there is none."""
    if not path:
        insert(fields, False)
        return True
    raw = _field(fields, path[0])
    if raw is None or bytes(memoryview(raw)[:1]) != b"{":
        return False
    inner = _decode_object(raw)
    if not _change(inner, path[1:], insert):
        return False
    fields[path[0]] = raw_json(inner)
    return True


def _not_chat() -> ClientError:
    return ClientError("not_a_chat_request", "this LLM route only supports llm/chat type requests")


def _array(raw: msgspec.Raw, name: str) -> Raws:
    try:
        return _decode_array(raw)
    except msgspec.DecodeError as error:
        raise bad_request(name, "expected an array") from error


def _texts(prompts: Sequence[Inserted]) -> list[str]:
    return [prompt.content for prompt in prompts if prompt.role == "system"]


def _starts_text(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b'"'


def _field(fields: Fields, name: str) -> msgspec.Raw | None:
    """A field; None if it is missing or null."""
    raw = fields.get(name)
    return None if raw is None or (memoryview(raw).nbytes == 4 and bytes(raw) == b"null") else raw


class _Conversation:
    """Puts turns around an array of turns, which keeps its bytes: joining is four times as fast as decoding it."""

    def __init__(
        self, before: Sequence[Inserted], after: Sequence[Inserted], encode: Callable[[Inserted], object]
    ) -> None:
        first, last = (b",".join([encode_json(encode(prompt)) for prompt in prompts]) for prompts in (before, after))
        self._head = b"[%b," % first if first else b"["
        self._tail = b",%b]" % last if last else b"]"
        self._alone = msgspec.Raw(b"[%b]" % b",".join(filter(None, (first, last))))

    def surround(self, fields: Fields, name: str, may_be_one: bool = False) -> None:
        """Put them around a field. `may_be_one`: an object stands for an array of one."""
        array = bytes(fields.get(name, b"null"))
        if may_be_one and array.startswith(b"{"):
            array = b"[%b]" % array
        if not array.startswith(b"["):
            raise _not_chat() if array == b"null" else bad_request(name, "expected an array")
        turns = array[1:-1].strip()
        fields[name] = msgspec.Raw(b"".join((self._head, turns, self._tail))) if turns else self._alone

    def around(self, turn: bytes) -> msgspec.Raw:
        """A conversation of one turn."""
        return msgspec.Raw(b"".join((self._head, turn, self._tail)))


def _openai(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    conversation = _Conversation(before, after, lambda prompt: {"role": prompt.role, "content": prompt.content})

    def insert(fields: Fields, is_responses: bool) -> None:
        raw = _field(fields, "input") if is_responses else None
        if raw is None:
            conversation.surround(fields, "messages")
        elif _starts_text(raw):  # a Responses request may be just the user's words
            fields["input"] = conversation.around(encode_json({"role": "user", "content": raw}))
        else:
            conversation.surround(fields, "input")

    return insert


def _turns_of(prompts: Sequence[Inserted]) -> list[Inserted]:
    return [prompt for prompt in prompts if prompt.role != "system"]


def _anthropic(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """System prompts go into `system`, a text or an array of blocks (Messages API)."""
    first, last = _texts(before), _texts(after)
    conversation = _Conversation(
        _turns_of(before), _turns_of(after), lambda prompt: {"role": prompt.role, "content": prompt.content}
    )

    def insert(fields: Fields, is_responses: bool) -> None:
        conversation.surround(fields, "messages")
        if first or last:
            fields["system"] = _with_system(_field(fields, "system"), first, last)

    return insert


def _with_system(raw: msgspec.Raw | None, first: list[str], last: list[str]) -> msgspec.Raw:
    if raw is None:
        return raw_json("\n\n".join([*first, *last]))
    if _starts_text(raw):
        return raw_json("\n\n".join([*first, _decode_text(raw), *last]))
    blocks = [[raw_json({"type": "text", "text": text}) for text in texts] for texts in (first, last)]
    return raw_json([*blocks[0], *_array(raw, "system"), *blocks[1]])


def _bedrock(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """Bedrock's Converse: contents are arrays of blocks, system prompts an array beside them."""
    first, last = ([raw_json({"text": text}) for text in _texts(prompts)] for prompts in (before, after))
    conversation = _Conversation(
        _turns_of(before), _turns_of(after), lambda prompt: {"role": prompt.role, "content": [{"text": prompt.content}]}
    )

    def insert(fields: Fields, is_responses: bool) -> None:
        conversation.surround(fields, "messages")
        if first or last:
            raw = _field(fields, "system")
            blocks = [] if raw is None else _array(raw, "system")
            fields["system"] = raw_json([*first, *blocks, *last])

    return insert


def _gemini(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """System prompts go into the parts of `systemInstruction`; the assistant's role is `model`."""
    first, last = ([raw_json({"text": text}) for text in _texts(prompts)] for prompts in (before, after))
    conversation = _Conversation(
        _turns_of(before),
        _turns_of(after),
        lambda prompt: {
            "role": "model" if prompt.role == "assistant" else prompt.role,
            "parts": [{"text": prompt.content}],
        },
    )

    def insert(fields: Fields, is_responses: bool) -> None:
        conversation.surround(fields, "contents", may_be_one=True)
        if first or last:
            name = "system_instruction" if "system_instruction" in fields else "systemInstruction"
            fields[name] = _with_parts(_field(fields, name), name)

    def _with_parts(raw: msgspec.Raw | None, name: str) -> msgspec.Raw:
        if raw is None:
            return raw_json({"parts": [*first, *last]})
        try:
            content = _decode_object(raw)
        except msgspec.DecodeError as error:
            raise bad_request(name, "expected an object") from error
        parts = _field(content, "parts")
        if parts is None:
            known: Raws = []
        elif bytes(memoryview(parts)[:1]) == b"{":  # Google's JSON lets an object stand for a list of one
            known = [parts]
        else:
            known = _array(parts, f"{name}.parts")
        content["parts"] = raw_json([*first, *known, *last])
        return raw_json(content)

    return insert


def _ollama(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """Chats have messages. Completions have one prompt and `system`: other turns have no place there, and a client's
    own template could leave `system` out."""
    chat = _openai(before, after)
    first, last = _texts(before), _texts(after)
    has_turns = bool(_turns_of(before) or _turns_of(after))

    def insert(fields: Fields, is_responses: bool) -> None:
        if _field(fields, "prompt") is None:
            chat(fields, False)
            return
        raw = _field(fields, "raw")
        is_raw = raw is not None and bytes(raw) != b"false"
        if has_turns or is_raw or any(_field(fields, name) is not None for name in ("messages", "template")):
            raise _not_chat()
        fields["system"] = _with_system_text(_field(fields, "system"), first, last)

    return insert


def _with_system_text(raw: msgspec.Raw | None, first: list[str], last: list[str]) -> msgspec.Raw:
    if raw is not None and not _starts_text(raw):
        raise bad_request("system", "expected a string")
    own = "" if raw is None else _decode_text(raw)
    return raw_json("\n\n".join([*first, *([own] if own else []), *last]))


def _huggingface(before: Sequence[Inserted], after: Sequence[Inserted]) -> Insert:
    """Messages, as on the servers' OpenAI-compatible path. The prompt of TGI's own has no place for others' words."""
    chat = _openai(before, after)

    def insert(fields: Fields, is_responses: bool) -> None:
        if _field(fields, "inputs") is not None:
            raise _not_chat()
        chat(fields, False)

    return insert


def inserter_of_chat(
    llm_format: str, before: Sequence[Inserted], after: Sequence[Inserted]
) -> Callable[[ChatBody], bool] | None:
    """The same for plain chat requests of OpenAI's; None where that is not enough.

    What it returns says whether it has put the prompts in.
    """
    if after or _INSERTERS[llm_format] is not _openai:
        return None
    written = [encode_json({"role": prompt.role, "content": prompt.content}) for prompt in before]
    turns = [ChatTurn(prompt.role, raw_json(prompt.content)) for prompt in before]
    head = b"[%b," % b",".join(written)

    def insert(chat: ChatBody) -> bool:
        return chat.prepend(head, turns)

    return insert


_INSERTERS: Final[dict[str, Callable[[Sequence[Inserted], Sequence[Inserted]], Insert]]] = {
    "openai": _openai,
    "huggingface": _huggingface,
    "ollama": _ollama,
    "cohere": _openai,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "gemini": _gemini,
}
