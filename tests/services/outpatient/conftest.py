"""A hospital with a census of a few outpatient accounts, counted, confirmed and booked."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow, payouts_of
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient import payouts
from hospital_prepay.services.outpatient.census import CountedAccounts, confirm_import, count_accounts
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, review_claim
from hospital_prepay.services.outpatient.claims import AcceptClaim, AcceptedClaim, ShownPaper, accept_claim
from hospital_prepay.services.outpatient.payouts import Answered
from tests.hospital import INSTITUTION, Hospital, actor, require_named

HEADER = ("账户号", "姓名", "身份证号", "手机号", "余额", "最后变动日期", "款项种类", "缴纳途径")
ANOTHERS = "110105200001010016"
OWN = "11010519491231002X"
ROWS = (
    ("M001", "吴甲", OWN, "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
    ("M002", "李乙", "", "13800000002", "100.00", "2025-11-01", "门诊预交金", "微信"),
    ("M003", "罗丙之子", "", "", "30.00", "2019-05-05", "门诊预交金", "银行卡"),
    ("M004", "某单位", "", "", "5000.00", "2024-01-01", "团体体检费", "转账"),
    ("M005", "张丁", "", "", "0", "2018-01-01", "门诊预交金", "现金"),
)
CLERK = actor(Role.CASHIER)
OFFICER = actor(Role.FINANCE_OFFICER)
APPROVER = actor(Role.FINANCE_APPROVER)
PAYER = actor(Role.CASHIER, "2")
# In a small hospital one account may hold both roles: the steps look at the person.
APPROVER_AND_OFFICER = replace(
    actor(Role.FINANCE_OFFICER, "9"), roles=frozenset({Role.FINANCE_OFFICER, Role.FINANCE_APPROVER})
)


@dataclass
class Outpatients:
    """Shorthand for the steps of the tests."""

    context: Context
    folder: Path
    keys: int = field(default=0)

    def file(self, rows: Iterable[tuple[str, ...]] = ROWS, header: tuple[str, ...] = HEADER) -> Path:
        """A census file."""
        path = self.folder / f"accounts-{self.keys}.csv"
        self.keys += 1
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows([header, *rows])
        return path

    def census(self, rows: Iterable[tuple[str, ...]] = ROWS) -> CountedAccounts:
        """Count, confirm and book."""
        counted = count_accounts(self.context, OFFICER, self.file(rows), "清查.csv", date(2025, 12, 1))
        confirm_import(self.context, APPROVER, counted.import_no)
        return counted

    def account(self, account_no: str) -> AccountState:
        """The account as it stands."""
        with self.context.database.reading() as connection:
            found = store.find_account(connection, INSTITUTION, account_no)
        assert found is not None
        return found

    def accept(self, account_no: str = "M001", by: Actor = CLERK, **changes: object) -> AcceptedClaim:
        """A claim of the owner in person, paid in cash, with the slip where no certificate number is on record
        or more is asked than was remitted."""
        account = self.account(account_no)
        self.keys += 1
        needs_slip = not account.certno_hash or "beyond" in changes
        slip = (ShownPaper(Paper.SLIP, f"凭条 {account_no}"),) if needs_slip else ()
        values: dict[str, object] = {
            "account_no": account_no,
            "claimant": Claimant.SELF,
            "claimant_name": account.holder_name,
            "patient_name": account.holder_name,
            "certno": OWN if changes.get("claimant", Claimant.SELF) is Claimant.SELF else ANOTHERS,
            "patient_certno": OWN,
            "phone": "13800000001",
            "papers": (ShownPaper(Paper.OWN_ID, "身份证"), *slip),
            "route": Route.CASH,
            "idempotency_key": f"claim-{self.keys}",
        }
        return accept_claim(self.context, by, AcceptClaim(**{**values, **changes}))  # type: ignore[arg-type]

    def confirmed(self, account_no: str = "M001", **changes: object) -> str:
        """A claim that three people took to ``confirmed``; returns its id."""
        accepted = self.accept(account_no, **changes)
        assert accepted.claim_id, accepted.decision.reasons
        review_claim(self.context, OFFICER, accepted.claim_id)
        confirm_claim(self.context, APPROVER, accepted.claim_id, "核对过凭条")
        return accepted.claim_id

    def claim(self, claim_id: str) -> ClaimRow:
        """The claim as it stands."""
        with self.context.database.reading() as connection:
            return store.read_claim(connection, INSTITUTION, claim_id)


def answered(outpatients: Outpatients, folder: Path, claim_id: str) -> None:
    """The bank paid a confirmed claim: its file went out and came back."""
    with outpatients.context.database.reading() as connection:
        sender = (PAYER, CLERK)[len(store.payouts_of(connection, INSTITUTION, claim_id)) % 2]
    made = payouts.make_bank_file(outpatients.context, sender, Route.BANK, [claim_id])
    found = outpatients.claim(claim_id)
    path = folder / f"{claim_id}.csv"
    path.write_text(
        "退款单号,金额,结果,银行流水号,文件号\n"
        f"{found.refund_no},{Money(found.amount_fen).plain()},成功,Y1,{made.file_no}\n",
        "utf-8",
    )
    assert payouts.take_answers(outpatients.context, PAYER, path, path.name).arrived == 1


@pytest.fixture
def hospital(hospital: Hospital) -> Iterator[Hospital]:
    """The hospital; afterwards every entry and decision in it is named by the audit event of its act."""
    yield hospital
    require_named(hospital)


@pytest.fixture
def outpatients(hospital: Hospital, context: Context, tmp_path: Path) -> Outpatients:
    """The steps, over a hospital without any outpatient account."""
    return Outpatients(context, tmp_path)


BANK_CARD = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}
HEADING = ("退款单号", "金额", "结果", "失败原因", "文件号")
FAILED, ARRIVED = ("失败", "卡号错"), ("成功", "")


class Bank:
    """One refund, as often as it is sent, and the files that come back."""

    def __init__(self, outpatients: Outpatients, folder: Path) -> None:
        self.outpatients, self.context, self.folder = outpatients, outpatients.context, folder
        self.claim_id = outpatients.confirmed(**BANK_CARD)
        self.number = outpatients.claim(self.claim_id).refund_no

    @property
    def state(self) -> str:
        return self.outpatients.claim(self.claim_id).state

    def send(self) -> str:
        """By one cashier and the other in turn: who sent it last doesn't send it again."""
        with self.context.database.reading() as connection:
            sender = (PAYER, CLERK)[len(payouts_of(connection, INSTITUTION, self.claim_id)) % 2]
        return payouts.make_bank_file(self.context, sender, Route.BANK, [self.claim_id]).text

    def file(self, name: str, result: tuple[str, str], file_no: str = "") -> Path:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target).writerows([HEADING, (self.number, "64.50", *result, file_no)])
        return path

    def read(self, path: Path, sent_file: int | None = None) -> Answered:
        return payouts.take_answers(self.context, PAYER, path, path.name, sent_file=sent_file)


@pytest.fixture
def bank(outpatients: Outpatients, tmp_path: Path) -> Bank:
    outpatients.census()
    return Bank(outpatients, tmp_path)
