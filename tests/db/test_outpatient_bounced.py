"""Money that the bank sends back after the treasury gave it, or was asked for it, is owed to its patient: paid out of
that once, never applied for again, never below zero; what goes beyond the books has its ground. Both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from hospital_prepay.domain.access import GRANTS, Actor, Permission, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, PrepayError, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.outpatient import (
    advance_papers,
    advance_review,
    advances,
    alarms,
    claim_review,
    claim_steps,
    online,
    payouts,
    progress,
    requests,
)
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from tests.db.test_outpatient_books import BANK, Books, books, filed, outpatients, refused, unchanged
from tests.db.test_outpatient_life import untriggered
from tests.db.test_outpatient_ties import remitted
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, answered
from tests.services.outpatient.test_escheat import frozen

__all__ = ["books", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")
REFUSED: Final = (sa.exc.DBAPIError, PrepayError)


class Refund:
    """One refund of remitted money that arrived and was applied for."""

    def __init__(self, held: Books, folder: Path, hospital: Hospital, **changes: Any) -> None:
        self.held, self.context, self.folder, self.hospital = held, held.context, folder, hospital
        remitted(held)
        self.claim_id = held.outpatients.confirmed(**{**BANK, **changes})
        answered(held.outpatients, folder, self.claim_id)
        self.list_no = advances.make_advance_list(self.context, OFFICER, 2027).list_no
        advances.submit_advance_list(self.context, APPROVER, self.list_no, "文1", self.context.clock.today())

    @property
    def owed(self) -> str:
        return f"2307:refund:{self.claim_id}"

    @property
    def source(self) -> str:
        return f"outpatient_claim:{self.claim_id}"

    @property
    def standing(self) -> tuple[int, int, int]:
        """The advance, what is owed, and the bank, in fen: debit less credit."""
        accounts = (f"1218:advance:{self.claim_id}", self.owed, "1002")
        return tuple(self.hospital.balance(one).fen for one in accounts)  # type: ignore[return-value]

    def reimburse(self) -> None:
        advances.reimburse_advance_list(self.context, PAYER, self.list_no, "HD1", self.context.clock.today())

    def bounce(self) -> str:
        slip = f"TH-{self.hospital.count('outpatient_payout')}"
        return payouts.bounce_refund(self.context, PAYER, self.claim_id, "退汇", slip).state

    def pay_again(self) -> None:
        answered(self.held.outpatients, self.folder, self.claim_id)


@pytest.fixture
def refund(filed: Books, tmp_path: Path, hospital: Hospital) -> Refund:
    return Refund(filed, tmp_path, hospital)


@pytest.mark.parametrize("reimbursed", [True, False])
def test_what_comes_back_is_owed_and_paid_again_out_of_that(refund: Refund, reimbursed: bool) -> None:
    """As often as it bounces: the advance is applied for once, and the bank moves by what went and came."""
    if reimbursed:
        refund.reimburse()
    bank = refund.standing[2]
    for _ in range(2):
        assert refund.bounce() == "failed"
        advance, owed, now = refund.standing
        assert (advance, owed, now) == (0 if reimbursed else 6450, -6450, bank + 6450)
        with pytest.raises(Conflict, match="欠患者的钱"):
            claim_steps.withdraw_claim(refund.context, CLERK, refund.claim_id, "不退了")
        refund.pay_again()
        assert refund.standing[1:] == (0, bank)
    if not reimbursed:
        refund.reimburse()
    assert refund.standing == (0, 0, bank + (0 if reimbursed else 6450))
    with pytest.raises(Conflict, match="没有要申请的"):
        advances.make_advance_list(refund.context, OFFICER, 2027)
    assert refund.hospital.count("outpatient_advance_line") == 1
    assert refund.hospital.count("ledger_entry", "kind = 'outpatient_advance'") == 1


def test_the_treasurys_money_comes_while_the_refund_is_back(refund: Refund) -> None:
    bank = refund.standing[2]
    refund.bounce()
    refund.reimburse()
    assert refund.standing == (0, -6450, bank + 12900)
    claim_steps.redirect_claim(refund.context, OFFICER, refund.claim_id, Route.CASH)
    with pytest.raises(Conflict, match="欠患者的钱"):
        claim_steps.reject_claim(refund.context, OFFICER, refund.claim_id, "不退了")
    claim_steps.confirm_claim(refund.context, APPROVER, refund.claim_id, "核对过")
    assert payouts.pay_cash(refund.context, PAYER, refund.claim_id, "LK-1").state == "arrived"
    assert refund.standing == (0, 0, bank + 12900)
    with pytest.raises(Conflict):
        refund.bounce()


HEIR: Final[dict[str, Any]] = {
    "claimant": Claimant.HEIR,
    "claimant_name": "吴小甲",
    "certno": "110105198001010016",
    "patient_name": "吴甲",
    "papers": tuple(ShownPaper(one, "x") for one in (Paper.DEATH, Paper.KINSHIP, Paper.HEIR_ID)),
    "route": Route.CASH,
    "bank": "",
    "card_no": "",
}


def test_whoever_comes_takes_over_what_is_owed(refund: Refund) -> None:
    """The patient died meanwhile: the same number and sum, past the same three people; nobody is advanced anew."""
    bank = refund.standing[2]
    number = refund.held.outpatients.claim(refund.claim_id).refund_no
    assert [one.code for one in refund.held.outpatients.accept("M001", **HEIR).decision.reasons] == ["nothing_left"]
    refund.bounce()
    with pytest.raises(MalformedInput, match="不另外多退"):
        refund.held.outpatients.accept("M001", **HEIR, beyond=Money(1), ground="凭条多一分")
    taken = refund.held.outpatients.accept("M001", **HEIR)
    assert (taken.claim_id, taken.refund_no) == (refund.claim_id, number)
    found = refund.held.outpatients.claim(refund.claim_id)
    assert (found.state, found.claimant, found.claimant_name) == ("accepted", "heir", "吴小甲")
    assert (found.reviewed_by, found.confirmed_by, found.paid_by) == (None, None, None)
    with pytest.raises(Conflict, match="欠患者的钱"):
        claim_steps.withdraw_claim(refund.context, CLERK, refund.claim_id, "不退了")
    with pytest.raises(SecondPersonRequired):
        claim_steps.review_claim(refund.context, replace(CLERK, roles=OFFICER.roles), refund.claim_id)
    claim_steps.review_claim(refund.context, OFFICER, refund.claim_id)
    claim_steps.confirm_claim(refund.context, APPROVER, refund.claim_id, "核对过")
    assert payouts.pay_cash(refund.context, PAYER, refund.claim_id, "LK-7").state == "arrived"
    assert refund.standing[1:] == (0, bank + 6450)
    assert refund.hospital.balance("1001").fen == -6450
    assert refund.hospital.count("outpatient_claim") == 1
    kinds = [one.kind for one in claim_review.read_claim(refund.context, OFFICER, refund.claim_id).papers]
    assert kinds[-3:] == ["death", "kinship", "heir_id"]


def test_its_owner_asks_for_it_on_line_and_the_counter_takes_that_up(refund: Refund) -> None:
    """By the same number and sum; while it is on its way nobody asks, and once it arrived nothing is left."""
    public = Actor(INSTITUTION, "anonymous", "", frozenset(), "192.0.2.7")
    told = online.Identity("吴甲", OWN, "13800000001")
    command = online.AskOwn(0, Route.BANK, bank="某银行", card_no="6217000000000000001")

    def look() -> online.Looked:
        return online.look_up(refund.context, public, told, "proof")

    number = refund.held.outpatients.claim(refund.claim_id).refund_no
    assert look().deposits == ()
    refund.bounce()
    sealed = look().sealed

    def shown_now() -> online.OwnDeposit:
        [shown] = online.shown_again(refund.context, public, sealed, "proof").deposits
        return shown

    shown = shown_now()
    assert (shown.due_fen, shown.waits) == (6450, "")
    assert f"{number} 被银行退了回来" in shown.told
    asked = online.ask_own(refund.context, public, sealed, "proof", command)
    assert asked.request_no in shown_now().waits
    with pytest.raises(Conflict, match="不用再交"):
        online.ask_own(refund.context, public, look().sealed, "proof", command)
    waiting = requests.list_requests(refund.context, CLERK, requests.WAITING)[0][0].request.request_id
    paper = ShownPaper(Paper.OWN_ID, "电话回访核对")
    taken = requests.take_up(refund.context, CLERK, waiting, requests.TakeUp("M001", (paper,), Route.BANK, "take"))
    assert (taken.claim_id, taken.refund_no) == (refund.claim_id, number)
    found = refund.held.outpatients.claim(refund.claim_id)
    assert (found.state, found.taken_at, found.amount_fen, found.reviewed_by) == ("accepted", "online", 6450, None)
    assert shown_now().waits.startswith(f"退款单 {number}")
    with pytest.raises(Conflict, match="不用再交"):
        online.ask_own(refund.context, public, look().sealed, "proof", command)
    claim_steps.review_claim(refund.context, OFFICER, refund.claim_id)
    claim_steps.confirm_claim(refund.context, APPROVER, refund.claim_id, "核对过")
    refund.pay_again()
    assert refund.standing[1] == 0
    assert refund.hospital.count("outpatient_claim") == 1
    assert look().deposits == ()


def test_what_failed_and_is_not_owed_is_not_asked_for_again(failed: tuple[Books, str]) -> None:
    """The hospital still has it and sends it another way: nobody asks on-line beside that."""
    held, claim_id = failed
    public = Actor(INSTITUTION, "anonymous", "", frozenset(), "192.0.2.7")
    told = online.Identity("吴甲", OWN, "13800000001")
    assert held.outpatients.claim(claim_id).state == "failed"
    [shown] = online.look_up(held.context, public, told, "proof").deposits
    assert (shown.waits.startswith("退款单"), shown.told) == (True, "")


def test_who_took_it_over_wrongly_is_followed_by_whoever_it_is_owed_to(refund: Refund) -> None:
    """At any step before the money goes: nothing of what was decided for the one before stands."""
    refund.bounce()
    for far in range(3):
        refund.held.outpatients.accept("M001", **{**HEIR, "claimant_name": f"吴小{'乙丙丁'[far]}"})
        if far > 0:
            claim_steps.review_claim(refund.context, OFFICER, refund.claim_id)
        if far > 1:
            claim_steps.confirm_claim(refund.context, APPROVER, refund.claim_id, "核对过")
    for why in ("", "  "):
        with pytest.raises(MalformedInput, match="为什么") as bare:
            refund.held.outpatients.accept("M001", **HEIR, taken_over_for=why)
        assert bare.value.details["field"] == "taken_over_for"
    assert refund.held.outpatients.claim(refund.claim_id).state == "confirmed"
    refund.held.outpatients.accept("M001", **HEIR, taken_over_for="吴小丁不是继承人")
    found = refund.held.outpatients.claim(refund.claim_id)
    assert (found.state, found.claimant_name, found.confirmed_by) == ("accepted", "吴小甲", None)
    told = [one.detail for one in claim_review.read_claim(refund.context, OFFICER, refund.claim_id).record]
    assert [one["ground"] for one in told if one.get("taken_over") and "ground" in one] == ["吴小丁不是继承人"]


def test_the_bank_paid_the_patient_and_not_the_heir_who_came_since(refund: Refund, tmp_path: Path) -> None:
    """What is owed is held for the heir until the other payment came back."""
    refund.bounce()
    made = payouts.make_bank_file(refund.context, CLERK, Route.BANK, [refund.claim_id])
    number = refund.held.outpatients.claim(refund.claim_id).refund_no

    def tell(result: str) -> None:
        path = tmp_path / f"{result}.csv"
        path.write_text(f"退款单号,金额,结果,文件号\n{number},64.50,{result},{made.file_no}\n", "utf-8")
        payouts.take_answers(refund.context, PAYER, path, path.name)

    tell("失败")
    refund.context.clock.moment += timedelta(minutes=1)  # type: ignore[attr-defined]
    refund.held.outpatients.accept("M001", **HEIR)
    tell("成功")
    decide_contradiction(refund.context, APPROVER, refund.claim_id, 1, Verdict.PAID, "电话核对过")
    assert refund.held.outpatients.claim(refund.claim_id).state == "accepted"
    assert refund.hospital.balance(f"1218:overpaid:{refund.claim_id}:2").fen == 6450
    claim_steps.review_claim(refund.context, OFFICER, refund.claim_id)
    claim_steps.confirm_claim(refund.context, APPROVER, refund.claim_id, "核对过")
    with pytest.raises(Conflict, match="还没有追回"):
        payouts.pay_cash(refund.context, PAYER, refund.claim_id, "LK-7")
    recover_overpayment(refund.context, PAYER, RecoverOverpayment(refund.claim_id, 2, Route.BANK, "SJ-1", "k"))
    assert payouts.pay_cash(refund.context, PAYER, refund.claim_id, "LK-7").state == "arrived"


def test_a_slip_of_the_treasurys_money_is_no_return(refund: Refund) -> None:
    refund.reimburse()
    with pytest.raises(MalformedInput, match="第 1 份申请表"):
        payouts.bounce_refund(refund.context, PAYER, refund.claim_id, "退汇", "hd-1")


def test_what_is_not_owed_is_taken_over_by_nobody(failed: tuple[Books, str]) -> None:
    """Raw: a refund that merely failed keeps who came for it; the service points at the one under way."""
    books, claim_id = failed
    anew = (
        "UPDATE outpatient_claim SET state = 'accepted', reviewed_by = NULL, confirmed_by = NULL, paid_by = NULL,"
        " claimant_name = '别人'"
    )
    unchanged(books, anew)
    with pytest.raises(Conflict, match="已经有一笔退款在办"):
        books.outpatients.accept("M001", **HEIR)
    assert books.outpatients.claim(claim_id).claimant_name == "吴甲"


@pytest.mark.parametrize("kept", ["reviewed_by", "confirmed_by", "paid_by"])
def test_taking_over_begins_from_the_start(refund: Refund, kept: str) -> None:
    """Raw: nobody's word of before stands for whoever comes now, and the sum stays."""
    refund.bounce()
    cleared = ", ".join(f"{one} = NULL" for one in ("reviewed_by", "confirmed_by", "paid_by") if one != kept)
    unchanged(refund.held, f"UPDATE outpatient_claim SET state = 'accepted', {cleared}")
    bare = "UPDATE outpatient_claim SET state = 'accepted', reviewed_by = NULL, confirmed_by = NULL, paid_by = NULL"
    for change in ("amount_fen = 1", "refund_no = 'x'", "account_no = 'M002'", "remitted = false"):
        unchanged(refund.held, f"{bare}, {change}")
    refund.held.sql(bare)


