"""Wire format `openai-files`: `/v1/files`, uploads and what becomes of them.

Source: OpenAI API reference, "Files".
"""

from entresol.llm.openai_stored import StoredFormat


class OpenAIFiles(StoredFormat):
    """OpenAI files. A file's content is whatever was uploaded."""

    name = "openai-files"
    operation = "files"

    def passes(self, content_type: bytes) -> bool:
        return bool(content_type)
