"""What our user may do at the broker, of what a worker needs; found out by trying."""

from __future__ import annotations

from leveret.broker.connecting import connected
from leveret.broker.trying import Right, try_rights
from leveret.operate.doctor.broker.reaching import LIMITS
from leveret.operate.doctor.finding import Findings, ok, unknown, warning, wrong
from leveret.operate.doctor.installation import Installation


async def permissions(installation: Installation) -> Findings:
    """Report the permissions that a worker needs and this user does not have."""
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        user = connection.address.user
        rights = await try_rights(connection, installation.topology)
    refused = [right for right in rights if right.allowed is False and not right.optional]
    lesser = [right for right in rights if right.allowed is False and right.optional]
    open_ = [right for right in rights if right.allowed is None]
    found = []
    if refused:
        advice = f"`{installation.command('topology users')}` prints the commands that give a worker what it needs."
        found.append(wrong(f"the user {user!r} may not {_listed(refused)}, which a worker has to", advice))
    if lesser:
        text = f"the user {user!r} may not {_listed(lesser)}: letters are not copied for the tools, or workers not seen"
        found.append(warning(text, f"`{installation.command('topology users')}` prints what it needs."))
    if open_ and not found:  # a right that is refused keeps others from being tried
        names = dict.fromkeys(right.name for right in open_)
        text = f"what the user {user!r} may do with {', '.join(names)} cannot be tried as long as that is not there"
        found.append(unknown(text, f"`{installation.command('topology apply')}` declares everything."))
    return found or [ok(f"the user {user!r} may do what a worker needs")]


def _listed(rights: list[Right]) -> str:
    kinds = dict.fromkeys(right.kind for right in rights)
    names = {kind: [right.name for right in rights if right.kind == kind] for kind in kinds}
    return ", ".join(f"{kind} {' and '.join(named)}" for kind, named in names.items())
