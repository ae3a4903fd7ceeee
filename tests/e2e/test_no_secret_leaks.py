"""Secrets are planted wherever they can be; nothing that the gateway says repeats one."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import trustme

from e2e.gateway_process import DEADLINE_S, GatewayProcess, gateway

WORKERS = pytest.mark.parametrize("workers", ["1", "2"])

HEADER_KEY = "sk-planted-header-4f1d2c3b"
QUERY_KEY = "qk-planted-parameter-77ab90"
BODY_KEY = "bk-planted-in-body-a9c3e1f0"
URL_KEY = "uk-planted-upstream-url-5d6e"
USER_PASSWORD = "pw-planted-userinfo-c0ffee"
CONSUMER_KEY = "ck-planted-consumer-889900aa"
WRONG_KEYS = ("wk-planted-refused-bearer-12", "wk-planted-refused-query-34", "wk-planted-refused-basic-56")
COOKIE = "co-planted-session-0badf00d"
IN_BAD_FILE = "bf-planted-in-a-bad-file-31337"
BROKEN_KEY = "nk-planted-with-a-newline-6f6f"
ENVIRONMENT = {
    "PLANTED_HEADER_KEY": HEADER_KEY,
    "PLANTED_QUERY_KEY": QUERY_KEY,
    "PLANTED_BODY_KEY": BODY_KEY,
    "PLANTED_BROKEN_KEY": BROKEN_KEY + "\n",
}

CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}'


class Provider:
    """Takes whatever it is sent, and repeats the credential in the answer that the path's last segment names.

    What stands in the address itself is configured as no credential, so it is repeated to nobody here.
    """

    def __init__(self) -> None:
        self.url = ""
        self.received = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ),
                0,
            )
            body = await reader.readexactly(length)
            self.received += head + body
            said = head + body
            writer.write(_echo(head.split(b" ")[1].decode().partition("?")[0].rpartition("/")[2], said))
            await writer.drain()


def _echo(kind: str, said: bytes) -> bytes:
    """A provider that has no manners."""
    text = said.decode()
    statuses = {"refuses": 401, "forbids": 403, "complains": 400, "fails": 500, "moves": 302}
    if kind == "garbage":
        return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{" + said
    if kind == "no-http":
        return b"SSH-2.0-" + said
    if kind == "stream":
        event = msgspec.json.encode({"error": {"message": text, "type": "server_error"}})
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: " + event + b"\n\n"
        )
    body = msgspec.json.encode({"error": {"message": f"Incorrect API key provided: {text}", "type": "x", "code": text}})
    head = f"HTTP/1.1 {statuses[kind]} No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


ANSWERS = ("refuses", "forbids", "complains", "fails", "moves", "garbage", "no-http", "stream")


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """A provider on a free port."""
    found = Provider()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()


class Planted(NamedTuple):
    """A configuration full of secrets, and what they are."""

    text: str
    key_lines: tuple[str, ...]
    """Of the TLS private key, without its armour."""

    @property
    def secrets(self) -> tuple[str, ...]:
        known = (HEADER_KEY, QUERY_KEY, BODY_KEY, URL_KEY, USER_PASSWORD, CONSUMER_KEY, BROKEN_KEY, *WRONG_KEYS, COOKIE)
        return (*known, IN_BAD_FILE, *self.key_lines)


AUTH = {
    "header": "{header_name: Authorization, header_value: 'Bearer {vault://env/planted-header-key}'}",
    "query": "{param_name: api-key, param_value: '{vault://env/planted-query-key}', param_location: query}",
    "body": "{param_name: token, param_value: '{vault://env/planted-body-key}', param_location: body}",
    "broken": "{header_name: Authorization, header_value: 'Bearer {vault://env/planted-broken-key}'}",
}


def planted(folder: Path, url: str) -> Planted:
    """Routes for every place of a credential and every answer of the provider, all of them logged."""
    issued = trustme.CA().issue_cert("secret.example")
    key = issued.private_key_pem.bytes().decode()
    routes = ""
    for place, auth in AUTH.items():
        for answer in (*ANSWERS, "down"):
            where = "http://127.0.0.1:9" if answer == "down" else url
            routes += f"""
- name: {place}-{answer}
  paths: [/{place}/{answer}]
  protocols: [http, https]
  plugins:
  - name: ai-proxy
    config:
      route_type: llm/v1/chat
      auth: {auth}
      model: {{provider: openai, name: m, options: {{upstream_url: "{where}/v1/{answer}?api-key={URL_KEY}"}}}}
      logging: {{log_statistics: true, log_payloads: true}}
"""
    text = f"""
