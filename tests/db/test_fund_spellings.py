"""What both databases refuse of a spelling, whoever asks: raw SQL by the application's user."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.persistence.models.fund_recall import FundBankEvidence
from tests.db.test_fund_guards import insert
from tests.db.test_restricted_fund import Books
from tests.services.fund.test_spellings import NOT_SEEN


@pytest.fixture
def books(database: Database, clock: FixedClock) -> Books:
    return Books(database, clock)


def apply_in(books: Books, region: str) -> None:
    by = {"decision_id": "d", "applied_by": "a", "applied_at": books.clock.now(), "state": "applied"}
    place = {"regime": "weihai-prepay-2025", "pool_region": region, "fund": "employee", "year": 2026, "kind": "basic"}
    insert(books, FundGrant, grant_id="g", applied_fen=100, **place, **by)


def test_a_region_has_no_sign_that_is_not_seen(books: Books) -> None:
    for sign in (*NOT_SEEN, "\x01", "\x7f", "\u2029", "\ue000"):
        with pytest.raises(sa.exc.DBAPIError, match="wrong_step: fund_grant"):
            apply_in(books, f"临溪市{sign}")
    apply_in(books, "临溪市(本级)·Lín-xī")


@pytest.mark.parametrize("reference", ["", "B1号", "B1\u3164", "b1", "B-1", "Ｂ1", "\u3164", "B1\n"])
def test_a_slip_number_is_letters_a_to_z_and_digits(books: Books, reference: str) -> None:
    number = books.post("x", ("1002", 1, 0), ("2302", 0, 1))
    by = {"recorded_by": "a", "recorded_at": books.clock.now(), "value_on": books.clock.today()}
    with pytest.raises(sa.exc.DBAPIError):
        insert(books, FundBankEvidence, kind="x", reference=reference, as_typed=reference, entry_no=number, **by)
    insert(books, FundBankEvidence, kind="x", reference="B1", as_typed="b-1", entry_no=number, **by)
