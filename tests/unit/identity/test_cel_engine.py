"""The engine is loaded alone."""

import subprocess
import sys

import pytest

WORKS = "assert engine().compile('1 + 1').execute({}) == 2;"
LOAD = "import sys; from entresol.identity.cel_engine import engine;"
HIDE = (
    "import entresol.identity.cel_engine as e;"
    "e.PathFinder = type('Hidden', (), {'find_spec': staticmethod(lambda name, path=None: None)});"
)


@pytest.mark.parametrize(
    "program",
    [
        LOAD + WORKS + "assert not {'rich', 'typer', 'prompt_toolkit', 'cel'} & set(sys.modules)",
        LOAD + WORKS + "import cel; assert cel.evaluate('1 + 1') == 2",
        "import cel;" + LOAD + WORKS,
        LOAD + HIDE + WORKS + "assert 'cel' in sys.modules",
    ],
    ids=["without its command line", "before the whole library", "after the whole library", "of another make"],
)
def test_the_engine_is_loaded(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)
