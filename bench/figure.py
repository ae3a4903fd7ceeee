"""One promised figure."""

import operator
from dataclasses import dataclass

COMPARE = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


@dataclass(frozen=True)
class Figure:
    """A measured value and what was promised. `value` None: it could not be measured here, which counts as short."""

    name: str
    value: float | None
    relation: str
    target: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.value is not None and bool(COMPARE[self.relation](self.value, self.target))

    def line(self) -> str:
        shown = "not measured" if self.value is None else f"{self.value:.3g}"
        verdict = "ok" if self.holds else "short"
        return f"{self.name:70s} {shown:>12s} {self.relation} {self.target:g} {self.unit:14s} {verdict}"
