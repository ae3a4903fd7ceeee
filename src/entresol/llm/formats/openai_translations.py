"""Wire format `openai-translations`: `POST /v1/audio/translations`, sound to English text, as a form.

Source: OpenAI API reference, "Create translation".
"""

from entresol.llm.openai_media import MediaFormat


class OpenAITranslations(MediaFormat):
    """OpenAI speech to English text. It has no stream."""

    name = "openai-translations"
    operation = "translations"
    prompt_field = ""
    passed_types = (b"text/plain", b"text/vtt", b"application/x-subrip")
