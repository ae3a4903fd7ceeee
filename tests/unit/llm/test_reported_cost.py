import pytest

from entresol.llm.openai_structs import CostWire
from entresol.llm.reported_cost import reported_cost


@pytest.mark.parametrize(
    ("wire", "nanodollars"),
    [
        (CostWire(), None),
        (CostWire(cost=0.00014), 140_000),
        (CostWire(cost=0), 0),
        (CostWire(cost={"input_tokens_cost": 0.1, "total_cost": 0.513}), 513_000_000),
        (CostWire(cost={}), None),
        (CostWire(cost_in_usd_ticks=37_756_000), 3_775_600),
        (CostWire(cost_in_usd_ticks=200_000_000), 20_000_000),
        (CostWire(cost=0.01, is_byok=True, cost_details={"upstream_inference_cost": 0.2}), 210_000_000),
        (CostWire(cost=0.2, is_byok=False, cost_details={"upstream_inference_cost": 0.19}), 200_000_000),
        (CostWire(cost=0.2, is_byok=True, cost_details={"upstream_inference_cost": None}), 200_000_000),
    ],
)
def test_each_provider_says_what_it_charged_in_its_own_way(wire: CostWire, nanodollars: int | None) -> None:
    assert reported_cost(wire) == nanodollars


@pytest.mark.parametrize("value", [-1, "1", True, [], float("nan"), float("inf"), 10**400, 2_000_000])
def test_a_cost_that_is_none_is_not_believed(value: object) -> None:
    assert reported_cost(CostWire(cost=value)) is None
    assert reported_cost(CostWire(cost={"total_cost": value})) is None
    assert reported_cost(CostWire(cost_in_usd_ticks=value)) == (200_000 if value == 2_000_000 else None)
