"""Which model a request is for, where it is, and which wire is spoken there: the configured texts, filled from the
request."""

from urllib.parse import urlsplit

from entresol.core.errors import ClientError
from entresol.llm.format import Format
from entresol.llm.model_config import ModelConfig, ModelOptions
from entresol.llm.provider import Provider, Url, joined, parse_url
from entresol.llm.registry import format_named, provider_named
from entresol.llm.templated_provider import TemplatedProvider
from entresol.llm.templates import Lookup, Template


class ModelTarget:
    """The `model` block of a plugin. What does not depend on the request is worked out once."""

    def __init__(self, config: ModelConfig, provider: Provider, completed: ModelOptions | None = None) -> None:
        """`completed`: the options, with what the environment adds to them; the provider is configured with those."""
        options = config.options
        self._provider = provider
        self._templated = TemplatedProvider(provider_named(config.provider), completed or options)
        self._name = None if config.name is None else Template(config.name)
        self._url = None if options.upstream_url is None else Template(options.upstream_url)
        self._path = None if options.upstream_path is None else Template(options.upstream_path)
        texts = (self._name, self._url, self._path)
        self.is_fixed = all(each is None or each.is_constant for each in texts) and not self._templated.is_needed
        """Nothing depends on the request: the lookup is not used."""
        self._whole_path = _whole_path(self._url, self._path, provider)
        self._fixed_url = parse_url(self._url.text) if self._url is not None and self._url.is_constant else None

    def model(self, lookup: Lookup) -> str | None:
        """The configured model. Raises ClientError `template_value_missing`."""
        return None if self._name is None else self._name.render(lookup)

    def provider(self, lookup: Lookup) -> Provider:
        """The provider, as its options are for the request. Raises ClientError."""
        return self._templated.provider(lookup) if self._templated.is_needed else self._provider

    def url(self, lookup: Lookup) -> Url | None:
        """The address that replaces the provider's own, if any. Raises ClientError."""
        url = self._fixed_url
        if url is None and self._url is not None:
            try:
                url = parse_url(self._url.render_url(lookup))
            except ValueError as error:
                raise ClientError("bad_request", f"the route's upstream_url makes no URL here: {error}") from error
        if self._path is None:
            return url
        base = url or self.provider(lookup).base_url
        assert base is not None  # a provider without an address has upstream_url, ModelConfig sees to it
        path, _, query = self._path.render_path(lookup).partition("?")
        return Url(base.scheme, base.host, base.port, _rooted(path), joined(base.query, query))

    @property
    def is_complete(self) -> bool:
        """Whether the options say all that is needed to call the provider."""
        if self._url is None and self._provider.base_url is None:
            return False
        return self._whole_path is not None or not self._provider.lacks_place

    @property
    def is_one_address(self) -> bool:
        """Whether all calls go to the same address: the operator's, as it is."""
        return self._whole_path is not None

    def wire(self, client: Format, model: str) -> str:
        """The wire format to speak for a client's: what the path of an address says that is used as it is, else what
        the provider does. Raises ConfigError for an operation that the provider does not have."""
        chosen = self._provider.format_name(client.operation, client.name, model)
        spoken = () if self._whole_path is None else self._provider.wires_at(self._whole_path)
        named = [wire for wire in spoken if format_named(wire).operation == client.operation]
        return chosen if not named or chosen in named else named[0]


def _whole_path(url: Template | None, path: Template | None, provider: Provider) -> str | None:
    """The path of an operator's address, where nothing is added to it; placeholders stand as they are. Empty: whoever
    sends the request says the address."""
    if path is not None:
        text = _rooted(path.text.partition("?")[0])
    elif url is None:
        return None
    elif not url.is_constant and not url.text.startswith(("http://", "https://")):
        return ""
    else:
        text = urlsplit(url.text).path
    return text if provider.is_whole(Url("http", "", 80, text)) else None


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"