def test_an_application_that_was_turned_down_may_be_made_anew_when_it_arrived(refund: Refund) -> None:
    refund.bounce()
    advances.refuse_advance_list(refund.context, OFFICER, refund.list_no, "退回")
    with pytest.raises(Conflict):
        advances.make_advance_list(refund.context, OFFICER, 2027)
    refund.pay_again()
    again = advances.make_advance_list(refund.context, OFFICER, 2027)
    assert (again.claims, again.total_fen) == (1, 6450)
    assert refund.bounce() == "failed"
    assert refund.standing[:2] == (6450, -6450)


@pytest.mark.usefixtures("unproved")
def test_what_is_owed_moves_by_its_claim_alone(refund: Refund) -> None:
    """Raw: not before it came back, not twice, not by another kind, sum or claim, and not by a red letter."""
    back, out = (("1002", 6450), (refund.owed, -6450)), ((refund.owed, 6450), ("1002", -6450))
    with refund.context.database.writing() as connection:
        store.open_owed(connection, INSTITUTION, refund.claim_id, refund.context.clock.now())
    held, source = refund.held, refund.source
    refused(held, "outpatient_repaid", *out, source=source)
    refused(held, "outpatient_owed", ("1002", 6449), (refund.owed, -6449), source=source)
    refused(held, "outpatient_owed", *back, source="outpatient_claim:x")
    refused(held, "x", *back, source=source)
    refused(held, "outpatient_owed", ("1002", 6450), ("1001", -6450), source=source)
    first, lines = held.number("outpatient_advance"), ((f"1218:advance:{refund.claim_id}", 6450), ("1002", -6450))
    with pytest.raises(REFUSED):
        held.red(first, "outpatient_advance_returned", *lines, source=source)
    refund.bounce()
    for state in ("withdrawn", "rejected", "arrived"):
        unchanged(held, f"UPDATE outpatient_claim SET state = '{state}'")
    refused(held, "outpatient_owed", *back, source=source)
    refused(held, "outpatient_repaid", *out, source=source)
    made = payouts.make_bank_file(refund.context, CLERK, Route.BANK, [refund.claim_id])
    assert made.payments == 1
    refused(held, "outpatient_repaid", (refund.owed, 3000), ("1002", -3000), source=source)
    refused(held, "outpatient_advance", (f"1218:advance:{refund.claim_id}", 6450), ("1002", -6450), source=source)
    held.post("outpatient_repaid", *out, source=source)
    refused(held, "outpatient_repaid", *out, source=source)
    refused(held, "outpatient_owed", *back, source=source)
    unchanged(held, "UPDATE outpatient_claim SET state = 'failed'")


