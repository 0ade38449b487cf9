"""People, their sessions, and the other systems that may call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hospital_prepay.persistence.models.base import Base, InstitutionId


class User(Base):
    """A member of staff. ``roles`` are names of ``domain.access.Role``."""

    __tablename__ = "staff_user"

    institution_id: Mapped[InstitutionId]
    user_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    login: Mapped[str] = mapped_column(sa.String(40))
    name: Mapped[str]
    roles: Mapped[list[Any]]
    station: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str]
    password_changed_at: Mapped[datetime]
    totp_secret: Mapped[str | None]
    totp_last_step: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("login"),)


class StaffSession(Base):
    """A signed-in browser, known by the hash of its token; ended rows stay."""

    __tablename__ = "staff_session"

    institution_id: Mapped[InstitutionId]
    session_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.String(36))
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(sa.String(40), default="")
    address: Mapped[str] = mapped_column(sa.String(64), default="")
    agent: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.UniqueConstraint("session_id"),
        sa.Index("ix_staff_session__user", "institution_id", "user_id"),
    )


class ApiClient(Base):
    """Another system with a bearer token (kept as a hash), a role, and a receipt book of its own."""

    __tablename__ = "api_client"

    institution_id: Mapped[InstitutionId]
    client_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(sa.String(30))
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("token_hash"),)