_format_version: "3.0"
routes:{routes}
consumers:
- username: someone
  keyauth_credentials: [{{key: {CONSUMER_KEY}}}]
plugins:
- {{name: key-auth, config: {{key_names: [authorization, apikey], key_in_body: false}}}}
- {{name: file-log, config: {{path: '{folder}/access.log'}}}}
- {{name: prometheus, config: {{per_consumer: true, status_code_metrics: true, ai_metrics: true}}}}
- {{name: correlation-id}}
certificates:
- cert: |
{_indented("".join(blob.bytes().decode() for blob in issued.cert_chain_pems))}  key: |
{_indented(key)}  snis: [{{name: secret.example}}]
"""
    return Planted(text, tuple(line for line in key.splitlines() if not line.startswith("-") and len(line) > 16))


def plugin_in_flow(url: str, auth: str = "{}") -> str:
    """ai-proxy for a model at an address."""
    return (
        "{name: ai-proxy, config: {route_type: llm/v1/chat, "
        f"model: {{provider: openai, options: {{upstream_url: '{url}'}}}}, auth: {auth}}}}}"
    )


_PASSWORD_URL = f"http://someone:{USER_PASSWORD}@127.0.0.1:9/v1?api-key={URL_KEY}"
BAD_TEXTS = (
    ("a secret with a colon", f"services:\n- name: {IN_BAD_FILE}: {IN_BAD_FILE}"),
    ("a secret with a bad escape", f'services:\n- name: "{IN_BAD_FILE}\\q"'),
    ("a tab before a secret", f"services:\n\t- {IN_BAD_FILE}"),
    ("a secret that is a number by its tag", f"services: !!int {IN_BAD_FILE}"),
    ("a secret with an unknown tag", f"consumers: [{{username: a, keyauth_credentials: [!x {IN_BAD_FILE}]}}]"),
    ("a credential in a service's URL", f"services: [{{name: a, url: '{_PASSWORD_URL}'}}]"),
    ("a credential in a model's URL", f"plugins: [{plugin_in_flow(_PASSWORD_URL)}]"),
    ("a secret instead of a record", f"plugins: [{plugin_in_flow('http://a', IN_BAD_FILE)}]"),
    ("a secret in an unknown field", f"plugins: [{plugin_in_flow('http://a', f'{{header: {IN_BAD_FILE}}}')}]"),
    (
        "a key that two consumers have",
        "consumers:" + "".join(f"\n- {{username: {n}, keyauth_credentials: [{{key: {IN_BAD_FILE}}}]}}" for n in "ab"),
    ),
    ("a key in an array", f"consumers: [{{username: a, keyauth_credentials: [{{key: [{IN_BAD_FILE}]}}]}}]"),
    ("a key in a map", f"consumers: [{{username: a, keyauth_credentials: [{{key: {{a: {IN_BAD_FILE}}}}}]}}]"),
    ("a private key that is none", f"certificates: [{{cert: {IN_BAD_FILE}, key: {IN_BAD_FILE}}}]"),
    ("a reference to another vault", f"services: [{{name: a, host: '{{vault://aws/x}}{IN_BAD_FILE}'}}]"),
)
BAD_REFERENCES = (
    ("a service's host", "services: [{name: a, host: 'REF/x'}]"),
    ("a service's port", "services: [{name: a, host: a, port: 'REF'}]"),
    ("a service's protocol", "services: [{name: a, host: a, protocol: 'REF'}]"),
    ("a service's name", "services: [{name: 'REF /', host: a}]"),
    ("a service's path", "services: [{name: a, host: a, path: '/REF%zz'}]"),
    ("a service's path that is no path", "services: [{name: a, host: a, path: '/REF/../x'}]"),
    ("a service's address", "services: [{name: a, url: 'http://REF_{}/'}]"),
    ("a port in a service's address", "services: [{name: a, url: 'http://a:REF/'}]"),
    ("a path in a service's address", "services: [{name: a, url: 'http://a/{}REF'}]"),
    ("a route's path", "routes: [{name: a, paths: ['/REF/{}']}]"),
    ("a route's regex", "routes: [{name: a, paths: ['~/REF(']}]"),
    ("a route's host", "routes: [{name: a, hosts: ['REF/']}]"),
    ("a route's method", "routes: [{name: a, methods: ['REF']}]"),
    ("a route's header", "routes: [{name: a, headers: {x-a: ['~*REF(']}}]"),
    ("a tag", "services: [{name: a, host: a, tags: ['REF,']}]"),
    ("a consumer's name twice", "consumers: [{username: 'REF'}, {username: 'REF'}]"),
    ("an id", "consumers: [{username: a, id: 'REF'}, {username: b, id: 'REF'}]"),
    ("a plugin's name", "plugins: [{name: 'REF'}]"),
    ("a route's service", "routes: [{name: a, paths: [/], service: 'REF'}]"),
    ("a certificate", "certificates: [{cert: 'REF', key: 'REF'}]"),
    ("an SNI", "certificates: [{cert: a, key: b, snis: [{name: 'REF/'}]}]"),
    ("a guard's pattern", "plugins: [{name: ai-prompt-guard, config: {deny_patterns: ['REF(']}}]"),
    ("a limit", "plugins: [{name: rate-limiting, config: {minute: 'REF'}}]"),
    ("a model's address", "plugins: [" + plugin_in_flow("http://a:REF/") + "]"),
    ("a model's whole address", "plugins: [" + plugin_in_flow("REF") + "]"),
)
"""REF is a text that comes from the environment, in places where it cannot be."""


def bad_files(good: Planted) -> Iterator[tuple[str, str]]:
    """Files that cannot be served, with secrets in the place that is wrong, or around it."""
    yield "an unknown field", good.text + "colour: red\n"
    yield "a text that YAML cannot read", good.text + f"services: [{{name: {IN_BAD_FILE}\n"
    top = '_format_version: "3.0"\n'
    for what, text in BAD_TEXTS:
        yield what, f"{top}{text}\n"
    for what, text in BAD_REFERENCES:
        yield f"a reference in {what}", f"{top}{text}\n".replace("REF", "{vault://env/planted-header-key}")
    other = trustme.CA().issue_cert("b").cert_chain_pems[0].bytes().decode()
    yield (
        "a private key of another certificate",
        f"{top}certificates:\n- cert: |\n{_indented(other)}  key: |\n{_indented(_pem(good))}",
    )
    yield "a file of one secret", f"{IN_BAD_FILE}\n"
    yield "a JSON file that ends too early", f'{{"consumers": [{{"keyauth_credentials": [{{"key": "{IN_BAD_FILE}'


def _pem(good: Planted) -> str:
    return "\n".join(("-----BEGIN EC PRIVATE KEY-----", *good.key_lines, "-----END EC PRIVATE KEY-----"))


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


async def exchange(url: str, request: bytes) -> bytes:
    """Send bytes, and take everything that comes back until the gateway closes."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


