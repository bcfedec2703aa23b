"""Options that the commands of doors over HTTP share."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from leveret.cli.ending.endings import WrongUse
from leveret.cli.terminal.option_values import read_option
from leveret.settings import values

MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="PORT",
        parser=read_option("--metrics-port", values.number(0, 65535)),
        help="Serve metrics and health on this port; 0 for a free one. Default: none.",
    ),
]
MetricsAddress = Annotated[
    str,
    typer.Option(
        "--metrics-address",
        metavar="ADDRESS",
        parser=read_option("--metrics-address", values.ip_address),
        help="Where they are served.",
    ),
]
Certificate = Annotated[str | None, typer.Option("--cert", metavar="FILE", help="TLS certificate with its chain.")]
CertificateKey = Annotated[str | None, typer.Option("--key", metavar="FILE", help="Its private key.")]

_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def check_encryption(host: str, cert: str | None, key: str | None, *, behind_proxy: bool, secrets: str) -> None:
    """Check how a door is reached.

    Args:
        host: where it listens.
        cert: path of a certificate.
        key: path of its key.
        behind_proxy: whether a proxy on the way speaks TLS.
        secrets: what others could read without.

    Raises:
        WrongUse: options contradict each other, or secrets would go over the network as they are.
    """
    if (cert is None) != (key is None):
        raise WrongUse("--cert and --key belong together")
    if cert and behind_proxy:
        raise WrongUse("--behind-proxy is for a proxy that speaks TLS: leave --cert and --key out")
    if host not in _LOCAL and not (cert or behind_proxy):
        raise WrongUse(f"at {host} others can read {secrets} on their way: add --cert and --key, or --behind-proxy")
