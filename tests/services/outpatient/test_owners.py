"""What stands wrong of a holder is corrected by two people with its proof, and by nobody while a refund is open."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.domain.rules.outpatient.reach import phone_number
from hospital_prepay.persistence.outpatient_claims import AccountState
from hospital_prepay.services.outpatient import claim_review, online, owners, payouts, requests
from hospital_prepay.services.outpatient.claim_steps import (
    confirm_claim,
    redirect_claim,
    review_claim,
    withdraw_claim,
)
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.correction_review import (
    list_owner_changes,
    read_owner_change,
    reveal_owner_change,
)
from hospital_prepay.services.outpatient.merging import decide_pair, propose_pairs
from hospital_prepay.services.outpatient.register import Narrowed, search
from hospital_prepay.services.outpatient.sealing import CERTNO, PERSONAL, PHONE
from tests.hospital import INSTITUTION, Hospital, actor
from tests.services.outpatient.conftest import (
    APPROVER,
    CLERK,
    OFFICER,
    OWN,
    PAYER,
    Outpatients,
    answered,
)
from tests.told import approved

ANOTHER = "110105198001011238"
GROUND, PAPER = "登记时把甲写成了申", "预交金凭条 2019-0113"
SECOND = actor(Role.FINANCE_OFFICER, "2")
APPROVER_2 = actor(Role.FINANCE_APPROVER, "2")
PUBLIC = Actor(INSTITUTION, "anonymous", "", frozenset(), "192.0.2.7")
BANK: dict[str, Any] = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census()
    return outpatients


def ask(counted: Outpatients, account_no: str = "M001", **changes: str) -> int:
    counted.keys += 1
    command = owners.AskOwnerChange(account_no, "", "", "", GROUND, PAPER, f"owner-{counted.keys}")
    return owners.ask_owner_change(counted.context, OFFICER, replace(command, **changes))


def corrected(counted: Outpatients, account_no: str = "M001", **changes: str) -> int:
    change_no = ask(counted, account_no, **changes)
    approved(counted.context, APPROVER, change_no)
    return change_no


def as_census(counted: Outpatients, account: AccountState) -> None:
    """Its columns agree with each other as the census writes them."""
    context, own = counted.context, INSTITUTION
    kept = json.loads(context.cipher.decrypt(account.personal, institution=own, field=PERSONAL))
    digest = context.keyed_hash.digest
    assert account.certno_hash == (digest(kept["certno"], institution=own, field=CERTNO) if kept["certno"] else "")
    assert account.phone_hash == (
        digest(phone_number(kept["phone"]), institution=own, field=PHONE) if kept["phone"] else ""
    )
    assert account.reach == ("phone" if kept["phone"] else "identity" if kept["certno"] else "name")


def test_nobody_agrees_to_what_they_have_not_seen(counted: Outpatients) -> None:
    """Masked, two names look alike: each looks for themselves, and the audit trail tells who did."""
    change_no = ask(counted, name="吴申")
    with pytest.raises(Conflict, match="还没有看过完整"):
        owners.approve_owner_change(counted.context, APPROVER, change_no)
    reveal_owner_change(counted.context, APPROVER_2, change_no, "与证件核对身份")
    with pytest.raises(Conflict, match="还没有看过完整"):
        owners.approve_owner_change(counted.context, APPROVER, change_no)
    assert counted.account("M001").holder_name == "吴甲"
    approved(counted.context, APPROVER, change_no)
    assert counted.account("M001").holder_name == "吴申"


def test_its_owner_may_claim_once_two_people_set_the_name_right(counted: Outpatients) -> None:
    right = {"claimant_name": "吴申", "patient_name": "吴申"}
    assert counted.accept("M001", **right).claim_id is None
    change_no = ask(counted, name=" 吴申 ")
    assert counted.account("M001").holder_name == "吴甲"
    assert counted.accept("M001", **right).claim_id is None
    approved(counted.context, APPROVER, change_no)
    assert counted.account("M001").holder_name == "吴申"
    as_census(counted, counted.account("M001"))
    assert counted.accept("M001", **right).claim_id is not None


def test_numbers_are_sealed_and_found_as_the_census_writes_them(counted: Outpatients) -> None:
    corrected(counted, certno=ANOTHER, phone="139 0000 0009")
    as_census(counted, counted.account("M001"))
    found = [search(counted.context, OFFICER, Narrowed(text=text), 1).accounts for text in (ANOTHER, "13900000009")]
    assert found == [1, 1]
    assert not any(search(counted.context, OFFICER, Narrowed(text=text), 1).accounts for text in (OWN, "13800000001"))
    assert counted.accept("M001").claim_id is None
    assert counted.accept("M001", certno=ANOTHER).claim_id is not None


def test_the_likely_same_person_is_looked_for_with_what_stands_now(counted: Outpatients) -> None:
    assert propose_pairs(counted.context, OFFICER) == 0
    corrected(counted, "M002", certno=OWN)
    assert counted.account("M002").reach == "phone"
    assert propose_pairs(counted.context, OFFICER) == 1


def test_an_account_without_anything_is_given_what_its_paper_says(counted: Outpatients) -> None:
    corrected(counted, "M003", phone="0851-85550001", certno=OWN)
    account = counted.account("M003")
    assert account.reach == "phone"
    kept = json.loads(counted.context.cipher.decrypt(account.personal, institution=INSTITUTION, field=PERSONAL))
    assert kept == {"certno": OWN, "phone": "0851-85550001"}


def test_a_name_alone_leaves_every_number_to_the_letter(counted: Outpatients) -> None:
    before = counted.account("M001")
    corrected(counted, name="吴申")
    assert replace(counted.account("M001"), holder_name="吴甲") == before


def test_whoever_asked_doesnt_agree_and_a_clerk_does_neither(counted: Outpatients) -> None:
    change_no = ask(counted, name="吴申")
    both = replace(OFFICER, roles=OFFICER.roles | APPROVER.roles)
    with pytest.raises(SecondPersonRequired):
        approved(counted.context, both, change_no)
    with pytest.raises(SecondPersonRequired):
        owners.reject_owner_change(counted.context, both, change_no, "不符")
    for by in (CLERK, OFFICER):
        with pytest.raises(NotPermitted):
            approved(counted.context, by, change_no)
    with pytest.raises(NotFound):
        approved(counted.context, APPROVER, 99)
    assert counted.account("M001").holder_name == "吴甲"
    approved(counted.context, APPROVER, change_no)
    with pytest.raises(Conflict, match="已经决定过"):
        approved(counted.context, APPROVER, change_no)


def test_turned_down_it_says_why_and_another_may_follow(counted: Outpatients) -> None:
    change_no = ask(counted, name="吴申")
    with pytest.raises(Conflict, match="等人决定"):
        ask(counted, name="吴由")
    with pytest.raises(MalformedInput, match="为什么退回"):
        owners.reject_owner_change(counted.context, APPROVER, change_no, " ")
    owners.reject_owner_change(counted.context, APPROVER, change_no, "凭条上是吴甲")
    assert read_owner_change(counted.context, OFFICER, change_no)[0].row.answer == "凭条上是吴甲"
    assert counted.account("M001").holder_name == "吴甲"
    assert ask(counted, name="吴由") == change_no + 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "吴申", "ground": " "}, "ground"),
        ({"name": "吴申", "paper": " "}, "paper"),
        ({}, "name"),
        ({"name": "吴甲"}, "name"),
        ({"certno": OWN.lower()}, "name"),
        ({"certno": "110105194912310021"}, "certno"),
        ({"certno": "123"}, "certno"),
        ({"certno": "1101051949123100"}, "certno"),
        ({"certno": "13800000001"}, "certno"),
        ({"phone": "12345"}, "phone"),
        ({"phone": "00000000000"}, "phone"),
        ({"name": "吴\u200b申"}, "name"),
        ({"name": "\u3164"}, "name"),
        ({"name": "··"}, "name"),
        ({"name": "吴申", "ground": "电话13985001236的人是他"}, "ground"),
        ({"name": "吴申", "ground": f"身份证 {OWN} 才对"}, "ground"),
    ],
)
def test_what_cant_be_right_is_refused_beside_its_field(
    counted: Outpatients, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(MalformedInput) as refused:
        ask(counted, **changes)
    assert refused.value.details["field"] == field


def test_never_while_a_refund_is_open(counted: Outpatients) -> None:
    waiting = ask(counted, name="吴申")
    claim_id = counted.accept("M001").claim_id
    assert claim_id
    with pytest.raises(Conflict, match="先办完或撤回"):
        approved(counted.context, APPROVER, waiting)
    assert counted.account("M001").holder_name == "吴甲"
    assert counted.accept("M003", claimant_name="罗丙之子", certno="").claim_id
    with pytest.raises(Conflict, match=r"有退款 TF.* 在办"):
        ask(counted, "M003", name="罗丁之子")
    withdraw_claim(counted.context, CLERK, claim_id, "不退了")
    approved(counted.context, APPROVER, waiting)
    assert counted.account("M001").holder_name == "吴申"


def test_the_same_request_twice_asks_once(counted: Outpatients) -> None:
    command = owners.AskOwnerChange("M001", "吴申", "", "", GROUND, PAPER, "the-same-key")
    first = owners.ask_owner_change(counted.context, OFFICER, command)
    assert owners.ask_owner_change(counted.context, OFFICER, command) == first
    assert list_owner_changes(counted.context, OFFICER, 1).count == 1


def test_a_claim_of_before_keeps_the_name_it_was_accepted_with(counted: Outpatients, clock: FixedClock) -> None:
    paid = counted.confirmed()
    payouts.pay_cash(counted.context, PAYER, paid, "LK-1")
    clock.moment += timedelta(days=1)
    corrected(counted, name="吴申", certno=ANOTHER)
    found = claim_review.read_claim(counted.context, CLERK, paid)
    assert (found.owner.account.holder_name, found.payee) == ("吴甲", "吴甲")
    assert found.owner.personal.certno.endswith("002X")
    listed = claim_review.list_claims(counted.context, CLERK, ["arrived"]).claims
    assert [one.holder_name for one in listed] == ["吴甲"]
    assert claim_review.reveal_claim(counted.context, CLERK, paid, "核对").holder.certno == OWN
    assert claim_review.read_owner(counted.context, CLERK, "M001").account.holder_name == "吴申"


@pytest.mark.parametrize("number", ["5226 0119 8001 0100 16", "522601-19800101  0016", "522 601 198 001 010 016"])
def test_of_a_papers_number_its_end_shows_however_it_is_grouped(counted: Outpatients, number: str) -> None:
    change_no = corrected(counted, name="吴申", paper=f"身份证 {number}")
    masked, _ = read_owner_change(counted.context, APPROVER, change_no)
    assert masked.paper == "身份证 **** 0016"


def test_names_and_numbers_are_masked_until_a_reason_is_kept(counted: Outpatients, hospital: Hospital) -> None:
    change_no = corrected(counted, name="吴申", certno=ANOTHER)
    masked, _ = read_owner_change(counted.context, APPROVER, change_no)
    assert [(one.field, one.old, one.new) for one in masked.differences] == [
        ("name", "吴＊", "吴＊"),
        ("certno", "1101 **** 002X", "1101 **** 1238"),
    ]
    assert masked.paper == "预交金凭条 **** 0113"
    shown = reveal_owner_change(counted.context, APPROVER, change_no, "核对凭条")
    assert (shown.differences[1].new, shown.paper) == (ANOTHER, PAPER)
    assert hospital.count("audit_event", "action = 'outpatient.reveal_owner' AND detail LIKE '%核对凭条%'") == 1


def test_the_audit_trail_says_what_without_anything_personal(counted: Outpatients, hospital: Hospital) -> None:
    corrected(counted, name="吴申", certno=ANOTHER)
    with counted.context.database.reading() as connection:
        query = "SELECT detail FROM audit_event WHERE action IN ('outpatient.ask_owner', 'outpatient.approve_owner')"
        told = [str(one) for one in connection.scalars(sa.text(query))]
    assert len(told) == 2
    for text in told:
        assert "certno" in text
        assert not any(word in text for word in ("吴", ANOTHER, GROUND, "0113"))


def confirm(counted: Outpatients, claim_id: str, by: Any, ground: str = "核对过证件") -> None:
    confirm_claim(counted.context, by, claim_id, ground)


@pytest.mark.parametrize(
    ("changes", "days", "noticed"),
    [
        ({"phone": "13800000009"}, 0, True),
        ({"phone": "13800000009"}, 30, True),
        ({"phone": "13800000009"}, 31, False),
        ({"certno": ANOTHER}, 31, True),
        ({"name": "吴申"}, 3000, True),
    ],
)
def test_reviewer_and_confirmer_are_told(
    counted: Outpatients, clock: FixedClock, changes: dict[str, str], days: int, noticed: bool
) -> None:
    corrected(counted, **changes)
    clock.moment += timedelta(days=days)
    claim_id = counted.accept("M001", certno=changes.get("certno", OWN)).claim_id
    assert claim_id
    there = claim_review.read_claim(counted.context, OFFICER, claim_id).alarms
    assert ("owner" in {one.kind for one in there}) is noticed
    review_claim(counted.context, SECOND, claim_id)
    kept = claim_review.read_claim(counted.context, APPROVER_2, claim_id).alarms
    assert (" 2026-01-15 更正过" in "".join(one.words for one in kept)) is noticed
    if noticed:
        with pytest.raises(MalformedInput, match="为什么"):
            confirm(counted, claim_id, APPROVER_2, "")
    confirm(counted, claim_id, APPROVER_2)


@pytest.mark.parametrize(
    ("changes", "days", "barred"),
    [
        ({"certno": ANOTHER}, 3000, True),
        ({"name": "吴申"}, 3000, True),
        ({"phone": "13800000009"}, 30, True),
        ({"phone": "13800000009"}, 31, False),
    ],
)
def test_whoever_asked_or_decided_neither_reviews_nor_confirms_the_claim(
    counted: Outpatients, clock: FixedClock, changes: dict[str, str], days: int, barred: bool
) -> None:
    corrected(counted, **changes)
    clock.moment += timedelta(days=days)
    claim_id = counted.accept("M001", certno=changes.get("certno", OWN)).claim_id
    assert claim_id
    turn = claim_review.read_claim(counted.context, APPROVER, claim_id).turn
    assert turn is not None
    assert ({OFFICER.actor_id, APPROVER.actor_id} <= turn.barred) is barred
    if not barred:
        review_claim(counted.context, OFFICER, claim_id)
        confirm(counted, claim_id, APPROVER)
        return
    for who in (OFFICER, APPROVER):
        with pytest.raises(SecondPersonRequired, match="申请或批准过"):
            review_claim(counted.context, who, claim_id)
    review_claim(counted.context, SECOND, claim_id)
    with pytest.raises(SecondPersonRequired, match="申请或批准过"):
        confirm(counted, claim_id, APPROVER)
    confirm(counted, claim_id, APPROVER_2)


def test_nor_do_they_send_it_another_way(counted: Outpatients, tmp_path: Path) -> None:
    corrected(counted, certno=ANOTHER)
    claim_id = counted.accept("M001", certno=ANOTHER, **BANK).claim_id
    assert claim_id
    review_claim(counted.context, SECOND, claim_id)
    confirm(counted, claim_id, APPROVER_2)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    path = tmp_path / "answers.csv"
    number = counted.claim(claim_id).refund_no
    path.write_text(f"退款单号,金额,结果,失败原因\n{number},64.50,失败,账号有误\n", "utf-8")
    assert payouts.take_answers(counted.context, PAYER, path, path.name).failed == 1
    assert OFFICER.actor_id in claim_review.read_claim(counted.context, OFFICER, claim_id).correctors
    with pytest.raises(SecondPersonRequired, match="申请或批准过"):
        redirect_claim(counted.context, OFFICER, claim_id, Route.CASH)
    assert redirect_claim(counted.context, SECOND, claim_id, Route.CASH).state == "reviewed"


def looked(counted: Outpatients, name: str, certno: str) -> online.Looked:
    return online.look_up(counted.context, PUBLIC, online.Identity(name, certno, "13800000001"), "proof")


def asked_online(counted: Outpatients) -> str:
    told = online.AskOwn(0, Route.BANK, bank="某银行", card_no="6217000000000000001")
    return online.ask_own(counted.context, PUBLIC, looked(counted, "吴甲", OWN).sealed, "proof", told).request_no


def test_an_application_on_line_is_answered_before_the_holder_changes(
    counted: Outpatients, clock: FixedClock
) -> None:
    """And whose account it is then reads nothing of what the earlier one was told."""
    request_no = asked_online(counted)
    change_no = ask(counted, name="吴申", certno=ANOTHER)
    with pytest.raises(Conflict, match=f"{request_no} 在等受理.*不受理"):
        approved(counted.context, APPROVER, change_no)
    assert counted.account("M001").holder_name == "吴甲"
    request_id = requests.list_requests(counted.context, CLERK, requests.WAITING)[0][0].request.request_id
    requests.decline(counted.context, CLERK, request_id, "吴甲住院未到")
    assert [one.told for one in looked(counted, "吴甲", OWN).deposits] == [
        f"上次的申请 {request_no} 没有受理：吴甲住院未到"
    ]
    clock.moment += timedelta(minutes=1)
    approved(counted.context, APPROVER, change_no)
    assert [(one.told, one.waits) for one in looked(counted, "吴申", ANOTHER).deposits] == [("", "")]


def test_a_corrected_phone_hides_no_answer(counted: Outpatients, clock: FixedClock) -> None:
    asked_online(counted)
    request_id = requests.list_requests(counted.context, CLERK, requests.WAITING)[0][0].request.request_id
    requests.decline(counted.context, CLERK, request_id, "请带证件来")
    clock.moment += timedelta(minutes=1)
    corrected(counted, phone="13800000009")
    told = online.Identity("吴甲", OWN, "13800000009")
    assert "请带证件来" in online.look_up(counted.context, PUBLIC, told, "proof").deposits[0].told


@pytest.mark.parametrize("changed", ["S1", "S2"])
def test_an_account_that_is_anothers_now_is_joined_with_nobody(outpatients: Outpatients, changed: str) -> None:
    outpatients.census(
        (
            ("S1", "吴甲", OWN, "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
            ("S2", "吴甲", OWN, "13800000001", "10.00", "2020-03-01", "门诊预交金", "现金"),
            ("S3", "吴甲", OWN, "13800000001", "5.00", "2020-03-01", "门诊预交金", "现金"),
        )
    )
    propose_pairs(outpatients.context, OFFICER)
    for second in ("S2", "S3"):
        decide_pair(outpatients.context, APPROVER, "S1", second, "同一人", same=True)
    stayed = "S2" if changed == "S1" else "S1"

    def same_card(account_no: str, **said: str) -> bool:
        claim_id = outpatients.accept(account_no, **BANK, **said).claim_id
        assert claim_id
        noted = claim_review.read_claim(outpatients.context, CLERK, claim_id).alarms
        return "same_card" in {one.kind for one in noted}

    assert not same_card("S3")
    corrected(outpatients, changed, certno=ANOTHER)
    beside = {
        one: [found.account_no for found in claim_review.read_owner(outpatients.context, CLERK, one).others]
        for one in ("S1", "S2", "S3")
    }
    assert beside == {changed: [], stayed: ["S3"], "S3": [stayed]}
    assert same_card(changed, certno=ANOTHER), "the card of another person's account"
    assert same_card(stayed), "the card of an account that is another person's now"


def test_a_refund_that_came_back_goes_to_nobody_who_has_not_the_account_any_more(
    counted: Outpatients, clock: FixedClock, tmp_path: Path
) -> None:
    """Neither by the bank nor, by another way, in cash; whoever has it now asks for it from the start."""
    claim_id = counted.confirmed("M001", **BANK)
    answered(counted, tmp_path, claim_id)
    clock.moment += timedelta(days=1)
    corrected(counted, name="吴申")
    payouts.bounce_refund(counted.context, PAYER, claim_id, "户名不符", "TH-1")
    found = claim_review.read_claim(counted.context, CLERK, claim_id)
    assert (found.payee, found.owner.account.holder_name) == ("吴甲", "吴申")
    with pytest.raises(Conflict, match="受理以后更正过"):
        payouts.make_bank_file(counted.context, CLERK, Route.BANK, [claim_id])
    redirect_claim(counted.context, actor(Role.FINANCE_OFFICER, "2"), claim_id, Route.CASH)
    confirm_claim(counted.context, APPROVER_2, claim_id, "核对过")
    with pytest.raises(Conflict, match="受理以后更正过"):
        payouts.pay_cash(counted.context, PAYER, claim_id, "LK-1")
    withdraw_claim(counted.context, CLERK, claim_id, "不是他的账户")
    assert counted.accept("M001").claim_id


def test_nothing_typed_asks_for_what_is_to_change(counted: Outpatients) -> None:
    with pytest.raises(MalformedInput, match="请填要改的那一项"):
        ask(counted)


def test_the_form_is_closed_while_a_refund_is_open_and_names_it(counted: Outpatients) -> None:
    assert owners.why_not_now(counted.context, OFFICER, "M001") == ""
    refund_no = counted.accept("M001").refund_no
    assert f"退款 {refund_no} 在办" in owners.why_not_now(counted.context, OFFICER, "M001")
    with pytest.raises(Conflict, match=f"退款 {refund_no} 在办"):
        ask(counted, name="吴申")


@pytest.mark.parametrize("changes", [{"name": "吴申"}, {"certno": ANOTHER}, {"phone": "13800000009"}])
def test_a_page_of_before_a_correction_applies_for_nothing(counted: Outpatients, changes: dict[str, str]) -> None:
    """What the page was told agrees with the record no more when it is sent; an untouched page still books."""
    sealed = looked(counted, "吴甲", OWN).sealed
    told = online.AskOwn(0, Route.BANK, bank="某银行", card_no="6217000000000000001")
    corrected(counted, **changes)
    with pytest.raises(MalformedInput, match=r"更正过.*重新查询.*没有提交") as over:
        online.ask_own(counted.context, PUBLIC, sealed, "proof", told)
    assert over.value.reason == "page_over"
    assert requests.list_requests(counted.context, CLERK, requests.WAITING)[0] == []
    if "phone" in changes:
        again = online.Identity("吴甲", OWN, changes["phone"])
        sealed = online.look_up(counted.context, PUBLIC, again, "proof").sealed
    else:
        sealed = looked(counted, changes.get("name", "吴甲"), changes.get("certno", OWN)).sealed
    assert online.ask_own(counted.context, PUBLIC, sealed, "proof", told).request_no


def test_who_corrected_the_holder_hears_who_decides_that_the_bank_paid(counted: Outpatients, tmp_path: Path) -> None:
    """The refund was sent another way and waits for its confirmation: to decide that it was paid is to confirm it."""
    corrected(counted, name="吴申")
    claim_id = counted.accept("M001", **BANK).claim_id
    assert claim_id
    number = counted.claim(claim_id).refund_no

    def tell(result: str) -> None:
        path = tmp_path / f"{result}.csv"
        path.write_text(f"退款单号,金额,结果,文件号\n{number},64.50,{result},1\n", "utf-8")
        payouts.take_answers(counted.context, PAYER, path, path.name)

    review_claim(counted.context, SECOND, claim_id)
    confirm(counted, claim_id, APPROVER_2)
    payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    tell("失败")
    redirect_claim(counted.context, SECOND, claim_id, Route.CASH)
    tell("成功")
    names = {APPROVER: "周一", APPROVER_2: "周二"}
    with counted.context.database.writing() as connection:
        for who, name in names.items():
            connection.execute(
                sa.text("UPDATE staff_user SET name = :n WHERE user_id = :u"), {"n": name, "u": who.actor_id}
            )
    with pytest.raises(SecondPersonRequired) as refused:
        decide_contradiction(counted.context, APPROVER, claim_id, 1, Verdict.PAID, "电话核对过")
    words = refused.value.message
    assert "申请或批准过这个账户的更正" in words
    assert "就是确认它" in words
    assert names[APPROVER_2] in words.partition("请由")[2].partition("决定")[0]
    assert names[APPROVER] not in words
    assert "审核、确认" not in words
    arrived = decide_contradiction(counted.context, APPROVER_2, claim_id, 1, Verdict.PAID, "电话核对过")
    assert arrived.state == "arrived"


@pytest.mark.parametrize(
    "certno", ["E12345678", "H12345678", "M1234567801", "01234567", "R520000123", "110105800101123"]
)
def test_the_number_of_any_certificate_may_be_put_right(counted: Outpatients, certno: str) -> None:
    corrected(counted, certno=certno)
    hashes = counted.context.keyed_hash.candidates(same_person_number(certno), institution=INSTITUTION, field=CERTNO)
    assert counted.account("M001").certno_hash in hashes


def test_nobody_is_shown_in_full_without_a_reason(counted: Outpatients, hospital: Hospital) -> None:
    claim_id = counted.accept("M001").claim_id
    assert claim_id
    with pytest.raises(MalformedInput, match="为什么要看"):
        claim_review.reveal_claim(counted.context, CLERK, claim_id, " ")
    assert hospital.count("audit_event", "action = 'identity.reveal'") == 0
