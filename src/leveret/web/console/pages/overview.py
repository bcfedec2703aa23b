"""The front page: what is wrong, and how the system does, kept up to date by server-sent events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from leveret.web.console.pages.live import live_part
from leveret.web.console.pages.page import allowed, page_text, render, speech_of
from leveret.web.console.showing.charts import line_chart
from leveret.web.console.watching import PAUSE, SystemWatch

_ROWS: Final = 11
"""One more than the rows of the table beside the charts."""


@allowed("viewer")
async def show(request: Request) -> Response:
    """Show the page."""
    return render(request, "overview.html", **await _values(request))


@allowed("viewer")
async def live(request: Request) -> Response:
    """Send the changing part of the page again and again, until the browser goes or the session ends."""

    async def part() -> str:
        return page_text(request, "overview_live.html", **await _values(request))

    return live_part(request, part, PAUSE)


async def _values(request: Request) -> dict[str, Any]:
    watch: SystemWatch = request.app.state.watch
    overview, speech = await watch.overview(), speech_of(request)
    history, flow = watch.history(), overview.flow

    def chart(key: str, values: Sequence[float | None]) -> Markup:
        return line_chart(values or [None], str(speech.say("overview.chart", what=speech.say(key))))

    depths = [
        (key, values[-1] if values else None, chart(key, values))
        for key, name in (
            ("overview.waiting", "waiting"),
            ("overview.retrying", "retrying"),
            ("overview.letters", "letters"),
        )
        for values in [[getattr(each, name) for each in watch.depths]]
    ]
    rates = [
        (key, value, chart(key, [getattr(each, name) for each in history]))
        for key, name, value in (
            ("overview.in", "incoming", flow.incoming),
            ("overview.out", "finished", flow.finished),
            ("overview.failing", "failing", flow.failing),
        )
    ]
    took = chart("overview.latency", [each.took for each in history])
    return {"overview": overview, "depths": depths, "rates": rates, "took": took, "table": history[:-_ROWS:-1]}
