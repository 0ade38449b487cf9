"""A batch's voucher, bank slip and day are held by the database: raw SQL by the application's own user."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.errors import MalformedInput, PrepayError
from hospital_prepay.domain.ledger.entry import JournalEntry
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.ledger import ledger_on
from hospital_prepay.persistence.models import ledger, outpatient_escheat
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from hospital_prepay.services.outpatient import escheat, filing
from hospital_prepay.services.outpatient.escheat import Part, Remittance
from tests.books import HOSPITAL
from tests.db.test_outpatient_books import M1, Books, books, filed, outpatients
from tests.db.test_outpatient_life import untriggered
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, OFFICER
from tests.services.outpatient.test_escheat import LAST, REMITTER, REVIEWERS, frozen

__all__ = ["books", "empty_urls", "filed", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")
REFUSED: Final = (sa.exc.DBAPIError, PrepayError)
STEP: Final = "UPDATE outpatient_batch SET state = :state"
EVIDENCE: Final[dict[str, Any]] = {
    "state": "remitted",
    "remitted_by": REMITTER.actor_id,
    "voucher_no": "缴款书 1",
    "voucher_key": "1",
    "bank_reference": "hd-01",
    "slip_key": "HD01",
    "remitted_on": LAST.isoformat(),
}


def reviewed(held: Books) -> int:
    batch_no = frozen(held.outpatients)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(held.context, reviewer, batch_no, part, "核对无误")
    return batch_no


def booked(held: Books) -> int:
    batch_no = reviewed(held)
    escheat.approve_batch(held.context, APPROVER, batch_no)
    return batch_no


def move(held: Books, *moment: int) -> None:
    held.context.clock.moment = datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,attr-defined]


def entry(held: Books, kind: str, *lines: tuple[str, int], batch_no: int, **changes: Any) -> JournalEntry:
    made = held.entry(kind, *lines, source=f"outpatient_batch:{batch_no}")
    return dataclasses.replace(made, **changes)


def step(connection: sa.Connection, batch_no: int, **values: Any) -> None:
    sets = ", ".join(f"{name} = :{name}" for name in values)
    query = f"UPDATE outpatient_batch SET {sets} WHERE batch_no = :batch_no"
    assert connection.execute(sa.text(query), {**values, "batch_no": batch_no}).rowcount == 1


def remit(held: Books, batch_no: int, fen: int = 9450, **changes: Any) -> None:
    """The entry and the step in one transaction, as somebody would do who goes round the program."""
    with held.context.database.writing() as connection:
        lines = ("2103", fen), ("1002", -fen)
        ledger_on(connection).post(entry(held, "outpatient_remittance", *lines, batch_no=batch_no))
        moment = held.context.clock.now().isoformat()
        step(connection, batch_no, **{**EVIDENCE, "remitted_at": moment, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"voucher_no": "", "voucher_key": ""},
        {"voucher_no": " ", "voucher_key": "1"},
        {"voucher_no": "缴款书", "voucher_key": ""},
        {"voucher_key": "2"},
        {"voucher_key": ""},
        {"bank_reference": "", "slip_key": ""},
        {"bank_reference": "见摘要", "slip_key": ""},
        {"slip_key": "hd-01"},
        {"slip_key": "HD02"},
        {"bank_reference": "1" * 65, "slip_key": "1" * 65},
        {"remitted_on": None},
        {"remitted_on": "2025-12-30"},
        {"remitted_on": "2026-01-16"},
        {"remitted_at": None},
        {"remitted_by": None},
        {"remitted_by": APPROVER.actor_id},
        {"approved_at": "2025-12-31T04:00:00.000000+00:00"},
    ],
)
def test_money_goes_with_its_voucher_its_slip_and_its_day(filed: Books, changes: dict[str, Any]) -> None:
    batch_no = booked(filed)
    with pytest.raises(REFUSED):
        remit(filed, batch_no, **changes)
    remit(filed, batch_no)


def test_evidence_comes_with_the_money_and_stays(filed: Books) -> None:
    batch_no = booked(filed)
    values = {**EVIDENCE, "remitted_at": filed.context.clock.now().isoformat()}
    for name, value in values.items():
        if name != "state":
            with pytest.raises(REFUSED), filed.context.database.writing() as connection:
                step(connection, batch_no, **{name: value})
    remit(filed, batch_no)
    for name, value in {**values, "voucher_no": "缴款书 2", "slip_key": "", "ended_ground": "x"}.items():
        with pytest.raises(REFUSED), filed.context.database.writing() as connection:
            step(connection, batch_no, **{name: value})


def test_nothing_goes_before_its_day(filed: Books) -> None:
    move(filed, 2025, 12, 30, 15, 59)
    batch_no = reviewed(filed)
    lines = (M1, 6450), ("23050102:M003", 3000), ("2103", -9450)
    for moment in (None, "2025-12-30T15:59:59.000000+00:00"):
        with pytest.raises(REFUSED), filed.context.database.writing() as connection:
            step(connection, batch_no, state="approved", approved_by=APPROVER.actor_id, approved_at=moment)
    with filed.context.database.writing() as connection:
        midnight = {"approved_by": APPROVER.actor_id, "approved_at": "2025-12-30T16:00:00.000000+00:00"}
        step(connection, batch_no, state="approved", **midnight)
    midnight = datetime(2025, 12, 30, 16, tzinfo=UTC)
    eve = datetime(2025, 12, 30, 15, 59, tzinfo=UTC)
    for moment, day in ((eve, LAST), (midnight, date(2025, 12, 30))):
        early = entry(
            filed,
            "outpatient_escheat",
            *lines,
            batch_no=batch_no,
            posted_at=moment,
            occurred_at=moment,
            effective_on=day,
        )
        with pytest.raises(REFUSED), filed.context.database.writing() as connection:
            ledger_on(connection).post(early)
    assert filed.standing[0] == 6450
    move(filed, 2025, 12, 30, 16)
    assert escheat.book_batch(filed.context, APPROVER, batch_no).state == "booked"
    with pytest.raises(REFUSED):
        remit(filed, batch_no, remitted_on="2025-12-30")
    remit(filed, batch_no)


@pytest.mark.usefixtures("unproved")
def test_money_that_went_has_its_slip_before_anything_more_is_booked(filed: Books) -> None:
    """PostgreSQL looks when the transaction ends, SQLite before the next entry of any batch."""
    batch_no = booked(filed)
    paid = ("2103", 9450), ("1002", -9450)
    if filed.context.database.is_postgresql:
        with pytest.raises(REFUSED):
            filed.post("outpatient_remittance", *paid, source=f"outpatient_batch:{batch_no}")
        return
    filed.post("outpatient_remittance", *paid, source=f"outpatient_batch:{batch_no}")
    # Of an entry that would be wrong by itself, too, another trigger may speak first.
    for kind, words in (
        ("outpatient_escheat", "outpatient: ledger_posting"),
        ("outpatient_remittance", "slip: ledger_entry"),
    ):
        with pytest.raises(PrepayError) as refused:
            filed.post(kind, ("2103", 1), ("1002", -1), source="outpatient_batch:9")
        assert words in str(refused.value.__cause__)


def second_batch(held: Books) -> int:
    """M001 went with the first batch, M003 is booked in a second."""
    filing.unmark(held.context, OFFICER, "M003", "有人来电")
    remit(held, booked(held), 6450)
    marked = filing.MarkUnclearable(filing.Reason.NO_ANSWER, "又找不到了", account_nos=("M003",))
    assert filing.mark_unclearable(held.context, OFFICER, marked).accounts == 1
    made = filing.make_filing(held.context, OFFICER, "随到随退。")
    filing.submit_filing(held.context, OFFICER, made.filing_no, "某局", date(2025, 12, 26))
    filing.acknowledge_filing(held.context, APPROVER, made.filing_no, "备2号", date(2025, 12, 27))
    return booked(held)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"voucher_no": "缴款书　１", "bank_reference": "HD02", "slip_key": "HD02"}, "voucher_no"),
        ({"voucher_no": "2", "voucher_key": "2", "bank_reference": "ｈｄ 01"}, "bank_reference"),
    ],
)
def test_a_number_stands_for_one_batch_however_it_is_spelled(
    filed: Books, changes: dict[str, Any], field: str
) -> None:
    batch_no = second_batch(filed)
    with pytest.raises(REFUSED):
        remit(filed, batch_no, 3000, **changes)
    given = {**EVIDENCE, **changes}
    said = Remittance(given["voucher_no"], given["bank_reference"], LAST)
    with pytest.raises(MalformedInput, match="第 1 批") as refused:
        escheat.remit_batch(filed.context, REMITTER, batch_no, said)
    assert refused.value.details["field"] == field
    other = Remittance("缴款书 2", "HD02", LAST)
    assert escheat.remit_batch(filed.context, REMITTER, batch_no, other).bank_reference == "HD02"


def fund_slip(connection: sa.Connection, held: Books, typed: str, reference: str) -> None:
    """A slip of another movement in the register that the restricted fund keeps."""
    found = connection.execute(sa.select(ledger.LedgerEntry.entry_no, ledger.LedgerEntry.kind)).first()
    assert found is not None
    values = {"kind": found.kind, "entry_no": found.entry_no, "as_typed": typed, "reference": reference}
    made = {"value_on": LAST, "recorded_by": OFFICER.actor_id, "recorded_at": held.context.clock.now()}
    connection.execute(sa.insert(FundBankEvidence).values(institution_id=INSTITUTION, **values, **made))


def test_a_slip_of_the_restricted_fund_is_no_batchs(filed: Books) -> None:
    batch_no = booked(filed)
    with filed.context.database.writing() as connection:
        fund_slip(connection, filed, "HD 01", "HD01")
    with pytest.raises(REFUSED):
        remit(filed, batch_no)
    with pytest.raises(MalformedInput, match="已经记过一笔") as refused:
        escheat.remit_batch(filed.context, REMITTER, batch_no, Remittance("1", "hd01", LAST))
    assert refused.value.details["field"] == "bank_reference"
    remit(filed, batch_no, bank_reference="HD-02", slip_key="HD02")


def test_a_batchs_slip_is_none_of_the_restricted_fund(filed: Books) -> None:
    remit(filed, booked(filed))
    with pytest.raises(sa.exc.DBAPIError, match="slip_used"), filed.context.database.writing() as connection:
        fund_slip(connection, filed, "HD 01", "HD01")
    with filed.context.database.writing() as connection:
        fund_slip(connection, filed, "HD 02", "HD02")


def test_a_batch_begins_without_evidence(books: Books) -> None:
    insert = (
        "INSERT INTO outpatient_batch (institution_id, batch_no, on_day, state, accounts, total_fen, proposed_by,"
        " proposed_at{names}) VALUES (:i, 1, '2025-12-31', 'proposed', 1, 1, 'x', :now{values})"
    )
    own = {"i": INSTITUTION, "now": books.context.clock.now().isoformat()}
    values = {"approved_at": own["now"], "remitted_at": own["now"], **EVIDENCE}
    for name in values.keys() - {"state", "remitted_by"}:
        with pytest.raises(REFUSED):
            books.sql(insert.format(names=f", {name}", values=f", :{name}"), **own, **{name: values[name]})
    books.sql(insert.format(names="", values=""), **own)


OLD: Final = (
    (1, "门诊预交金上缴财政，缴款书 演示 1，银行回单 演示回单 20251231-7", "演示 1"),
    (2, "手工补记", "缴款书2"),
    (3, "门诊预交金上缴财政，缴款书 缴款书 ２，银行回单 20251231_7", "缴款书 ２"),
)


def test_what_was_remitted_before_survives_the_migration(
    empty_urls: tuple[str, str], clock: FixedClock, tmp_path: Path
) -> None:
    owner = Database(empty_urls[0], pool_size=1)
    role = sa.make_url(empty_urls[1]).username if owner.is_postgresql else None

    def upgraded(target: str) -> None:
        migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=clock.now(), target=target)

    upgraded("0037")
    now, batch = clock.now(), outpatient_escheat.OutpatientBatch
    with owner.writing() as connection, untriggered(connection):
        for number, summary, voucher_no in OLD:
            values = {"batch_no": number, "on_day": LAST, "state": "remitted", "accounts": 1, "total_fen": 100}
            people = {"frozen_by": "a", "approved_by": "b", "remitted_by": "c", "proposed_by": "a"}
            moments = {"proposed_at": now, "approved_at": now, "remitted_at": now, "remitted_on": LAST}
            old = {**values, **people, **moments, "sha256": "0" * 64, "voucher_no": voucher_no, "ended_ground": ""}
            own = (batch.__table__.c[name] for name in ("institution_id", *old))
            table = sa.table("outpatient_batch", *(sa.column(one.name, one.type) for one in own))
            connection.execute(sa.insert(table).values(institution_id=HOSPITAL, **old))
            posted = {"kind": "outpatient_remittance", "source": f"outpatient_batch:{number}", "summary": summary}
            dates = {"occurred_at": now, "posted_at": now, "effective_on": LAST}
            rest = {"entry_no": number, "idempotency_key": str(number), "line_count": 2, "posted_by": "c"}
            whole = {"institution_id": HOSPITAL, "content_hash": b"0" * 32, **posted, **dates, **rest}
            connection.execute(sa.insert(ledger.LedgerEntry).values(**whole))
    upgraded("head")
    with owner.reading() as connection:
        names = (batch.batch_no, batch.voucher_no, batch.voucher_key, batch.bank_reference, batch.slip_key)
        kept = [tuple(row) for row in connection.execute(sa.select(*names).order_by(batch.batch_no))]
    assert kept == [
        (1, "演示 1", "1", "演示回单 20251231-7", "202512317"),
        (2, "缴款书2", "2", "见凭证摘要", ""),
        (3, "缴款书 ２", "", "20251231_7", ""),
    ]
    with pytest.raises(sa.exc.DBAPIError), owner.writing() as connection:
        connection.execute(sa.text("UPDATE outpatient_batch SET bank_reference = 'x' WHERE batch_no = 1"))
    owner.close()
