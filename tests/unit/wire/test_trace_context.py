"""What a message says of its trace: only what is to the letter of the recommendation counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.wire.trace_context import TraceContext, read_traceparent, read_tracestate, trace_headers, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True)])
def test_a_context_is_read(flags: str, sampled: bool) -> None:
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"}
    assert trace_of(headers) == TraceContext(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE[:-1]}٣-{SPAN}-01",
    ],
)
def test_what_is_not_to_the_letter_is_left_out(value: object) -> None:
    assert read_traceparent(value) is None


@given(st.text() | st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z") | st.binary() | st.none())
def test_reading_never_raises_and_what_it_returns_writes_the_same_again(value: object) -> None:
    if found := read_traceparent(value):
        assert isinstance(value, str)
        assert value.startswith(f"00-{found.trace_id}-{found.span_id}-")


def test_a_message_without_headers_has_no_context() -> None:
    assert trace_of(None) is None
    assert trace_of({}) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("vendor=1", "vendor=1"),
        (" a=1 ,, b@c=x y\t", "a=1,b@c=x y"),
        ("", ""),
        (None, ""),
        (b"a=1", ""),
        ("a", ""),
        ("A=1", ""),
        ("a=1=2", ""),
        ("a=\n", ""),
        ("a=é", ""),
        (",".join(f"k{number}=1" for number in range(32)), ",".join(f"k{number}=1" for number in range(32))),
        (",".join(f"k{number}=1" for number in range(33)), ""),
        ("a=" + "1" * 511, ""),
    ],
)
def test_a_state_is_read_or_left_out_as_a_whole(value: object, read: str) -> None:
    assert read_tracestate(value) == read


@given(st.text() | st.binary())
def test_a_state_that_was_read_is_read_again_as_the_same(value: object) -> None:
    found = read_tracestate(value)
    assert len(found) <= 512
    assert read_tracestate(found) == found


@pytest.mark.parametrize(
    ("headers", "followed"),
    [
        ({}, {}),
        (None, {}),
        ({"tracestate": "a=1"}, {}),
        ({"traceparent": "nonsense", "tracestate": "a=1"}, {}),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01", "x-other": 1}, {"traceparent": f"00-{TRACE}-{SPAN}-01"}),
        (
            {"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1"},
            {"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1"},
        ),
    ],
)
def test_only_the_context_goes_on_to_the_next_message(
    headers: dict[str, object] | None, followed: dict[str, str]
) -> None:
    assert trace_headers(headers) == followed
