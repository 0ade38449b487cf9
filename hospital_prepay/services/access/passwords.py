"""Passwords: how they are stored, which are taken, and the first one that is handed out."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Final

from pwdlib import PasswordHash

from hospital_prepay.domain.errors import MalformedInput

SHORTEST: Final = 10
# Argon2 reads every character: a longer text would only cost time.
LONGEST: Final = 256
_FEWEST_DIFFERENT: Final = 5
# Without look-alikes: the first password is read from a screen and typed by another person.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_COMMON: Final = frozenset(
    (
        "password123",
        "passw0rd123",
        "password1234",
        "admin12345",
        "administrator",
        "1234567890",
        "0123456789",
        "12345678910",
        "123456789a",
        "a123456789",
        "aa123456789",
        "qwertyuiop",
        "qwerty12345",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "qazwsxedc1",
        "asdfghjkl1",
        "abcdefghij",
        "abcd123456",
        "abc1234567",
        "woaini1314",
        "woaini521",
        "iloveyou123",
        "5201314520",
        "hospital123",
        "hospital2025",
        "hospital2026",
        "yiyuan123456",
        "yibao123456",
        "guizhou123",
        "welcome123",
        "changeme123",
        "letmein1234",
    )
)


class WeakPassword(MalformedInput):
    """The password is too easy to guess."""

    code = "weak_password"


@cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@cache
def _nobody() -> str:
    """A hash that no password fits, for logins that don't exist."""
    return _hasher().hash(secrets.token_urlsafe(32))


def hash_password(password: str) -> str:
    """The password as it is stored (argon2id)."""
    return _hasher().hash(password)


def verify_password(password: str, stored: str | None) -> bool:
    """Whether ``password`` fits. Takes the same time when there is no such account (``stored`` is ``None``)."""
    fits = _hasher().verify(password[:LONGEST], stored or _nobody())
    return fits and stored is not None


def check_password(password: str, login: str) -> None:
    """Raise :class:`WeakPassword` for one that is short, common, of few characters, or made of the user name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"密码要 {SHORTEST} 到 {LONGEST} 位，可以用一句话。")
    plain = password.lower()
    if login.lower() in plain and len(plain) < len(login) + SHORTEST:
        raise WeakPassword("密码里不要带用户名，请换一个。")
    if plain in _COMMON or len(set(plain)) < _FEWEST_DIFFERENT:
        raise WeakPassword("这个密码太常见，请换一个，例如一句只有您知道的话。")


def first_password() -> str:
    """A password to hand out, which its owner must change: three groups of four, 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
