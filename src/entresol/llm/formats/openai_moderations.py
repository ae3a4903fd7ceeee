"""Wire format `openai-moderations`: `POST /v1/moderations`, whether content may be harmful. It never streams.

Source: OpenAI API reference, "Create moderation"; Mistral's and others' are the same.
"""

from entresol.llm.openai_media import MediaFormat


class OpenAIModerations(MediaFormat):
    """OpenAI moderations."""

    name = "openai-moderations"
    operation = "moderations"
    prompt_field = "input"
