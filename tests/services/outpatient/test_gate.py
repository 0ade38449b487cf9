"""Nothing is taken that isn't filed, posted in three places and willed (6); two people widen the list of 9."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, MalformedInput, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.outpatient import gate
from hospital_prepay.services.outpatient.gate import KeptKind, ProposeKept, TakeDeposit
from tests.services.outpatient.conftest import APPROVER, APPROVER_AND_OFFICER, CLERK, OFFICER, OWN, ROWS, Outpatients

ELDERLY = "11010519491231002X"
YOUNG = "110105200001010016"


def kept(outpatients: Outpatients, *places: str) -> str:
    kinds = (KeptKind("emergency", "急诊留观"), KeptKind("elderly", "老年人", for_elderly=True))
    command = ProposeKept("备〔2025〕3号", "某市卫生健康局", date(2025, 9, 1), kinds)
    filing_id = gate.propose_kept(outpatients.context, OFFICER, command)
    gate.decide_kept(outpatients.context, APPROVER, filing_id, approved=True)
    for place in places or ("website", "mini_program", "screen"):
        gate.record_posting(outpatients.context, OFFICER, filing_id, place, date(2025, 9, 2), "截图1")
    return filing_id


def asked(outpatients: Outpatients, **changes: object) -> gate.TakenDeposit:
    outpatients.keys += 1
    values: dict[str, object] = {
        "account_no": "K001",
        "holder_name": "吴甲",
        "certno": ELDERLY,
        "phone": "13800000009",
        "kind": "emergency",
        "amount": Money(20000),
        "tender": Tender.CASH,
        "consent": "TY-1",
        "idempotency_key": f"take-{outpatients.keys}",
    }
    return gate.take_deposit(outpatients.context, CLERK, TakeDeposit(**{**values, **changes}))  # type: ignore[arg-type]


def codes(answer: gate.TakenDeposit) -> list[str]:
    return [reason.code for reason in answer.decision.reasons]


def test_without_a_filing_nothing_is_taken(outpatients: Outpatients) -> None:
    answer = asked(outpatients)
    assert (codes(answer), answer.entry_no) == (["stopped"], None)


def test_what_is_filed_posted_and_willed_is_taken_once(outpatients: Outpatients) -> None:
    kept(outpatients)
    first = asked(outpatients, idempotency_key="k")
    assert first.entry_no is not None
    assert asked(outpatients, idempotency_key="k").entry_no == first.entry_no
    assert outpatients.account("K001").balance_fen == 20000
    asked(outpatients)
    assert outpatients.account("K001").balance_fen == 40000


def test_posted_in_two_places_is_not_posted(outpatients: Outpatients) -> None:
    kept(outpatients, "website", "screen")
    answer = asked(outpatients)
    assert codes(answer) == ["not_posted"]
    assert "就医小程序" in answer.decision.reasons[0].message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "surgery"}, ["not_filed"]),
        ({"consent": " "}, ["no_consent"]),
        ({"kind": "elderly", "certno": YOUNG}, ["not_elderly"]),
        ({"kind": "elderly", "certno": "护照 E123"}, ["not_elderly"]),
        ({"kind": "elderly"}, ["kept"]),
    ],
)
def test_each_condition_counts(outpatients: Outpatients, changes: dict[str, object], expected: list[str]) -> None:
    kept(outpatients)
    assert codes(asked(outpatients, **changes)) == expected


@pytest.mark.parametrize(
    ("certno", "words"),
    [
        (ELDERLY[:-1] + "1", "最后一位校验不符"),
        ("110105 19491231 002x".replace("x", "3"), "最后一位校验不符"),
        ("110105195013310020", "出生日期不存在"),
    ],
)
def test_a_mistyped_number_is_said_to_be_wrong_not_young(outpatients: Outpatients, certno: str, words: str) -> None:
    kept(outpatients)
    with pytest.raises(MalformedInput, match=words) as refused:
        asked(outpatients, kind="elderly", certno=certno)
    assert refused.value.details == {"field": "certno"}
    assert codes(asked(outpatients, kind="elderly", certno=ELDERLY.lower())) == ["kept"]


def test_the_proposer_approves_nothing_and_one_filing_is_in_force(outpatients: Outpatients) -> None:
    first = kept(outpatients)
    command = ProposeKept("备〔2026〕1号", "某市卫生健康局", date(2026, 1, 2), (KeptKind("emergency", "急诊"),))
    second = gate.propose_kept(outpatients.context, APPROVER_AND_OFFICER, command)
    with pytest.raises(SecondPersonRequired):
        gate.decide_kept(outpatients.context, APPROVER_AND_OFFICER, second, approved=True)
    with pytest.raises(Conflict, match="先停用"):
        gate.decide_kept(outpatients.context, APPROVER, second, approved=True)
    gate.end_kept(outpatients.context, APPROVER, first)
    gate.decide_kept(outpatients.context, APPROVER, second, approved=True)
    assert codes(asked(outpatients)) == ["not_posted"]


def test_raw_sql_takes_nothing_past_the_gate(outpatients: Outpatients) -> None:
    filing_id = kept(outpatients, "website")
    row = {
        "institution_id": CLERK.institution_id,
        "taken_id": "t",
        "account_no": "M001",
        "amount_fen": 1,
        "tender": "cash",
        "kept_kind": "emergency",
        "filing_id": filing_id,
        "consent": "x",
        "decision_id": "d",
        "taken_by": CLERK.actor_id,
        "taken_at": "2026-01-15T00:00:00+00:00",
    }
    outpatients.census()
    names = ", ".join(row)
    marks = ", ".join(f":{name}" for name in row)
    with (
        pytest.raises(sa.exc.DBAPIError, match="gate: outpatient_taken"),
        outpatients.context.database.writing() as raw,
    ):
        raw.execute(sa.text(f"INSERT INTO outpatient_taken ({names}) VALUES ({marks})"), row)


def test_two_people_widen_the_open_list(outpatients: Outpatients) -> None:
    kind_id = gate.propose_other_kind(outpatients.context, APPROVER_AND_OFFICER, "院内停车预存", "与诊疗无关")
    with pytest.raises(SecondPersonRequired):
        gate.decide_other_kind(outpatients.context, APPROVER_AND_OFFICER, kind_id, approved=True)
    assert gate.decide_other_kind(outpatients.context, APPROVER, kind_id, approved=True).state == "approved"
    with pytest.raises(Conflict):
        gate.decide_other_kind(outpatients.context, APPROVER, kind_id, approved=False)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"account_no": "M001", "certno": YOUNG}, "登记的是另一个人"),
        ({"account_no": "M001", "holder_name": "别人", "certno": ""}, "登记的是另一个人"),
        ({"account_no": "M001", "holder_name": ""}, "登记的是另一个人"),
        ({"account_no": "M001", "certno": ""}, "认不出"),
        ({"account_no": "M001", "certno": "", "phone": "13800000001"}, "认不出"),
        ({"account_no": "M002", "holder_name": "李乙"}, "认不出"),
        ({"account_no": "M002", "holder_name": "李乙", "certno": "", "phone": "13800000002"}, "认不出"),
        ({"account_no": "M003", "holder_name": "别人", "certno": ""}, "登记的是另一个人"),
        ({"account_no": "M006", "holder_name": ""}, "认不出"),
    ],
)
def test_a_deposit_does_not_go_onto_another_persons_account(
    outpatients: Outpatients, changes: dict[str, str], match: str
) -> None:
    """Name and certificate number agree with what is on record, however they are spelled."""
    outpatients.census((*ROWS, ("M006", "", "", "", "9.00", "2020-03-01", "门诊预交金", "现金")))
    kept(outpatients)
    before = outpatients.account(changes["account_no"])
    with pytest.raises(Conflict, match=match):
        asked(outpatients, **changes)
    assert outpatients.account(changes["account_no"]) == before
    assert asked(outpatients, certno=OWN).entry_no
    assert asked(outpatients, account_no="Ｋ０ ０１", holder_name="吴 甲", certno=OWN.lower()).entry_no
    assert outpatients.account("K001").balance_fen == 40000


@pytest.mark.parametrize("name", ["··", "=cmd"])
def test_a_deposit_names_somebody(outpatients: Outpatients, name: str) -> None:
    kept(outpatients)
    with pytest.raises(MalformedInput) as refused:
        asked(outpatients, holder_name=name)
    assert refused.value.details == {"field": "holder_name"}


def test_nothing_new_is_put_on_a_legacy_account(outpatients: Outpatients) -> None:
    """With what is more than three years old it would go to the treasury (8)."""
    outpatients.census()
    kept(outpatients)
    with pytest.raises(Conflict, match="清退的旧账户"):
        asked(outpatients, account_no="M001", certno=OWN)
    assert outpatients.account("M001").balance_fen == 6450
    assert asked(outpatients, certno=OWN).entry_no
    assert outpatients.account("K001").last_movement_on == outpatients.context.clock.today()


def test_the_gates_own_account_takes_more_of_the_same_person(outpatients: Outpatients) -> None:
    kept(outpatients)
    assert asked(outpatients, certno="").entry_no
    assert asked(outpatients, certno="").entry_no
    for changes in ({"phone": "13800000001"}, {"phone": ""}, {"certno": OWN, "phone": ""}, {"holder_name": "别人"}):
        with pytest.raises(Conflict, match="没有入账"):
            asked(outpatients, **{"certno": "", **changes})
