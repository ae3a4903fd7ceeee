"""`make figures`: measure every figure that is promised and print it beside its target.

A line each: name, value, target, `ok` or `short`. Exit code 1 when one is short.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from bench import formats, foundation, identity
from bench.figure import Figure

SETS: dict[str, Callable[[], Iterator[Figure]]] = {
    "foundation": foundation.figures,
    "formats": formats.figures,
    "identity": identity.figures,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.figures")
    parser.add_argument("--only", choices=sorted(SETS), action="append")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes (soak, clean clone)")
    options = parser.parse_args()
    foundation.QUICK = options.quick
    short = 0
    for name in options.only or sorted(SETS):
        for figure in SETS[name]():
            print(figure.line(), flush=True)
            short += not figure.holds
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
