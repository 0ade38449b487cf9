"""The demonstration's outpatient accounts: every branch of a life occurs, the books add up, and a loading that was
broken off ends as one that wasn't."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import Clock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.outpatient import life
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.houses import MAIN
from hospital_prepay.services.demonstration.outpatient import lead_outpatients
from hospital_prepay.services.demonstration.outpatient_plan import OPENED, reached
from hospital_prepay.services.demonstration.outpatient_rows import BRANCH, THREE_YEARS, legacy_accounts
from hospital_prepay.services.demonstration.stage import Stage, open_house
from hospital_prepay.services.ledger.seals import seal_ledger, verify_ledger
from hospital_prepay.services.outpatient.campaigns import contact_card
from hospital_prepay.services.outpatient.register import overview
from hospital_prepay.settings import Settings

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
SMALL, FULL = 2_000, 20_000
STATES = {
    "outpatient_account": life.ACCOUNT_STEPS,
    "outpatient_claim": life.CLAIM_STEPS,
    "outpatient_filing": life.FILING_STEPS,
    "outpatient_advance_list": life.ADVANCE_STEPS,
}
# A batch stays approved or booked for minutes only: what it went through is in the audit trail.
BATCH_ACTIONS = {
    "outpatient.propose": "proposed",
    "outpatient.freeze": "frozen",
    "outpatient.approve_batch": "approved",
    "outpatient.book_batch": "booked",
    "outpatient.remit": "remitted",
    "outpatient.drop_batch": "dropped",
}


class Loaded:
    """The synthetic hospital with its outpatients, in a database of its own."""

    def __init__(self, url: str, folder: Path, accounts: int) -> None:
        environment = {"PREPAY_MODE": "demo", "PREPAY_DATABASE_URL": url, "PREPAY_DATA_DIR": str(folder)}
        self.context = Context.of(Settings.from_environment(environment))
        self.accounts = accounts
        self.begun = Clock().now()

    def load(self, context: Context | None = None) -> None:
        """Load, or go on loading."""
        lead_outpatients(open_house(context or self.context, MAIN, OPENED), self.begun, self.accounts)

    def rows(self, query: str, **values: object) -> list[sa.Row[Any]]:
        with self.context.database.reading() as connection:
            return list(connection.execute(sa.text(query), values).all())

    def number(self, query: str, **values: object) -> int:
        return int(str(self.rows(query, **values)[0][0] or 0))

    def counts(self) -> dict[str, int]:
        """How many rows every table has."""
        with self.context.database.reading() as connection:
            tables = sa.inspect(connection).get_table_names()
        return {table: self.number(f"SELECT count(*) FROM {table}") for table in sorted(tables)}


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Two thousand accounts, loaded once; tests only read them."""
    yield from fresh(sqlite_template, tmp_path_factory.mktemp("outpatients"), SMALL)


def fresh(template: Path, folder: Path, accounts: int) -> Iterator[Loaded]:
    path = folder / "prepay.sqlite3"
    shutil.copyfile(template, path)
    found = Loaded(f"sqlite:///{path}", folder, accounts)
    found.load()
    yield found
    found.context.database.close()


def require_every_state(loaded: Loaded) -> None:
    for table, steps in STATES.items():
        assert {row[0] for row in loaded.rows(f"SELECT DISTINCT state FROM {table}")} == set(steps), table
    actions = {row[0] for row in loaded.rows("SELECT DISTINCT action FROM audit_event WHERE outcome = 'done'")}
    assert {state for action, state in BATCH_ACTIONS.items() if action in actions} == set(life.BATCH_STEPS)


def require_sums(loaded: Loaded) -> None:
    """What was counted, corrected and taken, less what was paid and remitted, is what the books still have."""
    booked = legacy_accounts(loaded.accounts)[:-BRANCH]
    corrected = loaded.number("SELECT sum(change_fen) FROM outpatient_correction WHERE state = 'approved'")
    taken = loaded.number("SELECT sum(amount_fen) FROM outpatient_taken")
    paid = loaded.number("SELECT sum(amount_fen) FROM outpatient_claim WHERE state = 'arrived' AND NOT remitted")
    remitted = loaded.number("SELECT sum(total_fen) FROM outpatient_batch WHERE state = 'remitted'")
    left = sum(row.fen for row in booked) + corrected + taken - paid - remitted
    shown = overview(loaded.context, Stage(loaded.context, MAIN).actor(Role.AUDITOR))
    of_subject = "SELECT sum(balance_fen) FROM ledger_account WHERE subject = :s AND institution_id = :i"
    deposits, others = (loaded.number(of_subject, s=subject, i=MAIN.code) for subject in ("23050102", "230502"))
    assert min(corrected, taken, paid, remitted, deposits, others) > 0
    assert (shown.whole.balance_fen + shown.kept.balance_fen, shown.others.balance_fen) == (deposits, others)
    assert shown.kept.balance_fen > 0
    assert deposits + others == left
    for figures in (shown.by_state, shown.by_year, shown.by_channel, shown.by_reach):
        assert sum(one.balance_fen for one in figures) == shown.whole.balance_fen


