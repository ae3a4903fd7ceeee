"""Forms on their way: text fields read and changed, files passed, over any split."""

import email.message
import email.parser
import email.policy
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entresol.core.errors import ClientError
from entresol.llm.multipart import Choice, FormLimits, FormRewriter

B = b"bnd"
Form = list[tuple[str, str | None, bytes]]


def form(*parts: tuple[str, str | None, bytes], boundary: bytes = B) -> bytes:
    """A form as browsers and SDKs write it: name, file name or None, value."""
    pieces = []
    for name, filename, value in parts:
        said = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
        kind = "" if filename is None else "Content-Type: application/octet-stream\r\n"
        pieces.append(b"--%b\r\nContent-Disposition: %b\r\n%b\r\n" % (boundary, said.encode(), kind.encode()))
        pieces.append(value + b"\r\n")
    return b"".join(pieces) + b"--" + boundary + b"--\r\n"


def parsed(data: bytes, boundary: bytes = B) -> Form:
    """The same, read by the standard library."""
    head = b"Content-Type: multipart/form-data; boundary=" + boundary + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + data)
    assert not message.defects
    found: Form = []
    for part in message.iter_parts():
        assert isinstance(part, email.message.EmailMessage)
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        found.append((str(part.get_param("name", header="content-disposition")), part.get_filename(), value))
    return found


def fed(rewriter: FormRewriter, *pieces: bytes) -> bytes:
    return b"".join([*(rewriter.feed(piece) for piece in pieces), rewriter.feed(b"", True)])


def feed_all(rewriter: FormRewriter, pieces: list[bytes]) -> None:
    for piece in pieces:
        rewriter.feed(piece)


def keep(said: str | None) -> str | None:
    return said


def always(value: str) -> Choice:
    return lambda said: value


AUDIO = ("file", "a.wav", b"RIFF\r\n--bn\r\n\r\n--\0\xff")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_model_is_read_wherever_it_stands(order: tuple[int, int]) -> None:
    parts = [("model", None, b"whisper-1"), AUDIO]
    data = form(*(parts[index] for index in order))
    rewriter = FormRewriter(B, {"model": keep})
    assert fed(rewriter, data) == data
    assert rewriter.values == {"model": "whisper-1"}
    assert rewriter.is_complete


def test_the_models_value_is_replaced_where_it_stands() -> None:
    rewriter = FormRewriter(B, {"model": always("big")})
    out = fed(rewriter, form(AUDIO, ("model", None, b"small"), ("language", None, b"en")))
    assert out == form(AUDIO, ("model", None, b"big"), ("language", None, b"en"))


def test_a_field_that_did_not_come_is_put_in_at_the_end() -> None:
    out = fed(FormRewriter(B, {"model": always("big"), "stream": keep}), form(AUDIO))
    assert out == form(AUDIO, ("model", None, b"big"))


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([("stream", None, b"true"), AUDIO], [AUDIO]),
        ([AUDIO, ("stream", None, b"true"), ("n", None, b"1")], [AUDIO, ("n", None, b"1")]),
        ([AUDIO, ("stream", None, b"true")], [AUDIO]),
    ],
)
def test_a_field_can_be_left_out(parts: Form, left: Form) -> None:
    assert fed(FormRewriter(B, {"stream": lambda said: None}), form(*parts)) == form(*left)


def test_a_choice_is_asked_once_and_told_what_the_client_says() -> None:
    asked: list[str | None] = []

    def choose(said: str | None) -> str | None:
        asked.append(said)
        return said

    fed(FormRewriter(B, {"model": choose, "stream": choose}), form(("model", None, b"m"), AUDIO))
    assert asked == ["m", None]


