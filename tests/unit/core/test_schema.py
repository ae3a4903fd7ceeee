"""core.schema"""

import enum
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from entresol.core.schema import Violation, parse
from entresol.core.secret import Secret


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, frozen=True):
    size: Annotated[int, Meta(ge=1, le=10)]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    not_yet: ClassVar[frozenset[str]] = frozenset({"later"})

    text: str
    code: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    told: Annotated[str, Meta(pattern="^/", extra={"message": "should start with: /"})] = "/"
    short: Annotated[str, Meta(min_length=1, max_length=3)] = "x"
    port: Annotated[int, Meta(ge=0, le=65535)] = 80
    ratio: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    least: Annotated[int, Meta(ge=5)] = 5
    most: Annotated[int, Meta(le=5)] = 5
    flag: bool = False
    mode: Annotated[Literal["http", "https"], Meta(extra={"not_yet": ("grpc",)})] = "http"
    number: Literal[301, 302] = 301
    colour: Colour = Colour.RED
    names: Annotated[tuple[str, ...], Meta(min_length=1)] = ("a",)
    items: list[Inner] = []
    tags: frozenset[str] = frozenset()
    bag: set[int] = set()
    table: dict[Annotated[str, Meta(extra={"check": lambda key: "no x" if key == "x" else None})], int] = {}
    few: Annotated[dict[str, int], Meta(max_length=1)] = {}
    inner: Inner | None = None
    mixed: int | str | list[int] | None = None
    even: Annotated[int, Meta(extra={"check": lambda value: "must be even" if value % 2 else None})] = 0
    ruled: Annotated[str, Meta(extra={"check": lambda value: None if value == "" else f"bad {value}"})] = ""
    all_ruled: Annotated[tuple[str, ...], Meta(extra={"check": lambda value: f"bad {value}" if value else None})] = ()
    near: str = ""
    near_all: tuple[str, ...] = ()
    secret: Secret | None = None
    anything: Any = None

    def violations(self) -> list[tuple[str, str]]:
        found = [("@entity", "text and code differ")] if self.text == "differ" else []
        found += [("near", f"not near: {self.near}")] if self.near else []
        return found + [(f"near_all[{at}]", f"not near: {item}") for at, item in enumerate(self.near_all)]


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"port": 70000}, "port", "value should be between 0 and 65535"),
    ({"port": "80"}, "port", "expected an integer"),
    ({"port": True}, "port", "expected an integer"),
    ({"port": 1.5}, "port", "expected an integer"),
    ({"port": float("nan")}, "port", "expected an integer"),
    ({"ratio": 0}, "ratio", "value must be greater than 0"),
    ({"ratio": 1}, "ratio", "value must be less than 1"),
    ({"ratio": []}, "ratio", "expected a number"),
    ({"least": 4}, "least", "value must be at least 5"),
    ({"most": 6}, "most", "value must be at most 5"),
    ({"code": "A"}, "code", "invalid value: A"),
    ({"code": "a\n"}, "code", "invalid value: a\n"),
    ({"told": "x"}, "told", "should start with: /"),
    ({"short": ""}, "short", "length must be at least 1"),
    ({"short": "long"}, "short", "length must be at most 3"),
    ({"flag": "yes"}, "flag", "expected a boolean"),
    ({"mode": "ftp"}, "mode", "expected one of: http, https"),
    ({"mode": "grpc"}, "mode", "grpc is not supported yet; expected one of: http, https"),
    ({"mode": 1}, "mode", "expected a string"),
    ({"number": 303}, "number", "expected one of: 301, 302"),
    ({"number": True}, "number", "expected one of: 301, 302"),
    ({"number": []}, "number", "expected one of: 301, 302"),
    ({"colour": "green"}, "colour", "expected one of: red, blue"),
    ({"names": "a"}, "names", "expected an array"),
    ({"names": []}, "names", "length must be at least 1"),
    ({"names": ["a", 1]}, "names[1]", "expected a string"),
    ({"items": [{"size": 1}, {"size": 0}]}, "items[1].size", "value should be between 1 and 10"),
    ({"items": [None]}, "items[0]", "expected a record"),
    ({"tags": {}}, "tags", "expected a set"),
    ({"bag": ["x"]}, "bag[0]", "expected an integer"),
    ({"table": []}, "table", "expected a map"),
    ({"table": {"a": "b"}}, "table.a", "expected an integer"),
    ({"table": {"x": 1}}, "table.x", "no x"),
    ({"table": {1: 1}}, "table.1", "expected a string"),
    ({"few": {"a": 1, "b": 2}}, "few", "length must be at most 1"),
    ({"inner": []}, "inner", "expected a record"),
    ({"inner": {}}, "inner.size", "required field missing"),
    ({"inner": {"size": 1, "sise": 1}}, "inner.sise", "unknown field"),
    ({"mixed": {}}, "mixed", "expected an integer"),
    ({"mixed": ["a"]}, "mixed[0]", "expected an integer"),
    ({"even": 3}, "even", "must be even"),
    ({"secret": 1}, "secret", "expected a string"),
    ({"later": 1}, "later", "not supported yet"),
    ({"unknown": None}, "unknown", "unknown field"),
    ({"text": None}, "text", "required field missing"),
    ({"text": "differ"}, "", "text and code differ"),
    ({"anything": 1, "5": 1}, "5", "unknown field"),
]


@pytest.mark.parametrize(("changes", "path", "message"), CASES)
def test_a_fault_is_reported_at_its_path_in_kongs_words(changes: dict[str, Any], path: str, message: str) -> None:
    assert parse(Sample, {"text": "t", **changes}) == [Violation(path, message)]