def require_intact(loaded: Loaded) -> None:
    seal_ledger(loaded.context.database, loaded.context.settings.data_dir, loaded.context.clock)
    assert verify_ledger(loaded.context.database, loaded.context.settings.data_dir, loaded.context.clock).intact


def test_every_state_of_a_life_occurs(loaded: Loaded) -> None:
    require_every_state(loaded)


def test_the_totals_are_those_of_the_books(loaded: Loaded) -> None:
    require_sums(loaded)
    require_intact(loaded)


def test_loading_again_changes_nothing(loaded: Loaded) -> None:
    before = loaded.counts()
    loaded.load()
    assert loaded.counts() == before


def test_exactly_three_years_stay_and_more_went(loaded: Loaded) -> None:
    gone = (
        "SELECT max(line.last_movement_on) FROM outpatient_batch_line line"
        " JOIN outpatient_batch batch ON batch.batch_no = line.batch_no AND batch.state = 'remitted'"
    )
    assert str(loaded.rows(gone)[0][0]) < str(THREE_YEARS)
    exact = "SELECT state, count(*) FROM outpatient_account WHERE last_movement_on = :d GROUP BY state"
    assert not {"remitted", "reclaimed"} & {row[0] for row in loaded.rows(exact, d=THREE_YEARS.isoformat())}
    filed = "SELECT count(*) FROM outpatient_account WHERE last_movement_on = :d AND filed_on IS NOT NULL"
    assert loaded.number(filed, d=THREE_YEARS.isoformat()) > 0


def test_every_way_was_tried_for_what_went_to_the_treasury(loaded: Loaded) -> None:
    gone = [str(row[0]) for row in loaded.rows("SELECT account_no FROM outpatient_account WHERE state = 'remitted'")]
    officer = Stage(loaded.context, MAIN).actor(Role.FINANCE_OFFICER)
    for number in Random(8).sample(gone, 60):
        assert contact_card(loaded.context, officer, number).standing is Standing.COMPLETE, number


def test_what_people_look_for_is_there(loaded: Loaded) -> None:
    refusals = {str(row[0]) for row in loaded.rows("SELECT DISTINCT code FROM outpatient_rejection")}
    assert {"duplicate_account", "missing_value", "negative_amount", "formula", "unknown_kind"} <= refusals
    imports = "SELECT DISTINCT state FROM outpatient_import"
    assert {row[0] for row in loaded.rows(imports)} == {"booked", "dropped", "counted"}
    for table, states in {
        "outpatient_likeness": {"joined", "apart", "proposed"},
        "outpatient_correction": {"approved", "rejected", "asked"},
        "outpatient_owner_change": {"approved", "rejected", "asked"},
        "outpatient_request": {"asked", "taken", "declined"},
        "outpatient_other_kind": {"approved", "rejected", "proposed"},
        "outpatient_payout": {"arrived", "failed", "returned", "sent"},
        "outpatient_campaign": {"released", "proposed"},
    }.items():
        assert {row[0] for row in loaded.rows(f"SELECT DISTINCT state FROM {table}")} == states, table
    assert {row[0] for row in loaded.rows("SELECT DISTINCT claimant FROM outpatient_claim")} == {
        "self",
        "proxy",
        "heir",
    }
    assert loaded.number("SELECT count(*) FROM outpatient_claim WHERE card_lost") == 2
    assert {row[0] for row in loaded.rows("SELECT DISTINCT kind FROM outpatient_alarm")} >= {"same_card", "hours"}
    paid_again = "SELECT count(*) FROM outpatient_payout WHERE state = 'arrived' AND attempt_no > 1"
    assert loaded.number(paid_again) == 8
    told = loaded.rows("SELECT told, decision FROM outpatient_contradiction ORDER BY decision")
    assert told == [("arrived", "paid")] * 3 + [("arrived", "unpaid")]
    # An ended refund that the bank had paid arrived; what was paid twice is owed until it came back.
    ended = "SELECT count(*) FROM outpatient_claim WHERE state = 'arrived' AND ended_by IS NOT NULL"
    assert loaded.number(ended) == 1
    overpaid = loaded.rows("SELECT state, way FROM outpatient_overpayment ORDER BY state")
    assert overpaid == [("owed", ""), ("recovered", "cash")]
    heirs = (
        "SELECT count(*) FROM outpatient_claim c JOIN ledger_account a ON a.account_id = '2307:refund:' || c.claim_id"
    )
    assert loaded.number(f"{heirs} WHERE c.claimant = 'heir' AND c.state = 'arrived'") == 1
    of_owed = "SELECT sum(credit_fen), sum(debit_fen) FROM ledger_posting WHERE account_id LIKE '2307:refund:%'"
    [(owed, repaid)] = loaded.rows(of_owed)
    assert owed == repaid > 0
    own_cost = "SELECT sum(debit_fen) FROM ledger_posting WHERE account_id = '5901'"
    assert loaded.number(own_cost) == 2_000
    refused = loaded.rows("SELECT action FROM audit_event WHERE outcome <> 'done'")
    assert [row[0] for row in refused] == ["outpatient.take"] * 2


