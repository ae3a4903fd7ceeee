"""Wire format `openai-transcriptions`: `POST /v1/audio/transcriptions`, sound to text, as a form.

Source: OpenAI API reference, "Create transcription". The answer is JSON, text, subtitles or a stream of events.
"""

from entresol.llm.openai_media import MediaFormat


class OpenAITranscriptions(MediaFormat):
    """OpenAI speech to text. Requests are forms, which pass unread but for the fields that `multipart` reads."""

    name = "openai-transcriptions"
    operation = "transcriptions"
    prompt_field = ""
    passed_types = (b"text/plain", b"text/vtt", b"application/x-subrip")
    final_events = ("transcript.text.done",)
