"""Which year and which region may be applied for: no second spelling, no other year, nothing beside all funds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import open_years, opens_on
from hospital_prepay.domain.rules.fund.clearing import bar_clause
from hospital_prepay.persistence.models.fund import FundGrant
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund import applications, places
from hospital_prepay.services.fund.procurement import RecordProcurement, record_procurement
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import INSTITUTION, Hospital
from tests.services.fund.conftest import APPROVER, OFFICER, Year

XIZANG, WEIHAI = "xizang-prepay-2024", "weihai-prepay-2025"
PROCUREMENT = RecordProcurement(
    *(XIZANG, "x", "employee", 2026, Money(100), "医保〔2026〕3号", date(2026, 1, 2), "第九批", None, "proc-key-1")
)
MIGRATIONS = Path(__file__).parents[3] / "migrations"


def codes(answer: applications.Applied) -> set[str]:
    return {one.code for one in answer.decision.reasons}


def file_for(hospital: Hospital, region: str, fund: str, key: str, regime: str = WEIHAI) -> applications.Applied:
    command = application(regime, region, fund, Money(MILLION_YUAN), good_facts(2026), key)
    return apply_one(hospital.context, OFFICER, command)


def test_the_first_day_of_a_year_is_the_one_from_which_it_is_open() -> None:
    first = opens_on(2027)
    assert (2027 in open_years(first), 2027 in open_years(first - timedelta(days=1))) == (True, False)


@pytest.mark.parametrize(
    ("moment", "permitted"),
    [
        (datetime(2026, 12, 31, 23, 59, tzinfo=SHANGHAI), {2026, 2027}),
        (datetime(2026, 11, 30, 23, 59, tzinfo=SHANGHAI), {2026}),
        (datetime(2026, 12, 1, tzinfo=SHANGHAI), {2026, 2027}),
        (datetime(2027, 1, 1, tzinfo=SHANGHAI), {2027}),
    ],
)
def test_only_the_running_year_and_in_december_the_next_may_be_applied_for(
    hospital: Hospital, clock: FixedClock, moment: datetime, permitted: set[int]
) -> None:
    clock.moment = moment
    for place in (WEIHAI, XIZANG, "zhejiang-prepay-2025", "henan-settlement-2023"):
        for wanted in (2025, 2026, 2027, 2028, 2100):
            answer = Year(hospital, place, year=wanted, keys=wanted * 10).apply()
            assert answer.decision.permitted is (wanted in permitted), (place, wanted)
            assert ("year_not_open" in codes(answer)) is (wanted not in permitted)
            assert (answer.grant_id is not None) is (wanted in permitted)


@pytest.mark.clause("xizang-prepay-2024/5.4", "zhejiang-prepay-2025/3.4")
@pytest.mark.parametrize("regime", [XIZANG, "zhejiang-prepay-2025"])
def test_an_uncleared_year_bars_every_later_one(hospital: Hospital, clock: FixedClock, regime: str) -> None:
    old = Year(hospital, regime).arrived()
    for moment in (datetime(2027, 1, 5, tzinfo=SHANGHAI), datetime(2028, 1, 5, tzinfo=SHANGHAI)):
        clock.moment = moment
        answer = Year(hospital, regime, year=moment.year, keys=moment.year).apply()
        assert answer.decision.outcome is Outcome.REFUSED
        assert "cleared_last_year" in codes(answer)
    old.give_back(MILLION_YUAN)
    assert Year(hospital, regime, year=2028, keys=90).apply().decision.permitted


def test_one_region_has_one_grant_however_it_is_typed(hospital: Hospital) -> None:
    first = file_for(hospital, "临溪 A 市", "employee", "key-1-a")
    for number, region in enumerate(("临溪A市", " 临溪a市 ", "临溪Ａ市", "临溪\u3000Ａ市", "临溪\u200bA市")):
        with pytest.raises(Conflict, match="已经申请过"):
            file_for(hospital, region, "employee", f"key-2-{number}")
    assert file_for(hospital, "临溪a市", "resident", "key-3-a").grant_id
    with hospital.context.database.reading() as connection:
        assert set(connection.scalars(sa.select(FundGrant.pool_region))) == {"临溪A市"}
    again = file_for(hospital, "临溪 A 市", "employee", "key-1-a")
    assert again.grant_id == first.grant_id
    with pytest.raises(MalformedInput, match="统筹区"):
        file_for(hospital, "\u200b ", "employee", "key-4-a")


def test_a_places_spelling_is_kept(hospital: Hospital) -> None:
    propose = places.ProposePlace(WEIHAI, " 威海 B市", 2026, True)
    places.propose_place(hospital.context, OFFICER, propose)
    with pytest.raises(Conflict, match="等着核对"):
        places.propose_place(hospital.context, OFFICER, replace(propose, pool_region="威海b市"))
    file_for(hospital, "威海ｂ市", "employee", "key-1-a")
    with hospital.context.database.reading() as connection:
        assert connection.scalar(sa.select(FundGrant.pool_region)) == "威海B市"


@pytest.mark.parametrize("pair", [("all", "employee"), ("resident", "all")])
def test_all_funds_together_exclude_each_for_itself(hospital: Hospital, pair: tuple[str, str]) -> None:
    assert file_for(hospital, "x", pair[0], "key-1-a").grant_id
    with pytest.raises(Conflict, match="各基金合计"):
        file_for(hospital, "X", pair[1], "key-2-a")
    assert hospital.count("fund_grant") == 1


def test_all_funds_stand_in_for_one_that_was_declined(hospital: Hospital) -> None:
    year = Year(hospital, WEIHAI)
    year.apply()
    year.approve(None)
    assert file_for(hospital, "x", "all", "key-2-a").grant_id


def test_a_procurement_prepayment_has_one_region_and_a_year_beside_its_documents(hospital: Hospital) -> None:
    def record(**changes: Any) -> str:
        return record_procurement(hospital.context, OFFICER, replace(PROCUREMENT, **changes))

    record()
    for number, region in enumerate((" x", "X", "ｘ")):
        with pytest.raises(Conflict, match="已经申请过"):
            record(pool_region=region, idempotency_key=f"proc-key-2{number}")
    for number, year in enumerate((2028, 2050, 2100)):
        with pytest.raises(MalformedInput, match="请核对年度"):
            record(year=year, idempotency_key=f"proc-key-3{number}")


# What raw SQL tries beside a grant for employees of 2026 in region "x", and whether the database lets it.
RAW: list[tuple[dict[str, Any], bool]] = [
    ({"fund": "resident"}, True),
    ({"fund": "all"}, False),
    ({"pool_region": "X"}, False),
    ({"pool_region": "x "}, False),
    ({"pool_region": "\u3000y"}, False),
    ({"pool_region": "ｙ"}, False),
    ({"pool_region": "y\u200b"}, False),
    ({"pool_region": ""}, False),
    ({"pool_region": "y"}, True),
    ({"pool_region": "y", "year": 2027}, False),
    ({"pool_region": "y", "year": 2025}, False),
    ({"pool_region": "y", "year": 2027, "applied_at": datetime(2026, 11, 30, 15, 59, tzinfo=SHANGHAI)}, False),
    ({"pool_region": "y", "year": 2027, "applied_at": datetime(2026, 12, 1, 0, 1, tzinfo=SHANGHAI)}, True),
    ({"pool_region": "y", "year": 2027, "kind": "procurement"}, True),
    ({"pool_region": "y", "year": 2028, "kind": "procurement"}, False),
]


@pytest.mark.parametrize(("changes", "let"), RAW)
def test_the_database_refuses_spellings_and_years_too(hospital: Hospital, changes: dict[str, Any], let: bool) -> None:
    file_for(hospital, "x", "employee", "key-1-a")
    values = raw_grant(hospital, **changes)
    if let:
        insert(hospital, values)
    else:
        with pytest.raises(sa.exc.DBAPIError, match=r"wrong_step: fund_grant"):
            insert(hospital, values)


def raw_grant(hospital: Hospital, **changes: Any) -> dict[str, Any]:
    now = hospital.context.clock.now()
    values = {"institution_id": INSTITUTION, "grant_id": "raw", "regime": WEIHAI, "pool_region": "x", "year": 2026}
    values |= {"fund": "employee", "kind": "basic", "state": "applied", "applied_fen": 1, "decision_id": "d"}
    return {**values, "applied_by": APPROVER.actor_id, "applied_at": now, **changes}


def insert(hospital: Hospital, values: dict[str, Any]) -> None:
    with hospital.context.database.writing() as connection:
        connection.execute(sa.insert(FundGrant).values(**values))


def test_the_database_holds_the_bar_of_an_uncleared_year(hospital: Hospital, clock: FixedClock) -> None:
    Year(hospital, XIZANG).arrived()
    clock.moment += timedelta(days=730)
    with pytest.raises(sa.exc.DBAPIError, match=r"wrong_step: fund_grant"):
        insert(hospital, raw_grant(hospital, regime=XIZANG, pool_region="y", year=2028))
    insert(hospital, raw_grant(hospital, regime=WEIHAI, pool_region="y", year=2028))


def test_the_databases_list_of_places_with_the_bar_is_that_of_the_packs() -> None:
    barred = sorted(name for name, found in load_rulebook().regimes.items() if any(map(bar_clause, found)))
    listed = ", ".join(f"'{name}'" for name in barred)
    for dialect in ("sqlite", "postgresql"):
        for migration in ("0021_fund_returns", "0033_fund_withdrawn"):
            assert f"IN ({listed})" in (MIGRATIONS / f"{migration}_{dialect}.sql").read_text("utf-8")