def test_five_people_led_the_batch(loaded: Loaded) -> None:
    [batch] = loaded.rows("SELECT * FROM outpatient_batch WHERE state = 'remitted'")
    reviews = loaded.rows("SELECT reviewed_by FROM outpatient_batch_review WHERE batch_no = :n", n=batch.batch_no)
    assert len({row[0] for row in reviews} | {batch.frozen_by, batch.approved_by}) == 5
    assert batch.remitted_by != batch.approved_by
    assert (str(batch.on_day), str(batch.remitted_on)) == ("2025-12-31", "2025-12-31")


@pytest.mark.parametrize("count", [SMALL, FULL])
def test_the_accounts_are_synthetic_of_every_year_and_about_64_yuan(count: int) -> None:
    rows = legacy_accounts(count)
    assert len({row.account_no for row in rows}) == count
    deposits = [row.fen for row in rows if row.is_deposit]
    assert 5_600 < sum(deposits) / len(deposits) < 7_200
    assert max(deposits) > 20 * sum(deposits) / len(deposits)
    assert {row.moved_on.year for row in rows if row.moved_on} == set(range(2014, 2026))
    assert sum(row.moved_on == THREE_YEARS for row in rows) >= 10
    assert all(re.fullmatch(r"(529900\d{9}|529900\d{11}[\dX]|YS\d{7})?", row.certno) for row in rows)
    assert all(re.fullmatch(r"(154\d{8}|0859-1\d{6})?", row.phone) for row in rows)
    assert any(len(row.certno) == 15 for row in rows)
    assert {row.is_nobody for row in rows} == {True, False}
    assert any(reached(row) for row in rows)


class BrokenOff(Exception):
    """Ctrl-C between two steps."""


def test_a_loading_that_is_broken_off_anywhere_goes_on_to_the_same_end(
    loaded: Loaded, sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Loaded(sqlite_urls[1], tmp_path, SMALL)
    broken.begun = loaded.begun
    honest = Stage.at
    for left in (20, 70, 130, 190, 250):
        calls = iter(range(left))

        def tired(stage: Stage, moment: datetime, calls: Iterator[int] = calls) -> Context:
            if next(calls, None) is None:
                raise BrokenOff
            return honest(stage, moment)

        with monkeypatch.context() as patch:
            patch.setattr(Stage, "at", tired)
            with pytest.raises(BrokenOff):
                broken.load()
    broken.load()
    require_sums(broken)
    tables = {table: count for table, count in loaded.counts().items() if table.startswith("outpatient_")}
    assert {table: broken.counts()[table] for table in tables} == tables
    broken.context.database.close()


def test_all_twenty_thousand(sqlite_template: Path, tmp_path: Path) -> None:
    for found in fresh(sqlite_template, tmp_path, FULL):
        assert found.number("SELECT count(*) FROM outpatient_account") > 19_980
        require_every_state(found)
        require_sums(found)
        require_intact(found)
