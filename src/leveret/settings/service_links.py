"""Variables that Kubernetes puts into the environment of every container, and that look like settings.

For each Service of the namespace, kubelet makes variables with the address of the Service (Kubernetes, "Accessing the
Service"). They are named after the Service: for a Service called ``guestbook`` or ``guestbook-something`` their
names begin with ``GUESTBOOK_``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_PROTOCOLS: Final = ("tcp", "udp", "sctp")


def is_service_link(name: str, value: str) -> bool:
    """Return whether kubelet made a variable: its name has one of the forms, and its value fits the name.

    Name and value both have to fit, so that a setting with a misspelt name is not taken for such a variable.
    """
    for pattern, fits in _FORMS.items():
        if found := pattern.fullmatch(name):
            return fits(value, found.groupdict())
    return False


def _is_address(value: str, _: Mapping[str, str]) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _is_port(value: str, named: Mapping[str, str]) -> bool:
    return _port(value) is not None and value == named.get("port", value)


def _is_url(value: str, named: Mapping[str, str]) -> bool:
    protocol, separator, rest = value.partition("://")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    fits = protocol in _PROTOCOLS and protocol == named.get("protocol", protocol).lower()
    return bool(separator) and fits and _is_address(host, {}) and _is_port(str(port), named)


def _is_protocol(value: str, named: Mapping[str, str]) -> bool:
    return value == named["protocol"].lower()


def _port(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,4}", text) and int(text) < 65536 else None


_SERVICE: Final = r"[A-Z][A-Z0-9_]*"
_ONE_PORT: Final = rf"{_SERVICE}_PORT_(?P<port>[0-9]+)_(?P<protocol>TCP|UDP|SCTP)"

_FORMS: Final[Mapping[re.Pattern[str], Callable[[str, Mapping[str, str]], bool]]] = {
    re.compile(rf"{_SERVICE}_SERVICE_HOST"): _is_address,
    re.compile(_ONE_PORT): _is_url,
    re.compile(rf"{_ONE_PORT}_PROTO"): _is_protocol,
    re.compile(rf"{_ONE_PORT}_PORT"): _is_port,
    re.compile(rf"{_ONE_PORT}_ADDR"): _is_address,
    re.compile(rf"{_SERVICE}_SERVICE_PORT(_[A-Z0-9_]+)?"): _is_port,
    re.compile(rf"{_SERVICE}_PORT"): _is_url,
}
"""Each form of a name, and the check of its value; the first form that fits decides."""
