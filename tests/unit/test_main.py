import subprocess
import sys

from entresol import __version__


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "entresol", "version"], capture_output=True, check=True, text=True)
    assert done.stdout == f"entresol {__version__}\n"


def test_saying_the_version_imports_nothing_of_the_gateway() -> None:
    code = "import sys; from entresol.cli import main; main(['version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"asyncio", "ssl", "yaml", "entresol.config", "entresol.net.server", "uvloop"}
