"""The whole gateway as an ASGI application: `ENTRESOL_CONFIG=entresol.yaml uvicorn entresol.asgi:app`.

Other settings are `ENTRESOL_<SECTION>__<NAME>` variables (docs/reference/settings.md); listeners, workers and draining
are the server's business then. Processes of one server know nothing of each other: limits and metrics are for each.
"""

from entresol.app.embedded import embedded_gateway, settings_from_environment
from entresol.net.asgi_app import create_asgi_app

app = create_asgi_app(lambda: embedded_gateway(settings_from_environment()))
