"""The short form: several scenes at a time, on two nodes; most of what a scene does is to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final

from faults.node import Node
from faults.runner import Finding, play
from faults.scene import Scene

AT_ONCE: Final = 3
"""Scenes that are played at the same time on the shared node; beside them runs one that has the other node alone."""


@contextmanager
def begun(scenes: Iterable[Scene], seed: int, shared: Node) -> Iterator[dict[str, Future[Finding]]]:
    """Begin to play scenes in their short form; at the end of the block those that have not begun are left out.

    Args:
        scenes: which ones.
        seed: decides everything random.
        shared: the node of all scenes but those with `own_broker`; these are played one after the other on one more.

    Yields:
        What becomes of each scene, by its name.
    """
    alone = Node()
    start = cache(alone.start)
    one, several = ThreadPoolExecutor(1, "scene"), ThreadPoolExecutor(AT_ONCE, "scene")

    def play_alone(scene: Scene) -> Finding:
        start()
        return asyncio.run(play(scene, seed, short=True, broker=alone))

    def play_beside(scene: Scene) -> Finding:
        return asyncio.run(play(scene, seed, short=True, broker=shared))

    try:
        with one, several:
            yield {
                scene.name: one.submit(play_alone, scene) if scene.own_broker else several.submit(play_beside, scene)
                for scene in scenes
            }
            for pool in (one, several):
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        alone.stop()
