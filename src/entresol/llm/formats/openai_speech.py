"""Wire format `openai-speech`: `POST /v1/audio/speech`, a text to sound, as bytes or as a stream of events.

Source: OpenAI API reference, "Create speech" and "Speech streaming".
"""

from entresol.llm.format import Fields, Opened, Options, Profile, encode_json, read_field
from entresol.llm.openai_media import MediaFormat


class OpenAISpeech(MediaFormat):
    """OpenAI text to speech. Events come where `stream_format` asks for them; there is no `stream`."""

    name = "openai-speech"
    operation = "speech"
    prompt_field = "input"
    passed_types = (b"audio/", b"application/octet-stream")
    final_events = ("speech.audio.done",)

    def inspect(self, fields: Fields, path: str = "", query: str = "") -> Opened:
        model = read_field(fields, "model", str)
        return Opened(fields, model, read_field(fields, "stream_format", str) == "sse")

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if opened.model != model:
            opened.put("model", model)
        if opened.stream != stream:
            opened.put("stream_format", "sse" if stream else "audio")
        return encode_json(opened.fields) if opened.body is None else opened.body
