"""The short form: runs several scenes at a time, on two nodes, because a scene mostly waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final

from faults.node import Node
from faults.runner import Finding, run_scene
from faults.scene import Scene

AT_ONCE: Final = 3
"""Number of scenes that run at the same time on the shared node; one more runs alone on the other node."""


@contextmanager
def running_scenes(scenes: Iterable[Scene], seed: int, shared: Node) -> Iterator[dict[str, Future[Finding]]]:
    """Run scenes in their short form; at the end of the block, those that have not begun are not run.

    Args:
        scenes: the scenes.
        seed: seed of everything random.
        shared: the node of all scenes except those with `own_broker`, which run one after the other on a second node.

    Yields:
        A future of each scene's finding, by the scene's name.
    """
    alone = Node()
    start = cache(alone.start)
    one, several = ThreadPoolExecutor(1, "scene"), ThreadPoolExecutor(AT_ONCE, "scene")

    def run_alone(scene: Scene) -> Finding:
        start()
        return asyncio.run(run_scene(scene, seed, short=True, broker=alone))

    def run_beside(scene: Scene) -> Finding:
        return asyncio.run(run_scene(scene, seed, short=True, broker=shared))

    try:
        with one, several:
            yield {
                scene.name: one.submit(run_alone, scene) if scene.own_broker else several.submit(run_beside, scene)
                for scene in scenes
            }
            for pool in (one, several):
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        alone.stop()
