"""Starts provider and gateway in one process, makes the calls, shows them, and serves on until it is stopped."""

import asyncio
import signal
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from entresol.app.alone import Alone
from entresol.app.configuration import read_document
from entresol.app.gateway import Sockets
from entresol.app.node import run_on_best_loop
from entresol.config import ConfigurationSettings, ProxySettings, Settings, StatusSettings, WorkerSettings
from entresol.core.errors import ConfigError
from entresol.demo.calls import CALLS, KEY, Call, Outcome, curl_lines, make
from entresol.net.clock import SystemClock
from entresol.net.listener import bind_socket
from entresol.net.worker_sockets import shown_address
from entresol.scripted.provider import ScriptedProvider
from entresol.scripted.serve import serve as serve_provider
from entresol.supervisor.loader import Refused
from entresol.telemetry.node_log import log_to_stderr

PROVIDER_URL: Final = "http://127.0.0.1:8200"
"""Stands in the packaged file for wherever the provider is this time."""
LOG_NAME: Final = "entresol-demo.log"
CHUNK_DELAY_S: Final = 0.015
RECORD_PATIENCE_S: Final = 5.0


def run_demo(port: int | None = None, once: bool = False) -> int:
    """Run until Ctrl-C, or with `once` until the calls are made. 0 when every call went well."""
    log_to_stderr("warning", "%(levelname)s %(name)s: %(message)s")
    with tempfile.TemporaryDirectory(prefix="entresol-demo-") as folder:
        return run_on_best_loop(lambda: _run(Path(folder), port, once))


async def _run(folder: Path, port: int | None, once: bool) -> int:
    provider = await serve_provider(ScriptedProvider(chunk_delay_s=CHUNK_DELAY_S))
    file = _write_configuration(folder, provider.url)
    settings = Settings(
        proxy=ProxySettings(listen=("127.0.0.1:0",)),
        status=StatusSettings(listen=("127.0.0.1:0",)),
        workers=WorkerSettings(drain_s=2.0),
        configuration=ConfigurationSettings(file=str(file)),
    )
    found = read_document(settings, {})
    if isinstance(found, Refused):
        raise ConfigError("configuration_invalid", f"the demo's own configuration: {found}")
    sockets = Sockets((_bind(8000, port),), (_bind(8100, None),))
    life = Alone(settings, *found, SystemClock())
    begun = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        life.loop.add_signal_handler(number, life.stop)
    addresses = [shown_address(sock) for sock in sockets.all]
    living = asyncio.ensure_future(life.live(sockets, begun.set))
    await asyncio.wait((living, asyncio.ensure_future(begun.wait())), return_when=asyncio.FIRST_COMPLETED)
    failures = 0
    if not living.done():
        _introduce(addresses[0], addresses[1], file)
        failures = await _show_calls(f"http://{addresses[0]}", folder / LOG_NAME, life.stopping)
    if once:
        life.stop()
    elif not life.stopping.is_set():
        print("\nServing until Ctrl-C.", flush=True)
    await living
    await provider.close()
    return 1 if failures else 0


def _write_configuration(folder: Path, provider_url: str) -> Path:
    """The packaged file with this run's provider and log, in a place of its own, where it may be edited."""
    text = files("entresol.demo").joinpath("demo.yaml").read_text(encoding="utf-8")
    file = folder / "demo.yaml"
    file.write_text(text.replace(PROVIDER_URL, provider_url).replace(LOG_NAME, str(folder / LOG_NAME)))
    return file


def _bind(default: int, wanted: int | None) -> Any:
    """A socket on the wanted port, else on the default one, else on any."""
    if wanted is not None:
        return bind_socket(f"127.0.0.1:{wanted}")
    try:
        return bind_socket(f"127.0.0.1:{default}")
    except ConfigError:
        return bind_socket("127.0.0.1:0")


def _introduce(proxy: str, status: str, file: Path) -> None:
    print(f"Entresol is ready on http://{proxy}, with a scripted provider behind it.")
    print(f"API key: {KEY}")
    print(f"Status:  http://{status}/status   Metrics: http://{status}/metrics")
    print(f"Served:  {file} (edit it: changes are taken over at once)")
    print("\nTry it:\n")
    for line in curl_lines(f"http://{proxy}"):
        print(f"  {line}\n")
    print("One call of each kind, through key-auth, rate-limiting, ai-prompt-guard and ai-proxy:\n", flush=True)


async def _show_calls(base_url: str, log: Path, stopping: asyncio.Event) -> int:
    """Make and show every call, unless the demo is stopped. Returns how many failed."""
    failures = 0
    for call in CALLS:
        if stopping.is_set():
            break
        try:
            outcome = await asyncio.to_thread(make, call, base_url)
        except (OSError, ValueError) as error:
            failures += 1
            print(f"  FAILED  {call.title}: {error}")
            continue
        record = await _record_of(outcome.request_id, log)
        failures += outcome.status != 200 or not outcome.answer or record is None
        _show(call, outcome, record)
    return failures


async def _record_of(request_id: str, log: Path) -> dict[str, Any] | None:
    """What file-log wrote about a request. It is written off the event loop, so it may take a moment."""
    deadline = time.monotonic() + RECORD_PATIENCE_S
    while time.monotonic() < deadline:
        line = await asyncio.to_thread(_line_about, request_id, log)
        if line is not None:
            record: dict[str, Any] = msgspec.json.decode(line)
            return record
        await asyncio.sleep(0.01)
    return None


def _line_about(request_id: str, log: Path) -> bytes | None:
    lines = log.read_bytes().splitlines(keepends=True) if log.exists() else []
    return next((line for line in lines if request_id.encode() in line and line.endswith(b"\n")), None)


def _show(call: Call, outcome: Outcome, record: dict[str, Any] | None) -> None:
    account = (record or {}).get("ai", {}).get("proxy", {})
    meta, usage = account.get("meta", {}), account.get("usage", {})
    state = "ok" if outcome.status == 200 else f"FAILED {outcome.status}"
    cost = usage.get("cost")
    model = meta.get("response_model") or meta.get("request_model") or "-"
    print(f"  {state}  {call.title}")
    print(f"      model   {meta.get('provider_name', '-')}/{model}")
    print(f"      answer  {_excerpt(outcome.answer)}")
    print(f"      tokens  {usage.get('prompt_tokens', '-')} in, {usage.get('completion_tokens', '-')} out")
    print(f"      cost    {'-' if cost is None else f'${cost:.6f}'}")
    print(f"      time    {outcome.total_ms:.1f} ms, first byte after {outcome.first_byte_ms:.1f} ms\n", flush=True)


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 70 else f"{flat[:69]}…"
