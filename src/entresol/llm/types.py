"""The canonical form of a chat call: what every wire format decodes to and encodes from.

Fields that at least two wire formats share have a name here. Everything else stays under its wire name in `extra`,
on the object that carried it: the same format writes it back, another one reports it as dropped or refuses it
(`llm.format`). Nothing is silently lost.

Normal form, which decoders produce and encoders may rely on:

- text is never an empty list of parts where a string would do: `""` decodes to no part at all;
- tool results live in messages of role `tool`, which hold nothing else; consecutive ones form one message;
- system and developer messages stay where they stood.

The kinds of parts and tools are final: where it must be fast, they are told apart by `type(part) is Text`, which
compares two pointers. `isinstance` asks the metaclass for every kind that a part is not.
"""

from typing import Final, Literal, final

import msgspec

JsonObject = dict[str, object]
"""A decoded JSON object."""

Role = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason = Literal[
    "stop",  # the model was done
    "stop_sequence",  # one of the stop strings came up
    "length",  # the token limit, of the request or of the context
    "tool_calls",  # the model waits for tool results
    "content_filter",  # the provider withheld content
    "refusal",  # the model declined
    "pause",  # the provider paused a long turn; send the conversation again to go on
    "error",  # the provider failed while generating
]


class CacheMark(msgspec.Struct, frozen=True):
    """Cache the prompt up to and including what carries this mark."""

    ttl: str | None = None
    """As the provider writes it, such as `5m` or `1h`; None is its default."""


@final
class Text(msgspec.Struct, kw_only=True, tag="text", tag_field="kind"):
    """Plain text."""

    text: str
    cache: CacheMark | None = None
    signature: str | None = None
    """Gemini's thought signature; must go back with the part."""
    extra: JsonObject = {}


@final
class Image(msgspec.Struct, kw_only=True, tag="image", tag_field="kind"):
    """An image: exactly one of `data`, `url`, `file_id` is set."""

    data: str | None = None
    """Base64, without a `data:` prefix; `media_type` then says what it is."""
    url: str | None = None
    file_id: str | None = None
    """An upload at the provider. It means nothing to another provider."""
    media_type: str | None = None
    detail: str | None = None
    cache: CacheMark | None = None
    signature: str | None = None
    extra: JsonObject = {}


@final
class Audio(msgspec.Struct, kw_only=True, tag="audio", tag_field="kind"):
    """Sound: exactly one of `data`, `url`, `file_id` is set."""

    data: str | None = None
    """Base64."""
    url: str | None = None
    file_id: str | None = None
    """An earlier answer's audio, or an upload."""
    media_type: str | None = None
    """Such as `audio/wav`, `audio/mp3`."""
    transcript: str | None = None
    cache: CacheMark | None = None
    extra: JsonObject = {}


@final
class Document(msgspec.Struct, kw_only=True, tag="document", tag_field="kind"):
    """A file other than image and audio: exactly one of `data`, `text`, `url`, `file_id` is set. Video is one, too."""

    data: str | None = None
    """Base64."""
    text: str | None = None
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    name: str | None = None
    """File name or title."""
    cache: CacheMark | None = None
    signature: str | None = None
    extra: JsonObject = {}


@final
class Thinking(msgspec.Struct, kw_only=True, tag="thinking", tag_field="kind"):
    """The model's reasoning. `signature` or `redacted` must go back unchanged to the provider that made it."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    """Reasoning the provider only gives out encrypted; `text` is then empty."""
    extra: JsonObject = {}


@final
class Refusal(msgspec.Struct, kw_only=True, tag="refusal", tag_field="kind"):
    """The model's words for declining, where the format keeps them apart from text."""

    text: str
    extra: JsonObject = {}


@final
class ToolCall(msgspec.Struct, kw_only=True, tag="tool_call", tag_field="kind"):
    """The model calls a tool."""

    id: str
    name: str
    arguments: str = ""
    """JSON text as the model wrote it, which need not be valid; with `is_custom` free text. `""` means `{}`."""
    is_custom: bool = False
    """A tool whose input is free text instead of a JSON object."""
    cache: CacheMark | None = None
    signature: str | None = None
    extra: JsonObject = {}


@final
class ToolResult(msgspec.Struct, kw_only=True, tag="tool_result", tag_field="kind"):
    """What a tool answered."""

    call_id: str
    name: str | None = None
    """The tool's name, where the format says it; `tool_names` finds it otherwise."""
    parts: "list[Text | Image | Audio | Document | Native]" = []
    is_error: bool = False
    is_object: bool = False
    """The result was a JSON object on the wire (Gemini); `parts` is then one `Text` with that JSON."""
    cache: CacheMark | None = None
    extra: JsonObject = {}


@final
class Native(msgspec.Struct, kw_only=True, tag="native", tag_field="kind"):
    """A part that only its own format knows, such as a server-side tool's result. Other formats refuse it."""

    type: str
    """What the format calls it, for messages."""
    value: JsonObject


Part = Text | Image | Audio | Document | Thinking | Refusal | ToolCall | ToolResult | Native


class Message(msgspec.Struct, kw_only=True):
    """One turn."""

    role: Role
    parts: list[Part] = []
    name: str | None = None
    extra: JsonObject = {}


