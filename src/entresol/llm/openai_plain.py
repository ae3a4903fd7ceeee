"""The ordinary form of OpenAI's tools, read at once: requests of agents hold dozens of them, all alike.

Whatever is out of the ordinary is left to the readers that find faults and name their places.
"""

from entresol.llm.types import NativeTool, Tool


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
