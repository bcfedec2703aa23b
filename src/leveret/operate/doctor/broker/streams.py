"""Whether the broker has streams, by which letters are indexed and workers report."""

from __future__ import annotations

from leveret.broker.management import Management, ManagementTrouble
from leveret.operate.doctor.finding import Findings, ok, unknown, warning
from leveret.operate.doctor.installation import Installation


def features(installation: Installation) -> Findings:
    """Report feature flags that are off; only the management API knows them."""
    login = installation.management
    if login is None:
        return [
            unknown(
                "feature flags are known to the management API only",
                "Name it: --management http://ADMIN@HOST:15672. Or look: `rabbitmqctl list_feature_flags`.",
            )
        ]
    try:
        flags = Management(login.address, login.administrator).features()
    except ManagementTrouble as error:
        return [unknown(str(error), "Name an administrator, and the address of the management API.")]
    enable = "`rabbitmqctl enable_feature_flag all`, before the next upgrade of the broker."
    found = []
    if flags.get("stream_queue") is False:
        found.append(warning("streams are off: letters cannot be indexed, and workers cannot report", enable))
    off = sorted(name for name, enabled in flags.items() if not enabled)
    if off:
        found.append(unknown(f"feature flags that are off: {', '.join(off)}", enable))
    return found or [ok(f"all {len(flags)} feature flags of the broker are on")]
