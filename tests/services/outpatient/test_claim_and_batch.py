"""A claim and a batch on one account at once, on PostgreSQL: whichever comes first is seen by the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.services.outpatient import claim_steps, claims, escheat, filing, payouts, proposals
from hospital_prepay.services.outpatient.claims import AcceptedClaim
from hospital_prepay.services.outpatient.escheat import Part
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from tests.hospital import INSTITUTION, Hospital
from tests.services.outpatient.conftest import APPROVER, OFFICER, PAYER, Outpatients
from tests.services.outpatient.test_escheat import LAST, REVIEWERS, frozen
from tests.told import tell_everybody

# On PostgreSQL alone: SQLite has one writer.
pytestmark = [
    pytest.mark.clause("guizhou-deposit-2025/8"),
    pytest.mark.parametrize("database_urls", ["postgres"], indirect=True),
]


@pytest.fixture
def filed(outpatients: Outpatients, hospital: Hospital) -> Outpatients:
    """M001 and M003 filed."""
    outpatients.census()
    tell_everybody(outpatients.context)
    command = MarkUnclearable(Reason.CONTACT_CHANGED, "短信退回", account_nos=("M001", "M003"))
    filing.mark_unclearable(outpatients.context, OFFICER, command)
    made = filing.make_filing(outpatients.context, OFFICER, "随到随退。")
    filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某市卫生健康局", date(2025, 12, 20))
    filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))
    return outpatients


@pytest.fixture
def reviewed(filed: Outpatients) -> tuple[Outpatients, int]:
    batch_no = frozen(filed)
    for part, reviewer in zip(Part, REVIEWERS, strict=True):
        escheat.review_batch(filed.context, reviewer, batch_no, part, "核对无误")
    return filed, batch_no


def crossing(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, first: Callable[[], Any], second: Callable[[], Any]
) -> tuple[Any, Any]:
    """What two acts answer, or are refused with, when the first stands still inside ``name`` until the second is done
    or waits for it."""
    inside, go = threading.Event(), threading.Event()
    real = getattr(module, name)

    def still(*args: Any, **options: Any) -> Any:
        if threading.current_thread().name == "first":
            inside.set()
            go.wait(20)
        return real(*args, **options)

    monkeypatch.setattr(module, name, still)
    answers: dict[str, Any] = {}

    def run(key: str, act: Callable[[], Any]) -> None:
        try:
            answers[key] = act()
        except PrepayError as error:
            answers[key] = error

    threads = [
        threading.Thread(target=run, args=(key, act), name=key) for key, act in (("first", first), ("second", second))
    ]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    threads[1].join(2)
    go.set()
    for thread in threads:
        thread.join(60)
    return answers["first"], answers["second"]


def finished(outpatients: Outpatients, batch_no: int) -> None:
    """Whatever was approved is booked, and M001's owner is paid what there was, once."""
    with outpatients.context.database.reading() as connection:
        state = connection.scalar(sa.text("SELECT state FROM outpatient_batch WHERE batch_no = :n"), {"n": batch_no})
    if state == "approved":
        assert escheat.book_batch(outpatients.context, APPROVER, batch_no).state == "booked"
    with outpatients.context.database.reading() as connection:
        claim_id = connection.scalar(
            sa.text("SELECT claim_id FROM outpatient_claim WHERE account_no = 'M001' AND state = 'accepted'")
        )
    assert claim_id is not None
    claim_steps.review_claim(outpatients.context, OFFICER, claim_id)
    claim_steps.confirm_claim(outpatients.context, APPROVER, claim_id)
    assert payouts.pay_cash(outpatients.context, PAYER, claim_id, "LK-1").state == "arrived"
    left = "reclaimed" if state == "approved" else "refunded"
    assert (outpatients.account("M001").state, outpatients.account("M001").balance_fen) == (left, 0)


def test_a_claim_taken_while_its_batch_is_approved_stops_the_batch(
    reviewed: tuple[Outpatients, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, batch_no = reviewed
    taken, approved = crossing(
        monkeypatch,
        claims,
        "note_alarms",
        lambda: steps.accept("M001"),
        lambda: escheat.approve_list(steps.context, APPROVER, batch_no),
    )
    assert isinstance(taken, AcceptedClaim)
    assert isinstance(approved, PrepayError)
    finished(steps, batch_no)


def test_a_claim_that_waits_for_an_approval_is_on_what_was_remitted(
    reviewed: tuple[Outpatients, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, batch_no = reviewed
    approved, taken = crossing(
        monkeypatch,
        escheat,
        "keep_number",
        lambda: escheat.approve_list(steps.context, APPROVER, batch_no),
        lambda: steps.accept("M001"),
    )
    assert approved.state == "approved"
    assert steps.claim(taken.claim_id).remitted
    finished(steps, batch_no)


def test_an_account_claimed_just_before_stays_out_of_the_freezing(
    filed: Outpatients, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = proposals.propose_batch(filed.context, OFFICER, LAST)
    assert proposed is not None
    taken, batch = crossing(
        monkeypatch,
        claims,
        "note_alarms",
        lambda: filed.accept("M001"),
        lambda: escheat.freeze_batch(filed.context, OFFICER, proposed.batch_no),
    )
    assert isinstance(taken, AcceptedClaim)
    assert (batch.state, batch.accounts, batch.total_fen) == ("frozen", 1, 3000)
    assert (filed.account("M001").state, filed.account("M003").state) == ("filed", "frozen")
    finished(filed, proposed.batch_no)


def test_a_claim_and_the_dropping_of_its_batch_do_not_wait_for_each_other_for_ever(
    reviewed: tuple[Outpatients, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, batch_no = reviewed
    taken, dropped = crossing(
        monkeypatch,
        claims,
        "note_alarms",
        lambda: steps.accept("M001"),
        lambda: escheat.drop_batch(steps.context, APPROVER, batch_no, "重做"),
    )
    assert (isinstance(taken, AcceptedClaim), dropped.state) == (True, "dropped")
    finished(steps, batch_no)


def test_a_claim_written_behind_the_services_back_waits_all_the_same(reviewed: tuple[Outpatients, int]) -> None:
    """Two connections of the application's own user: the batch can't be approved until the claim is decided."""
    steps, batch_no = reviewed
    database = steps.context.database
    copied = steps.accept("M003", certno="").claim_id
    claim_steps.reject_claim(steps.context, OFFICER, str(copied), "样子")
    row = (
        "INSERT INTO outpatient_claim SELECT institution_id, 'raw', 'raw', 'M001', remitted, 6450,"
        " claimant, card_lost, claimant_name, personal, card_hash, taken_at, route, 'accepted',"
        " decision_id, accepted_by, accepted_at"
        " FROM outpatient_claim WHERE claim_id = :copied"
    )
    approve = (
        "UPDATE outpatient_batch SET state = 'approved', approved_by = :by, approved_at = now()"
        " WHERE institution_id = :i AND batch_no = :n"
    )
    with database.engine.connect() as one, database.engine.connect() as two, one.begin():
        one.execute(sa.text(row), {"copied": copied})
        with two.begin():
            two.execute(sa.text("SET LOCAL lock_timeout = '500ms'"))
            values = {"by": APPROVER.actor_id, "i": INSTITUTION, "n": batch_no}
            with pytest.raises(sa.exc.DBAPIError, match="lock timeout"), two.begin_nested():
                two.execute(sa.text(approve), values)
