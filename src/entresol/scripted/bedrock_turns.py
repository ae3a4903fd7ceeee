"""What Converse refuses in a conversation: who speaks when, calls and their results, files."""

import re
from itertools import pairwise
from typing import Any, Final

from entresol.scripted import media
from entresol.scripted.script import Refusal

_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]+")
_DOCUMENT_NAME: Final = re.compile(r"(?!.*\s\s)[a-zA-Z0-9\s()\[\]-]+")
_CACHING: Final = ("claude", "nova")
_MEDIA_TYPES: Final = {"pdf": "application/pdf", "wav": "audio/wav", "mp3": "audio/mpeg"}


def invalid(message: str) -> Refusal:
    """A 400."""
    return Refusal(400, "ValidationException", message)


def check_turns(body: dict[str, Any], model: str) -> None:
    """The rules of a conversation. Raises Refusal."""
    messages = [message for message in body["messages"] if message["role"] != "system"]
    if not messages or messages[0]["role"] != "user":
        raise invalid("A conversation must start with a user message. Try again with a conversation that does so.")
    _check_contents(body["messages"], model)
    for block in body.get("system") or []:
        if "text" in block and not block["text"].strip():
            raise invalid("The text field in the SystemContentBlock object at system.0 is blank.")
    for before, after in pairwise(messages):
        if before["role"] == after["role"]:
            raise invalid("A conversation must alternate between user and assistant roles.")
    _check_pairs(messages, bool(body.get("toolConfig")))


def _check_contents(messages: list[dict[str, Any]], model: str) -> None:
    names: list[str] = []
    for at, message in enumerate(messages):
        if not message["content"]:
            raise invalid(f"The content field in the Message object at messages.{at} is empty.")
        for position, block in enumerate(message["content"]):
            _check_block(block, message["role"], model, names, f"messages.{at}.content.{position}")
        has_document = any("document" in block for block in message["content"])
        if has_document and not any("text" in block for block in message["content"]):
            raise invalid("Your API request must include a text block in the same turn as a document.")
    if len(set(names)) != len(names):
        raise invalid("Your request contains duplicate document names.")


def _check_block(block: dict[str, Any], role: str, model: str, names: list[str], where: str) -> None:
    if "text" in block and not block["text"].strip():
        raise invalid(f"The text field in the ContentBlock object at {where} is blank.")
    if "cachePoint" in block and not any(word in model for word in _CACHING):
        raise invalid("You invoked an unsupported model or your request did not allow prompt caching.")
    if "reasoningContent" in block:
        if role != "assistant":
            raise invalid("User messages cannot contain reasoning content. Please remove it and try again.")
        if "claude" in model and not block["reasoningContent"].get("reasoningText", {"signature": "x"}).get(
            "signature"
        ):
            raise invalid(f"The model returned the following errors: {where}.thinking.signature: Field required")
    if "toolUse" in block:
        _check_use(block["toolUse"], role, where)
    if "toolResult" in block:
        result = block["toolResult"]
        _check_id(result["toolUseId"], where)
        for position, inner in enumerate(result["content"]):
            if "json" in inner and not isinstance(inner["json"], dict):
                raise invalid(f"The format of the value at {where}.toolResult.content.{position}.json is invalid.")
            _check_file(inner, names, where)
    _check_file(block, names, where)


def _check_use(use: dict[str, Any], role: str, where: str) -> None:
    _check_id(use["toolUseId"], where)
    if role != "assistant":
        raise invalid(f"The toolUse block at {where} is only permitted in assistant messages.")
    if re.fullmatch("[a-zA-Z0-9_-]+", use["name"]) is None:
        raise invalid(f"Value '{use['name']}' at '{where}.toolUse.name': Member must satisfy pattern [a-zA-Z0-9_-]+")
    if not isinstance(use["input"], dict):
        raise invalid(f"The format of the value at {where}.toolUse.input is invalid. Provide a json object.")


def _check_id(call_id: str, where: str) -> None:
    if _ID.fullmatch(call_id) is None:
        raise invalid(f"Value '{call_id}' at '{where}': Member must satisfy regular expression [a-zA-Z0-9_.:-]+")


def _check_file(block: dict[str, Any], names: list[str], where: str) -> None:
    for kind in ("image", "document", "video", "audio"):
        file = block.get(kind)
        if file is None:
            continue
        if kind == "document":
            names.append(file["name"])
            if _DOCUMENT_NAME.fullmatch(file["name"]) is None:
                raise invalid("The document file name can only contain alphanumeric characters, whitespace, hyphens, …")
        word = file.get("format", "")
        media_type = f"image/{word}" if kind == "image" else _MEDIA_TYPES.get(word, "")
        try:
            if "bytes" in file["source"]:
                media.decode_media(file["source"]["bytes"], media_type)
        except media.BadMedia as problem:
            raise invalid(f"The {kind} at {where} could not be processed: {problem}.") from problem


def _check_pairs(messages: list[dict[str, Any]], has_tools: bool) -> None:
    waiting: list[str] = []
    for at, message in enumerate(messages):
        uses = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if (uses or results) and not has_tools:
            raise invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        if message["role"] == "user":
            missing = [wanted for wanted in waiting if wanted not in results]
            if missing:
                raise invalid(f"Expected toolResult blocks at messages.{at}.content for the Ids: {', '.join(missing)}")
        if len(results) > len(waiting) or set(results) - set(waiting):
            raise invalid(
                f"The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        if len(set(uses)) != len(uses):
            raise invalid(f"messages.{at}.content contains duplicate Ids.")
        waiting = uses
    if waiting:
        raise invalid(f"Expected toolResult blocks after messages.{len(messages) - 1}.content.")
