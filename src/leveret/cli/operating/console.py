"""The command ``console``: pages in a browser for whoever runs the application, and the accounts for them."""

from __future__ import annotations

import errno
import importlib.util
import signal
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leveret.cli.context import application, command_line, load_settings
from leveret.cli.ending.endings import WrongUse
from leveret.cli.ending.streams import OutputLost
from leveret.cli.serving.door_options import (
    Certificate,
    CertificateKey,
    MetricsAddress,
    MetricsPort,
    check_encryption,
)
from leveret.cli.terminal.option_values import read_option
from leveret.process.exit_codes import FAILED, INTERRUPTED
from leveret.process.garbage import live_long
from leveret.settings import values

if TYPE_CHECKING:
    from leveret.web.console.security.store import ConsoleStore
    from leveret.web.console.site import ServingOptions

_LIBRARIES: Final = ("jinja2", "python_multipart", "sse_starlette", "starlette", "uvicorn")

app = typer.Typer(help="The console: see the system in a browser. It needs `pip install 'leveret[console]'`.")
user = typer.Typer(no_args_is_help=True, help="Accounts of the console's own, for applications without a login.")
app.add_typer(user, name="user")

Name = Annotated[str, typer.Argument(help="The name to sign in with.")]
Role = Annotated[
    str,
    typer.Option(
        parser=read_option("--role", values.one_of("viewer", "operator")),
        metavar="ROLE",
        help="viewer looks; operator also changes.",
    ),
]


@app.callback(invoke_without_command=True)
def console(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", parser=read_option("--port", values.number(0, 65535)), help="Port; 0 for a free one."
        ),
    ] = 8807,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="A name of this console in a browser; can be repeated."),
    ] = None,
    cert: Certificate = None,
    key: CertificateKey = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy speaks TLS, and sets X-Forwarded-For.")
    ] = False,
    metrics_port: MetricsPort = None,
    metrics_address: MetricsAddress = "127.0.0.1",
) -> None:
    """Serve the console until Ctrl-C. Other addresses than this machine's need --cert and --key, or --behind-proxy."""
    if context.invoked_subcommand is not None:
        return
    _need_extra()
    from leveret.web.console.serving import serve_console  # noqa: PLC0415 - it needs the extra
    from leveret.web.console.site import ServingOptions  # noqa: PLC0415 - it needs the extra

    options = ServingOptions(
        host=host,
        port=port,
        names=tuple(name or ()),
        certificate=cert,
        key=key,
        behind_proxy=behind_proxy,
        metrics=None if metrics_port is None else (metrics_address, metrics_port),
    )
    _check(options)
    settings, called = load_settings(context), command_line(context)

    lost: list[OutputLost] = []

    def tell(url: str) -> None:
        live_long()
        try:
            typer.echo(f"console of {called.application.name}: {url}")
            sys.stdout.flush()
        except OutputLost as error:  # inside of the server, which would print a traceback; a signal ends it in order
            lost.append(error)
            signal.raise_signal(signal.SIGINT)

    try:
        serve_console(application(context), settings, options, tell, called.again)
    except OSError as error:
        raise WrongUse(_cannot_listen(options, error)) from error
    if lost:
        raise lost[0]


@user.command()
def add(context: typer.Context, name: Name, *, role: Role = "viewer") -> None:
    """Make an account, or give an account a new password and role; its sessions end. Asks for the password."""
    _need_extra()
    from leveret.web.console.security.passwords import hash_password, why_refused  # noqa: PLC0415 - it needs the extra

    if not name or len(name) > 64 or not name.isprintable() or name != name.strip():
        raise WrongUse("a name has 1 to 64 printable characters, without blanks around it")
    password = _ask_password(name)
    if problem := why_refused(password):
        raise WrongUse(problem)
    store = _open(context)
    try:
        new = store.add_user(name, "operator" if role == "operator" else "viewer", hash_password(password))
    finally:
        store.close()
    typer.echo(f"{name} {'can sign in' if new else 'has a new password'}, as {role}.")


@user.command()
def remove(context: typer.Context, name: Name) -> None:
    """Remove an account, and end its sessions. Exit code 1: there is none of that name."""
    store = _open(context)
    try:
        gone = store.remove_user(name)
    finally:
        store.close()
    typer.echo(f"{name} is removed." if gone else f"There is no account {name}.")
    if not gone:
        raise typer.Exit(FAILED)


@user.command("list")
def list_users(context: typer.Context) -> None:
    """Print all accounts with their roles."""
    store = _open(context)
    try:
        for each in store.list_users():
            typer.echo(f"{each.role:<9} {each.name}")
    finally:
        store.close()


def _open(context: typer.Context) -> ConsoleStore:
    _need_extra()
    from leveret.web.console.serving import open_store  # noqa: PLC0415 - it needs the extra

    return open_store(load_settings(context, needs_secret=False))


def missing_libraries() -> list[str]:
    """Return the libraries of the console that are not installed."""
    return [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]


def _need_extra() -> None:
    """Check that the libraries of the console are installed.

    Raises:
        WrongUse: they are not.
    """
    if missing := missing_libraries():
        raise WrongUse(f"the console needs {', '.join(missing)}: pip install 'leveret[console]'")


def _check(options: ServingOptions) -> None:
    """Check how the console is to be served.

    Raises:
        WrongUse: passwords would go over the network as they are, or nobody would know its name.
    """
    check_encryption(
        options.host, options.certificate, options.key, behind_proxy=options.behind_proxy, secrets="passwords"
    )
    if options.host in ("0.0.0.0", "::") and not options.names:  # noqa: S104 - it is what is refused
        raise WrongUse("say with --name by which name browsers find this console, such as console.example.org")


def _cannot_listen(options: ServingOptions, error: OSError) -> str:
    why = "something listens there already" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
    return f"the console cannot listen at {options.host}, port {options.port}: {why}; choose others with --host, --port"


def _ask_password(name: str) -> str:
    """Ask for a new password twice; where there is no terminal, the first line of the standard input is it.

    Raises:
        WrongUse: that line is empty.
    """
    if not sys.stdin.isatty():
        if not (given := sys.stdin.readline().rstrip("\r\n")):
            raise WrongUse(
                "the first line of the standard input is the password, because that is not a terminal, and it was empty"
            )
        return given
    try:
        return str(typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True))
    except typer.Abort:  # Ctrl-C, or the end of the input
        raise typer.Exit(INTERRUPTED) from None
