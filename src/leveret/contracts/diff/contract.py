"""A contract: what an application promises to its callers, as a document that can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from msgspec import Struct

from leveret.api import Route
from leveret.contracts.diff.nodes import used_types
from leveret.contracts.schemas import Schema
from leveret.wire.codec import encode_json

FORM: Final = 1
"""Number of the form of the document."""

_INDENT: Final = "  "


class NotAContract(ValueError):
    """A document is not a contract of the form that is known here; the text says why."""


class TriedPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a decoder took and refused in one place of an input, beside what its schema refuses.

    Attributes:
        at: names and positions that lead to the place.
        taken: values that it takes there.
        refused: values that the schema allows there, and the decoder refuses: types may have rules of their own.
        may_be_absent: whether it takes an input without this place.
    """

    at: list[str | int]
    taken: list[Any] = []
    refused: list[Any] = []
    may_be_absent: bool = False


class PromisedAction(Struct, frozen=True, kw_only=True):
    """What is promised of an action.

    Attributes:
        input: schema of its input; None if it takes none, and ignores what it is sent.
        output: schema of what it answers.
        errors: codes of the errors that its callers have to expect, beside those that any action may answer.
        writes: each request has its effect once.
        public: it may be called without a token.
        deprecated: its callers should stop using it.
        examples: inputs that its decoder takes, found by trying: the plainest one, and the fullest.
        tried: what else its decoder was given: the fullest one with a change in one place.
    """

    input: Schema | None
    output: Schema
    errors: list[str] = []
    writes: bool = False
    public: bool = False
    deprecated: bool = False
    examples: list[dict[str, Any]] = []
    tried: list[TriedPlace] = []

    @property
    def takes(self) -> Schema:
        """Schema of the data of a request."""
        return {"type": "object"} if self.input is None else self.input


class PromisedRoute(Struct, frozen=True, kw_only=True):
    """What is promised of a way to call an action over HTTP; see ``leveret.api.Route``."""

    action: str
    status: int = 200
    needs_key: bool = False
    needs: list[str] = []
    etag: str = ""
    if_match: str = ""
    needs_match: bool = False
    location: str = ""


class Contract(Struct, frozen=True, kw_only=True):
    """What an application promises.

    Attributes:
        contract: number of the form of this document.
        application: name of the application.
        actions: what is promised of each, by version and name.
        routes: the ways over HTTP, by method and path.
        types: the types to which schemas refer.
    """

    contract: int
    application: str
    actions: Mapping[str, PromisedAction]
    routes: Mapping[str, PromisedRoute]
    types: Mapping[str, Schema]


def promised_route(route: Route) -> PromisedRoute:
    """Return what is promised of a route."""
    return PromisedRoute(
        action=route.full_name,
        status=route.status,
        needs_key=route.needs_key,
        needs=list(route.needs),
        etag=route.etag,
        if_match=route.if_match,
        needs_match=route.needs_match,
        location=route.location,
    )


def write_contract(contract: Contract) -> str:
    """Return a contract as JSON of which people can read the differences: what was tried in one place is one line."""
    return f"{_written(msgspec.to_builtins(contract), '')}\n"


def read_contract(text: bytes) -> Contract:
    """Read a contract.

    Raises:
        NotAContract: it is not one, or one of another form.
    """
    try:
        form = msgspec.json.decode(text, type=_DocumentForm).contract
        if form != FORM:
            raise NotAContract(f"it is a contract of form {form}, and this version of leveret reads form {FORM}")
        contract = msgspec.json.decode(text, type=Contract)
    except msgspec.DecodeError as error:
        raise NotAContract(f"it is not a contract: {error}") from error
    _check(contract)
    return contract


class _DocumentForm(Struct, frozen=True):
    contract: int


def _check(contract: Contract) -> None:
    """Check that a contract is whole.

    Raises:
        NotAContract: a route calls an action, or a schema refers to a type, that is not in it; or a schema is not one.
    """
    for pattern, route in contract.routes.items():
        if route.action not in contract.actions:
            raise NotAContract(f"it is not a whole contract: {pattern} calls {route.action}, which is not in it")
    for name, action in contract.actions.items():
        for schema in (action.takes, action.output):
            _check_schema(schema, contract.types, name)


def _check_schema(schema: Schema, types: Mapping[str, Schema], name: str) -> None:
    try:
        for each in (schema, *used_types(schema, types).values()):
            Draft202012Validator.check_schema(each, Draft202012Validator.FORMAT_CHECKER)
    except KeyError as error:
        raise NotAContract(f"it is not a whole contract: {name} needs the type {error}, which is not in it") from error
    except SchemaError as error:
        raise NotAContract(f"it is not a contract: a schema of {name} is wrong: {error.message}") from error


def _written(value: Any, indent: str, name: str = "") -> str:
    inner = indent + _INDENT
    if isinstance(value, dict) and value:
        parts = [f"{inner}{_line(key)}: {_written(each, inner, key)}" for key, each in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if name in ("examples", "tried") and value:
        return "[\n" + ",\n".join(f"{inner}{_line(each)}" for each in value) + f"\n{indent}]"
    return _line(value)


def _line(value: Any) -> str:
    return encode_json(value).decode()