@pytest.mark.usefixtures("unproved")
def test_what_came_back_is_owed_once_before_its_claim_walks(refund: Refund) -> None:
    """Raw: neither twice in the same moment, nor beside a red letter once the application is turned down."""
    with refund.context.database.writing() as connection:
        store.open_owed(connection, INSTITUTION, refund.claim_id, refund.context.clock.now())
    back = (("1002", 6450), (refund.owed, -6450))
    refund.held.post("outpatient_owed", *back, source=refund.source)
    refused(refund.held, "outpatient_owed", *back, source=refund.source)
    advances.refuse_advance_list(refund.context, OFFICER, refund.list_no, "退回")
    first = refund.held.number("outpatient_advance")
    lines = ((f"1218:advance:{refund.claim_id}", 6450), ("1002", -6450))
    with pytest.raises(REFUSED):
        refund.held.red(first, "outpatient_advance_returned", *lines, source=refund.source)


def test_reports_and_verification_know_of_what_is_owed(refund: Refund, owner_database: Database) -> None:
    """On the page of advances, in its file, in the progress of a day, on the claim; the list keeps its line."""
    refund.reimburse()
    refund.bounce()
    page = advance_review.list_advances(refund.context, OFFICER)
    assert [(one.owed_fen, one.list_no) for one in page.owed] == [(6450, refund.list_no)]
    assert (page.waiting, page.applied_fen) == ([], 6450)
    assert len(advance_review.read_advance_list(refund.context, OFFICER, refund.list_no).lines) == 1
    with advance_papers.advances_file(refund.context, OFFICER, "xlsx") as made:
        book = CalamineWorkbook.from_filelike(made)
    cells = [
        str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row
    ]
    assert "银行退回、待再付患者（元）" in cells
    assert any(cell.startswith("银行退回，待再付患者；第 1 号") for cell in cells)
    today = refund.context.clock.today()
    assert progress.read_progress(refund.context, OFFICER, today).owed_fen == 6450
    assert progress.read_progress(refund.context, OFFICER, today - timedelta(days=1)).owed_fen == 0
    detail = claim_review.read_claim(refund.context, OFFICER, refund.claim_id)
    assert (detail.owed_fen, len(detail.entries)) == (6450, 2)
    database, folder = refund.context.database, refund.folder
    assert verify_ledger(database, folder, refund.context.clock).findings == ()
    with owner_database.writing() as connection, untriggered(connection):
        connection.execute(sa.text("UPDATE outpatient_claim SET state = 'withdrawn'"))
    found = verify_ledger(database, folder, refund.context.clock).findings
    assert [(one.account_id, "待再付" in one.message) for one in found] == [(refund.owed, True)]


