"""Whether an alarm keeps publishers out."""

from __future__ import annotations

from leveret.broker.alarms import alarm_at
from leveret.broker.connecting import BrokerTrouble
from leveret.operate.doctor.finding import Findings, ok, unknown, wrong
from leveret.operate.doctor.installation import Installation


async def alarm(installation: Installation) -> Findings:
    """Report an alarm of memory or disk; a message that no queue takes finds it out."""
    url, exchange = installation.settings.amqp_url, installation.topology.exchange
    reason, troubles = None, []
    for place in ("", exchange):
        try:
            reason = await alarm_at(url, place, seconds=installation.limit / 3)
        except BrokerTrouble as error:
            troubles.append(str(error))
        else:
            break
    if len(troubles) == 2:
        return [unknown(f"whether there is an alarm cannot be tried: {troubles[0]}", "`rabbitmq-diagnostics alarms`.")]
    if reason is not None:
        return [
            wrong(
                f"an alarm keeps all publishers out: {reason}",
                "Free memory or disk at the broker, or raise its limit (`rabbitmq-diagnostics alarms` names it). "
                "Callers and workers wait, and go on by themselves.",
            )
        ]
    return [ok("no alarm: the broker takes messages")]
