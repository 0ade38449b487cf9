"""Who may do what: roles, permissions, and the person or system that acts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.errors import NotPermitted, SecondPersonRequired


class Role(StrEnum):
    """The roles (等保 three administrators apart from those who move money). The department head, of pharmacy or
    purchasing, asks for payments from the restricted fund and agrees to those of others. Wards, the billing audit and
    the insurance office do their part of a discharge's settlement and move no money."""

    CASHIER = "cashier"
    FINANCE_OFFICER = "finance_officer"
    FINANCE_APPROVER = "finance_approver"
    AUDITOR = "auditor"
    SYSTEM_ADMINISTRATOR = "system_administrator"
    SECURITY_ADMINISTRATOR = "security_administrator"
    DEPARTMENT_HEAD = "department_head"
    WARD = "ward"
    BILLING_AUDITOR = "billing_auditor"
    INSURANCE_CLERK = "insurance_clerk"

    @property
    def label(self) -> str:
        """The Chinese word on screens."""
        return _ROLE_LABELS[self]

    @property
    def needs_second_factor(self) -> bool:
        """All but the cashier sign in with a second factor."""
        return self is not Role.CASHIER


class Permission(StrEnum):
    """One thing a role may do. Every route names exactly one."""

    ACCOUNT_OWN = "account.own"
    DESK_VIEW = "desk.view"
    STAY_REGISTER = "stay.register"
    DEPOSIT_COLLECT = "deposit.collect"
    SLIP_REQUEST = "slip.request"
    SLIP_APPROVE = "slip.approve"
    REVEAL_IDENTITY = "identity.reveal"
    CAPS_VIEW = "caps.view"
    CASES_IMPORT = "cases.import"
    CAPS_MEASURE = "caps.measure"
    CAPS_APPROVE = "caps.approve"
    CAPS_PUBLISH = "caps.publish"
    LEDGER_VIEW = "ledger.view"
    LEDGER_SEAL = "ledger.seal"
    CLAUSES_VIEW = "clauses.view"
    COMPLIANCE_VIEW = "compliance.view"
    AUDIT_VIEW = "audit.view"
    USERS_MANAGE = "users.manage"
    INSTITUTION_VIEW = "institution.view"
    INSTITUTION_MANAGE = "institution.manage"
    RULES_APPROVE = "deposit_rules.approve"
    SETTINGS_MANAGE = "settings.manage"
    CALENDAR_MANAGE = "calendar.manage"
    SESSIONS_MANAGE = "sessions.manage"
    FUND_VIEW = "fund.view"
    FUND_APPLY = "fund.apply"
    FUND_RECORD = "fund.record"
    FUND_ASK = "fund.ask"
    FUND_AGREE = "fund.agree"
    FUND_RESERVE = "fund.reserve"
    FUND_PAY = "fund.pay"
    FUND_RETURN = "fund.return"
    FUND_DUTY = "fund.duty"
    FUND_RECONCILE = "fund.reconcile"
    OUTPATIENT_VIEW = "outpatient.view"
    OUTPATIENT_IMPORT = "outpatient.import"
    OUTPATIENT_CONFIRM = "outpatient.confirm"
    OUTPATIENT_CONTACT = "outpatient.contact"
    OUTPATIENT_ACCEPT = "outpatient.accept"
    OUTPATIENT_REVIEW = "outpatient.review"
    OUTPATIENT_APPROVE = "outpatient.approve"
    OUTPATIENT_PAY = "outpatient.pay"
    OUTPATIENT_FILE = "outpatient.file"
    OUTPATIENT_REMIT = "outpatient.remit"
    SETTLEMENT_VIEW = "settlement.view"
    SETTLEMENT_WARD = "settlement.ward"
    SETTLEMENT_AUDIT = "settlement.audit"
    SETTLEMENT_INSURANCE = "settlement.insurance"
    SETTLEMENT_SETTLE = "settlement.settle"
    SETTLEMENT_MANAGE = "settlement.manage"
    METRICS_READ = "metrics.read"  # no role's: the monitoring has a token of its own


