"""Changes of JSON as RFC 6902 and RFC 7386 say; whatever cannot be done is told, and the document stays as it is."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.letters.edit.patch import PatchProblem, apply_patch, read_patch


def patched(document: Any, patch: Any) -> Any:
    return apply_patch(read_patch(json.dumps(patch)), document)


@pytest.mark.parametrize(
    ("document", "steps", "expected"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            [{"op": "add", "path": "/foo/1", "value": "qux"}],
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2.0}],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        (
            {"foo": "bar"},
            [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
            {"foo": "bar", "child": {"grandchild": {}}},
        ),
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 1}], {"foo": "bar", "baz": "qux"}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
        ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
        ({"a": [1]}, [{"op": "replace", "path": "/a/0", "value": None}], {"a": [None]}),
    ],
)
def test_operations_do_what_rfc_6902_says(document: Any, steps: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert patched(document, steps) == expected
    assert document == before


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"op": "test", "path": "/a", "value": True}], "operation 1, test /a: what is there is another value"),
        ([{"op": "test", "path": "/a", "value": "1"}], "another value"),
        ([{"op": "remove", "path": "/b"}], "there is no 'b'"),
        ([{"op": "replace", "path": "/b", "value": 1}], "there is no 'b'"),
        ([{"op": "add", "path": "/b/c", "value": 1}], "there is no 'b'"),
        ([{"op": "add", "path": "/a/c", "value": 1}], "neither an object nor an array"),
        ([{"op": "add", "path": "/list/3", "value": 1}], "'3' is not a place in an array of 2"),
        ([{"op": "add", "path": "/list/01", "value": 1}], "'01' is not a place"),
        ([{"op": "remove", "path": "/list/-"}], "'-' is not a place"),
        ([{"op": "remove", "path": ""}], "cannot be removed"),
        ([{"op": "copy", "from": "/b", "path": "/c"}], "there is no 'b'"),
        ([{"op": "move", "from": "/list", "path": "/list/0"}], "nothing can be moved into itself"),
        ([{"op": "add", "path": "/b"}], "add needs a value"),
        ([{"op": "add", "path": "b", "value": 1}], "expected a JSON Pointer"),
        ([{"op": "add", "path": "/~2", "value": 1}], "expected a JSON Pointer"),
        ([{"op": "copy", "path": "/b"}], "from: expected a JSON Pointer"),
        ([{"op": "grow", "path": "/a"}], "expected an op of add, remove"),
        ([{"path": "/a"}], "operation 1: expected an op"),
        ([[]], "operation 1: expected an object"),
        (1, "neither an array of operations"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_changed(steps: Any, words: str) -> None:
    document = {"a": 1, "list": [1, 2]}
    with pytest.raises(PatchProblem, match=words):
        patched(document, steps)
    assert document == {"a": 1, "list": [1, 2]}


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "[1e999]", '"\\ud800"', "[" * 100 + "]" * 100])
def test_a_patch_that_no_request_could_hold_is_refused(text: str) -> None:
    with pytest.raises(PatchProblem, match="is not JSON that a request may hold"):
        read_patch(text)


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_an_object_is_merged_as_rfc_7386_says(document: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(document)
    assert patched(document, patch) == expected
    assert document == before


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
POINTERS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0", "~1", ""]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
STEPS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": POINTERS},
    optional={"value": VALUES, "from": POINTERS},
)


@given(document=st.dictionaries(st.text("ab/~", max_size=2), VALUES, max_size=4), steps=st.lists(STEPS, max_size=4))
def test_any_patch_is_done_or_refused_in_words_and_leaves_the_document(document: Any, steps: Any) -> None:
    before = copy.deepcopy(document)
    with suppress(PatchProblem):
        json.dumps(patched(document, steps))
    assert document == before
