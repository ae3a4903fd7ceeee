"""Wire format `openai-completions`: `POST /v1/completions`, a prompt continued, as fill-in-the-middle models do.

Source: OpenAI API reference, "Create completion". It is spoken end to end: no other provider here has the operation,
so there is nothing to translate it to.
"""

from entresol.llm.format import Opened, Options, Profile
from entresol.llm.openai_wire import OpenAIFormat
from entresol.llm.usage_chunk import ask_for_usage


class OpenAICompletions(OpenAIFormat):
    """OpenAI completions."""

    name = "openai-completions"
    operation = "completions"
    prompt_field = "prompt"
    option_fields = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k"}

    def close(self, opened: Opened, model: str, stream: bool, options: Options, profile: Profile) -> bytes:
        if stream and profile.takes_stream_options:
            ask_for_usage(opened)
        return super().close(opened, model, stream, options, profile)
