"""The second factor: six digits that change every 30 seconds (RFC 6238), each good for one sign-in."""

from __future__ import annotations

import hmac
import re
from datetime import datetime
from typing import Final

import pyotp

from hospital_prepay.domain.errors import NotFound, NotPermitted
from hospital_prepay.persistence import users
from hospital_prepay.services.context import Context

STEP_SECONDS: Final = 30
# One step either way for clocks that don't agree.
_DRIFT: Final = 1
_SIX_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)
FIELD: Final = "staff_user.totp_secret"


def new_secret() -> str:
    """A fresh secret (160 bits, base 32)."""
    return pyotp.random_base32()


def matching_step(secret: str, code: str, moment: datetime, last_step: int) -> int | None:
    """The time step that ``code`` belongs to, if it is one of now and later than ``last_step``.

    A code that was used, and any before it, is never taken again.
    """
    if not _SIX_DIGITS.fullmatch(code):
        return None
    now = int(moment.timestamp()) // STEP_SECONDS
    found = None
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        fits = hmac.compare_digest(_code(secret, step), code)
        if fits and step > last_step and found is None:
            found = step
    return found


def address_for_phone(secret: str, login: str, hospital: str) -> str:
    """The ``otpauth://`` address that an authenticator reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=hospital)


def seal(context: Context, institution_id: str, secret: str) -> str:
    """The secret as it is stored."""
    return context.cipher.encrypt(secret, institution=institution_id, field=FIELD)


def unseal(context: Context, institution_id: str, stored: str) -> str:
    """The secret of a stored value. Raises :class:`~hospital_prepay.crypto.FieldUnreadable`."""
    return context.cipher.decrypt(stored, institution=institution_id, field=FIELD)


def current_code(context: Context, login: str) -> str:
    """The present code of a demonstration user. Raises :class:`NotPermitted` in production, :class:`NotFound`."""
    if not context.settings.is_demo:
        raise NotPermitted("正式运行时动态码只在本人手机上看，程序不显示。")
    with context.database.reading() as connection:
        user = users.by_login(connection, login.strip().lower())
    if user is None:
        raise NotFound(f"没有用户 {login[:40]}。演示账号在启动时列出。")
    if user.totp_secret is None:
        raise NotFound(f"{user.login} 还没有启用动态码。请先用密码登录，在“我的账号”里启用。")
    secret = unseal(context, user.institution_id, user.totp_secret)
    return _code(secret, int(context.clock.now().timestamp()) // STEP_SECONDS)


def _code(secret: str, step: int) -> str:
    return pyotp.TOTP(secret).generate_otp(step)
