"""The own server with the contract's handler: `python -m contract.servers.own_target PORT`."""

import asyncio
import signal
import sys

import uvloop

from contract.servers.contract_handler import contract_handler
from entresol.net.clock import SystemClock
from entresol.net.limits import Limits
from entresol.net.listener import Listener, bind_socket, serve
from entresol.net.server import HttpServer


async def main(port: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    address = f"127.0.0.1:{port}"
    async with contract_handler() as handler:
        server = HttpServer(handler, Limits(), SystemClock())
        server.start(loop)
        await serve(loop, bind_socket(address), Listener(address), server)
        await stopped.wait()
        server.begin_drain()
        await server.wait_drained(1.0)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
