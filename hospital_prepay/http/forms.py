"""Forms: raw fields in, a frozen command out, or the form again with what was typed and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import request
from marshmallow import ValidationError

from hospital_prepay.domain.errors import MalformedInput, PrepayError
from hospital_prepay.schemas.base import CommandSchema, messages_of

Command = TypeVar("Command")


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields, and a message for each that is wrong (``""`` for the form as a whole)."""

    entered: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def with_error(self, error: PrepayError, name: str = "") -> Form:
        """The same form with a service's objection, beside the field ``name`` or above all; an objection to several
        ``fields`` stands beside each."""
        told = error.details.get("fields") or {name: error.message}
        return Form(self.entered, {**self.errors, **told})


class WrongForm(MalformedInput):
    """At least one field is wrong; ``form`` shows it again."""

    def __init__(self, form: Form) -> None:
        super().__init__("填写的内容要改一改，没有办成。")
        self.form = form


def typed(*secret: str) -> Form:
    """The request's form as it was typed; ``secret`` fields aren't shown again."""
    hidden = {*secret, "csrf_token"}
    return Form({name: value for name, value in request.form.items() if name not in hidden})


def read_form(schema: CommandSchema[Command], *secret: str, **changes: str) -> Command:
    """The command that the request's form asks for, with ``changes`` in place of what was typed.

    Raises :class:`WrongForm`.
    """
    try:
        return schema.read({**request.form.to_dict(), **changes})
    except ValidationError as error:
        messages = {name: _first(told) for name, told in messages_of(error).items()}
        if "_schema" in messages:
            messages[""] = messages.pop("_schema")
        raise WrongForm(Form({**typed(*secret).entered, **changes}, messages)) from error


def _first(told: Any) -> str:
    while isinstance(told, Mapping):
        told = next(iter(told.values()))
    return str(told[0] if isinstance(told, list) else told)
