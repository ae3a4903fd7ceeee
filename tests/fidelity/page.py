"""The page docs/reference/fidelity.md, made of the matrix and the manifests."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from fidelity.answer_wires import FAILED, SAME_ANSWERS
from fidelity.classes import DROPPED, MAPPED, REFUSED, SAME, SAME_FIELDS
from fidelity.matrix import CLIENTS, PROVIDERS, Cell, lost_in
from fidelity.wires import WIRES

MANIFESTS = Path(__file__).parent / "manifest"
HEAD = """# Fidelity

What arrives of a call, from every client's wire to every provider's. This page is generated
(`pytest tests/fidelity --golden-update`), and the test command checks that it says what the translators do.

## Conversations

A conversation with parallel tool calls and their results, and one without tools, whole and streamed: words, calls and
their arguments, results, finish reason, usage, and the end. `ok`: all of it arrives. `refused`: the call gets 400
`unsupported_by_provider`, which says why. `none`: the client's wire has no such call. Anything else is what does not
arrive. Each cell: whole, streamed, whole with tools, streamed with tools; one word where all four agree.

"""
FIELDS = """
## Fields

Every field that official clients can send, found in their own types. *Mapped*: the other wire says it. *Dropped*: left
out, and named in `x-entresol-dropped`. *Refused*: 400 `unsupported_by_provider`. *Same*: it says what goes without
saying, such as a default. There is no fifth outcome. The lists, a line a field, are in `tests/fidelity/manifest/`.

"""
ANSWERS_HEAD = """
## Answers

The same for the fields of answers. *Failed*: such an answer is an error, and the client gets one of its own format.
Usage is told in buckets that do not overlap; a part of a count for which the client's wire has no name is in the count
that it is a part of. What a provider counts for itself, such as where it ran, is not reported.

"""
BEHAVIOURS_HEAD = """
## Behaviours

What translation promises beside single fields; `tests/fidelity/behaviours.yaml` names the tests of each. *Kong*: Kong's
translation is known to do otherwise, and a test shows that this one does not.

"""


def page() -> str:
    """The page."""
    lines = [HEAD.rstrip(), "", row(["client ↓ provider →", *PROVIDERS]), row(["---"] * (len(PROVIDERS) + 1))]
    lines += [row([client, *[cell_of(client, provider) for provider in PROVIDERS]]) for client in CLIENTS]
    lines += [FIELDS.rstrip(), "", *fields(MANIFESTS, (MAPPED, DROPPED, REFUSED, SAME))]
    lines += ["", "What is *same*, and why:", ""]
    lines += [f"- `{shown(pattern)}`: {why}" for pattern, why in SAME_FIELDS]
    lines += [ANSWERS_HEAD.rstrip(), "", *fields(MANIFESTS / "answers", (MAPPED, DROPPED, SAME, FAILED))]
    lines += ["", "What is *same*, and why:", ""]
    lines += [f"- `{shown(pattern)}`: {why}" for pattern, why in SAME_ANSWERS]
    lines += [BEHAVIOURS_HEAD.rstrip(), "", *behaviours()]
    return "\n".join(lines) + "\n"


def shown(pattern: str) -> str:
    """A pattern of paths, so that no reader takes a part of it for a link."""
    return pattern.replace("\\[\\]", "[]").replace("](", "] (")


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cell_of(client: str, provider: str) -> str:
    if client == provider:
        return "bytes pass"
    four = [
        word_of(lost_in(Cell(client, provider, stream, tools))) for tools in (False, True) for stream in (False, True)
    ]
    return four[0] if len(set(four)) == 1 else ", ".join(four)


def word_of(lost: list[str]) -> str:
    if lost == ["the client's wire has no such call"]:
        return "none"
    return "ok" if not lost else lost[0] if lost == ["refused"] else f"without {' and '.join(lost)}"


def fields(folder: Path, words: tuple[str, ...]) -> list[str]:
    """How many fields of each wire have which class in each other."""
    lines = [row(["from", "fields", "to", *words]), row(["---"] * (3 + len(words)))]
    for name in WIRES:
        found: dict[str, Any] = read(folder / f"{name}.yaml")["fields"]
        for other in WIRES:
            if other != name:
                counts = Counter(said[other] if isinstance(said, dict) else said for said in found.values())
                lines.append(row([name, str(len(found)), other, *[str(counts[word]) for word in words]]))
    return lines


def behaviours() -> list[str]:
    """A line each, with its source."""
    lines = [row(["behaviour", "source", "beside"]), row(["---"] * 3)]
    lines += [
        row([each["says"], each["source"], "Kong" if each.get("kong") else ""])
        for each in read(MANIFESTS.parent / "behaviours.yaml")
    ]
    return lines


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