def call(target: str, *fields: str, body: bytes = CHAT) -> bytes:
    """A chat call."""
    lines = (
        f"POST {target} HTTP/1.1", "host: a", "connection: close", "content-type: application/json",
        f"content-length: {len(body)}", f"cookie: session={COOKIE}", *fields,
    )  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode() + body


KEY = f"authorization: Bearer {CONSUMER_KEY}"


def requests() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Each with the statuses that it may be answered with."""
    for place in AUTH:
        for answer in (*ANSWERS, "down"):
            wanted = {"complains": (400,), "fails": (500, 502), "stream": (200, 502)}.get(answer, (502,))
            if place == "broken":  # no head can hold it: it is not sent at all
                wanted = (400, *wanted)
            yield f"{place} {answer}", call(f"/{place}/{answer}", KEY), wanted
    stream = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello"}]}'
    yield "an error in a stream", call("/header/stream", KEY, body=stream), (200,)
    yield "the key in the query", call(f"/header/complains?apikey={CONSUMER_KEY}"), (400,)
    yield "a wrong bearer", call("/header/complains", f"authorization: Bearer {WRONG_KEYS[0]}"), (401,)
    yield "a wrong key in the query", call(f"/header/complains?apikey={WRONG_KEYS[1]}"), (401,)
    yield "a wrong basic login", call("/header/complains", f"proxy-authorization: Basic {WRONG_KEYS[2]}"), (401,)
    yield "two keys", call("/header/complains", f"apikey: {WRONG_KEYS[0]}", f"apikey: {WRONG_KEYS[1]}"), (401,)
    yield "no route", call(f"/nothing?apikey={CONSUMER_KEY}", KEY), (404,)
    yield "no JSON", call("/header/complains", KEY, body=b"{" + WRONG_KEYS[0].encode()), (400,)
    yield "no prompt", call("/header/complains", KEY, body=b'{"model": "m"}'), (400,)
    yield "two Authorization fields", call("/header/complains", KEY, KEY), (400, 401)
    yield "two lengths", call("/header/complains", KEY, "content-length: 1"), (400,)
    yield "a NUL in a credential", call("/header/complains", f"authorization: Bearer {WRONG_KEYS[0]}\0"), (400,)
    yield "a folded credential", call("/header/complains", f"authorization: Bearer\r\n {WRONG_KEYS[0]}"), (400,)
    yield "a credential without a name", call("/header/complains", f": Bearer {WRONG_KEYS[0]}"), (400,)
    yield "a credential in the request line", b"GET /" + WRONG_KEYS[1].encode() + b" x HTTP/1.1\r\n\r\n", (400,)
    yield "a credential as a method", WRONG_KEYS[1].encode() + b"\r\n\r\n", (400,)


def assert_silent(what: str, output: str | bytes, secrets: tuple[str, ...]) -> None:
    text = output.decode("utf-8", "replace") if isinstance(output, bytes) else output
    for secret in secrets:
        assert secret not in text, f"{what} repeats {secret}: …{text[max(0, text.find(secret) - 200) :][:400]}"


async def run(*arguments: str) -> tuple[int | None, bytes]:
    """A command, with both of its outputs in one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "entresol", *arguments),
        env={**os.environ, **ENVIRONMENT},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    return process.returncode, output


