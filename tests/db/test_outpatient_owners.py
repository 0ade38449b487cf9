"""Who an account's holder is changes by a confirmed correction alone, whoever writes: raw SQL by the
application's own user, and by the owner of the tables."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Paper, Route
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models import outpatient as accounts
from hospital_prepay.persistence.models.outpatient_claims import OutpatientClaim, OutpatientClaimPaper
from hospital_prepay.services.outpatient import claim_steps, owners, payouts
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.correction_review import reveal_owner_change
from hospital_prepay.services.outpatient.corrections import AskCorrection, ask_correction
from tests.books import HOSPITAL
from tests.db.test_outpatient_books import Books, books, outpatients, unchanged
from tests.db.test_outpatient_life import untriggered
from tests.db.test_upgrade import empty_urls
from tests.hospital import INSTITUTION, actor
from tests.services.outpatient.conftest import APPROVER, APPROVER_AND_OFFICER, CLERK, OFFICER, PAYER, answered
from tests.told import approved

__all__ = ["books", "empty_urls", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")
COLUMNS: Final = {
    "holder_name": "吴申",
    "personal": "x",
    "certno_hash": "x",
    "phone_hash": "x",
    "reach": "none",
}


ACCOUNT: Final = (
    "INSERT INTO outpatient_account (institution_id, account_no, kind, holder_name, personal, certno_hash,"
    " phone_hash, reach, channel, patient_no, opening_fen, person_id, state)"
    " VALUES (:i, 'M001', 'outpatient_deposit', '', '', '', '', 'none', 'cash', '', 0, 'M001', 'open')"
)


def ask(held: Books, by: Any = OFFICER, **changes: str) -> int:
    held.count += 1
    said = {"name": "吴申", "certno": "", "phone": "", **changes}
    command = owners.AskOwnerChange("M001", **said, ground="写错了", paper="凭条 1", idempotency_key=f"o{held.count}")
    return owners.ask_owner_change(held.context, by, command)


def owner_sql(owner: Database, statement: str, **values: Any) -> None:
    with owner.writing() as connection:
        connection.execute(sa.text(statement), values)


@pytest.mark.parametrize("column", COLUMNS)
def test_nobody_writes_a_holders_column_without_a_correction(
    books: Books, owner_database: Database, column: str
) -> None:
    """Not even whom the tables belong to, nor while a correction is only asked for."""
    ask(books)
    statement = f"UPDATE outpatient_account SET {column} = :value WHERE account_no = 'M001'"
    unchanged(books, statement, value=COLUMNS[column])
    with pytest.raises(sa.exc.DBAPIError):
        owner_sql(owner_database, statement, value=COLUMNS[column])
    owner_sql(owner_database, f"UPDATE outpatient_account SET {column} = {column}")


def test_a_confirmed_one_stands_at_once_and_is_used_once(books: Books, owner_database: Database) -> None:
    approved(books.context, APPROVER, ask(books))
    assert books.outpatients.account("M001").holder_name == "吴申"
    approved(books.context, APPROVER, ask(books, name="吴甲"))
    assert books.outpatients.account("M001").holder_name == "吴甲"
    with pytest.raises(sa.exc.DBAPIError):
        owner_sql(owner_database, "UPDATE outpatient_account SET holder_name = '吴申' WHERE account_no = 'M001'")


DECIDE: Final = (
    "UPDATE outpatient_owner_change SET state = :state, decided_by = :by, decided_at = :now, answer = :why"
)


def decide(held: Books, state: str, by: str, why: str = "") -> dict[str, Any]:
    now = held.context.clock.now()
    moment: Any = now.isoformat() if not held.context.database.is_postgresql else now
    return {"state": state, "by": by, "now": moment, "why": why}


@pytest.mark.parametrize(
    ("state", "by", "why"),
    [
        ("approved", OFFICER.actor_id, ""),
        ("approved", f" {OFFICER.actor_id.upper()}", ""),
        ("approved", "nobody of this house", ""),
        ("approved", APPROVER.actor_id, "不符"),
        ("rejected", APPROVER.actor_id, " "),
        ("rejected", OFFICER.actor_id, "不符"),
        ("asked", APPROVER.actor_id, ""),
    ],
)
def test_one_person_or_no_word_decides_nothing(books: Books, state: str, by: str, why: str) -> None:
    ask(books)
    unchanged(books, DECIDE, **decide(books, state, by, why))
    assert books.outpatients.account("M001").holder_name == "吴甲"


def test_who_may_confirm_decides_and_not_before_it_was_asked(books: Books, owner_database: Database) -> None:
    ask(books)
    for by in (
        CLERK.actor_id,
        PAYER.actor_id,
        actor(Role.FINANCE_OFFICER, "2").actor_id,
        actor(Role.AUDITOR).actor_id,
    ):
        unchanged(books, DECIDE, **decide(books, "approved", by))
        unchanged(books, DECIDE, **decide(books, "rejected", by, "不符"))
    approved = decide(books, "approved", APPROVER.actor_id)
    early = books.context.clock.now() - timedelta(seconds=1)
    backdated: Any = early if books.context.database.is_postgresql else early.isoformat()
    unchanged(books, DECIDE, **{**approved, "now": backdated})
    unchanged(books, DECIDE, **{**approved, "now": None})
    owner_sql(
        owner_database, "UPDATE staff_user SET is_active = :no WHERE user_id = :by", no=False, by=approved["by"]
    )
    unchanged(books, DECIDE, **approved)
    owner_sql(
        owner_database, "UPDATE staff_user SET is_active = :yes WHERE user_id = :by", yes=True, by=approved["by"]
    )
    unchanged(books, DECIDE, **approved)
    reveal_owner_change(books.context, CLERK, 1, "看一眼")
    unchanged(books, DECIDE, **approved)
    reveal_owner_change(books.context, APPROVER, 1, "与证件核对身份")
    books.sql(DECIDE, **approved)
    assert books.outpatients.account("M001").holder_name == "吴申"


def test_what_was_asked_or_decided_is_kept(books: Books, owner_database: Database) -> None:
    change_no = ask(books)
    for column in ("new_name", "old_name", "ground", "new_certno_hash", "asked_by", "account_no"):
        with pytest.raises(sa.exc.DBAPIError):
            owner_sql(owner_database, f"UPDATE outpatient_owner_change SET {column} = 'M002'")
    approved(books.context, APPROVER, change_no)
    unchanged(books, DECIDE, **decide(books, "rejected", APPROVER.actor_id, "不符"))
    for statement in ("DELETE FROM outpatient_owner_change", "UPDATE outpatient_owner_change SET old_name = ''"):
        with pytest.raises(sa.exc.DBAPIError):
            owner_sql(owner_database, statement)


INSERT: Final = (
    "INSERT INTO outpatient_owner_change (institution_id, change_no, account_no, old_name, new_name, old_personal,"
    " new_personal, old_certno_hash, new_certno_hash, old_phone_hash, new_phone_hash, old_reach, new_reach, ground,"
    " paper, state, asked_by, asked_at, decided_by, decided_at) SELECT institution_id, 7, account_no, {old}, '吴申',"
    " personal, personal, certno_hash, certno_hash, phone_hash, phone_hash, reach, reach, {ground}, 'x', '{state}',"
    " :by, :now, {decided}, {at} FROM outpatient_account WHERE account_no = 'M001'"
)
ASKED: Final = {"old": "holder_name", "ground": "'x'", "state": "asked", "decided": "NULL", "at": "NULL"}


@pytest.mark.parametrize(
    "wrong",
    [{"old": "'吴丁'"}, {"ground": "' '"}, {"state": "approved", "decided": f"'{APPROVER.actor_id}'", "at": ":now"}],
)
def test_what_is_asked_begins_with_what_stands_and_why(books: Books, wrong: dict[str, str]) -> None:
    now = decide(books, "", "")["now"]
    unchanged(books, INSERT.format(**{**ASKED, **wrong}), by=OFFICER.actor_id, now=now)
    books.sql(INSERT.format(**ASKED), by=OFFICER.actor_id, now=now)
    unchanged(books, INSERT.format(**ASKED).replace(" 7,", " 8,"), by=OFFICER.actor_id, now=now)


def test_never_while_a_refund_is_open(books: Books) -> None:
    ask(books)
    books.outpatients.accept("M001")
    unchanged(books, DECIDE, **decide(books, "approved", APPROVER.actor_id))
    assert books.outpatients.account("M001").holder_name == "吴甲"
    now = decide(books, "", "")["now"]
    books.sql(DECIDE, **decide(books, "rejected", APPROVER.actor_id, "有退款在办"))
    unchanged(books, INSERT.format(**ASKED), by=OFFICER.actor_id, now=now)


BOTH: Final = (APPROVER_AND_OFFICER.actor_id, APPROVER.actor_id)
REVIEW: Final = "UPDATE outpatient_claim SET state = 'reviewed', reviewed_by = :by, reviewed_at = :now"
CONFIRM: Final = "UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = :by, confirmed_at = :now"


@pytest.mark.parametrize(
    ("changes", "days", "stands"),
    [
        ({"name": "", "phone": "13800000009"}, 30, False),
        ({"name": "", "phone": "13800000009"}, 31, True),
        ({"name": "", "certno": "110105198001011238"}, 3000, False),
        ({}, 3000, False),
    ],
)
@pytest.mark.parametrize("who", BOTH)
def test_whoever_asked_or_decided_takes_no_step_of_a_claim(
    books: Books, clock: FixedClock, changes: dict[str, str], days: int, stands: bool, who: str
) -> None:
    approved(books.context, APPROVER, ask(books, APPROVER_AND_OFFICER, **changes))
    clock.moment += timedelta(days=days)
    said = {"certno": changes["certno"]} if "certno" in changes else {}
    claim_id = books.outpatients.accept("M001", **said).claim_id
    assert claim_id
    now = decide(books, "", "")["now"]
    if stands:
        books.sql(REVIEW, by=who, now=now)
        return
    for by in (who, f" {who.upper()}"):
        unchanged(books, REVIEW, by=by, now=now)
    claim_steps.review_claim(books.context, OFFICER, claim_id)
    with books.context.database.writing() as connection:
        query = "SELECT count(*) FROM outpatient_alarm WHERE claim_id = :c"
        count = connection.execute(sa.text(query), {"c": claim_id}).scalar()
        if count:
            answer = "INSERT INTO outpatient_alarm_answer VALUES (:i, :c, 1, :n, 'x', :by, :now)"
            values = {"i": INSTITUTION, "c": claim_id, "n": count, "by": who, "now": now}
            connection.execute(sa.text(answer), values)
    unchanged(books, CONFIRM, by=who, now=now)
    assert books.outpatients.claim(claim_id).state == "reviewed"
    claim_steps.withdraw_claim(books.context, CLERK, claim_id, "不退了")


def test_a_miscount_is_turned_down_with_a_word(books: Books) -> None:
    ask_correction(books.context, OFFICER, AskCorrection("M001", Money(7000), "凭条漏计", "k"))
    decision = "UPDATE outpatient_correction SET state = :state, decided_by = :by, decided_at = :now, answer = :why"
    unchanged(books, decision, **decide(books, "rejected", APPROVER.actor_id, " "))
    unchanged(books, decision, **decide(books, "approved", APPROVER.actor_id, "不符"))
    books.sql(decision, **decide(books, "rejected", APPROVER.actor_id, "不符"))


def test_an_upgrade_keeps_what_was_noted_and_decided(
    empty_urls: tuple[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    """Those that were turned down before say nothing, and stay."""
    owner = Database(empty_urls[0])
    role = sa.make_url(empty_urls[1]).username if owner.is_postgresql else None
    moment, own = clock.now(), HOSPITAL
    migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=moment, target="0043")
    with owner.writing() as connection, untriggered(connection):
        connection.execute(
            sa.text(ACCOUNT),
            {"i": own},
        )
        names = ("institution_id", "correction_id", "account_no", "change_fen", "ground", "state", "asked_by")
        columns = accounts.OutpatientCorrection.__table__.c
        kept = (sa.column(one, columns[one].type) for one in (*names, "asked_at", "decided_by", "decided_at"))
        table = sa.table("outpatient_correction", *kept)
        connection.execute(sa.insert(table).values((own, "c", "M001", 1, "x", "rejected", "a", moment, "b", moment)))
    migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=moment)
    with owner.reading() as connection:
        assert connection.execute(sa.text("SELECT state, answer FROM outpatient_correction")).all() == [
            ("rejected", "")
        ]
    owner.close()


PAPER: Final = "INSERT INTO outpatient_claim_paper VALUES (:i, :c, :n, :kind, :reference, :by, :now, :key)"


def paper(held: Books, claim_id: str, kind: str, reference: str, key: str) -> dict[str, Any]:
    held.count += 1
    now = decide(held, "", "")["now"]
    values = {"i": INSTITUTION, "c": claim_id, "n": 50 + held.count, "by": CLERK.actor_id, "now": now}
    return {**values, "kind": kind, "reference": reference, "key": key}


@pytest.mark.parametrize(
    ("kind", "reference", "key"),
    [
        ("slip", "A7", ""),
        ("slip", "原件", ""),
        ("slip", "A7", "A8"),
        ("slip", "a-7", "a7"),
        ("slip", "7" * 65, "7" * 65),
        ("own_id", "A7", "A7"),
        ("slip", "A-9", "A9"),
        ("slip", "ａ９", "A9"),
        ("slip", "NO.77", "NO77"),
        ("slip", "NO.A7", "NOA7"),
        ("slip", "NONO 77", "NO77"),
        ("slip", "NO.9", "9"),
    ],
)
def test_a_slip_stands_with_its_number_and_for_one_account(books: Books, kind: str, reference: str, key: str) -> None:
    slips = tuple(ShownPaper(Paper.SLIP, number) for number in ("A9", "9"))
    other = books.outpatients.accept("M003", papers=(ShownPaper(Paper.OWN_ID), *slips)).claim_id
    assert other
    claim_id = books.outpatients.accept("M001").claim_id
    assert claim_id
    unchanged(books, PAPER, **paper(books, claim_id, kind, reference, key))
    books.sql(PAPER, **paper(books, claim_id, "slip", "凭条 a-7", "A7"))
    books.sql(PAPER, **paper(books, claim_id, "slip", "a 7", "A7"))
    books.sql(PAPER, **paper(books, claim_id, "slip", "NO.NO 77", "77"))
    books.sql(PAPER, **paper(books, claim_id, "slip", "NOA77", "NOA77"))
    books.sql(PAPER, **paper(books, other, "slip", "A9", "A9"))
    claim_steps.withdraw_claim(books.context, CLERK, other, "填错了")
    books.sql(PAPER, **paper(books, claim_id, "slip", "A9", "A9"))


def test_slips_of_before_are_told_their_numbers(
    empty_urls: tuple[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    owner = Database(empty_urls[0])
    role = sa.make_url(empty_urls[1]).username if owner.is_postgresql else None
    moment = clock.now()
    migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=moment, target="0046")
    with owner.writing() as connection, untriggered(connection):
        names = ("institution_id", "claim_id", "paper_no", "kind", "reference", "recorded_by", "recorded_at")
        connection.execute(sa.text(ACCOUNT), {"i": HOSPITAL})
        claim = {"institution_id": HOSPITAL, "claim_id": "c", "refund_no": "TF1", "account_no": "M001"}
        told = {"remitted": False, "amount_fen": 1, "claimant": "self", "card_lost": False, "claimant_name": "x"}
        way = {"personal": "x", "card_hash": "", "taken_at": "window", "route": "cash", "decision_id": "x"}
        begun = {"state": "accepted", "accepted_by": "a", "accepted_at": moment}
        connection.execute(sa.insert(OutpatientClaim).values(**claim, **told, **way, **begun))
        columns = OutpatientClaimPaper.__table__.c
        table = sa.table("outpatient_claim_paper", *(sa.column(one, columns[one].type) for one in names))
        for number, (kind, said) in enumerate(
            (("slip", "凭条 a-７"), ("slip", "原件"), ("own_id", "1"), ("slip", "№ 77"), ("slip", "NOA7"))
        ):
            row = (HOSPITAL, "c", number, kind, said, "a", moment)
            connection.execute(sa.insert(table).values(row))
    migrate.upgrade(owner, app_role=role, backup_folder=tmp_path, moment=moment)
    with owner.writing() as connection:
        kept = connection.execute(sa.text("SELECT slip_key FROM outpatient_claim_paper ORDER BY paper_no"))
        assert list(kept.scalars()) == ["A7", "", "", "77", "NOA7"]
        with pytest.raises(sa.exc.DBAPIError):
            connection.execute(sa.text("UPDATE outpatient_claim_paper SET slip_key = 'A8'"))
    owner.close()


PARENTLESS: Final = {
    "outpatient_claim": "account_no = 'nowhere', claim_id = 'c2', refund_no = 'TF2', state = 'accepted',"
    " reviewed_by = NULL, reviewed_at = NULL, confirmed_by = NULL, confirmed_at = NULL, paid_by = NULL,"
    " paid_at = NULL",
    "outpatient_claim_paper": "claim_id = 'nowhere'",
    "outpatient_payout": "claim_id = 'nowhere'",
    "outpatient_payout of no file": "claim_id = :other, attempt_no = 1, state = 'sent', file_no = 77,"
    " amount_fen = 3000, entry_no = NULL, answered_at = NULL, bank_reference = ''",
    "outpatient_owner_change": "account_no = 'nowhere', change_no = 9",
    "outpatient_correction": "account_no = 'nowhere', correction_id = 'k2'",
    "outpatient_contradiction": "claim_id = 'nowhere'",
}


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
@pytest.mark.parametrize("which", PARENTLESS)
def test_no_row_stands_without_its_parent_though_keys_are_off(books: Books, tmp_path: Path, which: str) -> None:
    """A row of each, as the program wrote it, once more under a parent that isn't there."""
    bank: Any = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217000000000000001"}
    ask_correction(books.context, OFFICER, AskCorrection("M002", Money(7000), "凭条漏计", "k"))
    claim_id = books.outpatients.confirmed(**bank)
    answered(books.outpatients, tmp_path, claim_id)
    ask(books)
    other = books.outpatients.confirmed("M003", **{**bank, "card_no": "6217000000000000002"})
    number = books.outpatients.claim(claim_id).refund_no
    path = tmp_path / "again.csv"
    path.write_text(f"退款单号,金额,结果,文件号\n{number},64.50,失败,1\n", "utf-8")
    payouts.take_answers(books.context, PAYER, path, path.name)
    table = which.split()[0]
    raw = sqlite3.connect(str(books.context.database.url.database), isolation_level=None)
    raw.execute("PRAGMA foreign_keys = OFF")
    before = raw.execute(f"SELECT count(*) FROM {table}").fetchone()
    raw.execute(f"CREATE TEMP TABLE copy AS SELECT * FROM {table} LIMIT 1")
    assert before[0] > 0
    raw.execute(f"UPDATE copy SET {PARENTLESS[which]}", {"other": other} if ":other" in PARENTLESS[which] else {})
    with pytest.raises(sqlite3.IntegrityError, match=f"wrong_step: {table}"):
        raw.execute(f"INSERT INTO {table} SELECT * FROM copy")
    assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == before
    raw.close()