_P = Permission
_ROLE_LABELS: Final = {
    Role.CASHIER: "收费员",
    Role.FINANCE_OFFICER: "财务",
    Role.FINANCE_APPROVER: "财务审批",
    Role.AUDITOR: "审计",
    Role.SYSTEM_ADMINISTRATOR: "系统管理",
    Role.SECURITY_ADMINISTRATOR: "安全管理",
    Role.DEPARTMENT_HEAD: "科室负责人",
    Role.WARD: "病区",
    Role.BILLING_AUDITOR: "费用审核",
    Role.INSURANCE_CLERK: "医保办",
}
GRANTS: Final[dict[Role, frozenset[Permission]]] = {
    Role.CASHIER: frozenset(
        {
            _P.ACCOUNT_OWN,
            _P.CLAUSES_VIEW,
            _P.DESK_VIEW,
            _P.STAY_REGISTER,
            _P.DEPOSIT_COLLECT,
            _P.SLIP_REQUEST,
            _P.REVEAL_IDENTITY,
            _P.OUTPATIENT_VIEW,
            _P.OUTPATIENT_ACCEPT,
            _P.OUTPATIENT_PAY,
            _P.SETTLEMENT_VIEW,
            _P.SETTLEMENT_SETTLE,
        }
    ),
    Role.FINANCE_OFFICER: frozenset(
        {
            _P.ACCOUNT_OWN,
            _P.CLAUSES_VIEW,
            _P.DESK_VIEW,
            _P.REVEAL_IDENTITY,
            _P.SLIP_APPROVE,
            _P.CAPS_VIEW,
            _P.CASES_IMPORT,
            _P.CAPS_MEASURE,
            _P.CAPS_PUBLISH,
            _P.LEDGER_VIEW,
            _P.LEDGER_SEAL,
            _P.COMPLIANCE_VIEW,
            _P.CALENDAR_MANAGE,
            _P.SETTINGS_MANAGE,
            _P.INSTITUTION_VIEW,
            _P.INSTITUTION_MANAGE,
            _P.FUND_VIEW,
            _P.FUND_APPLY,
            _P.FUND_ASK,
            _P.FUND_PAY,
            _P.FUND_RETURN,
            _P.FUND_DUTY,
            _P.FUND_RECONCILE,
            _P.OUTPATIENT_VIEW,
            _P.OUTPATIENT_IMPORT,
            _P.OUTPATIENT_CONTACT,
            _P.OUTPATIENT_ACCEPT,
            _P.OUTPATIENT_REVIEW,
            _P.OUTPATIENT_PAY,
            _P.OUTPATIENT_FILE,
            _P.SETTLEMENT_VIEW,
            _P.SETTLEMENT_MANAGE,
        }
    ),
    Role.FINANCE_APPROVER: frozenset(
        {
            _P.ACCOUNT_OWN,
            _P.CLAUSES_VIEW,
            _P.DESK_VIEW,
            _P.REVEAL_IDENTITY,
            _P.SLIP_APPROVE,
            _P.CAPS_VIEW,
            _P.CAPS_APPROVE,
            _P.CAPS_PUBLISH,
            _P.LEDGER_VIEW,
            _P.COMPLIANCE_VIEW,
            _P.INSTITUTION_VIEW,
            _P.RULES_APPROVE,
            _P.FUND_VIEW,
            _P.FUND_RECORD,
            _P.FUND_RESERVE,
            _P.FUND_DUTY,
            _P.OUTPATIENT_VIEW,
            _P.OUTPATIENT_CONFIRM,
            _P.OUTPATIENT_CONTACT,
            _P.OUTPATIENT_REVIEW,
            _P.OUTPATIENT_APPROVE,
            _P.OUTPATIENT_REMIT,
            _P.SETTLEMENT_VIEW,
            _P.SETTLEMENT_MANAGE,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            _P.ACCOUNT_OWN,
            _P.CLAUSES_VIEW,
            _P.DESK_VIEW,
            _P.REVEAL_IDENTITY,
            _P.CAPS_VIEW,
            _P.LEDGER_VIEW,
            _P.COMPLIANCE_VIEW,
            _P.INSTITUTION_VIEW,
            _P.AUDIT_VIEW,
            _P.FUND_VIEW,
            _P.OUTPATIENT_VIEW,
            _P.SETTLEMENT_VIEW,
        }
    ),
    Role.SYSTEM_ADMINISTRATOR: frozenset(
        {
            _P.ACCOUNT_OWN,
            _P.CLAUSES_VIEW,
            _P.USERS_MANAGE,
            _P.INSTITUTION_VIEW,
            _P.INSTITUTION_MANAGE,
            _P.SETTINGS_MANAGE,
            _P.CALENDAR_MANAGE,
        }
    ),
    Role.SECURITY_ADMINISTRATOR: frozenset({_P.ACCOUNT_OWN, _P.CLAUSES_VIEW, _P.SESSIONS_MANAGE, _P.AUDIT_VIEW}),
    Role.DEPARTMENT_HEAD: frozenset({_P.ACCOUNT_OWN, _P.CLAUSES_VIEW, _P.FUND_VIEW, _P.FUND_ASK, _P.FUND_AGREE}),
    Role.WARD: frozenset({_P.ACCOUNT_OWN, _P.CLAUSES_VIEW, _P.SETTLEMENT_VIEW, _P.SETTLEMENT_WARD}),
    Role.BILLING_AUDITOR: frozenset({_P.ACCOUNT_OWN, _P.CLAUSES_VIEW, _P.SETTLEMENT_VIEW, _P.SETTLEMENT_AUDIT}),
    Role.INSURANCE_CLERK: frozenset({_P.ACCOUNT_OWN, _P.CLAUSES_VIEW, _P.SETTLEMENT_VIEW, _P.SETTLEMENT_INSURANCE}),
}


