"""Policies of the broker that work against our queues (RabbitMQ, "Policies"; its source, ``rabbit_quorum_queue``).

Where a policy and an argument of the queue say different things, the smaller number applies, but a policy's overflow
always does. The operator's policies count beside the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from leveret.broker.addresses import vhost_of
from leveret.broker.management import Management, ManagementTrouble, Policy
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation
from leveret.topology import Topology

_FEW: Final = 1000
"""Deliveries of a message that it may need while workers die or operators look at it."""

_QUEUES: Final = frozenset({"all", "queues", "quorum_queues"})
_EXCHANGES: Final = frozenset({"all", "exchanges"})


def policies(installation: Installation) -> Findings:
    """Report policies that lose, delay or move what is ours; only the management API knows them."""
    login, vhost = installation.management, vhost_of(installation.settings.amqp_url)
    if login is None:
        return [
            unknown(
                "whether policies work against our queues is known to the management API only",
                "Name it: --management http://ADMIN@HOST:15672. Or look: `rabbitmqctl list_policies` and "
                "`rabbitmqctl list_operator_policies`.",
            )
        ]
    try:
        found = Management(login.address, login.administrator).policies(vhost)
    except ManagementTrouble as error:
        return [unknown(str(error), "Name an administrator, and the address of the management API.")]
    return list(against(found, installation.topology)) or [ok("no policy works against our queues")]


def against(policies: Iterable[Policy], topology: Topology) -> Iterator[Finding]:
    """Yield what policies do to a topology that they should not."""
    known = list(policies)
    for queue in topology.queues:
        for policy in _effective(known, queue.name, _QUEUES):
            for key, value in policy.definition.items():
                if finding := _judge(key, value, queue.name, topology):
                    yield _named(policy, finding)
    for policy in _effective(known, topology.exchange, _EXCHANGES):
        if "alternate-exchange" in policy.definition:
            text = f"{topology.exchange} has an alternate exchange: what no queue takes is not refused any more"
            yield _named(policy, warning(text, "Take alternate-exchange out of it."))


def _effective(policies: Sequence[Policy], name: str, kinds: frozenset[str]) -> Iterator[Policy]:
    """Yield the policy that applies to a name, and the operator's one."""
    for operator in (False, True):
        fitting = [each for each in policies if each.operator == operator and _applies(each, name, kinds)]
        if fitting:
            yield max(fitting, key=lambda each: each.priority)


def _applies(policy: Policy, name: str, kinds: frozenset[str]) -> bool:
    try:
        return policy.applies_to in kinds and re.search(policy.pattern, name) is not None
    except re.error:  # Erlang may understand it all the same
        return False


def _judge(key: str, value: Any, queue: str, topology: Topology) -> Finding | None:
    """Return what one key of a policy does to a queue; None if that does no harm."""
    if key in ("max-length", "max-length-bytes"):
        return (
            None
            if queue == topology.requests
            else warning(f"{queue} takes nothing more at {value}: workers then keep those requests", _without(key))
        )
    if key == "message-ttl":
        return _expiring(value, queue, topology)
    harm = {
        "expires": f"{queue} is deleted with everything in it when nobody consumes it",
        "overflow": f"{queue} drops its oldest message when it is full" if value == "drop-head" else "",
        "delivery-limit": f"{queue} gives messages up after {value} deliveries, also when people look"
        if isinstance(value, int) and value < _FEW
        else "",
        "dead-letter-exchange": f"what is taken out of {queue} is moved to the exchange {value!r}"
        if queue == topology.dead_letters
        else "",
    }.get(key)
    return wrong(harm, _without(key)) if harm else None


def _expiring(value: Any, queue: str, topology: Topology) -> Finding:
    if queue in topology.retries:
        return warning(f"{queue} lets requests go back earlier than the settings say", _without("message-ttl"))
    lost = "are given up without having run" if queue == topology.requests else "vanish"
    return wrong(f"messages in {queue} {lost} after {value} ms", _without("message-ttl"))


def _without(key: str) -> str:
    return f"Take {key} out of it, or let its pattern leave our queues out."


def _named(policy: Policy, finding: Finding) -> Finding:
    kind = "the operator policy" if policy.operator else "the policy"
    judged = wrong if finding.state == "wrong" else warning
    return judged(f"by {kind} {policy.name!r}, {finding.text}", finding.advice)
