"""What operators did, on record: who changed what, when and why, and what is noted of groups of letters."""

from leveret.operate.record.cause import Cause, who_am_i
from leveret.operate.record.opening import open_records, records_url
from leveret.operate.record.records import Records

__all__ = ["Cause", "Records", "open_records", "records_url", "who_am_i"]
