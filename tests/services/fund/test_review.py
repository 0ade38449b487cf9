"""What the pages read of a grant ties to its accounts, on both databases."""

from __future__ import annotations

from hospital_prepay.services.fund import review
from tests.services.fund.conftest import OFFICER, Year, line


def test_the_entries_of_a_grant_add_up_to_its_balances(year: Year) -> None:
    year.arrived()
    year.pay(year.reserve(line(300)))
    waiting = year.reserve(line(200))
    year.offset(900, 400)
    found = review.read_grant(year.hospital.context, OFFICER, year.grant_id)
    sums = tuple(
        sum(getattr(one, f"{name}_fen") for one in found.entries) for name in ("unspent", "reserved", "owed")
    )
    assert sums == year.standing
    assert [one.kind for one in found.entries][-1] == "fund_offset"
    detail = review.read_request(year.hospital.context, OFFICER, waiting)
    assert [one.kind for one in detail.entries] == ["fund_reserve"]
