"""Azure OpenAI and Microsoft Foundry: models in a resource of one's own.

With a deployment, calls go to the deployments API and name its version in the query; without one they go to the v1 API,
which is OpenAI's own with the deployment as the model. Anthropic's models in Foundry speak Anthropic's wire.
"""

import re
from urllib.parse import quote

from entresol.llm.format import Operation
from entresol.llm.model_config import ModelOptions
from entresol.llm.openai_provider import WHOLE_API, formats_of, paths_of
from entresol.llm.profile import Profile
from entresol.llm.provider import Auth, Provider, Url

_MESSAGES = "anthropic-messages"
_COUNT = "anthropic-count-tokens"
_OF_AZURE = tuple(wire for wire in WHOLE_API if wire != "openai-input-tokens")
_OF_DEPLOYMENTS = tuple(
    wire for wire in _OF_AZURE if wire not in ("openai-responses", "openai-files", "openai-batches")
)

_VERSION = re.compile(r"api-version=(?:(\d.*)|.*)")


class Azure(Provider):
    """A resource in Azure."""

    name = "azure"
    auth = Auth(b"api-key")
    version_path = "/openai/v1"
    formats = formats_of(_OF_AZURE)
    paths = {
        **paths_of(version_path, _OF_AZURE),
        _MESSAGES: "/anthropic/v1/messages",
        _COUNT: "/anthropic/v1/messages/count_tokens",
    }
    _version: str = ""
    version_headers = dict.fromkeys((_MESSAGES, _COUNT), (b"anthropic-version", "2023-06-01"))

    def configured(self, options: ModelOptions) -> Provider:
        made = Azure()
        if options.azure_instance is not None:
            instance = options.azure_instance
            host = instance if "." in instance else f"{instance}.openai.azure.com"
            made.base_url = Url("https", host, 443)
        if options.azure_deployment_id is not None:
            deployment = f"/openai/deployments/{quote(options.azure_deployment_id, safe='')}"
            made.paths = {**self.paths, **paths_of(deployment, _OF_DEPLOYMENTS)}
            made.version_path = ""
            made._version = f"api-version={quote(options.azure_api_version, safe='')}"
        return made

    def passed_query(self, wire: str, query: str) -> str:
        """Versions that are dates belong to the deployments API, others, such as `preview`, to the v1 API; each answers
        400 or 404 to those of the other."""
        has_dates = bool(self._version) and wire in _OF_DEPLOYMENTS
        return "&".join(
            [
                pair
                for pair in query.split("&")
                if (version := _VERSION.fullmatch(pair)) is None or (version[1] is not None) is has_dates
            ]
        )

    def own_query(self, wire: str) -> str:
        return self._version if wire in _OF_DEPLOYMENTS else ""

    def format_name(self, operation: Operation, client: str = "", model: str = "") -> str:
        if operation == "chat" and (model.startswith("claude") or client == _MESSAGES):
            return _MESSAGES if model.startswith("claude") else "openai-chat"
        if operation == "count_tokens":  # for models of OpenAI's there is no such call
            return _COUNT if model.startswith("claude") else super().format_name(operation, "", model)
        return super().format_name(operation, client, model)

    def profile(self, model: str, version: str = "") -> Profile:
        return _CLAUDE if model.startswith("claude") else _PROFILE


_PROFILE = Profile(
    provider="azure",
    max_tokens_field="max_completion_tokens",
    has_developer_role=True,
    unsupported=frozenset(("top_k",)),
)
_CLAUDE = Profile(provider="azure")
