"""Databricks model serving, in a workspace of one's own."""

from entresol.llm.model_config import ModelOptions
from entresol.llm.openai_provider import OpenAIProvider
from entresol.llm.provider import Provider, Url


class Databricks(OpenAIProvider):
    """A workspace's serving endpoints, named by the model."""

    name = "databricks"
    needs = "'model.options.databricks.workspace_instance_id'"
    version_path = "/serving-endpoints"

    def configured(self, options: ModelOptions) -> Provider:
        workspace = None if options.databricks is None else options.databricks.workspace_instance_id
        if workspace is None:
            return self
        made = Databricks()
        host = workspace if "." in workspace else f"{workspace}.cloud.databricks.com"
        made.base_url = Url("https", host, 443)
        return made
