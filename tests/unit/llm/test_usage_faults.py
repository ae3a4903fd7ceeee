import msgspec
import pytest

from entresol.llm.usage_faults import convert_usage, despite_usage


class Counts(msgspec.Struct):
    tokens: int | None = None


class Answer(msgspec.Struct):
    text: str
    usage: Counts | None = None


class Event(msgspec.Struct):
    message: Answer


READ = despite_usage(msgspec.json.Decoder(Answer).decode)


@pytest.mark.parametrize("usage", ['"many"', "[1]", "7", '{"tokens":"7"}', '{"tokens":[]}'])
def test_an_answer_with_a_usage_that_is_none_is_read_without(usage: str) -> None:
    assert READ(f'{{"text":"hi","usage":{usage}}}'.encode()) == Answer("hi")


def test_the_message_in_an_event_is_read_without_its_usage() -> None:
    read = despite_usage(msgspec.json.Decoder(Event).decode)
    assert read(b'{"message":{"text":"hi","usage":7}}') == Event(Answer("hi"))


def test_anything_else_that_is_wrong_stays_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="text"):
        READ(b'{"text":7,"usage":"many"}')
    with pytest.raises(msgspec.DecodeError):
        READ(b'{"text":"hi","usage":')


def test_a_decoded_usage_is_its_struct_or_unknown() -> None:
    assert convert_usage({"tokens": 7}, Counts) == Counts(7)
    assert convert_usage("many", Counts) is None
    assert convert_usage(None, Counts) is None
