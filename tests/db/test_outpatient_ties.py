"""What both databases hold together by themselves: money and its claim, an account's age and its batch, a paper and
its one movement. Raw SQL by the application's own user."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.domain.references import document_key
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models import outpatient as accounts
from hospital_prepay.persistence.models import outpatient_claims, outpatient_escheat
from hospital_prepay.services.outpatient import advances, claim_steps, escheat, filing, payouts, proposals
from hospital_prepay.services.outpatient.escheat import Part
from tests.books import HOSPITAL
from tests.db.test_outpatient_books import BANK, M1, Books, books, filed, outpatients, refused, unchanged
from tests.db.test_outpatient_life import untriggered
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, answered
from tests.services.outpatient.test_escheat import LAST, REMITTER, REVIEWERS, frozen

__all__ = ["books", "empty_urls", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
REFUSED: Final = (sa.exc.DBAPIError, PrepayError)


def remitted(held: Books, slip: str = "回单1") -> int:
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_batch(held.context, APPROVER, batch_no)
    escheat.remit_batch(held.context, REMITTER, batch_no, escheat.Remittance("缴款书1", slip, LAST))
    return batch_no


def advance(held: Books, claim_id: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """The account of an advance, opened; its two lines."""
    with held.context.database.writing() as connection:
        store.open_advance(connection, INSTITUTION, claim_id, held.context.clock.now())
    return (f"1218:advance:{claim_id}", 6450), ("1001", -6450)


@pytest.mark.usefixtures("unproved")
def test_what_was_paid_holds_its_claim(books: Books) -> None:
    claim_id = books.outpatients.confirmed()
    books.post("outpatient_refund", (M1, 6450), ("1001", -6450), source=f"outpatient_claim:{claim_id}")
    with pytest.raises(REFUSED):
        claim_steps.withdraw_claim(books.context, CLERK, claim_id, "不退了")
    for state in ("withdrawn", "failed", "reviewed"):
        unchanged(books, f"UPDATE outpatient_claim SET state = '{state}'")


@pytest.mark.usefixtures("unproved")
def test_what_was_advanced_holds_its_claim(filed: Books) -> None:
    remitted(filed)
    claim_id = filed.outpatients.confirmed()
    filed.post("outpatient_advance", *advance(filed, claim_id), source=f"outpatient_claim:{claim_id}")
    with pytest.raises(REFUSED):
        claim_steps.withdraw_claim(filed.context, CLERK, claim_id, "不退了")
    assert filed.outpatients.claim(claim_id).state == "confirmed"


def test_cash_never_comes_back_by_a_red_letter(books: Books) -> None:
    claim_id = books.outpatients.confirmed()
    payouts.pay_cash(books.context, PAYER, claim_id, "LK-1")
    number = books.number("outpatient_refund")
    lines = ((M1, 6450), ("1001", -6450))
    with pytest.raises(REFUSED):
        books.red(number, "outpatient_refund_returned", *lines, source=f"outpatient_claim:{claim_id}")
    assert books.standing[0] == 0


@pytest.mark.usefixtures("unproved")
def test_what_nobody_was_handed_never_comes_back(books: Books) -> None:
    source, lines = f"outpatient_claim:{books.outpatients.confirmed(**BANK)}", ((M1, 6450), ("1002", -6450))
    number = books.post("outpatient_refund", *lines, source=source)
    with pytest.raises(REFUSED):
        books.red(number, "outpatient_refund_returned", *lines, source=source)


def test_a_deposit_that_was_taken_is_not_taken_back_by_its_name(books: Books) -> None:
    group = "230502:M004"
    refused(books, "outpatient_deposit_voided", (group, 100), ("1001", -100))
    refused(books, "outpatient_deposit_voided", ("1001", 100), ("1002", -100))


def line(held: Books, account_no: str, last: str, fen: int) -> None:
    held.sql(
        "INSERT INTO outpatient_batch_line (institution_id, batch_no, account_no, balance_fen, last_movement_on)"
        " VALUES (:i, 1, :no, :fen, :last)",
        **{"i": INSTITUTION, "no": account_no, "fen": fen, "last": last},
    )


def test_no_account_goes_before_three_years(filed: Books) -> None:
    """Exactly three years aren't more; and a line is as old as its account says."""
    proposed = proposals.propose_batch(filed.context, OFFICER, LAST)
    assert proposed is not None
    for last in ("2022-12-31", "2023-01-01", "2025-11-01"):
        with pytest.raises(sa.exc.DBAPIError):
            line(filed, "M001", last, 6450)
    line(filed, "M001", "2022-12-30", 6450)
    unchanged(filed, "UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M001'")
    filed.sql("DELETE FROM outpatient_batch_line")
    line(filed, "M001", "2020-03-01", 6450)
    filed.sql("UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M001'")


