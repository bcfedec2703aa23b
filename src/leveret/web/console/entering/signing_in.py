"""How a person proves who it is: an account of the console, the application's login, or a token of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from starlette.concurrency import run_in_threadpool

from leveret.api import Action, Api
from leveret.client import Client
from leveret.errors import NoAnswer, NotSent, RequestError, Unauthenticated
from leveret.web.console.security.attempts import ANY_NUMBER, FREE_FOR_A_NAME, FREE_FOR_AN_ADDRESS
from leveret.web.console.security.passwords import matches
from leveret.web.console.security.roles import Role, role_of_claim
from leveret.web.console.security.store import SignInAttempt
from leveret.web.console.site import Site

_FIELDS: Final = frozenset({"email", "password"})
_PATIENCE: Final = 5.0
"""Seconds to wait for the application's login."""


class SignIn(Struct, frozen=True, kw_only=True):
    """What came of an attempt to sign in.

    Attributes:
        token: that of the new session; None if there is none.
        refused: the key of the text that says why; empty where there is a session.
        wait: seconds until another attempt is allowed.
        said: what the application's login says of it.
    """

    token: str | None = None
    refused: str = ""
    wait: int = 0
    said: str = ""


class Counted(Struct, frozen=True):
    """What failures of an attempt are counted for.

    Attributes:
        who: names and addresses, and how many failures of each cost nothing.
        own: what counts those of this person at this address; empty where nothing does.
        shared: what counts those of everybody at this address.
    """

    who: Mapping[str, int]
    own: str
    shared: str


class SignInEntry(Struct, frozen=True):
    """An attempt that may let somebody in."""

    attempt: SignInAttempt
    counted: Counted


def login_of(api: Api[Any]) -> Action | None:
    """Return the action that logs a user in: it is called ``login`` and takes email and password, a secret."""
    return next(
        (
            action
            for action in api
            if action.name == "login" and action.plain | action.secrets >= _FIELDS and "password" in action.secrets
        ),
        None,
    )


async def sign_in(site: Site, name: str, password: str, address: str) -> SignIn:
    """Sign a person in by name and password.

    An account of the console's own comes first. It is let in although broker and workers are away. Whoever is refused
    cannot tell by the answer, nor by the work for it, whether the name is that of an account: the application's login
    is asked in any case.

    Raises:
        StorageUnavailable: the console's own database does not answer.
    """
    folded = name.strip().lower()
    counted = Counted(
        {
            f"name {folded}": FREE_FOR_A_NAME,
            f"address {address}": FREE_FOR_AN_ADDRESS,
            f"name {folded} at {address}": ANY_NUMBER,
        },
        own=f"name {folded} at {address}",
        shared=f"address {address}",
    )
    attempt = await run_in_threadpool(site.store.begin_attempt, counted.who)
    if attempt.wait:
        return SignIn(refused="sign_in.wait", wait=int(attempt.wait) + 1)
    entry = SignInEntry(attempt, counted)
    kept = await run_in_threadpool(site.store.password_of, name)
    fits = await run_in_threadpool(matches, kept[0] if kept else None, password)
    if kept and fits:
        return await _let_in(site, name, kept[1], entry, own=True)
    if (login := login_of(site.app)) is not None:
        return await _by_login(site, login, name, password, None if kept else entry)
    return SignIn(refused="sign_in.wrong")


async def sign_in_with_token(site: Site, token: str, address: str) -> SignIn:
    """Sign a person in by a token of the application's, which has to name a role of the console.

    Raises:
        StorageUnavailable: the console's own database does not answer.
    """
    counted = Counted({f"address {address}": FREE_FOR_AN_ADDRESS}, own="", shared=f"address {address}")
    attempt = await run_in_threadpool(site.store.begin_attempt, counted.who)
    if attempt.wait:
        return SignIn(refused="sign_in.wait", wait=int(attempt.wait) + 1)
    return await _by_token(site, token, "", SignInEntry(attempt, counted))


async def _by_login(site: Site, login: Action, email: str, password: str, entry: SignInEntry | None) -> SignIn:
    """Ask the application's login, as any of its callers does; nobody is let in without an entry."""
    data = {"email": email, "password": password}
    try:
        async with Client(site.settings.amqp_url, topology=site.topology, name=f"{site.app.name} console") as client:
            result = await client.call("login", data, version=login.version, timeout=_PATIENCE)
    except RequestError as error:
        return SignIn(refused="sign_in.login_refused", said=str(error))
    except (NotSent, NoAnswer) as error:
        return SignIn(refused="sign_in.login_away", said=str(error))
    token = result.get("access_token") or result.get("token") if isinstance(result, dict) else None
    if entry is None:
        return SignIn(refused="sign_in.wrong")
    return await _by_token(site, str(token or ""), email, entry)


async def _by_token(site: Site, token: str, name: str, entry: SignInEntry) -> SignIn:
    if site.keyring is None:
        return SignIn(refused="sign_in.no_keyring")
    try:
        identity = site.keyring.identify(token)
    except Unauthenticated:
        return SignIn(refused="sign_in.token")
    role = role_of_claim(identity.roles)
    if role is None:
        return SignIn(refused="sign_in.no_role")
    return await _let_in(site, name or identity.principal.subject, role, entry, own=False, until=identity.expires)


async def _let_in(
    site: Site, name: str, role: Role, entry: SignInEntry, *, own: bool, until: float | None = None
) -> SignIn:
    def begin() -> str:
        site.store.succeed(entry.attempt, entry.counted.own, entry.counted.shared)
        return site.store.begin_session(name, role, own=own, until=until)

    return SignIn(token=await run_in_threadpool(begin))
