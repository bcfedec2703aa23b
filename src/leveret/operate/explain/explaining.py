"""Asks all sources at once what they know of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from leveret.application import Application
from leveret.broker.connecting import BrokerTrouble
from leveret.letters.document import secrets_of
from leveret.operate.explain.concluding import conclude
from leveret.operate.explain.known import BlindSpot, Explanation, Findings
from leveret.operate.explain.question import FactSource, Question
from leveret.operate.explain.queues import ask_depths, ask_letters
from leveret.operate.explain.recordings import ask_recordings
from leveret.operate.explain.rows import ask_rows
from leveret.retry import describe
from leveret.settings import Settings

SOURCES: Final[Mapping[str, FactSource]] = {
    "database": ask_rows,
    "dead letters": ask_letters,
    "queues": ask_depths,
    "flight recorder": ask_recordings,
}
"""What is asked, by the name under which it is missed where it does not answer."""

LIMIT: Final = 40.0
"""Seconds that a source may take: longer than PostgreSQL lets a statement run."""


async def explain(
    app: Application[Any],
    settings: Settings,
    request_id: str,
    *,
    sources: Mapping[str, FactSource] = SOURCES,
    limit: float = LIMIT,
) -> Explanation:
    """Return what is known of a request; a source that does not answer is a blind spot, and never an error.

    Args:
        app: the application.
        settings: its settings.
        request_id: the request's id.
        sources: what is asked.
        limit: seconds that each may take.
    """
    question = Question(request_id, app, settings, secrets_of(app))
    asked = [_ask(name, source, question, limit) for name, source in sources.items()]
    return conclude(request_id, await asyncio.gather(*asked))


async def _ask(name: str, source: FactSource, question: Question, limit: float) -> Findings:
    try:
        async with asyncio.timeout(limit):
            return await source(question)
    except TimeoutError:
        return Findings(blind=(BlindSpot(name, f"it has not answered within {limit:g} s"),))
    except BrokerTrouble as error:
        return Findings(blind=(BlindSpot(name, str(error)),))
    except Exception as error:  # whatever a source meets, the others tell what they know
        return Findings(blind=(BlindSpot(name, describe(error)),))
