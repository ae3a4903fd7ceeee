"""Every cell of the fidelity matrix, and the page that shows them."""

import pytest

from architecture.tree import DOCS
from fidelity.matrix import Cell, cells, lost_in
from fidelity.page import page

PAGE = DOCS / "reference" / "fidelity.md"


@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_a_conversation_arrives_or_is_refused(cell: Cell) -> None:
    allowed: list[list[str]] = [[], ["refused"], ["the client's wire has no such call"]]
    if "tgi-generate" in (cell.client, cell.provider):
        allowed.append(
            ["usage"]
        )  # its answers count what was generated, and tell what was read only if asked in detail
    assert lost_in(cell) in allowed


def test_the_page_says_what_the_translators_do(golden_update: bool) -> None:
    today = page()
    if golden_update:
        PAGE.write_text(today, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == today
