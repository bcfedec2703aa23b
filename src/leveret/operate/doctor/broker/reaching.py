"""Whether the broker answers, and as whom we log in."""

from __future__ import annotations

import time
from typing import Final

from leveret.amqp import Address, Addresses, Limits
from leveret.broker.addresses import is_on_this_machine, shown_address
from leveret.broker.connecting import BrokerTrouble, connected
from leveret.operate.doctor.finding import Finding, Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation

LIMITS: Final = Limits(connect=6.0, rpc=6.0, confirm=3.0, close=1.0)
"""The driver's waits; shorter than a check may take, so that it can say what it waited for."""

_GUEST: Final = "guest"


async def reachable(installation: Installation) -> Findings:
    """Report whether the broker lets us in, and each of several addresses that does not."""
    setting = installation.variable("AMQP_URL")
    if setting in installation.lost:
        return [unknown(f"{setting} cannot be used, so nobody knows which broker is meant")]
    members = Addresses.parse(installation.settings.amqp_url).members
    found = [await _reach(installation, member) for member in members]
    if len(found) > 1 and any(finding.state == "ok" for finding in found):
        return [_softened(finding) for finding in found]
    return found


def login(installation: Installation) -> Findings:
    """Report credentials that everybody knows, and a way on which they can be read."""
    url, setting = installation.settings.amqp_url, installation.variable("AMQP_URL")
    if is_on_this_machine(url):
        return [ok("the broker is on this machine")]
    found, members = [], Addresses.parse(url).members
    if any(member.user == _GUEST == member.password for member in members):
        found.append(
            warning(
                "the login is guest with its well-known password, and the broker is on another machine",
                f"Make users of your own: `{installation.command('topology users')}`.",
            )
        )
    if not all(member.tls for member in members):
        found.append(
            warning(
                "the way to the broker is not encrypted, so password and requests can be read there",
                f"Use amqps:// in {setting}, unless that network is yours alone.",
            )
        )
    return found or [ok("the way to the broker is encrypted")]


async def _reach(installation: Installation, address: Address) -> Finding:
    began = time.perf_counter()
    try:
        async with connected(address, LIMITS):
            took = (time.perf_counter() - began) * 1000
    except BrokerTrouble as error:
        return wrong(str(error), _advice(installation, error))
    return ok(f"{address} lets {address.user!r} into vhost {address.vhost!r}, in {took:.0f} ms")


def _advice(installation: Installation, error: BrokerTrouble) -> str:
    setting, code, cause = installation.variable("AMQP_URL"), 0, error.__cause__
    while cause is not None:
        code, cause = code or getattr(cause, "reply_code", 0), cause.__cause__
    match code:
        case 403:
            return f"Correct user and password in {setting}; `rabbitmqctl authenticate_user NAME` tries a password."
        case 530:
            return f"Make that vhost (`rabbitmqctl add_vhost NAME`) and its permissions, or correct {setting}."
        case _:
            return f"Start the broker, or correct {setting}: it is {shown_address(installation.settings.amqp_url)}."


def _softened(finding: Finding) -> Finding:
    return finding if finding.state == "ok" else warning(finding.text, finding.advice)
