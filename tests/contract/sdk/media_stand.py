"""A stand with the routes that chat does not need: sound, images, files, batches, moderations and sessions."""

from typing import Any

from contract.sdk.stand import GATEWAY_KEY, Stand

ROUTES = {
    "audio/v1/audio/speech": ("/v1/audio/speech", "gpt-4o-mini-tts"),
    "audio/v1/audio/transcriptions": ("/v1/audio/transcriptions", "gpt-4o-transcribe"),
    "audio/v1/audio/translations": ("/v1/audio/translations", "whisper-1"),
    "image/v1/images/generations": ("/v1/images/generations", "gpt-image-1"),
    "image/v1/images/edits": ("/v1/images/edits", "gpt-image-1"),
    "llm/v1/moderations": ("/v1/moderations", "omni-moderation-latest"),
    "llm/v1/files": ("/v1/files", None),
    "llm/v1/batches": ("/v1/batches", None),
    "realtime/v1/realtime": ("/v1/realtime", "gpt-realtime"),
}
"""Route type to path and model."""
_AUTH = {"header_name": "Authorization", "header_value": "Bearer scripted-key"}


class MediaStand(Stand):
    """`/open/v1/…`: the client chooses the model. `/one/v1/…`: the route does. `/brief/v1/…`: sessions are cut."""

    def configuration(self, upstream: str) -> dict[str, Any]:
        routes = []
        for number, (route_type, (path, model)) in enumerate(ROUTES.items()):
            for prefix in ("open", "one", "small", "brief", "short"):
                config: dict[str, Any] = {
                    "route_type": route_type,
                    "model": {"provider": "openai", "options": {"upstream_url": upstream}},
                    "auth": _AUTH,
                    "max_request_body_size": 10_000 if prefix == "small" else 0,
                }
                if prefix == "one" and model is not None:
                    config["model"]["name"] = model
                if route_type.startswith("realtime"):
                    limits = {"brief": {"max_tokens": 30}, "short": {"max_session_s": 0.2}}
                    config["realtime"] = limits.get(prefix, {})
                plugin = {"name": "ai-proxy", "config": config}
                name = f"{prefix}-{number}"
                routes.append({"name": name, "paths": [f"/{prefix}{path}"], "protocols": ["http"], "plugins": [plugin]})
        return {
            "_format_version": "3.0",
            "routes": routes,
            "plugins": [{"name": "key-auth", "config": {"key_names": ["authorization"]}}],
            "consumers": [{"username": "tester", "keyauth_credentials": [{"key": GATEWAY_KEY}]}],
        }
