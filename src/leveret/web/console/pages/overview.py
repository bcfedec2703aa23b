"""The front page: what is wrong, and how the system does, kept up to date by server-sent events."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from leveret.web.console.pages.live import live_part
from leveret.web.console.pages.page import allowed, page_text, render, speech_of
from leveret.web.console.showing.charts import line_chart
from leveret.web.console.watching import PAUSE, SystemWatch


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
    depths = watch.depths
    charts = [
        (key, values[-1], line_chart(values, str(speech.say("overview.chart", what=speech.say(key)))))
        for key, values in (
            ("overview.waiting", [each.waiting for each in depths] or [None]),
            ("overview.retrying", [each.retrying for each in depths] or [None]),
            ("overview.letters", [each.letters for each in depths] or [None]),
        )
    ]
    return {"overview": overview, "charts": charts, "table": depths[:: max(len(depths) // 10, 1)][-10:]}