@pytest.mark.parametrize("name", ["nobody", "", "{claim}x"])
def test_no_such_account_is_opened_beside_a_claim(refund: Refund, name: str) -> None:
    named, now = name.format(claim=refund.claim_id), refund.context.clock.now()
    with pytest.raises(REFUSED), refund.context.database.writing() as connection:
        store.open_owed(connection, INSTITUTION, named, now)


OPEN: Final = (
    "INSERT INTO ledger_account (institution_id, account_id, subject, name, normal_side, guarded, balance_fen,"
    " opened_at, fund) SELECT institution_id, :account, :subject, 'x', -1, guarded, 0, opened_at, ''"
    " FROM ledger_account WHERE account_id = '1002'"
)


@pytest.mark.parametrize(
    ("account", "subject"),
    [
        ("2103:x", "2103"),
        ("2307:x", "2307"),
        ("2307:refunds:x", "2307"),
        ("2307:refund:x", "2307"),
        ("2103x", "2103"),
        ("x", "2103"),
        ("2103:x", "1002"),
        ("2307:refund:{claim}", "2302"),
    ],
)
def test_nothing_else_is_opened_below_the_treasurys_or_others_money(
    refund: Refund, account: str, subject: str
) -> None:
    values = {"account": account.format(claim=refund.claim_id), "subject": subject}
    unchanged(refund.held, OPEN, **values)
    refund.held.sql(OPEN, account="2302:x", subject="2302")


