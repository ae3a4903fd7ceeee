import msgspec
import pytest

from entresol.api_floor.log_parts import Ai, Call, Fault, Meta, Part, Payload, Try, Usage


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Try(1, "h", 2), '{"balancer_start":1,"ip":"h","port":2}'),
        (Try(1, "h", 2, "failed", 504), '{"balancer_start":1,"ip":"h","port":2,"state":"failed","code":504}'),
        (Fault("c"), '{"code":"c"}'),
        (Ai(Call(payload=Payload(request="{}"))), '{"proxy":{"payload":{"request":"{}"}}}'),
        (Meta("p", "openai", None, "m-1"), '{"plugin_id":"p","provider_name":"openai","response_model":"m-1"}'),
        (Usage(), "{}"),
        (Payload(), "{}"),
    ],
)
def test_what_is_not_known_is_left_out(part: Part, expected: str) -> None:
    assert msgspec.json.encode(part).decode() == expected


def test_usage_shows_a_zero() -> None:
    usage = Usage(0, None, 3, time_to_first_token=1.5)
    assert msgspec.json.encode(usage) == b'{"prompt_tokens":0,"total_tokens":3,"time_to_first_token":1.5}'