@final
class Tool(msgspec.Struct, kw_only=True):
    """A function the model may call."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    """JSON Schema of the arguments; None where the tool takes none."""
    strict: bool | None = None
    is_custom: bool = False
    """Takes free text. `parameters` is then None."""
    cache: CacheMark | None = None
    extra: JsonObject = {}


@final
class NativeTool(msgspec.Struct, kw_only=True):
    """A tool the provider runs itself, such as its web search. Other formats refuse it."""

    type: str
    value: JsonObject


class ToolChoice(msgspec.Struct, kw_only=True):
    """Which tools the model may or must use."""

    mode: Literal["auto", "none", "required"]
    names: list[str] = []
    """Only these tools may be called. With `required` and one name, that one must be."""


class ResponseFormat(msgspec.Struct, kw_only=True):
    """The shape of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: JsonObject | None = None
    strict: bool | None = None
    description: str | None = None


class Reasoning(msgspec.Struct, kw_only=True):
    """How much the model should think, in whichever unit the client used."""

    is_enabled: bool | None = None
    effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, …"""
    budget_tokens: int | None = None
    include_thoughts: bool | None = None
    """Whether the answer should show the reasoning."""
    extra: JsonObject = {}


class CallRequest(msgspec.Struct, kw_only=True):
    """What requests of all operations have. A field at its default was not given by the client."""

    origin: str
    """Name of the format it was decoded from: whose wire names `extra` holds."""
    model: str = ""
    stream: bool = False
    extra: JsonObject = {}
    binding: list[str] = []
    """Keys of `extra` that decide what the answer is: another format refuses the request instead of dropping them."""
    unread: list[str] = []
    """Paths of fields that the decoder knows nothing of, in objects that have no `extra`."""


class ChatRequest(CallRequest, kw_only=True):
    """A chat call."""

    messages: list[Message]
    include_usage: bool | None = None
    """The client asked for usage in the stream (it is always asked for upstream)."""
    tools: list[Tool | NativeTool] = []
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, int | float] = {}
    seed: int | None = None
    n: int | None = None
    stop: list[str] = []
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning: Reasoning | None = None
    modalities: list[str] = []
    """What the answer may consist of: `text`, `audio`, `image`."""
    service_tier: str | None = None
    user: str | None = None
    """The client's name for its end user."""
    metadata: dict[str, str] = {}


class Usage(msgspec.Struct, kw_only=True, gc=False):
    """Tokens in buckets that do not overlap, so that each is billed once. 0 means none."""

    input: int = 0
    """Prompt tokens that are in none of the other input buckets."""
    cache_read: int = 0
    """Read from the prompt cache, but for sound."""
    cache_read_audio: int = 0
    cache_write: int = 0
    """Written to the prompt cache with the default lifetime."""
    cache_write_1h: int = 0
    input_audio: int = 0
    input_image: int = 0
    """Where the provider has a price of its own for it; elsewhere images are in `input`."""
    output: int = 0
    """Answer tokens that are in none of the other output buckets."""
    reasoning: int = 0
    output_audio: int = 0
    output_image: int = 0
    reported_cost: int | None = None
    """Nano-dollars that the provider says the call costs, where it says so."""

    @property
    def total_input(self) -> int:
        """Everything that was read."""
        return self.plain_input + self.total_cache_read + self.cache_write + self.cache_write_1h

    @property
    def plain_input(self) -> int:
        """What was read and has nothing to do with the prompt cache."""
        return self.input + self.input_audio + self.input_image

    @property
    def total_cache_read(self) -> int:
        """Everything that came from the prompt cache."""
        return self.cache_read + self.cache_read_audio

    @property
    def total_output(self) -> int:
        """Everything that was generated."""
        return self.output + self.reasoning + self.output_audio + self.output_image


class Choice(msgspec.Struct, kw_only=True):
    """One answer."""

    index: int = 0
    parts: list[Part] = []
    finish_reason: FinishReason | None = None
    stop_sequence: str | None = None
    """Which stop string ended it, where the provider says."""
    logprobs: JsonObject | None = None
    """In OpenAI's form: `content` and `refusal`, lists of tokens."""
    extra: JsonObject = {}


class CallResponse(msgspec.Struct, kw_only=True):
    """What answers of all operations have."""

    origin: str
    id: str = ""
    model: str = ""
    created: int | None = None
    """Seconds since the epoch, where the provider says."""
    usage: Usage | None = None
    extra: JsonObject = {}


class ChatResponse(CallResponse, kw_only=True):
    """The answer to a chat call."""

    choices: list[Choice] = []
    service_tier: str | None = None


BUCKETS: Final = tuple(name for name in Usage.__struct_fields__ if name != "reported_cost")
"""Names of the fields of `Usage` that count tokens."""


def arguments_object(call: ToolCall) -> JsonObject | None:
    """The arguments of a call as an object; None when they are not one."""
    if not call.arguments:
        return {}
    try:
        value = msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def tool_names(messages: list[Message]) -> dict[str, str]:
    """Call id to tool name, for formats whose tool results need the name."""
    return {part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)}
