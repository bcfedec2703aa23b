"""The settings: whether all can be used, and all that cannot."""

from __future__ import annotations

from leveret.operate.doctor.finding import Findings, ok, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.wire.words import counted


def usable(installation: Installation) -> Findings:
    """Report every problem of the settings, or how many of them are set."""
    if installation.problems:
        return [wrong(problem, "Correct that variable of the environment.") for problem in installation.problems]
    settings = installation.settings
    names = sorted(
        name.removeprefix(settings.prefix)
        for name, (attribute, _) in settings.variables().items()
        if attribute in settings.given
    )
    if not names:
        return [ok(f"no setting {settings.prefix}... is set; all have their defaults")]
    verb = "is" if len(names) == 1 else "are"
    return [ok(f"{counted(len(names), 'setting')} {settings.prefix}... {verb} set and can be used: {', '.join(names)}")]


def watchful(installation: Installation) -> Findings:
    """Report protections that are switched off."""
    settings, found = installation.settings, []
    if settings.watchdog is None:
        found.append(
            warning(
                "the watchdog is off: a worker that is stuck stays so until somebody sees it",
                f"Unset {settings.variable('WATCHDOG')}, unless actions may take any time.",
            )
        )
    if settings.queue_limit is None:
        found.append(
            warning(
                "the queue of requests has no limit: when workers are away, it grows until the broker has an alarm",
                f"Set {settings.variable('QUEUE_LIMIT')} when the queue is made anew.",
            )
        )
    return found or [ok("the watchdog and the queue's limit are on")]
