"""Forms of sign-in, accounts and other systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from hospital_prepay.domain.access import Role
from hospital_prepay.schemas.base import BaseSchema, Choice, CommandSchema, Secret, Text
from hospital_prepay.services.access.account import NewPassword
from hospital_prepay.services.access.api_clients import NewClient
from hospital_prepay.services.access.login import SignIn
from hospital_prepay.services.access.users import ChangedUser, NewUser


class SignInSchema(CommandSchema[SignIn]):
    """User name and password."""

    command: ClassVar = SignIn

    login = Text(required=True, longest=64)
    password = Secret(required=True)


class NewPasswordSchema(CommandSchema[NewPassword]):
    """The present password and twice the new one."""

    command: ClassVar = NewPassword

    current_password = Secret(required=True)
    new_password = Secret(required=True)
    new_password_again = Secret(required=True)

    @validates_schema
    def check_typed_twice(self, data: Mapping[str, Any], **_options: Any) -> None:
        """Two different new passwords are a slip of the finger."""
        if data.get("new_password") != data.get("new_password_again"):
            raise ValidationError("两次输入的新密码不一样，请重新输入。", "new_password_again")

    def read(self, given: Mapping[str, Any]) -> NewPassword:
        """The command, the repetition left out."""
        loaded = self.load(given)
        return NewPassword(loaded["current_password"], loaded["new_password"])


class _PersonSchema(BaseSchema):
    name = Text(required=True, longest=64)
    station = Text(load_default="", longest=32)
    role = Choice(Role, required=True)

    @staticmethod
    def rename(loaded: dict[str, Any]) -> dict[str, Any]:
        """The form picks one role, an account holds a set."""
        return {
            **{key: value for key, value in loaded.items() if key != "role"},
            "roles": frozenset({loaded["role"]}),
        }


class NewUserSchema(_PersonSchema, CommandSchema[NewUser]):
    """An account to open."""

    command: ClassVar = NewUser

    login = Text(required=True, longest=40)

    def read(self, given: Mapping[str, Any]) -> NewUser:
        """The command."""
        return NewUser(**self.rename(self.load(given)))


class ChangedUserSchema(_PersonSchema, CommandSchema[ChangedUser]):
    """What may be changed of an account."""

    command: ClassVar = ChangedUser

    def read(self, given: Mapping[str, Any]) -> ChangedUser:
        """The command."""
        return ChangedUser(**self.rename(self.load(given)))


class NewClientSchema(CommandSchema[NewClient]):
    """A system to let in."""

    command: ClassVar = NewClient

    name = Text(required=True, longest=64)
    role = Choice(Role, required=True)
