"""Whether requests find their queue."""

from __future__ import annotations

from leveret.broker.addresses import vhost_of
from leveret.broker.management import Management, ManagementTrouble
from leveret.operate.doctor.finding import Findings, ok, unknown, wrong
from leveret.operate.doctor.installation import Installation


def binding(installation: Installation) -> Findings:
    """Report whether the exchange routes requests to their queue; only the management API knows."""
    login, topology = installation.management, installation.topology
    if login is None:
        return []  # whoever starts a worker makes it, and a caller is told when it is missing
    try:
        management = Management(login.address, login.administrator)
        vhost = vhost_of(installation.settings.amqp_url)
        bound = management.is_bound(vhost, topology.exchange, topology.requests, topology.requests)
    except ManagementTrouble as error:
        return [unknown(str(error), "Name an administrator, and the address of the management API.")]
    if bound:
        return [ok(f"{topology.exchange} routes requests to {topology.requests}")]
    apply = installation.command("topology apply")
    return [wrong(f"{topology.exchange} does not route requests to {topology.requests}", f"`{apply}` binds them.")]
