import msgspec

from entresol.llm.gemini_structs import CandidatePiece, ResponsePiece, UsageWire


def test_fields_are_called_as_google_calls_them() -> None:
    usage = msgspec.json.decode(b'{"promptTokenCount":3,"thoughtsTokenCount":null}', type=UsageWire)
    assert (usage.prompt_token_count, usage.thoughts_token_count) == (3, None)


def test_what_nobody_reads_is_known_to_be_there() -> None:
    response = msgspec.json.decode(b'{"candidates":[{"safetyRatings":[{"a":1}]}]}', type=ResponsePiece)
    assert response.candidates is not None
    assert response.candidates[0].safety_ratings is not CandidatePiece().safety_ratings
