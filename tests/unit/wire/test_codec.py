import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leveret.errors import Conflict, InvalidRequest
from leveret.wire.codec import (
    NotJson,
    canonical,
    check_id,
    decode_object,
    decode_reply,
    decode_request,
    decode_value,
    encode_json,
    encode_request,
    refusal,
)
from leveret.wire.envelope import Request
from leveret.wire.letter import LetterBody, decode_letter
from leveret.wire.limits import LARGEST_REQUEST, MOST_VALUES
from support.bad_requests import BODIES
from support.responses import ok

UNREADABLE = {name: body for name, (body, code) in BODIES.items() if code == "invalid_request"}

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda members: st.lists(members, max_size=4) | st.dictionaries(texts, members, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_strict_request_is_the_callers_error(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_request(body)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    try:
        decode_request(body)
    except InvalidRequest:
        return


@given(st.text(max_size=300).map(lambda text: text.encode(errors="surrogatepass")))
def test_no_text_raises_anything_else(body: bytes) -> None:
    try:
        decode_object(body)
    except InvalidRequest:
        return


@given(st.dictionaries(texts, values, max_size=4))
def test_every_object_that_can_be_stored_is_read_as_it_was_written(document: dict[str, object]) -> None:
    for ascii_only in (True, False):
        assert decode_object(json.dumps(document, ensure_ascii=ascii_only).encode()) == document


@given(st.dictionaries(texts, values, max_size=4))
def test_our_own_reader_and_writer_agree(document: dict[str, object]) -> None:
    request = Request("i1", "v1", "act", document, "token")
    assert decode_request(encode_json(request)) == request


@given(st.dictionaries(texts, values, max_size=5))
def test_equal_requests_have_one_canonical_form_whatever_the_order_of_names(document: dict[str, object]) -> None:
    backwards = dict(reversed(document.items()))
    assert canonical(document) == canonical(backwards)


def test_fields_that_the_first_version_sent_as_null_are_absent() -> None:
    body = b'{"id": "a", "version": "v1", "action": "x", "data": null, "auth": null}'
    assert decode_request(body) == Request("a", "v1", "x", {}, "")


def test_unknown_fields_are_left_aside() -> None:
    assert decode_request(b'{"id": "a", "version": "v1", "action": "x", "data": {}, "sent_by": "me"}').id == "a"


@pytest.mark.parametrize("request_id", ["a", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "x" * 128, "two words", "~!"])
def test_printable_ids_are_taken(request_id: str) -> None:
    check_id(request_id)


@pytest.mark.parametrize("nesting", [60, 63])
def test_nesting_up_to_the_limit_is_taken(nesting: int) -> None:
    body = b'{"x": ' + b"[" * nesting + b"]" * nesting + b"}"
    assert "x" in decode_object(body)


def test_brackets_within_texts_are_no_nesting() -> None:
    assert decode_object(json.dumps({"x": "[" * 1000, "y": ['"' + "{" * 100]}).encode())["x"] == "[" * 1000


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert decode_object(b'{"x": "\\ud83d\\ude00"}') == {"x": "\U0001f600"}


@pytest.mark.parametrize("data", [{"title": "half \ud800"}, {"\udfff": 1}, {"inner": [{"deep": "\udc00"}]}])
def test_half_of_a_surrogate_pair_is_the_callers_error_before_it_is_sent_and_in_the_same_words(
    data: dict[str, object],
) -> None:
    with pytest.raises(InvalidRequest) as sent:
        encode_request(Request("1", "v1", "x", data))
    with pytest.raises(InvalidRequest) as read:
        decode_object(json.dumps(data).encode())
    assert str(sent.value) == str(read.value)


def test_replies_hold_a_code_only_for_errors() -> None:
    assert json.loads(ok("a", [1])) == {"correlation_id": "a", "status": "ok", "data": [1], "error": None}
    error = refusal("a", Conflict("taken", details={"email": "x"}))
    assert json.loads(error) == {
        "correlation_id": "a",
        "status": "error",
        "data": None,
        "error": "taken",
        "code": "conflict",
        "details": {"email": "x"},
    }
    assert decode_reply(error).code == "conflict"


def test_what_an_error_repeats_of_a_request_is_bound() -> None:
    error = refusal("a", Conflict("\x01" * 262_144, details={"name": "x" * 262_144}))
    assert len(error) < 10_000
    assert "(262144 characters)" in (decode_reply(error).error or "")


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
def test_a_letter_that_is_nested_too_deep_is_none(depth: int) -> None:
    body = b'{"failed_at": "x", "reason": "x", "headers": {}, "request": %b%b}' % (b"[" * depth, b"]" * depth)
    with pytest.raises(ValueError, match="nested too deep"):
        decode_letter(body)


def test_a_letter_may_hold_the_deepest_request() -> None:
    deep = {"id": "a", "data": json.loads("[" * 62 + "]" * 62)}
    assert decode_letter(encode_json(LetterBody("x", "x", deep, {}))).request == deep


def test_a_reply_that_is_nested_without_end_is_none() -> None:
    body = b'{"correlation_id": "a", "status": "ok", "data": %b%b}' % (b"[" * 5_000, b"]" * 5_000)
    with pytest.raises(ValueError, match="nested too deep"):
        decode_reply(body)


def test_an_error_names_the_field() -> None:
    with pytest.raises(InvalidRequest, match=r"version"):
        decode_request(b'{"id": "a", "version": 1, "action": "x", "data": {}}')
    with pytest.raises(InvalidRequest, match=r"'x' stands twice"):
        decode_request(b'{"id": "a", "data": {"x": 1, "x": 2}}')


def count_of(value: object) -> int:
    """How many values these are."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count_of, members))


@settings(deadline=None)  # other programs may have the processor
@given(values, st.integers(-2, 2), st.sampled_from([None, 1, ""]))
def test_a_body_of_too_many_values_is_refused_and_none_of_fewer(
    value: object, room: int, indent: int | str | None
) -> None:
    document = {"x": value, "y": [0] * (MOST_VALUES - 2 - count_of(value) + room)}
    body = json.dumps(document, indent=indent).encode()
    if count_of(document) <= MOST_VALUES:
        assert decode_object(body) == document
    else:
        with pytest.raises(InvalidRequest, match="more than 10000 values"):
            decode_object(body)


@pytest.mark.parametrize("piece", ["{}", "[]", "{ }", '""', "0", '{"":0}', "[[[]]]", '["\\"",{"a":[null]}]'])
def test_values_are_counted_before_they_are_made(piece: str) -> None:
    most = (MOST_VALUES - 2) // count_of(json.loads(piece))
    fits = f'{{"x": [{",".join([piece] * most)}]}}'.encode()
    assert len(decode_object(fits)["x"]) == most
    with pytest.raises(InvalidRequest, match="values"):
        decode_object(fits[:-2] + b"," + b",".join([piece.encode()] * 3) + fits[-2:])


@pytest.mark.parametrize("text", [",", "[", "{", "[]", '\\"', "\\\\", ',"'])
def test_what_stands_in_texts_is_no_value(text: str) -> None:
    text = text * 100_000
    document = {"x": [text[:100_000]] * 2}
    assert decode_object(json.dumps(document).encode(), 2 * LARGEST_REQUEST) == document


def test_a_letter_of_too_many_values_is_none() -> None:
    letter = encode_json(LetterBody("", "", [{}] * (2 * MOST_VALUES), {}))
    with pytest.raises(ValueError, match="too many values"):
        decode_letter(letter)
    assert decode_letter(encode_json(LetterBody("", "", [{}] * MOST_VALUES, {}))).request == [{}] * MOST_VALUES


def test_a_byte_order_mark_before_a_request_is_left_aside_and_nowhere_else() -> None:
    body = b'{"id": "a", "version": "v1", "action": "x", "data": {}}'
    assert decode_request(b"\xef\xbb\xbf" + body) == decode_request(body)
    for broken in (b"\xef\xbb\xbf\xef\xbb\xbf" + body, body + b"\xef\xbb\xbf", b" \xef\xbb\xbf" + body):
        with pytest.raises(InvalidRequest, match="not JSON"):
            decode_request(broken)
    with pytest.raises(InvalidRequest, match="not JSON"):
        decode_object(b"\xef\xbb\xbf{}")  # the parts of a token have one form only


def test_an_error_calls_the_object_as_it_is_told() -> None:
    for body, text in (
        (b"{", "it is not JSON: "),
        (b"[]", "it is not a JSON object but an array"),
        (b"\xff", "it is not UTF-8"),
    ):
        with pytest.raises(InvalidRequest, match=f"^{text}"):
            decode_object(body, subject="it")
    with pytest.raises(InvalidRequest, match=r"^Request is not JSON: NaN is not a JSON value$"):
        decode_object(b'{"a": NaN}')


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("null", None), ('"a"', "a"), (" [1.5] ", [1.5])])
def test_a_single_value_is_read(text: str, value: object) -> None:
    assert decode_value(text) == value


@pytest.mark.parametrize("text", ["", "Ada", "NaN", "-Infinity", "1 2", "{", "'a'", "01"])
def test_what_is_no_json_at_all_is_told_from_json_that_no_request_may_hold(text: str) -> None:
    with pytest.raises(NotJson):
        decode_value(text)


@pytest.mark.parametrize("text", ["9" * 20, "1e999", '{"a": 1, "a": 2}', r'"\u0000"', r'"\ud800"', "[" * 65 + "]" * 65])
def test_a_value_is_read_as_strictly_as_an_object(text: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_value(text)
