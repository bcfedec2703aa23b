"""Who may run, in whatever order things happen: requests, letters, readings, outages and losses of the broker."""

from __future__ import annotations

from typing import Final

import pytest

from support.floor_play import Play
from support.skipping_loop import run_skipping

RUNS: Final = 300


@pytest.mark.parametrize("seeds", [range(start, start + RUNS // 10) for start in range(0, RUNS, RUNS // 10)])
def test_each_request_is_settled_and_has_nobody_beside_it_who_must_not_be(seeds: range) -> None:
    async def main(seed: int) -> None:
        play = Play(seed)
        await play.run()
        assert play.rules.wrong == [], f"seed {seed}"
        assert not play.rules.unsettled(), f"seed {seed}"

    for seed in seeds:
        run_skipping(main(seed))
