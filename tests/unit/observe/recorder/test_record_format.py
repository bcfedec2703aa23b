"""The bytes of a recording: what was written is read again, and what was written in part is recognised."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret.observe.outcome_words import OutcomeWord
from leveret.observe.recorder.record_format import (
    ACTION_AT,
    HEADER_SIZE,
    MOMENTS_AT,
    OUTCOME_AT,
    POINTS,
    RECORD_SIZE,
    RecordedRequest,
    RecordingHeader,
    decode_header,
    decode_record,
    encode_action,
    encode_header,
    encode_new,
    encode_outcome,
    is_torn,
)

moments = st.none() | st.floats(1, 1e10)
texts = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=42)
requests = st.builds(
    RecordedRequest,
    sequence=st.integers(1, 2**64 - 1),
    id=texts,
    action=texts,
    attempt=st.integers(1, 0xFFFF),
    received=moments,
    admitted=moments,
    begun=moments,
    ended=moments,
    committed=moments,
    settled=moments,
    outcome=st.sampled_from(OutcomeWord),
    code=texts,
)


def written(request: RecordedRequest) -> bytearray:
    new = encode_new(request.sequence, request.id)
    action = encode_action(request.action, request.attempt)
    times = struct.pack("<6d", *(getattr(request, point) or 0 for point in POINTS))
    end = encode_outcome(request.outcome, request.code) if request.outcome else b""
    data = bytearray(new)
    for at, part in ((ACTION_AT, action), (MOMENTS_AT, times), (OUTCOME_AT, end)):
        data[at : at + len(part)] = part
    assert (len(action), len(times)) == (MOMENTS_AT - ACTION_AT, OUTCOME_AT - MOMENTS_AT)
    return data


@given(requests)
def test_a_record_is_read_as_it_was_written(request: RecordedRequest) -> None:
    data = written(request)
    assert len(data) == RECORD_SIZE
    assert decode_record(data) == request
    assert not is_torn(data)


@given(requests, st.data(), st.integers(1, 255))
def test_a_damaged_first_part_is_recognised(request: RecordedRequest, choose: st.DataObject, change: int) -> None:
    data = written(request)
    data[choose.draw(st.integers(0, 4 + 8 + len(request.id)))] ^= change
    assert decode_record(data) is None
    assert is_torn(data)


@given(requests, st.integers(OUTCOME_AT, OUTCOME_AT + 47), st.integers(1, 255))
def test_a_damaged_outcome_is_no_outcome(request: RecordedRequest, at: int, change: int) -> None:
    data = written(request)
    data[at] ^= change
    found = decode_record(data)
    assert found
    assert (found.outcome, found.code) == (None, "")


@given(requests, st.integers(ACTION_AT, MOMENTS_AT - 1), st.integers(1, 255))
def test_a_damaged_action_leaves_the_rest(request: RecordedRequest, at: int, change: int) -> None:
    data = written(request)
    data[at] ^= change
    found = decode_record(data)
    assert found
    assert (found.id, found.action, found.attempt) == (request.id, "-", 1)
    assert (found.settled, found.outcome) == (request.settled, request.outcome)


@given(st.binary(min_size=RECORD_SIZE, max_size=RECORD_SIZE))
def test_any_bytes_can_be_read(data: bytes) -> None:
    decode_record(data)
    is_torn(data)


def test_a_record_that_was_never_written_is_not_torn() -> None:
    assert decode_record(bytes(RECORD_SIZE)) is None
    assert not is_torn(bytes(RECORD_SIZE))


def test_texts_that_are_too_long_are_cut() -> None:
    data = encode_new(1, "é" * 100)
    found = decode_record(data[:ACTION_AT] + encode_action("a" * 100, 2**20) + data[MOMENTS_AT:])
    assert found
    assert (found.id, found.action, found.attempt) == ("é" * 64, "a" * 64, 0xFFFF)


@given(texts, texts, st.floats(0, 1e10))
def test_a_header_is_read_as_it_was_written(application: str, worker: str, started: float) -> None:
    header = RecordingHeader(7, 1000, started, 0.0, application, worker)
    assert decode_header(encode_header(header)) == header


@pytest.mark.parametrize("data", [b"", bytes(HEADER_SIZE), b"x" * HEADER_SIZE])
def test_other_bytes_are_not_a_header(data: bytes) -> None:
    assert decode_header(data) is None
