"""What was seen is kept for ten minutes, and a state has a beginning."""

from leveret.operate.overview import DepthSample, WorkerSample
from leveret.operate.overview.board import Board

NOW = 1_800_000_000.0


def test_what_is_too_old_is_forgotten() -> None:
    moment = [NOW]
    board = Board(lambda: moment[0])
    board.count(DepthSample(at=NOW, waiting=3))
    board.report(WorkerSample(name="w", host="ant", pid=7, version="1", framework="1", started=NOW, at=NOW))
    assert [len(kept) for kept in (board.seen().depths, board.seen().workers)] == [1, 1]
    moment[0] += 601
    assert [len(kept) for kept in (board.seen().depths, board.seen().workers)] == [0, 0]


def test_a_state_begins_when_it_is_first_seen() -> None:
    moment = [NOW]
    board = Board(lambda: moment[0])
    assert board.seen().broker.state == "unknown"
    for state, words in (("ok", "fine"), ("away", "refused"), ("away", "no route")):
        moment[0] += 1
        board.note("broker", state, words)  # type: ignore[arg-type]  # one of the states
    broker = board.seen().broker
    assert (broker.state, broker.words, broker.since) == ("away", "no route", NOW + 2)
    assert board.knows("broker")
    assert not board.knows("broker", "database")