FOR_PEOPLE: Final = frozenset(
    {
        *(_P.SLIP_APPROVE, _P.CAPS_APPROVE, _P.CAPS_PUBLISH, _P.RULES_APPROVE),
        *(_P.FUND_APPLY, _P.FUND_RECORD, _P.FUND_AGREE, _P.FUND_RESERVE, _P.FUND_PAY, _P.FUND_RETURN),
        *(_P.FUND_DUTY, _P.FUND_RECONCILE),
        *(_P.OUTPATIENT_IMPORT, _P.OUTPATIENT_CONFIRM, _P.OUTPATIENT_CONTACT, _P.OUTPATIENT_ACCEPT),
        _P.SETTLEMENT_MANAGE,
        *(_P.OUTPATIENT_REVIEW, _P.OUTPATIENT_APPROVE, _P.OUTPATIENT_PAY, _P.OUTPATIENT_FILE, _P.OUTPATIENT_REMIT),
    }
)
"""A second person is a person: whoever hands out tokens to systems could otherwise be both halves of a step. Of the
restricted fund a system may read and ask, of outpatient accounts only read."""


def check_role_mix(roles: Iterable[Role]) -> None:
    """System, security and audit stay apart from each other and from everything that moves money.

    Raises :class:`NotPermitted`. Maker and approver of finance may be one account's roles in a small hospital:
    the two-person steps themselves look at the person, not at the role.
    """
    held = set(roles)
    apart = held & {Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR}
    if not held:
        raise NotPermitted("请至少选一个角色。")
    if apart and len(held) > 1:
        raise NotPermitted("审计、系统管理、安全管理三个角色要各由专人担任，不能与其他角色合在一个账号。")


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever acts: a signed-in person, another system, or a job."""

    institution_id: str
    actor_id: str
    name: str
    roles: frozenset[Role]
    address: str = ""
    is_system: bool = False

    @property
    def calls_patients(self) -> bool:
        """Whether patients' names show in full: to people who collect, for they call them at the counter."""
        return self.may(Permission.DEPOSIT_COLLECT) and not self.is_system

    @property
    def permissions(self) -> frozenset[Permission]:
        """Everything the actor's roles grant."""
        return frozenset().union(*(GRANTS[role] for role in self.roles))

    def may(self, permission: Permission) -> bool:
        """Whether one of the actor's roles grants ``permission``; what people decide, no system does."""
        if self.is_system and permission in FOR_PEOPLE:
            return False
        return any(permission in GRANTS[role] for role in self.roles)

    def require(self, permission: Permission) -> None:
        """Raise :class:`NotPermitted` unless granted, naming whose step it is."""
        if not self.may(permission):
            holders = "、".join(role.label for role in Role if permission in GRANTS[role])
            raise NotPermitted(f"这一步由{holders}办理。您的账号没有这项权限，本次尝试已记录。")

    def require_other_than(self, maker_id: str, step: str) -> None:
        """Raise :class:`SecondPersonRequired` when the same person made what is to be decided."""
        if self.actor_id == maker_id:
            raise SecondPersonRequired(f"{step}要由另一个人办理：您经手了上一步。本次尝试已记录。")
