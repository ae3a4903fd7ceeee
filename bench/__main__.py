"""`make bench`: print the comparison and write it to .bench/results.json."""

import argparse
import json

from bench.bodies import write_bodies
from bench.comparison import GATEWAY_SERIES, SERIES, run
from bench.peers import install_peers, targets, versions
from bench.rig import WORK

DATA_PLANE = ("nginx", "nginx-lua", "envoy", "bare", "all-on", "all-on-cross-format")
GATEWAYS = ("nginx", "all-on", "portkey", "litellm")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", help="comma-separated servers", default="")
    parser.add_argument("--no-gateways", action="store_true", help="leave the slow gateways out")
    parser.add_argument("--no-install", action="store_true", help="do not fetch other gateways")
    options = parser.parse_args()
    write_bodies()
    if not options.no_install:
        install_peers()
    available = targets()
    chosen = options.only.split(",") if options.only else DATA_PLANE
    print("versions:", ", ".join(f"{name} {version}" for name, version in versions().items()))
    print("gateway on core 0; load generator and mock provider on core 1; CPU time of the gateway's process tree")
    rows = run([available[name] for name in chosen if name in available], SERIES)
    if not options.no_gateways and not options.only:
        rows += run([available[name] for name in GATEWAYS if name in available], GATEWAY_SERIES, reference="all-on")
    (WORK / "results.json").write_text(json.dumps({"versions": versions(), "rows": rows}, indent=1))
    print(f"\nwritten: {(WORK / 'results.json').relative_to(WORK.parent)}")


if __name__ == "__main__":
    main()
