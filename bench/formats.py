"""The figures of the wire formats: what translation costs, what LiteLLM's costs, and that nothing is lost."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise

from bench.figure import Figure
from bench.rig import ROOT
from bench.translate import compare, measure

REQUEST_US, CHUNK_US, TIMES_LITELLM = 60, 8, 10
SUITES = (
    ("golden cases", "tests/golden"),
    ("cells of the fidelity matrix, and properties", "tests/fidelity"),
    ("contract tests with real clients", "tests/contract/sdk"),
)


def figures() -> Iterator[Figure]:
    yield from _translation()
    yield from _peers()
    for name, folder in SUITES:
        if (ROOT / folder).exists():
            yield Figure(f"{name}: failures", failures(folder), "=", 0)


def _translation() -> Iterator[Figure]:
    """Of all pairs the dearest."""
    found = measure()
    for label, name, limit in (
        ("request", "CPU of a cross-format call of 1 KB, dearest pair", REQUEST_US),
        ("chunk", "CPU of a cross-format chunk, dearest pair", CHUNK_US),
    ):
        yield Figure(name, max(times[label] for times in found.values()), "<=", limit, "µs")


def _peers() -> Iterator[Figure]:
    ratios = compare()
    for name, each in ratios.items():
        for label, ratio in each.items():
            yield Figure(f"LiteLLM's CPU ÷ ours, openai-chat to {name}, {label}", ratio, ">=", TIMES_LITELLM)
    if not ratios:
        yield Figure("LiteLLM's CPU ÷ ours", None, ">=", TIMES_LITELLM)


def failures(folder: str) -> int:
    """How many tests of a folder fail; one that cannot even be collected counts."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--no-header", "-rN", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    words = done.stdout.splitlines()[-1].replace(",", "").split() if done.stdout else []
    counts = {word: int(number) for number, word in pairwise(words) if number.isdigit()}
    found = sum(counts.get(word, 0) for word in ("failed", "error", "errors"))
    return found or done.returncode
