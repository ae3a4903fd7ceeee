"""A node from start to stop, as real processes."""

import asyncio
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import httpx
import pytest
import trustme

from e2e.gateway_process import (
    DEADLINE_S,
    eventually,
    gateway,
    get,
    is_gone,
    one_service,
    resident_megabytes,
    upstream,
)

WORKERS = pytest.mark.parametrize("workers", [1, 2])
COUNT = "[{name: rate-limiting, config: {year: 100, limit_by: service}}]"


@WORKERS
def test_a_node_starts_answers_and_stops(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node:
            answer = await get(f"{node.url}/api/hello")
            assert (answer.status, answer.text) == (200, "hello")
            assert (await get(f"{node.url}/nothing")).status == 404
            assert (await get(f"{node.status_url}/status/ready")).status == 200
            assert (await get(f"{node.status_url}/nothing")).status == 404
            node.signal(signal.SIGTERM)
            assert await node.ended() == 0

    asyncio.run(scenario())


@WORKERS
def test_an_idle_worker_stays_within_60_megabytes(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node:
            pids = {worker["pid"] for worker in (await node.node())["workers"]} | {node.pid}
            assert len(pids) == (1 if workers == 1 else 3)
            sizes = {pid: resident_megabytes(pid) for pid in pids}
            print("resident megabytes:", sizes)
            assert max(sizes.values()) <= 60

    asyncio.run(scenario())


@WORKERS
@pytest.mark.parametrize("how", ["SIGHUP", "file change"])
def test_a_reload_swaps_the_plan_and_requests_under_way_keep_theirs(tmp_path: Path, workers: int, how: str) -> None:
    async def scenario() -> None:
        watch = "true" if how == "file change" else "false"
        async with (
            upstream() as up,
            gateway(
                tmp_path,
                one_service(up.url),
                *("--workers", str(workers)),
                ENTRESOL_CONFIGURATION__WATCH=watch,
            ) as node,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
            client.stream("GET", f"{node.url}/api/stream") as stream,
        ):
            chunks = stream.aiter_text()
            assert await anext(chunks) == "first"
            (tmp_path / "entresol.yaml").write_text(one_service(up.url, path="/new"))
            if how == "SIGHUP":
                node.signal(signal.SIGHUP)
            await node.node_when(lambda found: found["configuration"]["reloads"] == 1, "the reload")
            for _ in range(10):  # whichever worker takes it
                assert (await get(f"{node.url}/new/hello")).text == "hello"
                assert (await get(f"{node.url}/api/hello")).status == 404
            up.release.set()
            assert await anext(chunks) == "last"

    asyncio.run(scenario())


@WORKERS
def test_a_bad_file_keeps_the_old_plan_and_says_everything_that_is_wrong(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node:
            file = tmp_path / "entresol.yaml"
            version = (await node.node())["configuration"]["version"]
            file.write_text(one_service(up.url, plugins="[{name: nope}]", more="colour: red"))
            node.signal(signal.SIGHUP)
            found = await node.node_when(lambda f: bool(f["configuration"]["last_reload_error"]), "the refusal")
            assert found["configuration"]["version"] == version
            for wrong in ("colour: unknown field", "services[0].routes[0].plugins[0].name: plugin 'nope' not enabled"):
                assert wrong in found["configuration"]["last_reload_error"]
                assert wrong in node.log
            assert (await get(f"{node.url}/api/hello")).text == "hello"
            file.write_text(one_service(up.url, path="/fixed"))
            await node.node_when(lambda f: f["configuration"]["last_reload_error"] is None, "the repair")
            assert (await get(f"{node.url}/fixed/hello")).text == "hello"

    asyncio.run(scenario())


@WORKERS
def test_no_request_is_lost_while_configurations_come_and_go(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node:
            statuses: list[int] = []
            is_over = False

            async def call_on_new_connections() -> None:
                while not is_over:
                    statuses.append((await get(f"{node.url}/api/hello")).status)

            async def call_on_one_connection() -> None:
                async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
                    while not is_over:
                        statuses.append((await client.get(f"{node.url}/api/hello")).status_code)

            callers = [asyncio.create_task(call()) for call in (call_on_new_connections, call_on_one_connection) * 2]
            for number in range(1, 6):
                (tmp_path / "entresol.yaml").write_text(
                    one_service(up.url, more=f"consumers: [{{username: u{number}}}]")
                )
                node.signal(signal.SIGHUP)
                await node.node_when(lambda f, n=number: f["configuration"]["reloads"] == n, f"reload {number}")  # type: ignore[misc]
                before = len(statuses)

                async def more_answers(before: int = before) -> bool | None:
                    return len(statuses) >= before + 8 or None

                await eventually(more_answers, "answers after the reload")
            is_over = True
            await asyncio.gather(*callers)
            assert set(statuses) == {200}

    asyncio.run(scenario())


@WORKERS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_streams_under_way_end(tmp_path: Path, workers: int, number: signal.Signals) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
            client.stream("GET", f"{node.url}/api/stream") as stream,
        ):
            chunks = stream.aiter_text()
            assert await anext(chunks) == "first"
            node.signal(number)

            async def refused() -> bool | None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", int(node.url.rpartition(":")[2]))
                except ConnectionRefusedError:
                    return True
                writer.close()
                return None

            await eventually(refused, "new connections are refused")
            up.release.set()
            assert await anext(chunks) == "last"
            assert await node.ended() == 0

    asyncio.run(scenario())


@WORKERS
def test_a_second_signal_stops_at_once(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(tmp_path, one_service(up.url), "--workers", str(workers)) as node,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
            client.stream("GET", f"{node.url}/api/stream") as stream,
        ):
            chunks = stream.aiter_text()
            assert await anext(chunks) == "first"
            node.signal(signal.SIGTERM)
            await node.node_when(lambda f: any(w["state"] == "draining" for w in f["workers"]), "draining")
            node.signal(signal.SIGTERM)
            assert await node.ended() == 1
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)

    asyncio.run(scenario())


@WORKERS
def test_streams_that_outlast_the_grace_are_broken_off(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(
                tmp_path, one_service(up.url), *("--workers", str(workers)), ENTRESOL_WORKERS__DRAIN_S="0.1"
            ) as node,
            httpx.AsyncClient(timeout=DEADLINE_S) as client,
            client.stream("GET", f"{node.url}/api/stream") as stream,
        ):
            chunks = stream.aiter_text()
            assert await anext(chunks) == "first"
            node.signal(signal.SIGTERM)
            assert await node.ended() == 0
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)

    asyncio.run(scenario())


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", "2") as node:
            victim = (await node.node())["workers"][0]["pid"]

            os.kill(victim, signal.SIGKILL)
            found = await node.node_when(
                lambda f: [(w["restarts"], w["state"]) for w in f["workers"]] == [(1, "ready"), (0, "ready")],
                "the restart",
            )
            assert found["workers"][0]["pid"] != victim
            assert f"(process {victim}) was killed by signal 9" in node.log
            for _ in range(20):
                assert (await get(f"{node.url}/api/hello")).text == "hello"

    asyncio.run(scenario())


def test_a_worker_started_again_serves_the_configuration_of_the_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", "2") as node:
            (tmp_path / "entresol.yaml").write_text(one_service(up.url, path="/new"))
            node.signal(signal.SIGHUP)
            found = await node.node_when(lambda f: f["configuration"]["reloads"] == 1, "the reload")

            for worker in found["workers"]:
                os.kill(worker["pid"], signal.SIGKILL)
            await node.node_when(
                lambda f: [(w["restarts"], w["state"]) for w in f["workers"]] == [(1, "ready"), (1, "ready")],
                "the restarts",
            )
            for _ in range(10):
                assert (await get(f"{node.url}/new/hello")).text == "hello"

    asyncio.run(scenario())


def test_workers_end_when_their_supervisor_dies(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", "2") as node:
            pids = [worker["pid"] for worker in (await node.node())["workers"]]
            node.signal(signal.SIGKILL)
            await node.ended()

            async def all_gone() -> bool | None:
                return True if all(is_gone(pid) for pid in pids) else None

            await eventually(all_gone, "the workers' end")

    asyncio.run(scenario())


@pytest.mark.parametrize("workers", [1, 4])
def test_a_limit_lets_exactly_that_many_pass_under_load(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(tmp_path, one_service(up.url, plugins=COUNT), "--workers", str(workers)) as node,
        ):
            statuses: list[int] = []

            async def call() -> None:
                for _ in range(10):
                    answer = await get(f"{node.url}/api/hello")  # a connection, and so a worker, each
                    statuses.append(answer.status)
                    assert 0 <= int(answer.headers["ratelimit-remaining"]) < 100

            await asyncio.gather(*(call() for _ in range(20)))
            assert (statuses.count(200), statuses.count(429)) == (100, 100)
            assert up.requests == 100

    asyncio.run(scenario())


def test_a_limit_holds_across_reloads_and_deaths(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            upstream() as up,
            gateway(tmp_path, one_service(up.url, plugins=COUNT), "--workers", "2") as node,
        ):

            async def call(times: int) -> int:
                passed = 0
                for _ in range(times):
                    passed += (await get(f"{node.url}/api/hello")).status == 200
                return passed

            passed = await call(40)
            (tmp_path / "entresol.yaml").write_text(
                one_service(up.url, plugins=COUNT, more="consumers: [{username: one}]")
            )
            node.signal(signal.SIGHUP)
            found = await node.node_when(lambda f: f["configuration"]["reloads"] == 1, "the reload")
            passed += await call(20)
            assert passed == 60
            os.kill(found["workers"][0]["pid"], signal.SIGKILL)
            await node.node_when(
                lambda f: (f["workers"][0]["restarts"], f["workers"][0]["state"]) == (1, "ready"), "the restart"
            )
            passed += await call(60)
            assert 80 < passed <= 100  # what the dead worker had leased stays spent

    asyncio.run(scenario())


def test_metrics_are_those_of_all_workers_also_of_those_that_died(tmp_path: Path) -> None:
    async def scenario() -> None:
        more = "plugins: [{name: prometheus, config: {status_code_metrics: true}}]"
        async with upstream() as up, gateway(tmp_path, one_service(up.url, more=more), "--workers", "4") as node:
            for _ in range(40):
                await get(f"{node.url}/api/hello")
            for _ in range(5):  # whichever worker answers
                assert await node.metric("entresol_http_requests_total") == 40

            for worker in (await node.node())["workers"][:2]:
                os.kill(worker["pid"], signal.SIGKILL)
            await node.node_when(
                lambda f: [(w["restarts"], w["state"]) for w in f["workers"]][:2] == [(1, "ready")] * 2, "the restarts"
            )
            assert await node.metric("entresol_http_requests_total") == 40

    asyncio.run(scenario())


@WORKERS
def test_a_unix_socket_is_served_and_removed(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        path = tmp_path / "e.sock"
        async with (
            upstream() as up,
            gateway(tmp_path, one_service(up.url), *("--workers", str(workers), "--listen", f"unix:{path}")) as node,
        ):
            for _ in range(8):
                assert (await get("http://entresol/api/hello", unix=str(path))).text == "hello"
            node.signal(signal.SIGTERM)
            assert await node.ended() == 0
            assert not path.exists()

    asyncio.run(scenario())


@WORKERS
def test_tls_gives_each_name_its_certificate_and_a_reload_swaps_them(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        authority = trustme.CA()
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)

        def configuration(url: str, *names: str) -> str:
            more = "certificates:\n"
            for name in names:
                issued = authority.issue_cert(name)
                chain = "".join(blob.bytes().decode() for blob in issued.cert_chain_pems)
                key = issued.private_key_pem.bytes().decode()
                more += "- cert: |\n" + _indented(chain) + "  key: |\n" + _indented(key)
                more += f"  snis: [{{name: {name}}}]\n"
            return one_service(url, more=more)

        async def name_served(port: int, name: str) -> str:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name)
            found = writer.get_extra_info("peercert")["subjectAltName"][0][1]
            writer.close()
            await writer.wait_closed()
            return str(found)

        async with (
            upstream() as up,
            gateway(
                tmp_path,
                configuration(up.url, "one.example", "two.example"),
                *("--workers", str(workers), "--listen", "127.0.0.1:0 ssl"),
            ) as node,
        ):
            port = int(node.proxy[0].rpartition(":")[2])
            for name in ("one.example", "two.example"):
                assert await name_served(port, name) == name
            async with httpx.AsyncClient(verify=trusting) as client:
                answer = await client.get(
                    f"https://127.0.0.1:{port}/api/hello", extensions={"sni_hostname": "one.example"}
                )
            assert answer.text == "hello"
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await name_served(port, "three.example")
            (tmp_path / "entresol.yaml").write_text(configuration(up.url, "three.example"))
            node.signal(signal.SIGHUP)
            await node.node_when(lambda f: f["configuration"]["reloads"] == 1, "the reload")
            assert await name_served(port, "three.example") == "three.example"
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await name_served(port, "one.example")

    asyncio.run(scenario())


@WORKERS
def test_an_address_that_is_taken_is_one_clear_line(tmp_path: Path, workers: int) -> None:
    async def scenario() -> None:
        file = tmp_path / "entresol.yaml"
        file.write_text(one_service("http://127.0.0.1:9"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "entresol", "serve", "-c", str(file), "--listen", address),
                *("--status-listen", "", "--workers", str(workers)),
                stderr=asyncio.subprocess.PIPE,
            )
            _, errors = await asyncio.wait_for(process.communicate(), DEADLINE_S)
        assert process.returncode == 1
        assert errors.decode() == f"entresol: cannot listen on {address}: Address already in use\n"

    asyncio.run(scenario())


def test_two_nodes_of_many_workers_do_not_share_a_port_unseen(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream() as up, gateway(tmp_path, one_service(up.url), "--workers", "2") as node:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "entresol", "serve", "-c", str(tmp_path / "entresol.yaml")),
                *("--listen", node.proxy[0], "--status-listen", "", "--workers", "2"),
                stderr=asyncio.subprocess.PIPE,
            )
            _, errors = await asyncio.wait_for(process.communicate(), DEADLINE_S)
            assert process.returncode == 1
            assert "Address already in use" in errors.decode()

    asyncio.run(scenario())


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