def test_check_and_serve_repeat_no_secret_of_a_file_that_they_refuse(tmp_path: Path) -> None:
    async def scenario() -> None:
        good = planted(tmp_path, "http://127.0.0.1:9")
        file = tmp_path / "c.yaml"
        file.write_text(good.text)
        code, output = await run("check", str(file))
        assert code == 0, output
        assert_silent("check", output, good.secrets)
        for number, (what, text) in enumerate(bad_files(good)):
            file.write_text(text)
            code, output = await run("check", str(file))
            assert code == 1, (what, output)
            assert_silent(f"check of {what}", output, good.secrets)
            if number % 5 == 0:
                code, output = await run("serve", "-c", str(file), "--listen", "127.0.0.1:0", "--status-listen", "")
                assert code == 1, (what, output)
                assert_silent(f"serve of {what}", output, good.secrets)

    asyncio.run(scenario())


@WORKERS
def test_no_answer_log_metric_or_page_of_a_running_node_repeats_a_secret(tmp_path: Path, workers: str) -> None:
    async def scenario() -> None:
        async with provider() as upstream:
            good = planted(tmp_path, upstream.url)
            async with gateway(
                tmp_path, good.text, *("--workers", workers, "--log-level", "debug"), **ENVIRONMENT
            ) as node:
                sent = await _call_it_in_every_way(node, good)
                for secret in (HEADER_KEY, QUERY_KEY, BODY_KEY, URL_KEY):
                    assert secret.encode() in upstream.received  # else this would prove nothing
                for secret in (CONSUMER_KEY, COOKIE):
                    assert secret.encode() not in upstream.received
                await _reload_bad_files(node, tmp_path, good)
                for page in ("/status", "/status/ready", "/metrics", f"/nothing?apikey={CONSUMER_KEY}"):
                    answer = await exchange(
                        node.status_url,
                        f"GET {page} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{KEY}\r\n\r\n".encode(),
                    )
                    assert answer.startswith(b"HTTP/1.1 "), page
                    assert_silent(page, answer, good.secrets)
                node.signal(signal.SIGTERM)
                assert await node.ended() == 0
                assert node.process.stdout is not None
                assert_silent("standard output", await node.process.stdout.read(), good.secrets)
                assert_silent("standard error", node.log, good.secrets)
            lines = (tmp_path / "access.log").read_text()
            assert lines.count("\n") >= sent
            assert_silent("file-log", lines, good.secrets)

    asyncio.run(scenario())


async def _call_it_in_every_way(node: GatewayProcess, good: Planted) -> int:
    """Returns how many of the calls get as far as a log line at least."""
    logged = 0
    for what, request, wanted in requests():
        answer = await exchange(node.url, request)
        assert int(answer[9:12]) in wanted, (what, answer)
        assert_silent(f"the answer to {what}", answer, good.secrets)
        logged += request.startswith(b"POST /header/complains?") or what.startswith(
            tuple(f"{place} " for place in AUTH)
        )
    return logged


async def _reload_bad_files(node: GatewayProcess, folder: Path, good: Planted) -> None:
    for what, text in bad_files(good):
        before = (await node.node())["configuration"].get("last_reload_failed_at")
        (folder / "entresol.yaml").write_text(text)
        node.signal(signal.SIGHUP)

        def refused(found: dict[str, object], before: object = before) -> bool:
            configuration = found["configuration"]
            return isinstance(configuration, dict) and configuration["last_reload_failed_at"] not in (None, before)

        node_state = await node.node_when(refused, f"the refusal of {what}")
        assert_silent(f"the status page after {what}", str(node_state), good.secrets)
    (folder / "entresol.yaml").write_text(good.text)
    node.signal(signal.SIGHUP)
    await node.node_when(lambda found: found["configuration"]["last_reload_error"] is None, "the repair")
