import msgspec
import pytest

from entresol.api_floor.log_ai_structs import Call, Meta, Part, Payload, Usage


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Call(payload=Payload(request="{}")), '{"payload":{"request":"{}"}}'),
        (Meta("p", "openai", None, "m-1"), '{"plugin_id":"p","provider_name":"openai","response_model":"m-1"}'),
        (Meta("p", "gemini", dropped=["user"]), '{"plugin_id":"p","provider_name":"gemini","dropped":["user"]}'),
        (Usage(), "{}"),
        (Payload(), "{}"),
    ],
)
def test_what_is_not_known_is_left_out(part: Part, expected: str) -> None:
    assert msgspec.json.encode(part).decode() == expected


def test_usage_shows_a_zero() -> None:
    usage = Usage(0, None, 3, time_to_first_token=1.5)
    assert msgspec.json.encode(usage) == b'{"prompt_tokens":0,"total_tokens":3,"time_to_first_token":1.5}'
