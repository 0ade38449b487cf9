"""Whom an interface, or a command at a terminal, speaks for."""

from __future__ import annotations

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.institution import default_hospital, hospital_of
from hospital_prepay.services.settlement.intake import feed


def interface_of(context: Context, institution_id: str | None, source: str) -> Actor:
    """Who speaks for an institution over an interface; of the only, or the default, one where none is named.

    Raises :class:`NotFound`.
    """
    hospital = hospital_of(context, institution_id) if institution_id else default_hospital(context)
    if not hospital.code:
        raise NotFound("还没有登记机构。请先登记本院，再启动接口。")
    return feed(hospital.code, source)


def terminal_of(context: Context, institution_id: str | None, role: Role) -> Actor:
    """Whoever sits at the terminal of the server, in the role whose work a command does. Raises :class:`NotFound`."""
    of = interface_of(context, institution_id, "terminal").institution_id
    return Actor(of, "terminal", "服务器命令行", frozenset({role}))