def test_a_young_account_is_not_frozen_by_a_line_that_says_otherwise(filed: Books) -> None:
    """M002 moved a month before it was filed; its line claims years."""
    marked = filing.MarkUnclearable(filing.Reason.NO_ANSWER, "没有接听", account_nos=("M002",))
    filing.mark_unclearable(filed.context, OFFICER, marked)
    made = filing.make_filing(filed.context, OFFICER, "随到随退。")
    filing.submit_filing(filed.context, OFFICER, made.filing_no, "某局", date(2025, 12, 26))
    filing.acknowledge_filing(filed.context, APPROVER, made.filing_no, "备2号", date(2025, 12, 27))
    assert filed.outpatients.account("M002").state == "filed"
    assert proposals.propose_batch(filed.context, OFFICER, LAST) is not None
    line(filed, "M002", "2020-03-01", 10000)
    unchanged(filed, "UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M002'")


def test_a_list_is_not_frozen_with_a_claim_on_it_or_an_account_that_is_not(filed: Books) -> None:
    assert proposals.propose_batch(filed.context, OFFICER, LAST) is not None
    freeze = (
        "UPDATE outpatient_batch SET state = 'frozen', accounts = 1, total_fen = 6450, sha256 = :sha,"
        " frozen_by = :by, frozen_at = :now"
    )
    values: dict[str, Any] = {"sha": "0" * 64, "by": OFFICER.actor_id, "now": filed.context.clock.now().isoformat()}
    line(filed, "M001", "2020-03-01", 6450)
    unchanged(filed, freeze, **values)
    filed.outpatients.accept("M001")
    filed.sql("UPDATE outpatient_account SET state = 'frozen' WHERE account_no = 'M001'")
    unchanged(filed, freeze, **values)