def test_verification_names_what_was_opened_there_before(refund: Refund, owner_database: Database) -> None:
    with owner_database.writing() as connection, untriggered(connection):
        for account in ("2103:x", "2307:x"):
            connection.execute(sa.text(OPEN), {"account": account, "subject": account[:4]})
    found = verify_ledger(refund.context.database, refund.folder, refund.context.clock).findings
    assert [one.account_id for one in found] == ["2103:x", "2307:x"]


def test_a_refund_that_was_taken_over_verifies(refund: Refund) -> None:
    refund.bounce()
    refund.held.outpatients.accept("M001", **HEIR)
    assert verify_ledger(refund.context.database, refund.folder, refund.context.clock).findings == ()


def test_a_list_says_what_stands_on_it(filed: Books) -> None:
    values = {"i": INSTITUTION, "a": OFFICER.actor_id, "now": filed.context.clock.now().isoformat()}
    insert = (
        "INSERT INTO outpatient_advance_list (institution_id, list_no, budget_year, state, claims, total_fen,"
        " made_by, made_at) VALUES (:i, 1, 2027, 'made', {sums}, :a, :now)"
    )
    for sums in ("1, 6450", "0, 1", "1, 0"):
        unchanged(filed, insert.format(sums=sums), **values)
    filed.sql(insert.format(sums="0, 0"), **values)
    unchanged(filed, "UPDATE outpatient_advance_list SET claims = 1, total_fen = 6450")


