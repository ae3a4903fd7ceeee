"""Wire format `openai-embeddings`: `POST /v1/embeddings`, texts to vectors.

Source: OpenAI API reference, "Create embeddings". It never streams.
"""

from entresol.llm.openai_wire import OpenAIFormat


class OpenAIEmbeddings(OpenAIFormat):
    """OpenAI embeddings."""

    name = "openai-embeddings"
    operation = "embeddings"
    prompt_field = "input"
    option_fields = {"dimensions": "dimensions"}
