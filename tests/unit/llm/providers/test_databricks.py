import pytest

from entresol.llm.model_config import DatabricksOptions, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named

PROVIDER = provider_named("databricks")


@pytest.mark.parametrize(
    ("workspace", "host"),
    [("dbc-1", "dbc-1.cloud.databricks.com"), ("adb-1.2.azuredatabricks.net", "adb-1.2.azuredatabricks.net")],
)
def test_it_is_in_a_workspace(workspace: str, host: str) -> None:
    made = PROVIDER.configured(ModelOptions(databricks=DatabricksOptions(workspace_instance_id=workspace)))
    assert made.url("openai-chat", "m", False, None) == Url("https", host, 443, "/serving-endpoints/chat/completions")


def test_without_a_workspace_it_has_no_address() -> None:
    assert PROVIDER.configured(ModelOptions()).base_url is None
    assert "workspace_instance_id" in PROVIDER.needs
