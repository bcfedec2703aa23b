"""Answers as HTTP has them: data, problems, and that a request was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leveret.web.gateway.negotiation import SMALLEST, compressed, takes_gzip
from leveret.web.gateway.problems import MEDIA_TYPE, HttpProblem
from leveret.web.gateway.request_ids import id_headers
from leveret.wire.codec import encode_json

JSON: Final = "application/json"

PROBLEM_PAGES: Final = "/problems/"
"""The path under which each code has its page."""

_SOON: Final = "1"
"""Seconds after which to ask for the answer to a request that was accepted."""


def data_response(
    request: Request, body: bytes, status: int, request_id: str, more: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that an action's output is; a long one without a tag is compressed if the caller takes that.

    Args:
        request: the request.
        body: the output as JSON.
        status: of the answer; one of 204 or 304 has no body.
        request_id: the request's id.
        more: further headers.
    """
    headers = {**id_headers(request, request_id), "Cache-Control": "no-store", **(more or {})}
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(status_code=status, headers=headers)
    if len(body) >= SMALLEST and "ETag" not in headers:  # a strong tag is for these very bytes (RFC 9110, 8.8.3.3)
        headers["Vary"] = f"{headers['Vary']}, Accept-Encoding" if "Vary" in headers else "Accept-Encoding"
        if takes_gzip(request):
            body, headers["Content-Encoding"] = compressed(body), "gzip"
    return Response(body, status, headers, JSON)


def problem_response(
    request: Request, problem: HttpProblem, request_id: str, more: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that an error is."""
    types = f"{str(request.base_url).rstrip('/')}{PROBLEM_PAGES}"
    body = problem.body(request_id, types, request.url.path)
    headers = {**id_headers(request, request_id), "Cache-Control": "no-store", **problem.headers, **(more or {})}
    return Response(body, problem.status, headers, MEDIA_TYPE)


def accepted_response(
    request: Request, request_id: str, address: str, more: Mapping[str, str] | None = None
) -> Response:
    """Return the answer to a request that is carried out later, with the path under which its answer is found."""
    body = encode_json({"request_id": request_id, "state": "open", "answer": address})
    headers = {"Location": address, "Retry-After": _SOON, **(more or {})}
    return data_response(request, body, HTTPStatus.ACCEPTED, request_id, headers)
