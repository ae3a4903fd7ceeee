"""Wire format `openai-images`: `POST /v1/images/generations`, a text to images, whole or streamed as they get clearer.

Source: OpenAI API reference, "Create image" and "Image generation streaming".
"""

from entresol.llm.openai_media import MediaFormat


class OpenAIImages(MediaFormat):
    """OpenAI image generation."""

    name = "openai-images"
    operation = "images"
    prompt_field = "prompt"
    makes_images = True
    final_events = ("image_generation.completed",)
