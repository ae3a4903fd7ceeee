"""The ordinary form of OpenAI's messages and tools, read at once: requests of agents hold dozens of them, all alike.

Whatever is out of the ordinary is left to the readers that find faults and name their places.
"""

from typing import Final

from entresol.llm.types import Message, NativeTool, Part, Role, Text, Tool, ToolCall, ToolResult

_SPEAKERS: Final[dict[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}


def plain_tools(value: object) -> list[Tool | NativeTool] | None:
    """A list of functions with a name, a description and parameters, and nothing else; None if some are not."""
    if not isinstance(value, list):
        return None
    tools: list[Tool | NativeTool] = []
    for each in value:
        tool = _plain_tool(each)
        if tool is None:
            return None
        tools.append(tool)
    return tools


def _plain_tool(value: object) -> Tool | None:
    if not isinstance(value, dict) or len(value) != 2 or value.get("type") != "function":
        return None
    function = value.get("function")
    if not isinstance(function, dict):
        return None
    name, description, parameters = function.get("name"), function.get("description"), function.get("parameters")
    known = 1 + (description is not None) + (parameters is not None)
    if not isinstance(name, str) or len(function) != known:
        return None
    if not (description is None or isinstance(description, str)):
        return None
    if not (parameters is None or isinstance(parameters, dict)):
        return None
    return Tool(name=name, description=description, parameters=parameters)


def plain_messages(value: object) -> list[Message] | None:
    """A list of messages of words, calls of functions, and results in words; None if some are anything else."""
    if not isinstance(value, list):
        return None
    messages: list[Message] = []
    for each in value:
        message = _plain_message(each) if isinstance(each, dict) else None
        if message is None:
            return None
        messages.append(message)
    return messages


def _plain_message(value: dict[str, object]) -> Message | None:
    role, content = value.get("role"), value.get("content")
    if not isinstance(role, str):
        return None
    if role == "assistant":
        return _plain_answer(value, content)
    if not isinstance(content, str):
        return None
    if role == "tool":
        call_id = value.get("tool_call_id")
        if len(value) != 3 or not isinstance(call_id, str):
            return None
        result = ToolResult(call_id=call_id, parts=[Text(text=content)] if content else [])
        return Message(role="tool", parts=[result])
    speaker = _SPEAKERS.get(role)
    if speaker is None or len(value) != 2:
        return None
    return Message(role=speaker, parts=[Text(text=content)] if content else [])


def _plain_answer(value: dict[str, object], content: object) -> Message | None:
    """An assistant's message: words, and calls if there are any."""
    parts: list[Part] = []
    if isinstance(content, str):
        if content:
            parts.append(Text(text=content))
    elif content is not None:
        return None
    calls = value.get("tool_calls")
    if len(value) != 1 + ("content" in value) + (calls is not None):
        return None
    if calls is not None:
        if not isinstance(calls, list):
            return None
        for each in calls:
            call = _plain_call(each)
            if call is None:
                return None
            parts.append(call)
    return Message(role="assistant", parts=parts)


def _plain_call(value: object) -> ToolCall | None:
    if not isinstance(value, dict) or len(value) != 3 or value.get("type") != "function":
        return None
    call_id, function = value.get("id"), value.get("function")
    if not isinstance(call_id, str) or not call_id or not isinstance(function, dict) or len(function) != 2:
        return None
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, str):
        return None
    return ToolCall(id=call_id, name=name, arguments=arguments)
