"""Wire format `bedrock-count-tokens`: `POST /model/{modelId}/count-tokens`, how many tokens a call would read.

Source: Amazon Bedrock API reference, "CountTokens"; service model `bedrock-runtime` (2023-09-30). It takes a Converse
request or the body of an InvokeModel request. The models it counts for are Anthropic's, so requests of other formats
go as the body that these take: Converse has no place there for output schemas.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

import msgspec

from entresol.core.errors import ClientError
from entresol.llm.bedrock_wire import BedrockConverseFormat, model_and_action
from entresol.llm.counting import COUNTED, Countable, CountFormat, countable_body
from entresol.llm.format import Encoded, Fields, Opened, Options, Profile, bad_request, encode_json, read_fields
from entresol.llm.formats.anthropic_messages import AnthropicMessages
from entresol.llm.formats.bedrock_converse import BedrockConverse
from entresol.llm.types import ChatRequest

_VERSION: Final = "bedrock-2023-05-31"
_MESSAGES: Final = AnthropicMessages()
_CONVERSED: Final = Countable(
    COUNTED - {"response_format"}, frozenset(("messages", "system", "toolConfig", "additionalModelRequestFields"))
)
_INVOKED: Final = Countable(
    COUNTED | {"max_tokens"},
    frozenset(
        (
            "anthropic_beta", "anthropic_version", "max_tokens", "messages", "output_config", "system", "thinking",
            "tool_choice", "tools",
        )
    ),
)  # fmt: skip


class BedrockCountTokens(CountFormat, BedrockConverseFormat):
    """Amazon Bedrock CountTokens."""

    name = "bedrock-count-tokens"
    chat = BedrockConverse()
    prompt_field = ""
    count_field = "inputTokens"

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        return Opened(fields, _model_in(path), False)

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        return encode_json(opened.fields) if opened.body is None else opened.body

    def decode_request(self, body: bytes, path: str = "", query: str = "") -> ChatRequest:
        fields = read_fields(body)
        given = _object(fields, "input")
        kinds = [name for name in ("converse", "invokeModel") if name in given]
        if len(kinds) != 1:
            raise bad_request("input", "expected either converse or invokeModel")
        inner = _object(given, kinds[0])
        if kinds[0] == "converse":
            request = self.chat.decode_request(encode_json(inner))
        else:
            request = _read_invoked(inner)
            request.unread += [f"input.invokeModel.{name}" for name in inner if name != "body"]
        request.unread += [name for name in fields if name not in ("input", "modelId")]
        request.unread += [f"input.{name}" for name in given if name != kinds[0]]
        request.model = _model_in(path) or ""
        return request

    def encode_request(self, request: ChatRequest, profile: Profile) -> Encoded:
        if request.origin == self.chat.name:
            fields, dropped = countable_body(self.chat, request, profile, _CONVERSED)
            return Encoded(encode_json({"input": {"converse": fields}}), dropped)
        within = msgspec.structs.replace(profile, body_version=_VERSION, has_model_in_body=False)
        fields, dropped = countable_body(_MESSAGES, request, within, _INVOKED)
        body = b64encode(encode_json(fields)).decode()
        return Encoded(encode_json({"input": {"invokeModel": {"body": body}}}), dropped)


def _model_in(path: str) -> str | None:
    """The model that a client's path names. Raises ClientError `bad_request` for another operation."""
    model, action = model_and_action(path)
    if model is not None and action != "count-tokens":
        raise ClientError("bad_request", f"{action} is not supported: only count-tokens is")
    return model


def _object(fields: Fields, name: str) -> Fields:
    raw = fields.get(name)
    if raw is None:
        raise bad_request(name, "is required")
    try:
        return read_fields(bytes(raw))
    except ClientError as error:
        raise bad_request(name, "expected an object") from error


def _read_invoked(inner: Fields) -> ChatRequest:
    """The body of an InvokeModel request. Only that of Anthropic's models can be read; they name its version."""
    where = "input.invokeModel.body"
    try:
        body = b64decode(msgspec.json.decode(inner.get("body", b"null"), type=str), validate=True)
    except (msgspec.DecodeError, Base64Error, ValueError) as error:
        raise bad_request(where, "expected base64") from error
    if "anthropic_version" not in read_fields(body):
        raise bad_request(where, "only requests to models of Anthropic's can be counted elsewhere")
    request = _MESSAGES.decode_request(body)
    for name in ("anthropic_version", "anthropic_beta"):  # of the API
        request.extra.pop(name, None)
    return request
