"""Wire format `openai-batches`: `/v1/batches`, work for later on an uploaded file.

Source: OpenAI API reference, "Batch". What a batch used is told each time it is looked at, and not counted here.
"""

from entresol.llm.openai_stored import StoredFormat


class OpenAIBatches(StoredFormat):
    """OpenAI batches. The models stand in the file."""

    name = "openai-batches"
    operation = "batches"