def test_a_file_passes_as_it_comes_and_is_never_held() -> None:
    rewriter = FormRewriter(B, {"model": always("big")})
    whole = form(("model", None, b"small"), ("file", "f", b"0123456789abcdef" * 4096 * 50))
    held, out = 0, 0
    for at in range(0, len(whole), 65_536):
        out += len(rewriter.feed(whole[at : at + 65_536]))
        held = max(held, rewriter.held)
    assert rewriter.is_complete
    assert out == len(whole) - 2
    assert held < 100


@pytest.mark.parametrize(
    "epilogue", [b"", b"\r\n", b"\r\nanything --bnd at all", b"more"], ids=["none", "line", "text", "same-line"]
)
def test_what_follows_the_form_does_not_pass(epilogue: bytes) -> None:
    data = form(AUDIO).removesuffix(b"\r\n") + epilogue
    assert fed(FormRewriter(B, {}), data) == form(AUDIO)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "cut off in part 0"),
        (b"hello", "does not begin with the boundary"),
        (b"--other\r\n", "does not begin with the boundary"),
        (b"preamble\r\n" + form(AUDIO), "does not begin with the boundary"),
        (b"--bnd--\r\n", "no parts"),
        (b"--bndx\r\n", "something follows the boundary"),
        (b"--bnd x\r\n", "something follows the boundary"),
        (b"--bnd" + b" " * 300 + b"\r\n", "something follows the boundary"),
        (b"--bnd\n", "something follows the boundary"),
        (form(AUDIO)[:-8], "cut off in part 1"),
        (form(AUDIO)[:20], "cut off in part 1"),
        (b"--bnd\r\nContent-Disposition: form-data; name=a\r\n\r\nx\n--bnd--\r\n", "bare line feed"),
        (b"--bnd\r\nContent-Disposition: form-data; name=a\r\n\r\n--bnd--\r\n", "part 1 has no body"),
        (b"--bnd\r\n\r\n\r\nx\r\n--bnd--\r\n", "head|header line"),
        (form(("model", None, b"a"), ("model", None, b"b")), "`model` is there twice"),
        (form(("model", "m.txt", b"a")), "`model` must be plain text"),
        (form(("model", None, b"\xff")), "`model` is not UTF-8"),
        (
            b"--bnd\r\nContent-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n"
            b"--bnd--\r\n",
            "must be plain text",
        ),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_malformed_form_is_refused_with_what_is_wrong(data: bytes, complaint: str, step: int) -> None:
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    with pytest.raises(ClientError, match=complaint) as refused:
        fed(FormRewriter(B, {"model": keep}), *pieces)
    assert refused.value.code == "bad_request"


@pytest.mark.parametrize(
    ("limits", "complaint"),
    [
        (FormLimits(parts=1), "more than 1 parts"),
        (FormLimits(head=40), "head of part 1 is larger than 40 bytes"),
        (FormLimits(field=4), "`model` is larger than 4 bytes"),
        (FormLimits(part=8), "part 2 is larger than 8 bytes"),
    ],
)
@pytest.mark.parametrize("step", [1, 100_000])
def test_what_is_larger_than_its_limit_is_refused(limits: FormLimits, complaint: str, step: int) -> None:
    data = form(("model", None, b"small"), AUDIO)
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    with pytest.raises(ClientError, match=complaint):
        fed(FormRewriter(B, {"model": keep}, limits=limits), *pieces)


@pytest.mark.parametrize("start", [b"--bnd\r\nX: ", b"--bnd\r\nContent-Disposition: form-data; name=model\r\n\r\n"])
def test_what_must_be_held_is_bounded_while_it_is_not_whole(start: bytes) -> None:
    rewriter = FormRewriter(B, {"model": keep}, limits=FormLimits(head=1000, field=1000))
    rewriter.feed(start)
    with pytest.raises(ClientError, match="larger than 1000 bytes"):
        feed_all(rewriter, [b"x"] * 1100)
    assert rewriter.held < 1100


def test_a_value_of_ours_cannot_end_its_part() -> None:
    rewriter = FormRewriter(B, {"model": always("x\r\n--bnd--")})
    with pytest.raises(ClientError, match="must be one line"):
        fed(rewriter, form(("model", None, b"a")))


