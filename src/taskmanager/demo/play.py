"""The demonstration from curtain to curtain."""

from __future__ import annotations

import threading
import time

from leveret.broker.addresses import shown_address
from leveret.broker.connecting import BrokerTrouble
from leveret.durations import format_duration
from taskmanager.demo import crash, failures, repeated, scenes
from taskmanager.demo.log_book import LogBook
from taskmanager.demo.promises import DemoFailed, promise
from taskmanager.demo.screen import Screen
from taskmanager.demo.stage import DemoOptions, Stage, choose_broker, set_stage
from taskmanager.demo.story import Story

_LAST_LINES = 15


def run_demo(options: DemoOptions, screen: Screen | None = None) -> None:
    """Play the demonstration: start everything, show it, check it, stop everything.

    Raises:
        DemoFailed: a step did not come out as promised, or a worker did not start; everything is stopped then, too.
        BrokerMissing, BrokerFailed: there is no private RabbitMQ node to be had.
        SettingsError: the environment holds settings that cannot be used.
        KeyboardInterrupt: somebody interrupted it; everything is stopped.
    """
    screen, book, began = screen or Screen(), LogBook(), time.monotonic()
    broker, sentence = choose_broker(management=options.keep)
    screen.say("The Task Manager API over RabbitMQ: a demonstration that checks what it shows.")
    screen.say(f"broker    {sentence}")
    screen.say(f"workers   {options.workers} processes, retry delay {format_duration(options.retry_delay)}")
    with set_stage(options, broker, book) as stage:
        screen.say(f"database  SQLite in {stage.folder}")
        screen.say(f"started   in {time.monotonic() - began:.1f} s")
        try:
            _play(Story(stage, screen), options)
        except (DemoFailed, BrokerTrouble) as error:
            screen.failed(str(error), book.lines()[-_LAST_LINES:])
            raise DemoFailed("the demonstration failed, see above; everything that was started is stopped") from error
        screen.say(f"\nShown and checked in {time.monotonic() - began:.1f} s.")
        if options.keep:
            _wait(stage, screen)
    screen.say("Everything that was started is stopped; its folders and queues are removed.")


def _play(story: Story, options: DemoOptions) -> None:
    scenes.health(story)
    scenes.register(story)
    scenes.login(story)
    scenes.create_task(story)
    scenes.list_tasks(story)
    scenes.update_task(story)
    repeated.idempotency(story)
    request_id = failures.retry(story)
    failures.dead_letter(story, request_id)
    crash.killed_worker(story)
    _queues(story, options)


def _queues(story: Story, options: DemoOptions) -> None:
    story.begin("the queues", "Nothing waits any more but the dead letter; the workers that are left consume.")
    reports = failures.queue_table(story)
    story.screen.queues(reports)
    depths = [report.messages for report in reports]
    promise(depths == [0, 0, 1], f"requests, retry and dead letters hold 0, 0 and 1 messages, not {depths}")
    promise(reports[0].consumers == options.workers - 1, f"{options.workers - 1} consume, not {reports[0].consumers}")
    promise(story.stage.crew.alive == options.workers - 1, "all workers but the killed one run")


def _wait(stage: Stage, screen: Screen) -> None:
    screen.say(f"Everything keeps running until Ctrl-C. Broker: {shown_address(stage.url)}")
    if stage.management_url:
        screen.say(f"RabbitMQ's own pages: {stage.management_url} (user guest, password guest)")
    while True:
        threading.Event().wait(1.0)
