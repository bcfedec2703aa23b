"""Applications as they are after a change of their types or actions: real ones, with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as fields_of
from msgspec.structs import replace

from leveret import App
from leveret.api import Action, Route
from leveret.application import Application
from leveret.errors import RequestError


class FieldPlan(Struct, frozen=True):
    """A field of a record: its name in Python and in JSON, its type, and its default."""

    name: str
    encoded: str
    type: Any
    default: Any = msgspec.field(default_factory=lambda: NODEFAULT)
    factory: Any = msgspec.field(default_factory=lambda: NODEFAULT)

    @property
    def options(self) -> Any:
        return {"default": self.default, "default_factory": self.factory, "name": self.encoded}

    @property
    def is_required(self) -> bool:
        return self.default is NODEFAULT and self.factory is NODEFAULT


class RecordPlan(Struct, frozen=True):
    """A record, of which a class can be made."""

    name: str
    fields: tuple[FieldPlan, ...]
    namespace: Mapping[str, Any]
    options: Mapping[str, Any] = MappingProxyType({})

    def with_field(self, name: str, change: Callable[[FieldPlan], FieldPlan]) -> RecordPlan:
        return replace(self, fields=tuple(change(each) if each.name == name else each for each in self.fields))

    def with_options(self, **options: Any) -> RecordPlan:
        return replace(self, options={**self.options, **options})

    def with_namespace(self, **members: Any) -> RecordPlan:
        return replace(self, namespace={**self.namespace, **members})

    def made(self) -> Any:
        fields = [
            (
                each.name,
                each.type,
                msgspec.field(**each.options),
            )
            for each in self.fields
        ]
        options = {"frozen": True, "kw_only": True, "dict": True, **self.options}
        return msgspec.defstruct(self.name, fields, namespace=dict(self.namespace), **options)


class ActionPlan(Struct, frozen=True):
    """An action, which can be registered."""

    version: str
    name: str
    input: Any
    output: Any
    public: bool = False
    writes: bool = False
    deprecated: bool | str = False
    errors: tuple[type[RequestError], ...] = ()


class AppPlan(Struct, frozen=True):
    """An application, of which a new one can be made."""

    name: str
    actions: Mapping[str, ActionPlan]
    routes: Sequence[Route]

    def with_action(self, name: str, **changed: Any) -> AppPlan:
        return replace(self, actions={**self.actions, name: replace(self.actions[name], **changed)})

    def made(self) -> Application[Any]:
        app = App(self.name, health_check=False)
        for plan in self.actions.values():
            app.action(
                plan.version,
                plan.name,
                public=plan.public,
                writes=plan.writes,
                deprecated=plan.deprecated,
                errors=plan.errors,
            )(_function(plan))
        for route in self.routes:
            options = {name: getattr(route, name) for name in route.__struct_fields__[4:]}
            app.route(route.pattern, route.full_name, **options)
        app.complete()
        return app


def plan_of(app: Application[Any]) -> AppPlan:
    """Return the plan of an application, without the framework's own actions."""
    app.complete()
    actions = {
        action.full_name: _action_plan(action)
        for action in app
        if action.name not in ("stored_response", "health_check")
    }
    declared = app.routes if any("/actions/" not in route.path for route in app.routes) else []
    return AppPlan(app.name, actions, [route for route in declared if route.full_name in actions])


def record_plan(cls: Any) -> RecordPlan:
    """Return the plan of a record."""
    fields = tuple(
        FieldPlan(each.name, each.encode_name, each.type, each.default, each.default_factory) for each in fields_of(cls)
    )
    own = {
        name: member
        for kind in reversed(cls.__mro__)
        if kind not in (Struct, object)
        for name, member in vars(kind).items()
        if name == "__post_init__" or not name.startswith("__")
        if name not in cls.__struct_fields__
    }
    config = cls.__struct_config__
    options = {} if config.tag is None else {"tag": config.tag, "tag_field": config.tag_field}
    return RecordPlan(cls.__name__, fields, own, options)


def can_be_made(record: RecordPlan) -> bool:
    """Return whether msgspec makes a decoder of a record: some types cannot stand side by side."""
    try:
        msgspec.json.Decoder(record.made())
    except TypeError:
        return False
    return True


def record_in(kind: Any) -> Any:
    """Return the record that a type is, or that its list holds; None if there is none."""
    if get_origin(kind) is list:
        return record_in(get_args(kind)[0])
    return kind if isinstance(kind, type) and issubclass(kind, Struct) else None


def with_record(kind: Any, record: Any) -> Any:
    """Return a type with another record in the place of its own."""
    return list[with_record(get_args(kind)[0], record)] if get_origin(kind) is list else record  # type: ignore[misc]  # a type made at run time


def _action_plan(action: Action) -> ActionPlan:
    return ActionPlan(
        action.version,
        action.name,
        action.input,
        action.output,
        action.public,
        action.writes,
        action.deprecated,
        action.errors,
    )


def _function(plan: ActionPlan) -> Callable[..., Any]:
    if plan.input is None:

        def act(context):  # type: ignore[no-untyped-def]  # its types are set below
            return None

    else:

        def act(context, given):  # type: ignore[no-untyped-def,misc]
            return None

    kinds = {"context": Any, "return": plan.output}
    act.__annotations__ = kinds if plan.input is None else {**kinds, "given": plan.input}
    return act
