"""All checks, in the order in which people read what they find."""

from __future__ import annotations

from typing import Final

from leveret.operate.doctor.broker import alarm, binding, permissions, policies, queues, streams, version
from leveret.operate.doctor.broker import reaching as broker
from leveret.operate.doctor.database import clock as database_clock
from leveret.operate.doctor.database import file, pooling, server, tables
from leveret.operate.doctor.database import reaching as database
from leveret.operate.doctor.examining import Check
from leveret.operate.doctor.here import clock, secret_files, settings, versions

_ANSWERS: Final = "reachable"

CHECKS: Final[tuple[Check, ...]] = (
    Check("settings", "settings", settings.usable),
    Check("settings", "protections", settings.watchful),
    Check("settings", "secret", secret_files.secret),
    Check("settings", "secret_file", secret_files.secret_file),
    Check("settings", "keys", secret_files.keys),
    Check("broker", _ANSWERS, broker.reachable),
    Check("broker", "login", broker.login, _ANSWERS),
    Check("broker", "version", version.version, _ANSWERS),
    Check("broker", "alarm", alarm.alarm, _ANSWERS),
    Check("broker", "queues", queues.declared, _ANSWERS),
    Check("broker", "copies", queues.copies, _ANSWERS),
    Check("broker", "permissions", permissions.permissions, _ANSWERS),
    Check("broker", "binding", binding.binding, _ANSWERS),
    Check("broker", "workers", queues.workers, _ANSWERS),
    Check("broker", "policies", policies.policies, _ANSWERS),
    Check("broker", "features", streams.features, _ANSWERS),
    Check("database", "needed", database.needed, when=database.is_unused),
    Check("database", _ANSWERS, database.reachable, when=database.is_used),
    Check("database", "version", server.version, _ANSWERS, database.is_postgresql),
    Check("database", "tables", tables.current, _ANSWERS, database.has_tables),
    Check("database", "rights", tables.rights, _ANSWERS, database.is_postgresql),
    Check("database", "encoding", server.encoding, _ANSWERS, database.is_postgresql),
    Check("database", "time_zone", server.time_zone, _ANSWERS, database.is_postgresql),
    Check("database", "isolation", server.isolation, _ANSWERS, database.is_postgresql),
    Check("database", "writable", server.writable, _ANSWERS, database.is_postgresql),
    Check("database", "durability", server.durability, _ANSWERS, database.is_postgresql),
    Check("database", "pooler", pooling.pooler, _ANSWERS, database.is_postgresql),
    Check("database", "clock", database_clock.clock, _ANSWERS, database.is_postgresql),
    Check("database", "journal", file.journal, _ANSWERS, database.is_file),
    Check("database", "file_rights", file.rights, _ANSWERS, database.is_file),
    Check("database", "file_system", file.file_system, _ANSWERS, database.is_file),
    Check("here", "programs", versions.programs),
    Check("here", "libraries", versions.libraries),
    Check("here", "extras", versions.extras),
    Check("here", "clock", clock.kept),
)
"""All checks."""
