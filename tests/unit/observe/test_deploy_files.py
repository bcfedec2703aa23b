"""Dashboard, alert rules and scaling ask for metrics that the code exports, with labels that it has."""

import json
import re
from collections.abc import Iterator

import pytest

from leveret.observe.exposition import WorkerMetrics
from leveret.observe.outcome_words import OutcomeWord
from leveret.observe.reports import Reports
from leveret.topology import Topology
from support.pages import ROOT

DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\b(?:leveret|rabbitmq)_\w+")
OF_THE_BROKER = {"rabbitmq_detailed_queue_messages_ready"}
"""Metrics of RabbitMQ's plugin that we rely on."""


def exported() -> set[str]:
    """The names that queries can use."""
    names = OF_THE_BROKER.copy()
    for metric in WorkerMetrics(Reports(), "guestbook", "").collect():
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(metric.type, ("",))
        names.update(metric.name + ending for ending in endings)
    return names


def rules() -> list[dict[str, str]]:
    """The alert rules, each with its entries; every entry of the file stands on one line."""
    _, *parts = (DEPLOY / "alerts.yml").read_text().split("      - alert: ")
    entries = r"^ +(\w+): (.+)$"
    return [{"alert": part.split()[0]} | dict(re.findall(entries, part, re.MULTILINE)) for part in parts]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    board = json.loads((DEPLOY / "grafana.json").read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_an_expression_asks_for_metrics_and_outcomes_that_there_are(where: str, expression: str) -> None:
    named = set(NAME.findall(expression))
    assert named, where
    assert named <= exported()
    assert set(re.findall(r'outcome="(\w+)"', expression)) <= set(OutcomeWord)
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    asked = {name for _, expression in expressions() for name in NAME.findall(expression)}
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in asked}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in exported()} - shown == set()


def test_every_rule_says_what_happened_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "summary", "description"}
        assert rule["labels"] in {"{severity: warning}", "{severity: critical}"}


def test_panels_have_ids_and_places_of_their_own() -> None:
    panels = json.loads((DEPLOY / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)


def test_scaling_looks_at_the_queue_of_requests() -> None:
    assert f"queueName: {Topology().requests}\n" in (DEPLOY / "keda.yaml").read_text()


def test_prometheus_reads_the_rules_that_there_are() -> None:
    assert "rule_files:\n  - alerts.yml\n" in (DEPLOY / "prometheus.yml").read_text()