@pytest.mark.usefixtures("unproved")
def test_money_leaves_for_the_treasury_from_frozen_accounts_alone(filed: Books) -> None:
    batch_no = frozen(filed.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    escheat.approve_list(filed.context, APPROVER, batch_no)
    refused(filed, "outpatient_escheat", ("23050102:M002", 10000), ("2103", -10000), source="outpatient_batch:1")
    filed.post("outpatient_escheat", (M1, 6450), ("2103", -6450), source="outpatient_batch:1")


@pytest.mark.usefixtures("unproved")
def test_a_receipt_is_one_payments(books: Books) -> None:
    first, second = books.outpatients.confirmed(), books.outpatients.confirmed("M003", certno="")
    payouts.pay_cash(books.context, PAYER, first, "LK-1")
    with pytest.raises(PrepayError, match="只能付一笔"):
        payouts.pay_cash(books.context, PAYER, second, "ＬＫ－１ 号")
    for empty in (" ", "—", "\u200b"):
        with pytest.raises(PrepayError):
            payouts.pay_cash(books.context, PAYER, second, empty)
    entry = books.post(
        "outpatient_refund", ("23050102:M003", 3000), ("1001", -3000), source=f"outpatient_claim:{second}"
    )
    insert = (
        "INSERT INTO outpatient_payout (institution_id, claim_id, attempt_no, route, amount_fen,"
        " state, sent_by, sent_at, bank_reference, failure, entry_no, receipt_key) VALUES"
        " (:i, :id, 1, 'cash', 3000, 'arrived', :by, :now, :typed, '', :entry, :key)"
    )
    own = {"i": INSTITUTION, "id": second, "by": PAYER.actor_id, "entry": entry}
    own["now"] = books.context.clock.now().isoformat()
    for typed, key in (("LK-1", "LK1"), ("LK-1", "X"), ("LK-1", ""), ("LK-2", "LK1"), ("", "")):
        unchanged(books, insert, typed=typed, key=key, **own)
    books.sql(insert, typed="ｌｋ-2", key="LK2", **own)
    unchanged(books, "UPDATE outpatient_payout SET receipt_key = 'LK3' WHERE receipt_key = 'LK2'")


def listed(held: Books, account_no: str, receipt: str, **changes: Any) -> int:
    claim_id = held.outpatients.confirmed(account_no, **changes)
    payouts.pay_cash(held.context, PAYER, claim_id, receipt)
    return advances.make_advance_list(held.context, OFFICER, 2027).list_no


def test_an_application_and_a_slip_are_one_lists(filed: Books) -> None:
    remitted(filed)
    today = filed.context.clock.today()
    one, two = listed(filed, "M001", "LK-1"), listed(filed, "M003", "LK-2", certno="")
    advances.submit_advance_list(filed.context, APPROVER, one, "卫财〔2026〕1号", today)
    with pytest.raises(PrepayError, match="一份申请只对应一张表"):
        advances.submit_advance_list(filed.context, APPROVER, two, " 卫财[２０２６]1 号", today)
    advances.submit_advance_list(filed.context, APPROVER, two, "卫财〔2026〕2号", today)
    with pytest.raises(PrepayError, match="第 1 批上缴"):
        advances.reimburse_advance_list(filed.context, PAYER, one, "回单-1", today)
    advances.reimburse_advance_list(filed.context, PAYER, one, "回单 A1", today)
    with pytest.raises(PrepayError, match="第 1 份申请表"):
        advances.reimburse_advance_list(filed.context, PAYER, two, "ａ-1", today)
    keys = "slip_key = 'A1', bank_reference = 'A1'"
    unchanged(filed, f"UPDATE outpatient_advance_list SET state = 'reimbursed', {keys} WHERE list_no = 2")
    unchanged(filed, "UPDATE outpatient_advance_list SET document_key = 'X' WHERE list_no = 2")
    assert advances.reimburse_advance_list(filed.context, PAYER, two, "A2", today).state == "reimbursed"


def test_a_refund_that_came_back_leaves_the_list_nobody_has(filed: Books, tmp_path: Path) -> None:
    remitted(filed)
    claim_id = filed.outpatients.confirmed(**BANK)
    answered(filed.outpatients, tmp_path, claim_id)
    number = listed(filed, "M003", "LK-1", certno="")
    unchanged(filed, "UPDATE outpatient_advance_line SET counts = false")
    unchanged(filed, "UPDATE outpatient_advance_list SET claims = 1, total_fen = 3000")
    payouts.bounce_refund(filed.context, PAYER, claim_id, "销户", "TH-1")
    today = filed.context.clock.today()
    done = advances.submit_advance_list(filed.context, APPROVER, number, "文1", today)
    assert (done.claims, done.total_fen) == (1, 3000)
    answered(filed.outpatients, tmp_path, claim_id)
    again = advances.make_advance_list(filed.context, OFFICER, 2027)
    assert (again.claims, again.total_fen) == (1, 6450)
    assert advances.reimburse_advance_list(filed.context, PAYER, number, "HD1", today).state == "reimbursed"
    payouts.bounce_refund(filed.context, PAYER, claim_id, "又退回", "TH-2")
    with filed.context.database.reading() as connection:
        query = sa.text("SELECT state FROM outpatient_advance_list ORDER BY list_no")
        assert list(connection.scalars(query)) == ["reimbursed", "refused"]


def test_an_empty_list_is_no_application(filed: Books) -> None:
    values = {"i": INSTITUTION, "a": OFFICER.actor_id, "b": APPROVER.actor_id}
    values["now"], values["on"] = filed.context.clock.now().isoformat(), filed.context.clock.today().isoformat()
    filed.sql(
        "INSERT INTO outpatient_advance_list (institution_id, list_no, budget_year, state, claims, total_fen,"
        " made_by, made_at) VALUES (:i, 1, 2027, 'made', 0, 0, :a, :now)",
        **values,
    )
    unchanged(
        filed,
        "UPDATE outpatient_advance_list SET state = 'submitted', document = '文1', document_key = '文|1',"
        " submitted_on = :on, submitted_by = :b",
        **values,
    )


def test_receipts_and_lists_of_before_are_told_their_keys(
    empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    """Of two that are alike the first has it; both stay as they are."""
    owner = Database(empty_urls[0], pool_size=1)
    role = sa.make_url(empty_urls[1]).username if owner.is_postgresql else None

    def upgraded(target: str) -> None:
        migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=clock.now(), target=target)

    upgraded("0041")
    now, day = clock.now(), clock.today()
    with owner.writing() as connection, untriggered(connection):
        put(
            connection,
            accounts.OutpatientAccount,
            **{
                "account_no": "M1",
                "kind": "outpatient_deposit",
                "holder_name": "",
                "personal": "",
                "certno_hash": "",
            },
            **{"phone_hash": "", "reach": "none", "channel": "cash", "patient_no": "", "opening_fen": 0},
            **{"person_id": "M1", "state": "open", "unclearable_reason": ""},
        )
        for number, receipt in enumerate(("LK-1", "ｌｋ1", "领款单"), 1):
            paid = {"claim_id": f"c{number}", "attempt_no": 1, "route": "cash", "amount_fen": 1, "state": "arrived"}
            who = {"sent_by": "a", "sent_at": now, "bank_reference": receipt, "failure": "", "entry_no": number}
            asked = {"claim_id": f"c{number}", "refund_no": f"R{number}", "account_no": "M1", "remitted": False}
            asked |= {"amount_fen": 1, "claimant": "self", "card_lost": False, "claimant_name": "x", "personal": ""}
            asked |= {"card_hash": "", "taken_at": "window", "route": "cash", "state": "arrived", "decision_id": "d"}
            by = {"accepted_by": "a", "accepted_at": now, "reviewed_by": "b", "confirmed_by": "c", "paid_by": "d"}
            put(connection, outpatient_claims.OutpatientClaim, **asked, **by, ground="")
            put(connection, outpatient_claims.OutpatientPayout, **paid, **who)
        for number, (state, document, slip) in enumerate(
            (("reimbursed", "卫财[2026]1号", "HD-1"), ("submitted", "卫财 ［２０２６］1号", ""), ("made", "", "")), 1
        ):
            made = {
                "list_no": number,
                "budget_year": 2027,
                "state": state,
                "claims": 1,
                "total_fen": 1,
                "made_by": "a",
            }
            sent = {"document": document, "bank_reference": slip, "submitted_on": day, "submitted_by": "b"}
            put(connection, outpatient_escheat.OutpatientAdvanceList, **made, **sent, made_at=now, ground="")
    upgraded("head")
    with owner.reading() as connection:
        receipts = connection.scalars(sa.text("SELECT receipt_key FROM outpatient_payout ORDER BY claim_id"))
        assert list(receipts) == ["LK1", "", ""]
        keys = connection.execute(
            sa.text("SELECT slip_key, document_key FROM outpatient_advance_list ORDER BY list_no")
        )
        assert [tuple(row) for row in keys] == [("HD1", document_key("卫财[2026]1号")), ("", ""), ("", "")]
    owner.close()


def put(connection: sa.Connection, model: Any, **values: Any) -> None:
    """A row as the table was before its newest columns."""
    own = (model.__table__.c[name] for name in ("institution_id", *values))
    table = sa.table(model.__tablename__, *(sa.column(one.name, one.type) for one in own))
    connection.execute(sa.insert(table).values(institution_id=HOSPITAL, **values))
