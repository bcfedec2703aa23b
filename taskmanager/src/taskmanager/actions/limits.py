"""What the domain's rules allow in a field, as JSON Schema says it: documents tell it, and the rules check it."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from taskmanager.domain import rules

_NOT_BLANK: Final = r"\S"
_LONG: Final = r"(0[13578]|1[02])-(0[1-9]|[12]\d|3[01])"
_SHORT: Final = r"(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8])"
_DATE: Final = rf"[12]\d{{3}}-({_LONG}|{_SHORT})"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_ZONE: Final = r"[Zz]|[+-](0\d|1[0-4]):[0-5]\d"


def _text(least: int, most: int, pattern: str = "") -> Meta:
    return Meta(extra_json_schema={"minLength": least, "maxLength": most, **({"pattern": pattern} if pattern else {})})


Title: TypeAlias = Annotated[str, _text(1, rules.LONGEST_TITLE, _NOT_BLANK)]
Description: TypeAlias = Annotated[str, _text(0, rules.LONGEST_DESCRIPTION)]
Email: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "email", "maxLength": rules.LONGEST_EMAIL})]
DueDate: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_DATE}([Tt]{_TIME}({_ZONE})?)?$"})]
FullName: TypeAlias = Annotated[str, _text(0, rules.LONGEST_NAME)]
NewPassword: TypeAlias = Annotated[str, _text(rules.SHORTEST_PASSWORD, rules.LONGEST_PASSWORD)]
