"""What stands out about a claim: found, noted, and answered in writing before it is confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient import alarms as rules
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_alarms as store
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.models.access import User
from hospital_prepay.services.outpatient import alarms, payouts
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, redirect_claim, review_claim
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.corrections import AskCorrection, approve_correction, ask_correction
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, ROWS, Outpatients

CARD = "6217 0000 0000 0000 001"
BANK = {"route": Route.BANK, "bank": "某银行某支行", "card_no": CARD}
ABROAD = "YS0000001"
OTHER = {"certno": ABROAD}
REGISTERED = (
    *(row for row in ROWS if row[0] != "M003"),
    ("M003", "罗丙之子", ABROAD, "", "30.00", "2019-05-05", "门诊预交金", "银行卡"),
    ("M006", CLERK.actor_id, "YS0000006", "", "8.00", "2019-05-05", "门诊预交金", "现金"),
)


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census(REGISTERED)
    return outpatients


@pytest.fixture
def crowd(outpatients: Outpatients) -> Outpatients:
    """Accounts enough for a busy day."""
    rows = [(f"C{n:03}", f"某{n}", f"YC{n:07}", "", "1.00", "2020-01-01", "门诊预交金", "现金") for n in range(60)]
    outpatients.census(rows)
    return outpatients


def noted(counted: Outpatients, claim_id: str | None) -> list[str]:
    assert claim_id
    with counted.context.database.reading() as connection:
        return [one.kind for one in store.alarms_of(connection, INSTITUTION, claim_id)]


def test_nothing_stands_out_about_a_plain_claim(counted: Outpatients) -> None:
    claim_id = counted.confirmed(**BANK)
    assert noted(counted, claim_id) == []


def test_one_card_for_two_people_stands_out_on_both(counted: Outpatients) -> None:
    first = counted.accept("M001", **BANK).claim_id
    second = counted.accept("M003", **BANK, **OTHER).claim_id
    assert noted(counted, second) == ["same_card"]
    assert first
    review_claim(counted.context, OFFICER, first)
    assert noted(counted, first) == ["same_card"]


def test_one_card_for_two_accounts_of_one_person_is_nothing(counted: Outpatients, owner_database: Database) -> None:
    with owner_database.writing() as connection:
        for trigger in ("outpatient_account_walk", "outpatient_account_person"):
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"ALTER TABLE outpatient_account DISABLE TRIGGER {trigger}"))
            else:
                connection.execute(sa.text(f"DROP TRIGGER {trigger}"))
        connection.execute(sa.text("UPDATE outpatient_account SET person_id = 'M001' WHERE account_no = 'M003'"))
    counted.accept("M001", **BANK)
    assert noted(counted, counted.accept("M003", **BANK, **OTHER).claim_id) == []


def test_a_card_of_staff_is_refused_by_the_rule(counted: Outpatients) -> None:
    alarms.add_staff_card(counted.context, APPROVER, "赵某", CARD.replace(" ", "-"))
    refused = counted.accept("M001", **BANK)
    assert [one.code for one in refused.decision.reasons] == ["staff_card"]
    assert refused.decision.reasons[0].clause is None
    assert counted.accept("M001").claim_id


def test_a_card_entered_later_stops_confirming_sending_and_redirecting(counted: Outpatients) -> None:
    waits = counted.accept("M001", **BANK).claim_id
    sent = counted.confirmed("M003", **{**BANK, "card_no": "6217000000000000002"}, **OTHER)
    assert waits
    review_claim(counted.context, OFFICER, waits)
    for card in (CARD, "6217000000000000002"):
        alarms.add_staff_card(counted.context, APPROVER, "赵某", card)
    with pytest.raises(Conflict, match="职工的卡"):
        confirm_claim(counted.context, APPROVER, waits, "就要退")
    with pytest.raises(Conflict, match="职工的卡"):
        payouts.make_bank_file(counted.context, PAYER, Route.BANK, [sent])
    assert counted.claim(sent).state == "confirmed"


def test_another_way_to_a_card_of_staff_is_refused(counted: Outpatients) -> None:
    claim_id = counted.confirmed(**BANK)
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    path = counted.folder / "a.csv"
    path.write_text(f"退款单号,金额,结果\n{counted.claim(claim_id).refund_no},64.50,失败\n", "utf-8")
    payouts.take_answers(counted.context, PAYER, path, "a.csv")
    assert made.payments == 1
    alarms.add_staff_card(counted.context, APPROVER, "赵某", "6217000000000000009")
    with pytest.raises(MalformedInput, match="职工的卡"):
        redirect_claim(counted.context, OFFICER, claim_id, Route.BANK, bank="某银行", card_no="6217000000000000009")


def test_the_database_pays_no_card_of_staff_and_confirms_nothing_unanswered(
    counted: Outpatients, clock: FixedClock, database: Database
) -> None:
    clock.moment += timedelta(hours=12)
    late = counted.accept("M001", **BANK).claim_id
    assert late
    review_claim(counted.context, OFFICER, late)
    query = sa.text("UPDATE outpatient_claim SET state = 'confirmed', confirmed_by = :who WHERE claim_id = :id")
    with pytest.raises(sa.exc.DBAPIError, match="alarm: outpatient_claim"), database.writing() as connection:
        connection.execute(query, {"who": APPROVER.actor_id, "id": late})
    clock.moment -= timedelta(hours=12)
    plain = counted.accept("M003", **{**BANK, "card_no": "6217000000000000002"}, **OTHER).claim_id
    assert plain
    review_claim(counted.context, OFFICER, plain)
    alarms.add_staff_card(counted.context, APPROVER, "赵某", "6217000000000000002")
    with pytest.raises(sa.exc.DBAPIError, match="staff_card: outpatient_claim"), database.writing() as connection:
        connection.execute(query, {"who": APPROVER.actor_id, "id": plain})


@pytest.mark.parametrize("table", ["outpatient_alarm", "outpatient_alarm_answer"])
def test_alarms_and_answers_are_kept(
    counted: Outpatients, clock: FixedClock, owner_database: Database, table: str
) -> None:
    clock.moment += timedelta(hours=12)
    claim_id = counted.accept("M001").claim_id
    assert claim_id
    review_claim(counted.context, OFFICER, claim_id)
    confirm_claim(counted.context, APPROVER, claim_id, "加班核对过")
    for change in (f"UPDATE {table} SET claim_id = claim_id", f"DELETE FROM {table}"):
        with pytest.raises(sa.exc.DBAPIError), owner_database.writing() as connection:
            connection.execute(sa.text(change))


def test_a_name_of_staff_stands_out(counted: Outpatients) -> None:
    alarms.add_staff_card(counted.context, APPROVER, "赵某", CARD)
    papers = tuple(ShownPaper(one) for one in (Paper.PATIENT_ID, Paper.PROXY_ID, Paper.PROXY_LETTER))
    proxy = counted.accept("M001", claimant=Claimant.PROXY, claimant_name="赵某", papers=papers)
    assert noted(counted, proxy.claim_id) == ["staff_name"]
    user = counted.accept("M006", certno="YS0000006")
    assert noted(counted, user.claim_id) == ["staff_name"]


@pytest.mark.parametrize(
    ("hours", "stands_out"), [(0, False), (8, False), (8.1, True), (12, True), (-2.5, True), (48, True)]
)
def test_hours_and_rest_days_stand_out(
    counted: Outpatients, clock: FixedClock, hours: float, stands_out: bool
) -> None:
    """Ten in the morning of a Thursday, moved; 48 hours later is a Saturday."""
    clock.moment += timedelta(hours=hours)
    kinds = noted(counted, counted.accept("M001").claim_id)
    assert kinds == (["hours"] if stands_out else [])


def test_the_page_for_patients_never_closes(counted: Outpatients, clock: FixedClock) -> None:
    clock.moment += timedelta(hours=12)
    assert noted(counted, counted.accept("M001", online=True).claim_id) == []


def test_a_clerk_with_very_many_claims_in_a_day_stands_out(crowd: Outpatients, clock: FixedClock) -> None:
    taken = [crowd.accept(f"C{n:03}", certno=f"YC{n:07}").claim_id for n in range(rules.MANY_A_DAY)]
    assert noted(crowd, taken[-2]) == []
    assert noted(crowd, taken[-1]) == ["many"]
    clock.moment += timedelta(days=1)
    assert noted(crowd, crowd.accept("C050", certno="YC0000050").claim_id) == []


def test_one_maker_always_met_by_one_reviewer_stands_out(
    crowd: Outpatients, clock: FixedClock, owner_database: Database
) -> None:
    """Where another could have looked: two people of the house may review."""
    with owner_database.writing() as connection:
        able = sa.update(User).where(User.user_id.in_([OFFICER.actor_id, APPROVER.actor_id]))
        connection.execute(able.values(roles=[Role.FINANCE_OFFICER.value]))
    last = ""
    for n in range(rules.PAIR_FROM):
        clock.moment += timedelta(days=1) if n == rules.PAIR_FROM // 2 else timedelta()
        last = crowd.accept(f"C{n:03}", certno=f"YC{n:07}").claim_id or ""
        review_claim(crowd.context, OFFICER, last)
    assert noted(crowd, last) == ["pair"]
    with crowd.context.database.reading() as connection:
        words = store.alarms_of(connection, INSTITUTION, last)[0].words
    assert f"{rules.PAIR_FROM} 笔由{OFFICER.actor_id}审核" in words


def test_whoever_confirms_in_spite_of_it_writes_a_ground(counted: Outpatients, clock: FixedClock) -> None:
    clock.moment += timedelta(hours=12)
    claim_id = counted.accept("M001").claim_id
    assert claim_id
    review_claim(counted.context, OFFICER, claim_id)
    with pytest.raises(MalformedInput, match="请写明为什么"):
        confirm_claim(counted.context, APPROVER, claim_id, " ")
    with pytest.raises(Conflict, match="新的提醒"):
        confirm_claim(counted.context, APPROVER, claim_id, "核对过", alarms_seen=0)
    assert confirm_claim(counted.context, APPROVER, claim_id, "加班核对过", alarms_seen=1).state == "confirmed"
    with counted.context.database.reading() as connection:
        (answer,) = store.answers_of(connection, INSTITUTION, claim_id)
    assert (answer.ground, answer.answered_by, answer.alarms) == ("加班核对过", APPROVER.actor_id, 1)


def test_the_register_is_the_approvers_and_holds_no_number(counted: Outpatients) -> None:
    with pytest.raises(NotPermitted):
        alarms.add_staff_card(counted.context, OFFICER, "赵某", CARD)
    with pytest.raises(MalformedInput):
        alarms.add_staff_card(counted.context, APPROVER, "赵某", "12")
    alarms.add_staff_card(counted.context, APPROVER, "赵某", CARD)
    with pytest.raises(Conflict, match="已经登记"):
        alarms.add_staff_card(counted.context, APPROVER, "钱某", CARD)
    cards, _ = alarms.list_staff_cards(counted.context, APPROVER)
    assert [(one.holder, one.tail) for one in cards] == [("赵某", "0001")]
    assert "6217000000000000001" not in str(cards)
    with pytest.raises(MalformedInput):
        alarms.remove_staff_card(counted.context, APPROVER, cards[0].card_id, "")
    alarms.remove_staff_card(counted.context, APPROVER, cards[0].card_id, "离职")
    with pytest.raises(NotFound):
        alarms.remove_staff_card(counted.context, APPROVER, cards[0].card_id, "再停")
    assert counted.accept("M001", **BANK, certno=OWN).claim_id
    alarms.add_staff_card(counted.context, actor(Role.FINANCE_APPROVER, "2"), "赵某", CARD)


@pytest.mark.parametrize("name", ["王小明", "王 小明", "王\u3000小明"])
def test_a_name_of_staff_is_known_however_it_is_spelled(counted: Outpatients, hospital: Hospital, name: str) -> None:
    alarms.add_staff_card(counted.context, APPROVER, "王　小 明", "6217000000000000099")
    papers = tuple(ShownPaper(one) for one in (Paper.PATIENT_ID, Paper.PROXY_ID, Paper.PROXY_LETTER))
    counted.accept("M001", claimant=Claimant.PROXY, claimant_name=name, papers=papers)
    assert hospital.count("outpatient_alarm", "kind = 'staff_name'") == 1


def right(counted: Outpatients, yuan: str) -> None:
    """The account should have had so much altogether."""
    counted.keys += 1
    command = AskCorrection("M001", Money.of_cell(yuan), "凭条漏计", f"right-{counted.keys}")
    approve_correction(counted.context, APPROVER, ask_correction(counted.context, OFFICER, command))


@pytest.mark.clause("guizhou-deposit-2025/7")
def test_a_second_refund_after_a_correction_stands_out_and_is_answered(
    counted: Outpatients, clock: FixedClock
) -> None:
    right(counted, "70.00")
    payouts.pay_cash(counted.context, PAYER, counted.confirmed(), "LK-1")
    clock.moment += timedelta(minutes=1)
    right(counted, "75.00")
    second = counted.accept("M001").claim_id
    assert second
    with counted.context.database.reading() as connection:
        [alarm] = store.alarms_of(connection, INSTITUTION, second)
    assert alarm.words == "这个账户退过一次，余额更正后再退：更正多出 5.00 元，请核对更正的依据"
    review_claim(counted.context, OFFICER, second)
    with pytest.raises(MalformedInput, match="为什么仍可以确认"):
        confirm_claim(counted.context, APPROVER, second, " ")
    confirm_claim(counted.context, APPROVER, second, "缴费记录漏计 5 元，原件核对过")
    payouts.pay_cash(counted.context, PAYER, second, "LK-2")


def test_a_correction_before_the_first_refund_is_nothing(counted: Outpatients) -> None:
    right(counted, "70.00")
    assert noted(counted, counted.accept("M001").claim_id) == []


@pytest.mark.parametrize(("typed", "words"), [("", "请填银行卡号"), ("62", "12 到 19 位")])
def test_a_card_left_empty_is_asked_for_and_one_of_a_wrong_length_is_told_so(typed: str, words: str) -> None:
    with pytest.raises(MalformedInput, match=words):
        alarms.check_card(typed)