# When the call depends on a field.


def test_nothing_is_given_out_before_the_field_is_known_that_the_call_depends_on() -> None:
    rewriter = FormRewriter(B, {"model": keep}, waits_for="model")
    data = form(("language", None, b"en"), ("model", None, b"m"), AUDIO)
    cut = data.index(b'\r\n--bnd\r\nContent-Disposition: form-data; name="file"')
    assert rewriter.feed(data[:cut]) == b""
    first = rewriter.feed(data[cut : cut + 8])
    assert first == data[:cut]
    assert first + fed(rewriter, data[cut + 8 :]) == data


def test_a_small_file_before_the_field_is_held() -> None:
    data = form(("file", "f", b"x" * 1000), ("model", None, b"m"))
    rewriter = FormRewriter(B, {"model": keep}, waits_for="model")
    assert rewriter.feed(data[:-30]) == b""
    assert rewriter.feed(data[-30:], True) == data


def test_a_field_that_never_comes_is_known_at_the_end() -> None:
    rewriter = FormRewriter(B, {"model": always("m")}, waits_for="model")
    assert fed(rewriter, form(AUDIO)) == form(AUDIO, ("model", None, b"m"))


def test_a_large_file_before_the_field_is_refused_with_the_reason_and_not_held() -> None:
    rewriter = FormRewriter(B, {"model": keep}, waits_for="model")
    data = form(("file", "f", b"x" * 10_000_000), ("model", None, b"m"))
    with pytest.raises(ClientError, match="`model` must stand in the first 65536 bytes, before any file"):
        feed_all(rewriter, [data[at : at + 4096] for at in range(0, len(data), 4096)])
    assert rewriter.held < 80_000


# Any form, any split.

NAMES = st.text("abcdefgmodl_[]. é", min_size=1, max_size=12).map(str.strip).filter(bool)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"bn", b"bnd", b"--bn", b"\r\n-", b"x"]), max_size=8).map(
        b"".join
    ),
).filter(lambda value: b"\n--bnd" not in b"\r\n" + value and not value.startswith(b"--bnd"))
PARTS = st.tuples(NAMES, st.one_of(st.none(), st.just("f.bin")), VALUES)


def splits(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(st.lists(PARTS, min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_form_passes_unchanged_over_any_split(parts: Form, cuts: list[int]) -> None:
    data = form(*parts)
    assert fed(FormRewriter(B, {}), *splits(data, cuts)) == data


@given(
    st.lists(PARTS.filter(lambda part: part[0] not in ("model", "stream")), max_size=4),
    st.integers(0, 4),
    st.sampled_from(["", "small", "très-grand"]),
    st.lists(st.integers(0, 10_000), max_size=12),
)
def test_the_standard_library_reads_what_was_rewritten(parts: Form, at: int, model: str, cuts: list[int]) -> None:
    given_parts: Form = [*parts[:at], ("model", None, model.encode()), *parts[at:]]
    choices: dict[str, Callable[[str | None], str | None]] = {"model": lambda said: f"[{said}]", "stream": always("1")}
    out = fed(FormRewriter(B, choices), *splits(form(*given_parts), cuts))
    expected: Form = [*parts[:at], ("model", None, f"[{model}]".encode()), *parts[at:], ("stream", None, b"1")]
    assert out == form(*expected)
    if all(name.isascii() for name, _, _ in parts):
        assert parsed(out) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=6))
def test_whatever_comes_is_passed_or_refused_the_same_over_any_split(noise: bytes, cuts: list[int]) -> None:
    data = form(("a", None, b"1"))[:-9] + noise

    def outcome(pieces: list[bytes]) -> bytes | str:
        try:
            return fed(FormRewriter(B, {"model": always("m")}), *pieces)
        except ClientError as refused:
            return refused.code

    assert outcome(splits(data, cuts)) == outcome([data])
