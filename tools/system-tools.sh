#!/bin/sh
# Programs that some tests compare us with and that no Python package carries. Where they cannot be installed, those
# tests say so and skip; in CI (CI=true) a missing program is a failure.
set -u
browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
missing=""
command -v nginx >/dev/null 2>&1 || missing="nginx-light"
browser >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    # The package must not start a server: the tests run their own.
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && made=1; }
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1
    [ "${made:-}" = 1 ] && rm -f /usr/sbin/policy-rc.d
fi
failed=0
command -v nginx >/dev/null 2>&1 || { echo "nginx is not here: the differential tests against it will skip" >&2; failed=1; }
browser >/dev/null 2>&1 || { echo "Chromium is not here: the tests of pages in a browser will skip" >&2; failed=1; }
[ "${CI:-}" = true ] && exit $failed
exit 0
