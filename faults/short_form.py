"""The short form: runs several scenes at a time, on two nodes, because a scene mostly waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final

from faults.node import Node
from faults.runner import Finding, run_scene
from faults.scene import Scene

AT_ONCE: Final = 3
"""Number of scenes that run at the same time on the shared node; one more runs alone on the other node."""


@contextmanager
def running_scenes(scenes: Iterable[Scene], seed: int, shared: Node) -> Iterator[dict[str, Future[Finding]]]:
    """Run scenes in their short form; at the end of the block, those that have not begun are not run.

    The block begins when the second node, if a scene needs it, has started or failed, so that no scene's time has the
    start of a node in it.

    Args:
        scenes: the scenes.
        seed: seed of everything random.
        shared: the node of all scenes except those with `own_broker`, which run one after the other on a second node.

    Yields:
        A future of each scene's finding, by the scene's name.
    """
    scenes, alone = list(scenes), Node()
    one, several = ThreadPoolExecutor(1, "scene"), ThreadPoolExecutor(AT_ONCE, "scene")

    def start_alone() -> None:
        if any(scene.own_broker for scene in scenes):
            alone.start()

    def run_alone(scene: Scene) -> Finding:
        started.result()
        return asyncio.run(run_scene(scene, seed, short=True, broker=alone))

    def run_beside(scene: Scene) -> Finding:
        return asyncio.run(run_scene(scene, seed, short=True, broker=shared))

    try:
        with one, several:
            started = one.submit(start_alone)
            findings = {
                scene.name: one.submit(run_alone, scene) if scene.own_broker else several.submit(run_beside, scene)
                for scene in scenes
            }
            wait((started,))
            yield findings
            for pool in (one, several):
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        alone.stop()