def test_all_faults_are_reported_at_once() -> None:
    found = parse(Sample, {"port": -1, "flag": 1, "names": [1, 2], "foo": 1}, "services[0]")
    assert isinstance(found, list)
    assert [str(violation) for violation in found] == [
        "services[0].foo: unknown field",
        "services[0].text: required field missing",
        "services[0].port: value should be between 0 and 65535",
        "services[0].flag: expected a boolean",
        "services[0].names[0]: expected a string",
        "services[0].names[1]: expected a string",
    ]


def test_valid_data_becomes_a_typed_struct() -> None:
    raw = {
        "text": "t",
        "port": 8080.0,
        "ratio": 0.25,
        "colour": "blue",
        "number": 302,
        "names": ["a", "b"],
        "items": [{"size": 3}],
        "tags": ["x", "x"],
        "bag": [1],
        "table": {"k": 1},
        "inner": {"size": 2},
        "mixed": "m",
        "secret": "s",
        "anything": [1, {}],
        "later": None,
    }
    assert parse(Sample, raw) == Sample(
        text="t",
        port=8080,
        ratio=0.25,
        colour=Colour.BLUE,
        number=302,
        names=("a", "b"),
        items=[Inner(3)],
        tags=frozenset({"x"}),
        bag={1},
        table={"k": 1},
        inner=Inner(2),
        mixed="m",
        secret=Secret("s"),
        anything=[1, {}],
    )


def test_null_means_unset() -> None:
    assert parse(Sample, {"text": "t", "port": None, "inner": None}) == Sample(text="t")


def test_a_reference_may_stand_for_any_scalar() -> None:
    raw = {"text": Secret("t"), "port": Secret("8080"), "flag": Secret("true"), "mode": Secret("https")}
    assert parse(Sample, raw) == Sample(text="t", port=8080, flag=True, mode="https")


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"code": Secret("S3CRET")}, "code", "invalid value"),
        ({"port": Secret("S3CRET")}, "port", "expected an integer"),
        ({"flag": Secret("S3CRET")}, "flag", "expected a boolean"),
        ({"mode": Secret("S3CRET")}, "mode", "expected one of: http, https"),
        ({"number": Secret("S3CRET")}, "number", "expected one of: 301, 302"),
        ({"inner": Secret("S3CRET")}, "inner", "expected a record"),
        ({"names": Secret("S3CRET")}, "names", "expected an array"),
        ({"ruled": Secret("S3CRET")}, "ruled", "invalid value"),
        ({"all_ruled": [Secret("S3CRET")]}, "all_ruled", "invalid value"),
        ({"near": Secret("S3CRET")}, "near", "invalid value"),
        ({"near_all": [Secret("S3CRET")]}, "near_all[0]", "invalid value"),
    ],
)
def test_a_message_never_repeats_a_confidential_value(changes: dict[str, Any], path: str, message: str) -> None:
    assert parse(Sample, {"text": "t", **changes}) == [Violation(path, message)]


@pytest.mark.parametrize("field", ["text", "port", "flag", "mode", "number", "ratio"])
def test_a_reference_without_a_value_is_a_fault_where_the_field_is_not_confidential(field: str) -> None:
    missing = Secret(None, missing=("{vault://env/x}",))
    assert parse(Sample, {"text": "t", field: missing}) == [Violation(field, "no value for {vault://env/x}")]


def test_a_reference_without_a_value_is_kept_where_the_field_is_confidential() -> None:
    missing = Secret(None, missing=("{vault://env/x}",))
    assert parse(Sample, {"text": "t", "secret": missing}) == Sample(text="t", secret=missing)


def test_a_type_without_a_schema_is_the_fault_of_who_declared_it() -> None:
    class Odd(msgspec.Struct):
        value: complex

    with pytest.raises(TypeError, match="complex has no schema"):
        parse(Odd, {})


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.builds(Secret, st.text() | st.none()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.sampled_from(Sample.__struct_fields__)


@given(st.dictionaries(FIELDS, JSON_LIKE, max_size=6) | JSON_LIKE)
def test_parse_never_raises_whatever_it_is_given(raw: Any) -> None:
    result = parse(Sample, raw, "x")
    assert isinstance(result, Sample) or (result and all(isinstance(item, Violation) for item in result))


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    shorthands: ClassVar[dict[str, tuple[str, ...]]] = {"old": ("new",), "flat": ("nested", "deep")}

    new: str = ""
    nested: dict[str, str] = {}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ({"old": "a"}, Renamed(new="a")),
        ({"old": "a", "new": "a"}, Renamed(new="a")),
        ({"old": None, "new": "a"}, Renamed(new="a")),
        ({"flat": "b", "nested": {"c": "d"}}, Renamed(nested={"c": "d", "deep": "b"})),
        ({"flat": "b", "nested": None}, Renamed(nested={"deep": "b"})),
    ],
)
def test_older_names_stand_for_newer_ones(raw: dict[str, Any], value: Renamed) -> None:
    before = msgspec.json.encode(raw)
    assert parse(Renamed, raw) == value
    assert msgspec.json.encode(raw) == before


def test_an_older_name_does_not_hide_what_is_wrong_with_the_newer_place() -> None:
    assert parse(Renamed, {"flat": "b", "nested": "x"}) == [Violation("nested", "expected a map")]


def test_an_older_name_must_not_contradict_the_newer_one() -> None:
    found = parse(Renamed, {"old": "S3CRET", "new": "b"}, "config")
    message = "both deprecated and new field are used but their values mismatch: old vs new"
    assert found == [Violation("config.old", message)]
