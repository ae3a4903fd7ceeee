"""What happens to the file, or comes as a signal, while a node is still starting."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from e2e.gateway_process import DEADLINE_S, eventually, get, one_service, upstream

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


async def feed(pipe: Path, text: str) -> None:
    """Be the file that somebody reads: returns once somebody has opened it and has got it all."""

    def write() -> None:
        with pipe.open("w") as end:
            end.write(text)

    await asyncio.wait_for(asyncio.to_thread(write), DEADLINE_S)


@WORKERS
def test_a_hang_up_before_there_is_a_handler_is_a_reload_once_there_is_one(tmp_path: Path, workers: str) -> None:
    """The declarative file is a named pipe: opening it is known to be in the middle of the start."""

    async def scenario() -> None:
        pipe = tmp_path / "c.yaml"
        os.mkfifo(pipe)
        async with upstream() as up:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "entresol", "serve", "-c", str(pipe), "--listen", "127.0.0.1:0"),
                *("--status-listen", "", "--workers", workers),
                env={**os.environ, "ENTRESOL_CONFIGURATION__WATCH": "false"},
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                end = await asyncio.wait_for(asyncio.to_thread(pipe.open, "w"), DEADLINE_S)
                with end:
                    process.send_signal(signal.SIGHUP)
                    end.write(one_service(up.url, path="/first"))
                assert process.stdout is not None
                line = (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode()
                assert " is ready on " in line
                url = f"http://{line.split()[-1]}"
                await feed(pipe, one_service(up.url, path="/second"))

                async def reloaded() -> bool | None:
                    return (await get(f"{url}/second/hello")).status == 200 or None

                await eventually(reloaded, "the reload")
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    asyncio.run(scenario())


@WORKERS
def test_a_hang_up_does_not_hide_that_the_file_is_refused(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        pipe = tmp_path / "c.yaml"
        os.mkfifo(pipe)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "entresol", "serve", "-c", str(pipe), "--workers", workers),
            stderr=asyncio.subprocess.PIPE,
        )
        end = await asyncio.wait_for(asyncio.to_thread(pipe.open, "w"), DEADLINE_S)
        with end:
            process.send_signal(signal.SIGHUP)
            end.write("colour: red")
        _, errors = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 1
        assert b"colour: unknown field" in errors

    asyncio.run(scenario())
