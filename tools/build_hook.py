"""Build hook: the modules of the hot path are compiled by mypyc (docs/adr/0002-compiled-hot-path.md).

They are ordinary typed Python. Where they cannot be compiled (no C compiler), the same modules run interpreted.
`ENTRESOL_COMPILE=0` leaves them so; `ENTRESOL_COMPILE=1` makes a failure to compile an error.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup
modules, temp = sys.argv.pop(1).split(","), sys.argv.pop(1)
flags = ["--config-file=", f"--cache-dir={temp}/cache", "--strict-bytes", "--ignore-missing-imports"]
flags += ["--disable-error-code=import-untyped"]
extensions = mypycify(flags + modules, opt_level="3", debug_level="0", target_dir=temp, group_name="entresol")
if sys.platform == "linux":  # compiled code calls into Python thousands of times a request: do so without a detour
    for extension in extensions:
        extension.extra_compile_args += ["-fno-plt", "-fno-semantic-interposition"]
setup(name="entresol", packages=[], py_modules=[], ext_modules=extensions)
"""


class CompileHook(BuildHookInterface[Any]):
    """Adds the compiled modules to the wheel; their sources stay beside them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wish = os.environ.get("ENTRESOL_COMPILE", "auto")
        if version == "editable" or wish == "0":
            return
        self._folder = tempfile.TemporaryDirectory(prefix="entresol-build-")
        out = Path(self._folder.name) / "lib"
        done = compile_modules(Path(self.root) / "src", self.config["modules"], out)
        if done.returncode == 0:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            for file in out.rglob("*.so"):
                build_data["force_include"][str(file)] = str(file.relative_to(out))
        elif wish == "1":
            raise RuntimeError(f"the hot path could not be compiled:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        else:
            self.app.display_warning("the hot path could not be compiled (is there a C compiler?): it runs interpreted")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()


def compile_modules(source: Path, modules: list[str], out: Path) -> "subprocess.CompletedProcess[str]":
    """Compile `modules` (dotted names) below `source`; the extension modules go to `out` as the package lies there."""
    temp = out.parent / "temp"
    temp.mkdir(parents=True)
    files = [f"{name.replace('.', '/')}.py" for name in modules]
    command = [sys.executable, "-c", SETUP, ",".join(files), str(temp), "-q", "build_ext", "--build-lib", str(out)]
    command += ["--build-temp", str(temp)]
    environment = {**os.environ, "MYPYPATH": str(source)}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
