"""The whole demonstration, from its start to its end."""

from __future__ import annotations

import threading
import time

from leveret.broker.addresses import shown_address
from leveret.broker.connecting import BrokerTrouble
from leveret.process.durations import format_duration
from taskmanager.demo import crash, failures, first_steps, repeated
from taskmanager.demo.checks import DemoFailed, check
from taskmanager.demo.demonstration import Demonstration
from taskmanager.demo.screen import Screen
from taskmanager.demo.system import DemoOptions, System, choose_broker, running_system
from taskmanager.demo.worker_logs import WorkerLogs

_LAST_LINES = 15
"""Number of log lines that are printed when the demonstration fails."""


def run_demo(options: DemoOptions, screen: Screen | None = None) -> None:
    """Start everything, run, show and check all steps, and stop everything, also after an error.

    Raises:
        DemoFailed: a step did not show what it promises, or a worker did not start.
        BrokerMissing: RabbitMQ is not installed.
        BrokerFailed: the private RabbitMQ node did not start.
        SettingsError: the environment holds settings that cannot be used.
        KeyboardInterrupt: somebody interrupted the demonstration.
    """
    screen, logs, began = screen or Screen(), WorkerLogs(), time.monotonic()
    broker, sentence = choose_broker(management=options.keep)
    screen.say("The Task Manager API over RabbitMQ: a demonstration that checks what it shows.")
    screen.say(f"broker    {sentence}")
    screen.say(f"workers   {options.workers} processes, retry delay {format_duration(options.retry_delay)}")
    with running_system(options, broker, logs) as system:
        screen.say(f"database  SQLite in {system.folder}")
        screen.say(f"started   in {time.monotonic() - began:.1f} s")
        try:
            _run_steps(Demonstration(system, screen), options)
        except (DemoFailed, BrokerTrouble) as error:
            screen.failed(str(error), logs.lines()[-_LAST_LINES:])
            raise DemoFailed("the demonstration failed, see above; everything that was started is stopped") from error
        screen.say(f"\nShown and checked in {time.monotonic() - began:.1f} s.")
        if options.keep:
            _wait(system, screen)
    screen.say("Everything that was started is stopped; its folders and queues are removed.")


def _run_steps(demo: Demonstration, options: DemoOptions) -> None:
    first_steps.health(demo)
    first_steps.register(demo)
    first_steps.login(demo)
    first_steps.create_task(demo)
    first_steps.list_tasks(demo)
    first_steps.update_task(demo)
    repeated.idempotency(demo)
    request_id = failures.retry(demo)
    failures.dead_letter(demo, request_id)
    crash.killed_worker(demo)
    _queues(demo, options)


def _queues(demo: Demonstration, options: DemoOptions) -> None:
    demo.begin("the queues", "Only the dead letter is left in a queue; the workers that are left consume.")
    reports = failures.queue_table(demo)
    demo.screen.queues(reports)
    depths = [report.messages for report in reports]
    check(depths == [0, 0, 1], f"requests, retry and dead letters hold 0, 0 and 1 messages, not {depths}")
    check(
        reports[0].consumers == options.workers - 1,
        f"{options.workers - 1} workers consume, not {reports[0].consumers}",
    )
    check(demo.system.workers.alive == options.workers - 1, "all workers but the killed one run")


def _wait(system: System, screen: Screen) -> None:
    screen.say(f"Everything keeps running until Ctrl-C. Broker: {shown_address(system.url)}")
    if system.management_url:
        screen.say(f"RabbitMQ's own pages: {system.management_url} (user guest, password guest)")
    while True:
        threading.Event().wait(1.0)
