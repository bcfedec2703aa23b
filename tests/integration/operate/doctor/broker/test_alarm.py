"""An alarm is found out by publishing what no queue takes."""

from leveret.broker.alarms import alarm_at
from leveret.devbroker import DevBroker
from leveret.operate.doctor.broker.alarm import alarm
from support.installations import installation, only
from testbed.alarm import memory_alarm


async def test_an_alarm_is_wrong_until_it_is_over(private_broker: DevBroker) -> None:
    examined = installation(AMQP_URL=private_broker.url)
    with memory_alarm(private_broker):
        finding = only(await alarm(examined))
        assert finding.state == "wrong"
        assert "memory" in finding.text
    assert await alarm_at(private_broker.url) is None
    assert only(await alarm(examined)).state == "ok"
