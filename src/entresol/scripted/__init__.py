"""A stand-in provider: a real HTTP server that speaks the OpenAI, Anthropic and Gemini wires, deterministically.

It knows nothing of the gateway. It validates what it receives as the real providers do and refuses what they refuse,
in their error formats, so that a call that works here is well-formed (docs/reference/scripted-provider.md).
"""
