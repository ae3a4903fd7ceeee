"""What a user of LiteLLM's client does, run by LiteLLM's own interpreter: it needs older packages than ours.

    python litellm_calls.py '[{"model": "openai/…", "api_base": …, "api_key": …}, …]'

Prints what it heard from each as one line of JSON.
"""

import json
import sys

import litellm

tool = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(where, text, **options):
    """One call."""
    turns = [{"role": "user", "content": text}]
    return litellm.completion(messages=turns, max_tokens=500, num_retries=0, **where, **options)


def heard(where):
    """A question whole, the same streamed, and one that takes a tool."""
    whole = ask(where, "Hello")
    chunks = ask(where, "Hello", stream=True)
    called = ask(where, "What is the weather in Paris?", tools=[tool]).choices[0].message.tool_calls
    return {
        "whole": whole.choices[0].message.content,
        "finish": whole.choices[0].finish_reason,
        "tokens": whole.usage.completion_tokens,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks),
        "calls": [[call.function.name, json.loads(call.function.arguments)] for call in called],
    }


print(json.dumps([heard(where) for where in json.loads(sys.argv[1])]))
