"""The page of the documentation lists every metric, and no other."""

import re

from leveret.observe.exposition import DoorMetrics, WorkerMetrics
from leveret.observe.http_counts import HttpCounts
from leveret.observe.reports import Reports
from support.pages import ROOT

PAGE = ROOT / "docs/operate/metrics.md"


def exported() -> dict[str, str]:
    """The metrics of the code with their kinds; a counter's name has its ending."""
    found = [
        *WorkerMetrics(Reports(), "guestbook", "").collect(),
        *DoorMetrics("console", HttpCounts(), list).collect(),
    ]
    return {each.name + "_total" * (each.type == "counter"): each.type for each in found}


def test_every_metric_is_documented_with_its_kind() -> None:
    listed = re.findall(r"^\| `(leveret_\w+)(?:\{[\w,]+\})?` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    assert dict(listed) == exported()