BEYOND: Final[dict[str, Any]] = {"beyond": Money(100), "ground": "患者手里的凭条多 1 元", **BANK}


def test_what_goes_beyond_the_books_is_confirmed_with_a_ground(filed: Books) -> None:
    remitted(filed)
    claim_id = filed.outpatients.accept("M001", **BEYOND).claim_id
    assert claim_id is not None
    claim_steps.review_claim(filed.context, OFFICER, claim_id)
    for ground in ("", "　", "\u200b"):
        with pytest.raises(MalformedInput):
            claim_steps.confirm_claim(filed.context, APPROVER, claim_id, ground)
    step = "UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = :who, confirmed_at = reviewed_at"
    unchanged(filed, step, who=APPROVER.actor_id)
    assert claim_steps.confirm_claim(filed.context, APPROVER, claim_id, "核对过凭条").state == "confirmed"


def test_the_database_asks_for_the_ground_by_itself(filed: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was noticed."""
    monkeypatch.setattr(alarms, "_beyond", lambda *_: 0)
    remitted(filed)
    claim_id = filed.outpatients.accept("M001", **BEYOND).claim_id
    assert claim_id is not None
    claim_steps.review_claim(filed.context, OFFICER, claim_id)
    with pytest.raises(Conflict):
        claim_steps.confirm_claim(filed.context, APPROVER, claim_id, "核对过")


def test_it_is_confirmed_anew_when_the_way_was_changed(filed: Books, tmp_path: Path) -> None:
    """The ground of before is no ground for what is confirmed again."""
    remitted(filed)
    claim_id = filed.outpatients.confirmed("M001", **BEYOND)
    made = payouts.make_bank_file(filed.context, PAYER, Route.BANK, [claim_id])
    path = tmp_path / "failed.csv"
    number = filed.outpatients.claim(claim_id).refund_no
    path.write_text(f"退款单号,金额,结果,文件号\n{number},65.50,失败,{made.file_no}\n", "utf-8")
    assert payouts.take_answers(filed.context, PAYER, path, path.name).failed == 1
    filed.context.clock.moment += timedelta(minutes=1)  # type: ignore[attr-defined]
    claim_steps.redirect_claim(filed.context, OFFICER, claim_id, Route.CASH)
    step = "UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = :who, confirmed_at = reviewed_at"
    unchanged(filed, step, who=APPROVER.actor_id)
    claim_steps.confirm_claim(filed.context, APPROVER, claim_id, "再核对过")
    assert payouts.pay_cash(filed.context, PAYER, claim_id, "LK-9").state == "arrived"


CONTRADICTION: Final = (
    "INSERT INTO outpatient_contradiction (institution_id, claim_id, contradiction_no, attempt_no, told, raised_by,"
    " raised_at, decision, decided_by, decided_at, ground) SELECT institution_id, claim_id, {number}, {attempt},"
    " '{told}', sent_by, sent_at, {rest} FROM outpatient_payout"
)


@pytest.fixture
def failed(books: Books, tmp_path: Path) -> tuple[Books, str]:
    """A refund that failed at the bank."""
    claim_id = books.outpatients.confirmed(**BANK)
    payouts.make_bank_file(books.context, PAYER, Route.BANK, [claim_id])
    path = tmp_path / "failed.csv"
    path.write_text(f"退款单号,金额,结果\n{books.outpatients.claim(claim_id).refund_no},64.50,失败\n", "utf-8")
    assert payouts.take_answers(books.context, PAYER, path, path.name).failed == 1
    return books, claim_id


@pytest.mark.usefixtures("unproved")
def test_what_the_bank_contradicts_is_open_until_another_decides_once(failed: tuple[Books, str]) -> None:
    """Raw: of an attempt that said otherwise, by no one alone, with a ground, once; until then nothing is paid."""
    books, _ = failed
    open_ = "'', NULL, NULL, ''"
    for number, attempt, told, rest in (
        (2, 1, "arrived", open_),
        (1, 2, "arrived", open_),
        (1, 1, "failed", open_),
        (1, 1, "lost", open_),
        (1, 1, "arrived", "'paid', 'finance_approver-1', sent_at, 'x'"),
    ):
        unchanged(books, CONTRADICTION.format(number=number, attempt=attempt, told=told, rest=rest))
    unchanged(books, "UPDATE outpatient_payout SET state = 'sent'")
    books.sql(CONTRADICTION.format(number=1, attempt=1, told="arrived", rest=open_))
    unchanged(books, CONTRADICTION.format(number=2, attempt=1, told="arrived", rest=open_))
    unchanged(books, "DELETE FROM outpatient_contradiction")
    unchanged(books, "UPDATE outpatient_payout SET state = 'sent'")
    unchanged(books, "UPDATE outpatient_claim SET state = 'withdrawn', ended_by = 'cashier-1'")
    again = (
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, file_no, amount_fen, state,"
        " sent_by, sent_at) SELECT institution_id, claim_id, 2, route, file_no, amount_fen, 'sent', '{}', sent_at"
        " FROM outpatient_payout"
    )
    unchanged(books, again.format(CLERK.actor_id))
    decide = (
        "UPDATE outpatient_contradiction SET decision = '{}', decided_by = '{}', decided_at = raised_at,"
        " ground = '{}'"
    )
    for verdict, who, ground in (
        ("paid", PAYER.actor_id, "x"),
        ("paid", "nobody", "x"),
        ("unpaid", f" {PAYER.actor_id.upper()} ", "x"),
        ("unpaid", APPROVER.actor_id, " "),
        ("unpaid", CLERK.actor_id, "x"),
        ("unpaid", OFFICER.actor_id, "x"),
        ("perhaps", APPROVER.actor_id, "x"),
    ):
        unchanged(books, decide.format(verdict, who, ground))
    unchanged(books, "UPDATE outpatient_contradiction SET told = 'failed'")
    books.sql(decide.format("unpaid", APPROVER.actor_id, "x"))
    unchanged(books, decide.format("paid", APPROVER.actor_id, "x"))
    unchanged(books, "UPDATE outpatient_payout SET state = 'sent'")
    # As it stands it goes again by another than who sent it.
    for who in (PAYER.actor_id, f" {PAYER.actor_id.upper()}"):
        unchanged(books, again.format(who))
    books.sql(again.format(CLERK.actor_id))


def test_who_reviews_a_batch_may_review(filed: Books) -> None:
    """Whoever the permission is granted to, and nobody else of the institution."""
    batch_no = frozen(filed.outpatients)
    insert = (
        "INSERT INTO outpatient_batch_review (institution_id, batch_no, part, reviewed_by, reviewed_at, note)"
        " SELECT institution_id, batch_no, '{part}', '{who}', frozen_at, 'x' FROM outpatient_batch"
        f" WHERE batch_no = {batch_no}"
    )
    may = {role for role in Role if Permission.OUTPATIENT_REVIEW in GRANTS[role]}
    assert may == {Role.FINANCE_OFFICER, Role.FINANCE_APPROVER}
    for role in set(Role) - may:
        unchanged(filed, insert.format(part="books", who=f"{role.value}-2"))
    for part, role in zip(("books", "contacts"), sorted(may), strict=True):
        filed.sql(insert.format(part=part, who=f"{role.value}-9"))
