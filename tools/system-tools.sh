#!/bin/sh
# Programs that some tests compare us with and that no Python package carries. Where they cannot be installed, those
# tests say so and skip; in CI (CI=true) a missing program is a failure.
set -u
missing=""
command -v nginx >/dev/null 2>&1 || missing="nginx-light"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1
    # The package must not start a server: the tests run their own.
    [ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && made=1; }
    apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1
    [ "${made:-}" = 1 ] && rm -f /usr/sbin/policy-rc.d
fi
command -v nginx >/dev/null 2>&1 || echo "nginx is not here: the differential tests against it will skip" >&2
[ "${CI:-}" = true ] && ! command -v nginx >/dev/null 2>&1 && exit 1
exit 0
