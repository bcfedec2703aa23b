"""The command ``letters redrive``: sends letters again as an operation, or says what would happen."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leveret.cli.context import application, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.operating import letter_options as options
from leveret.cli.operating import recording
from leveret.cli.operating.redrive import options as how
from leveret.cli.operating.redrive.lines import Told
from leveret.cli.operating.redrive.running import carry_out, show_dry_run, system_of
from leveret.cli.operating.redrive.unrecorded import send_unrecorded
from leveret.errors import StorageUnavailable
from leveret.letters.filters import LetterFilter
from leveret.letters.wanted import MOST_WANTED
from leveret.operate.operations import default_wait, plan_redrive
from leveret.operate.operations.planning import MOST_OF_ONE

WhatIf = Annotated[
    bool, typer.Option("--what-if", help="Send nothing: try what would happen with today's code, and undo it.")
]


def redrive(
    context: typer.Context,
    *,
    wanted: LetterFilter,
    what_if: WhatIf = False,
    dry_run: how.DryRun = False,
    steps: how.Steps = None,
    rate: how.Rate = None,
    stop_after: how.StopAfter = None,
    wait: how.Wait = None,
    limit: how.Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines instead of text.")] = False,
    index: options.IndexPath = None,
    why: recording.Why = "",
    incident: recording.Incident = "",
    by: recording.By = "",
) -> None:
    """Send letters again as requests; each request has its effect once, however often it is sent.

    That is an operation: it is written down first, tells what became of each letter, and anybody can pause and resume
    it. While the database is away, ids or --all are sent at once all the same, and nothing is written down.

    With --all or a filter, letters of requests on which workers died stay: name those. What cannot be sent again stays
    where it is, and the reason is told. Exit code 1: some letter stays, is missing, failed again, or was not sent.
    """
    settings, app = load_settings(context), application(context)
    chosen = how.options_of(steps, rate, stop_after, wait, default_wait=default_wait(app, settings))
    if what_if:
        if dry_run or steps is not None or rate is not None or stop_after is not None or wait is not None:
            raise WrongUse("--what-if sends nothing, so it takes none of --dry-run, --steps, --rate and the like")
        from leveret.cli.operating.what_if import show_what_if  # noqa: PLC0415 - it imports worker and inbox

        source = options.letters_source(context, index)
        show_what_if(app, settings, source, wanted, most=limit or MOST_WANTED, as_json=as_json)
        return
    cause = recording.cause_of(by, why, incident)
    is_plain = wanted == LetterFilter(ids=wanted.ids) and all(each is None for each in (steps, rate, stop_after, limit))
    system = system_of(context, index)
    told = Told(as_json=as_json)
    try:
        with options.asking_letters():
            if dry_run:
                show_dry_run(system, wanted, chosen, told, limit=limit)
                return
            plan = asyncio.run(plan_redrive(system, cause, wanted, chosen, limit=limit or MOST_OF_ONE))
    except StorageUnavailable as error:
        if not is_plain:
            raise
        send_unrecorded(system, wanted, cause, error, as_json=as_json)
        return
    told.planned(plan)
    complete = told.is_complete(plan.found) and (limit is not None or not plan.found.left)
    carry_out(system, plan.view.id, cause, told, complete=complete)
