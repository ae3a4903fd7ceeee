"""Configuration of prometheus."""

from typing import Annotated

from msgspec import Meta

from entresol.api_floor.plugin_context import PluginConfig


class PrometheusConfig(PluginConfig, frozen=True, kw_only=True):
    """Kong's fields."""

    status_code_metrics: Annotated[bool, Meta(description="Count requests by status.")] = False
    latency_metrics: Annotated[bool, Meta(description="Histograms of whole, own and upstream time.")] = False
    bandwidth_metrics: Annotated[bool, Meta(description="Count body bytes both ways.")] = False
    ai_metrics: Annotated[bool, Meta(description="Count model calls, tokens and cost.")] = False
    per_consumer: Annotated[bool, Meta(description="Fill the `consumer` label; it is empty otherwise.")] = False
    upstream_health_metrics: Annotated[
        bool, Meta(description="Accepted; there are no health-checked upstreams to show yet.")
    ] = False
    wasm_metrics: Annotated[bool, Meta(description="Not supported: must be false.")] = False

    def violations(self) -> list[tuple[str, str]]:
        """What there is nothing to count of."""
        if self.wasm_metrics:
            return [("wasm_metrics", "not supported: there are no WebAssembly filters")]
        return []
