"""A small hospital for tests: an institution, its books, its people and one published cap table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, Clock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.ledger import open_chart
from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.models.inpatient import CapRow, CapTable, SimilarDisease
from hospital_prepay.persistence.models.publication import Institution
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.stays import Placed, Placement, RegisterStay, register_stay

INSTITUTION = "H52010000001"
ADMITTED = datetime(2026, 1, 14, 9, 0, tzinfo=SHANGHAI)
CAPS: dict[str, tuple[str, bool, dict[str, int | None]]] = {
    "J15.900": ("细菌性肺炎", True, {"employee": 184000, "resident": 320000, "self_pay": 600000}),
    "G00.900": ("细菌性脑膜炎", True, {"employee": 300000, "resident": 684000, "self_pay": 900000}),
    "A03.900": ("细菌性痢疾", False, {"employee": 90000, "resident": 200000, "self_pay": 400000}),
    "A04.900": ("细菌性肠炎", False, {"employee": None, "resident": None, "self_pay": None}),
}


def actor(role: Role, name: str = "") -> Actor:
    """Somebody with one role; another ``name`` is another person."""
    return Actor(INSTITUTION, f"{role.value}-{name or '1'}", name or role.label, frozenset({role}))


CASHIER = actor(Role.CASHIER)
CASHIER_2 = actor(Role.CASHIER, "2")
OFFICER = actor(Role.FINANCE_OFFICER)
APPROVER = actor(Role.FINANCE_APPROVER)


@dataclass(frozen=True)
class Hospital:
    """The context of the hospital and a way to admit somebody."""

    context: Context

    def admit(self, stay_no: str = "2601140001", **changes: object) -> Placed:
        """Register a stay: bacterial pneumonia, resident, unless said otherwise."""
        placement = {
            "disease_code": "J15.900",
            "disease_name": "细菌性肺炎",
            "insured_class": "resident",
            **changes,
        }
        command = RegisterStay(stay_no, "吴桂兰", Placement(**placement), ADMITTED)  # type: ignore[arg-type]
        return register_stay(self.context, CASHIER, command)

    def balance(self, account: str) -> Money:
        """Debit less credit of an account, from its postings."""
        query = "SELECT coalesce(sum(debit_fen - credit_fen), 0) FROM ledger_posting WHERE account_id = :account"
        with self.context.database.reading() as connection:
            return Money(int(connection.scalar(sa.text(query), {"account": account}) or 0))

    def count(self, table: str, where: str = "true") -> int:
        """Rows of a table."""
        with self.context.database.reading() as connection:
            return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE {where}")) or 0)


def open_hospital(context: Context) -> Hospital:
    """Fill an empty database."""
    now = context.clock.now()
    with context.database.writing() as connection:
        people = [actor(role, name).actor_id for role in Role for name in ("", "2", "3", "9")]
        enter_people(connection, context.clock, INSTITUTION, *people)
        connection.execute(
            sa.insert(Institution).values(
                institution_id=INSTITUTION, name="黔岭市人民医院", level=3, changed_at=now, changed_by="setup"
            )
        )
        open_chart(connection, INSTITUTION, now)
        publish_caps(connection, context.clock, CAPS)
        connection.execute(
            sa.insert(SimilarDisease),
            [
                {"institution_id": INSTITUTION, "disease_code": "A03.900", "similar_to": "J15.900"},
                {"institution_id": INSTITUTION, "disease_code": "A03.900", "similar_to": "G00.900"},
            ],
        )
    return Hospital(context)


def require_named(hospital: Hospital) -> None:
    """Every entry and decision is named by the audit event of its act, but for what a test posted as ``x``."""
    same = "SELECT 1 FROM audit_event e WHERE e.institution_id = t.institution_id AND e.{key} = t.{key}"
    for table, key, ours in (
        ("decision t", "decision_id", "true"),
        ("ledger_entry t", "entry_no", "posted_by <> 'x'"),
    ):
        assert hospital.count(table, f"{ours} AND NOT EXISTS ({same.format(key=key)})") == 0, table


def enter_people(connection: sa.Connection, clock: Clock, institution_id: str, *user_ids: str) -> None:
    """Accounts that nobody signs in to: the database takes no approval by somebody it doesn't know."""
    rows = [
        {
            "institution_id": institution_id,
            "user_id": user_id,
            "login": f"{institution_id}:{user_id}",
            "name": user_id,
            "roles": [head] if (head := user_id.rpartition("-")[0]) in set(Role) else [],
            "password_hash": "",
            "password_changed_at": clock.now(),
            "created_at": clock.now(),
        }
        for user_id in user_ids
    ]
    connection.execute(sa.insert(User), rows)


def approver_of(connection: sa.Connection, clock: Clock, institution_id: str) -> str:
    """Somebody of the institution, entered where there is nobody yet."""
    people = sa.select(User.user_id).where(User.institution_id == institution_id).order_by(User.login.desc())
    found = connection.scalar(people.limit(1))
    if found is None:
        enter_people(connection, clock, institution_id, "approver")
    return found or "approver"


def publish_caps(
    connection: sa.Connection,
    clock: Clock,
    caps: dict[str, tuple[str, bool, dict[str, int | None]]],
    version: int = 1,
    effective_on: date = date(2026, 1, 1),
    institution_id: str = INSTITUTION,
) -> str:
    """Publish a cap table as it stands after measurement and approval."""
    now, table_id = clock.now(), f"table-{version}"
    key = {"institution_id": institution_id, "table_id": table_id}
    connection.execute(
        sa.insert(CapTable).values(
            **key,
            state="draft",
            as_of=date(2026, 1, 1),
            window_from=date(2023, 1, 1),
            window_to=date(2025, 12, 31),
            parameters={},
            cases_read=0,
            cases_used=0,
            row_count=3 * len(caps),
            rule_version="test",
            digest="0" * 64,
            measured_by="officer",
            measured_at=now,
        )
    )
    connection.execute(
        sa.insert(CapRow),
        [
            {
                **key,
                "disease_code": code,
                "insured_class": insured_class,
                "disease_name": name,
                "cases": 40,
                "sum_cost_fen": 0,
                "sum_burden_fen": 0,
                "cap_fen": cap,
                "basis": "insufficient" if cap is None else "mean",
                "clauses": ["guizhou-deposit-2025/12"],
                "quantiles": [],
                "posted": posted,
            }
            for code, (name, posted, classes) in caps.items()
            for insured_class, cap in classes.items()
        ],
    )
    table = sa.update(CapTable).where(CapTable.institution_id == institution_id, CapTable.table_id == table_id)
    connection.execute(
        table.values(state="approved", approved_by=approver_of(connection, clock, institution_id), approved_at=now)
    )
    connection.execute(
        table.values(
            state="published", version_no=version, published_by="officer", published_at=now, effective_on=effective_on
        )
    )
    return table_id
