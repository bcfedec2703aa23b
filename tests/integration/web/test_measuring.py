"""Metrics and health of a door over HTTP, on a port of its own."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.gateways import gateway_running, gateway_settings

LOOPBACK = ("127.0.0.1", 0)


def pages(records: list[logging.LogRecord]) -> str:
    """Return where the pages are, as the log says it."""
    found = [re.search(r"metrics at (http://\S+)/metrics", record.getMessage()) for record in records]
    return next(each[1] for each in found if each)


async def test_requests_are_counted_by_route_and_strangers_make_no_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.gateway")
    settings = gateway_settings(tmp_path, "amqp://memory", "unused")
    async with gateway_running(settings, direct=True, metrics=LOOPBACK) as url, httpx2.AsyncClient() as http:
        for method, path in (
            ("GET", "/api/v1/health"),
            ("GET", "/api/v1/tasks/7"),
            ("PROPFIND", "/x"),
            ("GET", "/x/y"),
        ):
            await http.request(method, f"{url}{path}")
        text = (await http.get(f"{pages(caplog.records)}/metrics")).text
        ready = await http.get(f"{pages(caplog.records)}/health/ready")
    found = {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "leveret_http_requests_total"
    }
    assert found == {
        ("/api/v1/health", "GET", "200"): 1,
        ("/api/v1/tasks/{task_id}", "GET", "401"): 1,
        ("-", "-", "404"): 1,
        ("-", "GET", "404"): 1,
    }
    assert 'leveret_http_ready{door="gateway"} 1.0' in text
    assert (ready.status_code, ready.text) == (200, "ok\n")


async def test_a_gateway_without_a_broker_is_alive_and_not_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.gateway")
    settings = gateway_settings(tmp_path, "amqp://127.0.0.1:1", "unused")
    async with gateway_running(settings, direct=False, metrics=LOOPBACK) as url, httpx2.AsyncClient() as http:
        at = pages(caplog.records)
        live, ready, startup = [await http.get(f"{at}/health/{name}") for name in ("live", "ready", "startup")]
        answer = await http.get(f"{url}/api/v1/health")
    assert [each.status_code for each in (live, ready, startup)] == [200, 503, 200]
    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert answer.headers["Retry-After"] == "1"
