from typing import Any

import pytest

from entresol.core.errors import ClientError
from entresol.llm.model_config import DatabricksOptions, GeminiOptions, ModelOptions
from entresol.llm.provider import Url
from entresol.llm.registry import provider_named
from entresol.llm.templated_provider import TemplatedProvider

AZURE = ModelOptions(
    azure_instance="team-$(headers.team)", azure_deployment_id="$(uri_captures.model)", azure_api_version="2024-10-21"
)


def made(options: ModelOptions, provider: str = "azure") -> TemplatedProvider:
    return TemplatedProvider(provider_named(provider), options)


def saying(**values: str) -> Any:
    return lambda source, key: values.get(key)


def test_the_request_says_which_deployment_of_which_resource() -> None:
    provider = made(AZURE).provider(saying(team="blue", model="gpt-5.5"))
    url = provider.url("openai-chat", "m", False, None)
    path = "/openai/deployments/gpt-5.5/chat/completions"
    assert url == Url("https", "team-blue.openai.azure.com", 443, path, "api-version=2024-10-21")


@pytest.mark.parametrize(
    ("provider", "options", "address"),
    [
        (
            "vertex",
            ModelOptions(gemini=GeminiOptions(project_id="$(headers.a)", location_id="$(headers.b)")),
            "https://two-aiplatform.googleapis.com/v1/projects/one/locations/two/publishers/google/models/m:generateContent",
        ),
        (
            "databricks",
            ModelOptions(databricks=DatabricksOptions(workspace_instance_id="dbc-$(headers.a)")),
            "https://dbc-one.cloud.databricks.com/serving-endpoints/chat/completions",
        ),
    ],
)
def test_options_in_blocks_may_hold_placeholders_too(provider: str, options: ModelOptions, address: str) -> None:
    found = made(options, provider).provider(saying(a="one", b="two"))
    url = found.url(found.format_name("chat"), "m", False, None)
    assert f"{url.scheme}://{url.host}{url.path}" == address


@pytest.mark.parametrize("value", ["evil.test", "evil.test/", "a@b", "a:1", "-a", "a b", "\u00e9", "x" * 64])
def test_a_value_is_no_more_than_a_label_of_the_host(value: str) -> None:
    with pytest.raises(ClientError, match="headers key team is not possible in the route's azure_instance") as error:
        made(AZURE).provider(saying(team=value, model="m"))
    assert error.value.code == "bad_request"


@pytest.mark.parametrize("value", ["..", ".", "a/b", "a?b", "%2e%2e", ".hidden"])
def test_a_value_is_no_more_than_a_segment_of_the_path(value: str) -> None:
    with pytest.raises(ClientError, match="uri_captures key model is not possible"):
        made(AZURE).provider(saying(team="a", model=value))


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(ClientError, match="headers key team was not provided"):
        made(AZURE).provider(saying(model="m"))


def test_what_was_made_is_remembered_but_not_for_ever() -> None:
    templated = made(AZURE)
    first = templated.provider(saying(team="a", model="m"))
    assert templated.provider(saying(team="a", model="m")) is first
    for number in range(300):
        templated.provider(saying(team=f"a{number}", model="m"))
    assert templated.provider(saying(team="a", model="m")) is not first


def test_without_placeholders_it_is_not_needed() -> None:
    assert made(AZURE).is_needed
    assert not made(ModelOptions(azure_instance="mine")).is_needed
