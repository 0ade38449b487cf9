"""Other systems that call the API: a token shown once, one role, and an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.access import Actor, Permission, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotAuthenticated, NotFound, NotPermitted
from hospital_prepay.persistence import api_clients
from hospital_prepay.persistence.api_clients import ClientRow
from hospital_prepay.services.context import Context

# A system may do a counter's or an officer's work, tell that a discharge's part is done, or read. Approving and
# administering is for people.
ROLES: Final = (
    *(Role.CASHIER, Role.FINANCE_OFFICER, Role.AUDITOR),
    *(Role.WARD, Role.BILLING_AUDITOR, Role.INSURANCE_CLERK),
)
_TOKEN_BITS: Final = 256
_PREFIX: Final = "prepay_"


@dataclass(frozen=True, slots=True)
class NewClient:
    """A system to let in."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A bearer token, shown once."""

    client_id: str
    name: str
    token: str


def create_client(context: Context, actor: Actor, command: NewClient) -> IssuedToken:
    """Let a system in. Needs ``users.manage``. Raises :class:`MalformedInput`, :class:`NotPermitted`."""
    token = _PREFIX + new_token(_TOKEN_BITS)
    with context.work(actor, "api_client.create") as work:
        actor.require(Permission.USERS_MANAGE)
        if not 1 <= len(command.name) <= 64:
            raise MalformedInput("系统名称要填，最多 64 个字，例如 HIS。")
        if command.role not in ROLES:
            raise NotPermitted("审批和管理只能由人办理，不能交给其他系统。")
        client = ClientRow(actor.institution_id, work.new_id(), command.name, command.role, True, work.now)
        api_clients.add(work.connection, client, token)
        work.audit(subject=f"client:{client.client_id}", detail={"name": client.name, "role": client.role.value})
        return IssuedToken(client.client_id, client.name, token)


def list_clients(context: Context, actor: Actor) -> list[ClientRow]:
    """Every system of the institution. Needs ``users.manage``."""
    actor.require(Permission.USERS_MANAGE)
    with context.database.reading() as connection:
        return api_clients.all_of(connection, actor.institution_id)


def disable_client(context: Context, actor: Actor, client_id: str) -> None:
    """Refuse a system's token from now on. Needs ``users.manage``."""
    with context.work(actor, "api_client.disable", f"client:{client_id}") as work:
        actor.require(Permission.USERS_MANAGE)
        client = api_clients.by_id(work.connection, actor.institution_id, client_id)
        if client is None:
            raise NotFound("没有这个系统。请刷新名单。")
        if not client.is_active:
            raise Conflict("这个令牌已经停用了，不用再办。")
        api_clients.disable(work.connection, client)
        work.audit(detail={"name": client.name})


def authenticate(context: Context, token: str, address: str) -> Actor:
    """The system a bearer token stands for. Raises :class:`NotAuthenticated`."""
    client = api_clients.by_token(context.database, token)
    if client is None or not client.is_active:
        raise NotAuthenticated("令牌不对或已停用。请向系统管理员要新的令牌。")
    return client.actor(address)
