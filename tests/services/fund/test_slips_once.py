"""One slip of the bank stands for one movement, whether of a grant or of a settlement. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.fund_reconciliation import FundSettlement
from hospital_prepay.persistence.models.fund_returns import FundOffset
from hospital_prepay.services.fund import settlements, slips, spending
from hospital_prepay.services.fund.returns import ReturnGrant
from tests.hospital import Hospital
from tests.services.fund.conftest import OFFICER, PAYER, Year, line

DAY = date(2026, 1, 15)


def settle(year: Year, slip: str) -> int:
    bank = settlements.PaidByBank(DAY, slip, "医保中心", "结算款", year.key)
    command = settlements.RecordSettlement("2025-12", "all", False, Money(1_000), bank)
    return settlements.record_settlement(year.hospital.context, OFFICER, command).moved_fen


def give_back(year: Year, slip: str) -> None:
    year.send_back(ReturnGrant(year.grant_id, Money(1_000), slip, year.key))


def pay(year: Year, slip: str) -> None:
    paid = spending.PayRequest(year.reserve(line(5_000)), slip, year.key)
    spending.pay_request(year.hospital.context, PAYER, paid)


@pytest.mark.parametrize("spelled", ["S-9", "s 9", "Ｓ９"])
@pytest.mark.parametrize("first", [give_back, pay])
def test_a_settlement_takes_no_slip_of_another_movement(
    hospital: Hospital, first: Callable[[Year, str], None], spelled: str
) -> None:
    year = Year(hospital).arrived()
    first(year, "S-9")
    before = hospital.balance("12120201")
    for slip in (spelled, f"B-1-{year.grant_id}"):
        with pytest.raises(Conflict):
            settle(year, slip)
    assert hospital.count("fund_settlement") == 0
    assert hospital.balance("12120201") == before


@pytest.mark.parametrize("spelled", ["S-9", "s 9", "Ｓ９"])
def test_no_other_movement_takes_the_slip_of_a_settlement(hospital: Hospital, spelled: str) -> None:
    year = Year(hospital).arrived()
    assert settle(year, "S-9") == 1_000
    for act in (give_back, pay):
        with pytest.raises(Conflict):
            act(year, spelled)
    assert year.standing[2] == 100_000_000


# SQLite has one writer at a time.
@pytest.mark.parametrize("database_urls", ["postgres"], indirect=True)
@pytest.mark.parametrize("first", ["return", "settlement"])
def test_of_two_at_once_one_gets_the_slip(hospital: Hospital, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    year = Year(hospital).arrived()
    kept, ready = slips.store.add_slip, threading.Event()

    def slowly(connection: Any, values: dict[str, Any]) -> None:
        kept(connection, values)
        if not ready.is_set():
            ready.set()
            # The other one looks while this one has written and not yet committed.
            threading.Event().wait(1.0)

    monkeypatch.setattr(slips.store, "add_slip", slowly)
    acts: dict[str, Callable[[], object]] = {
        "return": lambda: give_back(year, "S-9"),
        "settlement": lambda: settle(year, "s 9"),
    }
    came: dict[str, str] = {}

    def act(name: str) -> None:
        try:
            acts[name]()
            came[name] = "done"
        except Conflict:
            came[name] = "refused"

    [second] = {*acts} - {first}
    one = threading.Thread(target=act, args=(first,))
    one.start()
    assert ready.wait(10)
    other = threading.Thread(target=act, args=(second,))
    other.start()
    one.join(20)
    other.join(20)
    assert came == {first: "done", second: "refused"}


def test_the_database_knows_no_settlement_without_its_slip(hospital: Hospital) -> None:
    year = Year(hospital).arrived()
    settle(year, "S-9")
    with hospital.context.database.reading() as connection:
        row = connection.execute(sa.select(*FundSettlement.__table__.columns)).mappings().one()
        entries = connection.scalars(sa.text("SELECT entry_no FROM ledger_entry ORDER BY entry_no")).all()
    for changes in ({"entry_no": entries[0]}, {"bank_reference": "S-10"}, {"paid_on": date(2026, 1, 16)}):
        again = {**row, "settlement_id": "s", "period": "2025-11", **changes}
        with pytest.raises(sa.exc.DBAPIError, match="slip"), hospital.context.database.writing() as connection:
            connection.execute(sa.insert(FundSettlement).values(**again))


def test_a_document_is_known_by_what_it_says_today_also_where_its_key_was_kept_before(hospital: Hospital) -> None:
    year = Year(hospital).arrived()
    year.record_offset(1_000, 1_000, document="JS-2026-01")
    with hospital.context.database.reading() as connection:
        row = connection.execute(sa.select(*FundOffset.__table__.columns)).mappings().one()
    before = {**row, "offset_id": "older", "document": "JS-2026-02", "document_key": "JS|2026|2"}
    with hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundOffset).values(**before))
    for document in ("JS-2026-02", "JS-2026年二月", "JS-2026-01", "JS 2026年1月份"):
        with pytest.raises(Conflict, match="一张单只冲抵一次"):
            year.record_offset(1_000, 1_000, document=document)
