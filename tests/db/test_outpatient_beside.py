"""Acts on outpatients' refunds beside each other, and what came back beside a filing: nobody loses to a deadlock, and
nothing goes to the treasury that stood on no filing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, PrepayError
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.outpatient import advances, filing, online, payouts, proposals
from hospital_prepay.services.outpatient.claim_review import read_owner
from hospital_prepay.services.outpatient.claim_steps import withdraw_claim
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.online import AskForAnother, AskOwn, Identity
from tests.db.test_outpatient_books import BANK, Books, books, outpatients
from tests.db.test_outpatient_overpaid import Told
from tests.db.test_outpatient_rest import Second, bounce, correct, ended, gone, half_paid, later, state
from tests.db.test_outpatient_ties import remitted
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, answered
from tests.services.outpatient.test_escheat import LAST
from tests.told import tell_everybody

__all__ = ["books", "ended", "gone", "outpatients"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
on_postgres = pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
MARK = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M001", "M003"))
TRUE = Identity("吴甲", OWN, "13800000001")


def beside(waits: threading.Event, *acts: Callable[[], Any]) -> list[object]:
    """The first act, and the second once ``waits`` is set; what each came to."""
    told: list[object] = [None, None]

    def run(at: int) -> None:
        try:
            told[at] = acts[at]()
        except (PrepayError, sa.exc.DBAPIError) as error:
            told[at] = error

    threads = [threading.Thread(target=run, args=(at,)) for at in range(2)]
    threads[0].start()
    assert waits.wait(20)
    threads[1].start()
    for one in threads:
        one.join(60)
    return told


def slowly(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> threading.Event:
    """Let a function's first caller stay a while behind it; the event says that it is there."""
    inside, real = threading.Event(), getattr(module, name)

    def slow(*args: Any, **values: Any) -> Any:
        found = real(*args, **values)
        if not inside.is_set():
            inside.set()
            threading.Event().wait(2)
        return found

    monkeypatch.setattr(module, name, slow)
    return inside


@on_postgres
def test_a_bounce_beside_a_reimbursement(ended: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = half_paid(ended)
    second = Second(held, tmp_path)
    answered(held.outpatients, tmp_path, second.claim_id)
    made = advances.make_advance_list(held.context, OFFICER, 2027)
    today = held.context.clock.today()
    advances.submit_advance_list(held.context, APPROVER, made.list_no, "文1", today)
    waits = slowly(monkeypatch, payouts, "require_free_slip")
    told = beside(
        waits,
        lambda: bounce(held, ended.claim_id),
        lambda: advances.reimburse_advance_list(held.context, PAYER, made.list_no, "HD1", today),
    )
    assert [one for one in told if isinstance(one, Exception)] == []


@on_postgres
def test_an_acknowledgement_beside_a_bank_file(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_everybody(books.context)
    filing.mark_unclearable(books.context, OFFICER, MARK)
    made = filing.make_filing(books.context, OFFICER, "随到随退。")
    filing.submit_filing(books.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    claims = [books.outpatients.confirmed("M003", **BANK)]
    later(books)
    claims.append(books.outpatients.confirmed("M001", **BANK))
    waits = slowly(monkeypatch, payouts, "locked_claim")
    acknowledged = (made.filing_no, "备1号", date(2025, 12, 25))
    told = beside(
        waits,
        lambda: payouts.make_bank_file(books.context, PAYER, Route.BANK, claims),
        lambda: filing.acknowledge_filing(books.context, APPROVER, *acknowledged),
    )
    assert [one for one in told if isinstance(one, Exception)] == []


@on_postgres
def test_an_owner_applies_beside_a_proxys_booking(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is told that the other waits: a proxy would learn of the account."""
    at = [Actor(INSTITUTION, "anonymous", "", frozenset(), f"192.0.2.{number}") for number in (7, 8)]
    looked = online.look_up(books.context, at[0], TRUE, "p")
    waits = slowly(monkeypatch, online.store, "next_request_no")
    visit = AskForAnother(Claimant.PROXY, TRUE, "钱来", "110105200001010016", "13900000000", "k")
    own = AskOwn(0, Route.BANK, bank="某银行", card_no="6217000000000000001")
    told = beside(
        waits,
        lambda: online.ask_for_another(books.context, at[1], visit),
        lambda: online.ask_own(books.context, at[0], looked.sealed, "p", own),
    )
    assert not isinstance(told[0], Exception)


@on_postgres
def test_what_gave_way_to_another_may_be_done_again(database: Database) -> None:
    """A deadlock that no order of locks foresaw is told as what it is, and neither as a rule nor as a fault."""
    inside, waits = threading.Event(), threading.Event()

    def hold(first: int, second: int, mine: threading.Event, others: threading.Event) -> object:
        with database.writing() as connection:
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({first})"))
            mine.set()
            assert others.wait(20)
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({second})"))
        return None

    told = beside(inside, lambda: hold(1, 2, inside, waits), lambda: hold(2, 1, waits, inside))
    assert sorted(isinstance(one, Conflict) and "请再按一次" in one.message for one in told) == [False, True]


def test_what_came_back_while_its_filing_was_under_way_is_filed_anew(books: Books, tmp_path: Path) -> None:
    """5.50 of 70.00 stood on the filing that is acknowledged: the account waits for one that says 70.00."""
    claim_id = books.outpatients.confirmed(**BANK)
    answered(books.outpatients, tmp_path, claim_id)
    correct(books, 7000, "k1")
    tell_everybody(books.context)
    filing.mark_unclearable(books.context, OFFICER, MARK)
    made = filing.make_filing(books.context, OFFICER, "随到随退。")
    filing.submit_filing(books.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    bounce(books, claim_id)
    withdraw_claim(books.context, CLERK, claim_id, "找不到人")
    filing.mark_unclearable(books.context, OFFICER, MARK)
    filing.acknowledge_filing(books.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))
    assert (state(books), books.outpatients.account("M003").state) == ("unclearable", "filed")
    proposal = proposals.propose(books.context, OFFICER.institution_id, LAST)
    assert (proposal.accounts, proposal.held_back) == (1, {"unclearable": (1, 7000)})
    again = filing.make_filing(books.context, OFFICER, "随到随退。")
    assert (again.accounts, again.total_fen) == (1, 7000)


def test_what_is_owed_comes_before_what_failed_after_it(gone: tuple[Books, str], tmp_path: Path) -> None:
    held, owed = gone
    remitted(held)
    later(held)
    rest = held.outpatients.confirmed(**BANK)
    answered(held.outpatients, tmp_path, rest)
    later(held)
    assert bounce(held, owed, "TH-1") == "failed"
    assert bounce(held, rest, "TH-2") == "failed"
    owner = read_owner(held.context, CLERK, "M001")
    assert (owner.open_id, owner.owed_fen) == (owed, 6450)
    cash = {**BANK, "route": Route.CASH, "card_no": "", "bank": ""}
    assert held.outpatients.accept("M001", **cash).claim_id == owed
