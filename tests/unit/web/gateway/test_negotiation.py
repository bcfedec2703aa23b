"""Which kinds of answers and which encodings a caller takes."""

from __future__ import annotations

import gzip

import pytest
from starlette.requests import Request

from leveret.web.gateway.negotiation import SMALLEST, check_accept, compressed, takes_gzip
from leveret.web.gateway.problems import HttpProblem
from leveret.web.gateway.responses import data_response


def asking(**headers: str) -> Request:
    fields = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": fields})


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/*",
        "application/problem+json",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "text/html,application/json;q=0.001",
        "*/*;q=0, application/json",
        "application/json;q=0, application/problem+json",
    ],
)
def test_who_takes_json_gets_it(accept: str) -> None:
    check_accept(asking(Accept=accept))


def asking_in_lines(name: str, *lines: str) -> Request:
    headers = [(name.encode(), line.encode()) for line in lines]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


def test_several_lines_of_a_header_are_one_list() -> None:
    check_accept(asking_in_lines("accept", "text/html", "application/json"))
    assert takes_gzip(asking_in_lines("accept-encoding", "br", "gzip"))


def test_who_says_nothing_gets_json() -> None:
    check_accept(asking())


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/xml",
        "application/json;q=0",
        "*/*;q=0",
        "application/json;q=much",
        "",
        ",",
        "*/*;q=nan",
        "*/*;q=-1",
        "*/*;q=2",
        "application/json;q=0, */*",
    ],
)
def test_who_takes_no_json_is_told_what_there_is(accept: str) -> None:
    with pytest.raises(HttpProblem, match=r"answers are application/json") as caught:
        check_accept(asking(Accept=accept))
    assert (caught.value.code, caught.value.status) == ("not_acceptable", 406)


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        (None, False),
        ("gzip", True),
        ("GZIP;q=0.5, br", True),
        ("x-gzip", True),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("identity", False),
        ("*", False),
    ],
)
def test_an_encoding_is_used_only_by_its_name(accepted: str | None, *, takes: bool) -> None:
    assert takes_gzip(asking() if accepted is None else asking(Accept_Encoding=accepted)) is takes


def test_what_is_compressed_comes_out_again() -> None:
    body = b'{"title":"a"}' * 500
    assert gzip.decompress(compressed(body)) == body
    assert len(compressed(body)) < len(body) / 10


def test_a_long_answer_is_compressed_for_who_takes_that_and_varies_for_all() -> None:
    body = b"x" * SMALLEST
    packed = data_response(asking(Accept_Encoding="gzip"), body, 200, "id", {"Vary": "Prefer"})
    assert gzip.decompress(packed.body) == body
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Length"] == str(len(packed.body))
    plain = data_response(asking(), body, 200, "id", {"Vary": "Prefer"})
    assert (plain.body, "Content-Encoding" in plain.headers) == (body, False)
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Prefer, Accept-Encoding"


@pytest.mark.parametrize(
    ("length", "more"), [(SMALLEST - 1, {}), (SMALLEST, {"ETag": '"v2.1"'})], ids=["short", "with a strong tag"]
)
def test_what_is_short_or_has_a_tag_stays_as_it_is(length: int, more: dict[str, str]) -> None:
    answer = data_response(asking(Accept_Encoding="gzip"), b"x" * length, 200, "id", more)
    assert (answer.body, "Content-Encoding" in answer.headers, "Vary" in answer.headers) == (
        b"x" * length,
        False,
        False,
    )
