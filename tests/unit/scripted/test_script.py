"""Scripts are responses in steps."""

from entresol.scripted.script import Break, Refusal, Script, Send, Wait, event_script, json_script


def test_the_body_of_a_script_is_all_it_sends() -> None:
    assert Script(200, [], (Send(b"a"), Wait(1), Send(b"b"), Break())).body == b"ab"


def test_answers_say_their_content_type() -> None:
    assert (b"content-type", b"application/json") in json_script(200, {}).headers
    stream = event_script([b"a"], [(b"x-id", b"1")])
    assert stream.streamed
    assert stream.headers[0] == (b"content-type", b"text/event-stream; charset=utf-8")
    assert stream.headers[-1] == (b"x-id", b"1")


def test_a_refusal_reads_as_its_message() -> None:
    assert str(Refusal(400, "invalid", "no", param="p")) == "no"
