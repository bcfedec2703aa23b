from datetime import timedelta

import pytest

from leveret.topology import DELIVERY_LIMIT, Topology


def test_the_published_names() -> None:
    topology = Topology()
    assert topology.exchange == "api.direct"
    assert [queue.name for queue in topology.queues] == ["api.requests", "api.requests.retry", "api.requests.dlq"]


def test_several_delays_have_a_queue_each() -> None:
    ladder = Topology(delays=(timedelta(seconds=1), timedelta(seconds=10)))
    assert ladder.retries == ("api.requests.retry.1s", "api.requests.retry.10s")
    waits = [queue.arguments.get("x-message-ttl") for queue in ladder.queues]
    assert waits == [None, 1_000, 10_000, None]


def test_the_queue_of_a_day_keeps_its_name_in_hours() -> None:
    ladder = Topology(delays=(timedelta(seconds=90), timedelta(days=1)))
    assert ladder.retries == ("api.requests.retry.90s", "api.requests.retry.24h")


TEN_MINUTES, FIVE_SECONDS = timedelta(minutes=10), timedelta(seconds=5)


def test_a_delay_that_only_an_action_has_has_a_queue_beside_the_ladder() -> None:
    topology = Topology().with_delays([TEN_MINUTES, timedelta(seconds=1), TEN_MINUTES])
    assert topology.retries == ("api.requests.retry", "api.requests.retry.1s", "api.requests.retry.10m")
    assert topology.retry_queues[TEN_MINUTES] == "api.requests.retry.10m"
    _, usual, short, long, letters = topology.queues
    assert letters.name == topology.dead_letters
    assert [queue.arguments["x-message-ttl"] for queue in (usual, short, long)] == [5_000, 1_000, 600_000]
    assert {**long.arguments, "x-message-ttl": 5_000} == usual.arguments
    assert long.purpose == "waits 10m, then goes back to api.requests"


def test_a_delay_of_the_ladder_has_one_queue_whoever_names_it() -> None:
    assert Topology().with_delays([FIVE_SECONDS]) == Topology()
    ladder = Topology(delays=(FIVE_SECONDS, TEN_MINUTES))
    assert ladder.with_delays([TEN_MINUTES, FIVE_SECONDS]).queues == ladder.queues
    more = ladder.with_delays([timedelta(hours=1)]).with_delays([timedelta(seconds=1)])
    assert more.retries[2:] == ("api.requests.retry.1s", "api.requests.retry.1h")


FRACTION = timedelta(milliseconds=300.4)


def test_a_delay_that_would_share_its_queue_with_another_is_refused() -> None:
    with pytest.raises(ValueError, match="Delays must be whole milliseconds"):
        Topology(delays=(timedelta(milliseconds=300), FRACTION))
    with pytest.raises(ValueError, match="Delays must be whole milliseconds"):
        Topology().with_delays([FRACTION])


def test_without_delays_of_actions_the_topology_is_what_it_was() -> None:
    assert Topology().with_delays([]) == Topology()


def test_no_queue_loses_a_message_by_being_looked_at() -> None:
    for queue in Topology().queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-delivery-limit"] == DELIVERY_LIMIT > 1_000_000


@pytest.mark.parametrize(("limit", "argument"), [(1_000_000, 1_000_000), (3, 3), (None, None)])
def test_only_the_requests_of_callers_have_a_limit(limit: int | None, argument: int | None) -> None:
    requests, *others = Topology(limit=limit).queues
    assert requests.arguments.get("x-max-length") == argument
    assert requests.arguments["x-overflow"] == "reject-publish"
    assert not any("x-max-length" in queue.arguments for queue in others)


def test_what_dead_letters_does_so_at_least_once() -> None:
    requests, retry, letters = Topology().queues
    for queue, key in ((requests, "api.requests.dlq"), (retry, "api.requests")):
        assert queue.arguments["x-dead-letter-routing-key"] == key
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish"
    assert "x-dead-letter-exchange" not in letters.arguments
