"""Which model a request is for, and where it is: the configured texts, filled from the request."""

from entresol.core.errors import ClientError
from entresol.llm.model_config import ModelConfig
from entresol.llm.provider import Provider, Url, parse_url
from entresol.llm.templates import Lookup, Template


class ModelTarget:
    """The `model` block of a plugin. What does not depend on the request is worked out once."""

    def __init__(self, config: ModelConfig, provider: Provider) -> None:
        options = config.options
        self._provider = provider
        self._name = None if config.name is None else Template(config.name)
        self._url = None if options.upstream_url is None else Template(options.upstream_url)
        self._path = None if options.upstream_path is None else Template(options.upstream_path)
        self.is_fixed = all(each is None or each.is_constant for each in (self._name, self._url, self._path))
        """Nothing depends on the request: the lookup is not used."""
        self._fixed_url = parse_url(self._url.text) if self._url is not None and self._url.is_constant else None

    def model(self, lookup: Lookup) -> str | None:
        """The configured model. Raises ClientError `template_value_missing`."""
        return None if self._name is None else self._name.render(lookup)

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
        base = url or self._provider.base_url
        assert base is not None  # a provider without an address has upstream_url, ModelConfig sees to it
        return Url(base.scheme, base.host, base.port, self._path.render_path(lookup), base.query)
