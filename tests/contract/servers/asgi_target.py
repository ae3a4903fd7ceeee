"""What uvicorn, hypercorn and granian are told to serve: `contract.servers.asgi_target:app`."""

from contract.servers.contract_handler import contract_handler
from entresol.net.asgi_app import create_asgi_app

app = create_asgi_app(contract_handler)
