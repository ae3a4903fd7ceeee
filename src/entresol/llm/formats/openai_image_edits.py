"""Wire format `openai-image-edits`: `POST /v1/images/edits`, images and a prompt to images, as a form.

Source: OpenAI API reference, "Create image edit" and "Image edit streaming".
"""

from entresol.llm.openai_media import MediaFormat


class OpenAIImageEdits(MediaFormat):
    """OpenAI image edits. The form's images pass as they come."""

    name = "openai-image-edits"
    operation = "image_edits"
    prompt_field = ""
    makes_images = True
    final_events = ("image_edit.completed",)
