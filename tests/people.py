"""A hospital with one person of each role, and a browser that signs in as one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from apiflask import APIFlask
from werkzeug.test import TestResponse

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.http.csrf import token_for
from hospital_prepay.persistence import users
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.access import second_factor
from hospital_prepay.services.access import users as user_service
from hospital_prepay.services.access.passwords import hash_password
from hospital_prepay.services.access.sessions import Origin, open_session
from hospital_prepay.services.access.users import NewUser, seed_demo_user
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.institution import ChangedInstitution, NewInstitution, open_institution
from hospital_prepay.settings import Settings

INSTITUTION = "H52010300125"
PASSWORD = "correct horse battery"


@cache
def _hash() -> str:
    """The password's hash, made once: argon2 is slow on purpose."""
    return hash_password(PASSWORD)


def settings_for(url: str, data_dir: Path, mode: str = "demo") -> Settings:
    """Settings as a test needs them."""
    environment = {"PREPAY_MODE": mode, "PREPAY_DATABASE_URL": url, "PREPAY_DATA_DIR": str(data_dir)}
    if mode == "production":
        environment |= {
            "PREPAY_SECRET_KEY": "a-secret-of-production-0123456789",
            "PREPAY_FIELD_KEY": "another-secret-of-production-98765",
        }
    return Settings.from_environment(environment)


@dataclass
class House:
    """A context whose hospital has one person of each role, all signed up for a second factor where it is due."""

    context: Context
    ids: dict[Role, str]

    @classmethod
    def built(cls, database: Database, clock: Clock, data_dir: Path) -> House:
        """Enter the hospital and its people."""
        url = database.url.render_as_string(hide_password=False)
        context = Context(settings_for(url, data_dir), database, clock)
        details = ChangedInstitution(
            "云岭县人民医院", "0855-1234567", "每天 8:00–18:00", "一楼大厅", Ownership.PUBLIC, True
        )
        open_institution(context, NewInstitution(INSTITUTION, details, level=3, is_default=True))
        with patch.object(user_service, "hash_password", lambda _password: _hash()):
            ids = cls._people(context)
        return cls(context, ids)

    @staticmethod
    def _people(context: Context) -> dict[Role, str]:
        return {
            role: seed_demo_user(
                context,
                INSTITUTION,
                NewUser(role.value.replace("_", "."), f"{role.label}员", frozenset({role})),
                password=PASSWORD,
                secret=second_factor.new_secret() if role.needs_second_factor else None,
            )
            for role in Role
        }

    def another(self, role: Role) -> Actor:
        """One more person of the role; whoever wants a session asks :meth:`session` with it."""
        login = f"{self.login(role)}.2"
        person = NewUser(login, f"{role.label}员乙", frozenset({role}))
        with patch.object(user_service, "hash_password", lambda _password: _hash()):
            user_id = seed_demo_user(
                self.context, INSTITUTION, person, password=PASSWORD, secret=second_factor.new_secret()
            )
        return self._acting(user_id)

    def login(self, role: Role) -> str:
        """The user name of the role's person."""
        return role.value.replace("_", ".")

    def actor(self, role: Role) -> Actor:
        """The role's person as the one who acts."""
        return self._acting(self.ids[role])

    def _acting(self, user_id: str) -> Actor:
        with self.context.database.reading() as connection:
            user = users.by_id(connection, INSTITUTION, user_id)
        assert user is not None
        return user.actor("127.0.0.1")

    def code(self, role: Role) -> str:
        """The present second-factor code."""
        return second_factor.current_code(self.context, self.login(role))

    def session(self, role: Role | Actor, *, complete: bool = True) -> str:
        """The token of a fresh session; without ``complete`` the second factor is still to come."""
        actor = role if isinstance(role, Actor) else self.actor(role)
        with self.context.work(actor, "login.password") as work:
            user = users.by_id(work.connection, INSTITUTION, actor.actor_id)
            assert user is not None
            moment = work.now if complete and user.is_enrolled else None
            return open_session(work, user, Origin("127.0.0.1", "test"), second_factor_at=moment, started_at=work.now)


class Browser:
    """A browser that brings its cookies, and the proof that its forms are ours."""

    def __init__(self, app: APIFlask) -> None:
        self.app = app
        self.client = app.test_client()

    def signed_in(self, token: str) -> Browser:
        """The same browser with a session."""
        self.client.set_cookie("prepay", token)
        return self

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form with its proof."""
        return self.client.post(path, data={**(data or {}), "csrf_token": self.proof()}, **options)

    def proof(self) -> str:
        """What the form that this browser was shown would carry."""
        session = self.client.get_cookie("prepay")
        if session is None and self.client.get_cookie("prepay_form") is None:
            self.get("/login")
        with self.app.app_context():
            if session is not None:
                return token_for(f"session {session.value}")
            form = self.client.get_cookie("prepay_form")
            assert form is not None
            return token_for(f"form {form.value}")
