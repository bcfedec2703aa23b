"""Which broker it is, and what is known of its version."""

from __future__ import annotations

from leveret.broker.connecting import connected
from leveret.operate.doctor.broker.faults import judge
from leveret.operate.doctor.broker.reaching import LIMITS
from leveret.operate.doctor.finding import Findings, ok, unknown
from leveret.operate.doctor.installation import Installation


async def version(installation: Installation) -> Findings:
    """Report product and version of the broker, and the faults that this version has."""
    async with connected(installation.settings.amqp_url, LIMITS) as connection:
        says = connection.server_properties
    product, number = str(says.get("product", "")), str(says.get("version", ""))
    if product != "RabbitMQ":
        return [unknown(f"the broker calls itself {product!r} {number}, which nobody has tried", "Use RabbitMQ.")]
    return [ok(f"RabbitMQ {number}, cluster {says.get('cluster_name')!s}"), *judge(number)]
