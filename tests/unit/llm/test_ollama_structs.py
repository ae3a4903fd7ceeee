import msgspec

from entresol.llm.ollama_structs import NOTHING, AnswerFacts, Chunk


def test_what_nobody_reads_is_known_to_be_there() -> None:
    chunk = msgspec.json.decode(b'{"context":[1,2],"load_duration":null}', type=Chunk)
    assert chunk.context != Chunk().context
    assert chunk.total_duration == Chunk().total_duration


def test_an_empty_response_is_one() -> None:
    assert msgspec.json.decode(b'{"response":""}', type=AnswerFacts).response != NOTHING
    assert AnswerFacts().response == NOTHING
