import pytest

from entresol.core.errors import ClientError
from entresol.llm.format import bad_field, bad_request
from entresol.llm.reading import ObjectReader, json_type


def reader(value: object, path: str = "") -> ObjectReader:
    return ObjectReader(value, path, bad_request)


def test_what_is_not_taken_is_left_over() -> None:
    fields = reader({"a": "x", "b": 1, "c": None, "d": [1]})
    assert (fields.string("a"), fields.integer("b"), fields.string("c")) == ("x", 1, None)
    assert fields.rest() == {"d": [1]}


def test_reading_does_not_change_what_is_read() -> None:
    value = {"a": "x"}
    reader(value).string("a")
    assert value == {"a": "x"}


WRONG = [
    ("string", 1, "expected a string, got a number"),
    ("integer", "1", "expected an integer, got a string"),
    ("integer", True, "expected an integer, got a boolean"),
    ("integer", 1.5, "expected an integer, got a number"),
    ("number", [], "expected a number, got a list"),
    ("boolean", 0, "expected true or false, got a number"),
    ("mapping", "x", "expected an object, got a string"),
    ("reader", 1, "expected an object, got a number"),
    ("readers", {}, "expected a list, got an object"),
    ("readers", [1], "expected an object, got a number"),
    ("reader_or_readers", "x", "expected a list, got a string"),
    ("strings", ["a", 1], "expected a list of strings, got a list"),
    ("string_or_strings", 5, "expected a list, got a number"),
    ("need_string", None, "is required"),
]


@pytest.mark.parametrize(("method", "value", "message"), WRONG)
def test_a_field_of_another_type_is_named(method: str, value: object, message: str) -> None:
    with pytest.raises(ClientError, match=message) as error:
        getattr(reader({"field": value}, "messages[2]"), method)("field")
    assert error.value.code == "bad_request"
    assert error.value.message.startswith("messages[2].field")


@pytest.mark.parametrize("value", [None, 1, "x", [], True])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ClientError, match="expected an object"):
        reader(value)


def test_a_whole_number_may_be_written_as_a_float() -> None:
    assert reader({"n": 3.0}).integer("n") == 3


def test_nested_objects_know_where_they_stand() -> None:
    fields = reader({"list": [{"a": 1}, {"a": "x"}], "one": {"b": 2}})
    items = fields.readers("list")
    one = fields.reader("one")
    assert items is not None
    assert one is not None
    assert ([item.path for item in items], one.at("b")) == (["list[0]", "list[1]"], "one.b")


def test_one_string_is_as_good_as_a_list() -> None:
    assert reader({"stop": "a"}).string_or_strings("stop") == ["a"]
    assert reader({"stop": ["a", "b"]}).string_or_strings("stop") == ["a", "b"]
    assert reader({}).string_or_strings("stop") is None


def test_an_answer_is_the_providers_fault() -> None:
    error = bad_field("choices[0].message", "is required")
    assert (error.status, error.code) == (502, "provider_bad_response")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "a list"),
        ({}, "an object"),
    ],
)
def test_types_have_jsons_names(value: object, words: str) -> None:
    assert json_type(value) == words


def test_what_is_neither_taken_nor_kept_is_told_with_its_path() -> None:
    top = reader({"a": [{"b": {"c": 1, "d": 2, "e": None}}, {"b": {"d": 3}}], "kept": {"x": 1}})
    for item in top.readers("a") or []:
        inner = item.reader("b")
        assert inner is not None
        inner.integer("c")
    kept = top.reader("kept")
    assert kept is not None
    assert kept.rest() == {"x": 1}
    assert top.unread() == ["a[].b.d"]


@pytest.mark.parametrize(("value", "paths"), [({"a": 1}, ["x"]), ([{"a": 1}], ["x[0]"]), (None, None)])
def test_one_object_may_stand_for_a_list_of_one(value: object, paths: list[str] | None) -> None:
    found = reader({"x": value}).reader_or_readers("x")
    assert (None if found is None else [one.path for one in found]) == paths
    assert found is None or [one.integer("a") for one in found] == [1]


def test_it_tells_whether_fields_are_left() -> None:
    reader = ObjectReader({"a": 1}, "", bad_request)
    assert reader.has_more
    reader.take("a")
    assert not reader.has_more
