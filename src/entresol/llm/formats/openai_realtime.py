"""Wire format `openai-realtime`: `GET /v1/realtime`, a session over WebSocket.

Source: OpenAI API reference, "Realtime". The session itself is `llm.realtime`; this is what its handshake answers.
"""

from entresol.llm.openai_stored import StoredFormat


class OpenAIRealtime(StoredFormat):
    """OpenAI realtime: an answer to the handshake that is not 101 is an error, in OpenAI's words."""

    name = "openai-realtime"
    operation = "realtime"
