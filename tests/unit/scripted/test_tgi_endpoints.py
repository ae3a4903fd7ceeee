"""Which of TGI's endpoints is meant, and who may use it."""

import pytest

from unit.scripted.asking import ask, said

HELLO = {"inputs": "Hello"}


def test_the_compatible_path_answers_with_a_list() -> None:
    for path in ("/", "/models/gpt2"):
        assert said(ask(path, HELLO)) == [{"generated_text": 'You said: "Hello".'}]
    assert ask("/models/org/name", HELLO).model == "org/name"


@pytest.mark.parametrize(
    ("path", "stream", "streams"),
    [
        ("/generate", True, False),
        ("/generate_stream", False, True),
        ("/", True, True),
        ("/", False, False),
        ("/models/gpt2", True, True),
    ],
)
def test_the_path_says_whether_to_stream_or_the_body(path: str, stream: bool, streams: bool) -> None:
    answered = ask(path, {**HELLO, "stream": stream})
    assert (answered.script.streamed, answered.wire) == (streams, "tgi")


def test_who_has_no_key_is_refused() -> None:
    assert ask("/generate", HELLO, headers={"authorization": "Bearer wrong"}).script.status == 401
    assert ask("/generate", HELLO, headers={"content-type": "text/plain"}).script.status == 415
    assert ask("/generate", raw=b"{").script.status == 400


def test_faults_are_ordered_by_path_or_prompt() -> None:
    assert ask("/models/scripted-503", HELLO).script.status == 503
    busy = ask("/generate", {"inputs": "Hello [scripted-429-3]"})
    assert (busy.script.status, dict(busy.script.headers)[b"retry-after"]) == (429, b"3")
    assert said(busy)["error_type"] == "overloaded"
    assert said(ask("/generate", {"inputs": "Hello [scripted-500]"}))["error_type"] == "generation"
    failed = ask("/generate_stream", {"inputs": "Hello [scripted-error-midstream]"})
    assert b'"error_type":"generation"' in failed.script.body


def test_other_paths_are_others() -> None:
    assert ask("/v1/models", method="GET").wire == "openai"
    assert ask("/", method="GET").wire == "none"
