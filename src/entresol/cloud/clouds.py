"""What the gateway knows of clouds: which source a model's `auth` block asks for."""

from collections.abc import Callable, Mapping
from typing import Final
from weakref import WeakValueDictionary

import msgspec

from entresol.cloud.aws import AwsPlan, aws_plan, aws_source, region_of
from entresol.cloud.azure import AzurePlan, azure_plan, azure_source
from entresol.cloud.fixed import FaultySource, FixedSource
from entresol.cloud.google import GooglePlan, google_plan, google_source, project_of
from entresol.core.errors import ConfigError
from entresol.core.ports import Clock
from entresol.llm.cloud_credentials import BearerToken, CredentialSource
from entresol.llm.model_config import AuthConfig, BedrockOptions, GeminiOptions, ModelOptions

_Plan = AwsPlan | GooglePlan | AzurePlan
_VERTEX: Final = ("gemini", "vertex")


class Clouds:
    """The port `CloudCredentials`. Models that ask for the same share one source, also over reloads."""

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock = clock
        self._environment = environment
        self._sources: WeakValueDictionary[_Plan, CredentialSource] = WeakValueDictionary()

    def completed(self, auth: AuthConfig, options: ModelOptions, provider: str) -> ModelOptions:
        """See `CloudCredentials`."""
        if provider == "bedrock":
            bedrock = BedrockOptions() if options.bedrock is None else options.bedrock
            region = region_of(options, self._environment)
            if region is None or bedrock.aws_region is not None:
                return options
            return msgspec.structs.replace(options, bedrock=msgspec.structs.replace(bedrock, aws_region=region))
        if provider == "vertex" or (provider == "gemini" and options.gemini not in (None, GeminiOptions())):
            return self._with_project(auth, options)
        return options

    def _with_project(self, auth: AuthConfig, options: ModelOptions) -> ModelOptions:
        gemini = GeminiOptions() if options.gemini is None else options.gemini
        project, location = gemini.project_id, gemini.location_id
        if project is None:
            project = project_of(google_plan(auth, self._environment), self._environment)
        if location is None:
            location = self._environment.get("GOOGLE_CLOUD_LOCATION") or None
        made = msgspec.structs.replace(gemini, project_id=project, location_id=location)
        return options if made == gemini else msgspec.structs.replace(options, gemini=made)

    def source(self, auth: AuthConfig, options: ModelOptions, provider: str) -> CredentialSource | None:
        """See `CloudCredentials`."""
        _check_switches(auth, provider)
        has_own = auth.header_name is not None or auth.param_name is not None
        if provider == "bedrock" and (auth.aws_access_key_id is not None or not has_own):
            plan = aws_plan(auth, options, self._environment)
            if isinstance(plan, BearerToken):
                return FixedSource(plan)
            return self._shared(plan, lambda: aws_source(plan, self._environment, self._clock))
        if provider in _VERTEX and (auth.gcp_use_service_account or (provider == "vertex" and not has_own)):
            google = google_plan(auth, self._environment)
            return self._shared(google, lambda: google_source(google, self._clock))
        if provider == "azure" and (auth.azure_use_managed_identity or _names_a_client(auth, has_own)):
            azure = azure_plan(auth, self._environment)
            return self._shared(azure, lambda: azure_source(azure, self._environment, self._clock))
        return None

    def _shared(self, plan: _Plan, make: Callable[[], CredentialSource]) -> CredentialSource:
        known = self._sources.get(plan)
        if known is None:
            try:
                known = self._sources[plan] = make()
            except ConfigError as fault:
                if fault.code != "secret_unresolved":
                    raise
                return FaultySource(fault)
        return known


def _check_switches(auth: AuthConfig, provider: str) -> None:
    """An identity that is asked for must be used: without a credential a client's own would go to the provider."""
    for switch, is_on, providers in (
        ("azure_use_managed_identity", auth.azure_use_managed_identity, ("azure",)),
        ("gcp_use_service_account", auth.gcp_use_service_account, _VERTEX),
    ):
        if is_on and provider not in providers:
            message = f"auth.{switch} is for the provider {' or '.join(providers)}, not {provider}"
            raise ConfigError("cloud_credential_invalid", message)


def _names_a_client(auth: AuthConfig, has_own: bool) -> bool:
    return auth.azure_client_secret is not None and not has_own
