"""Whose money it is: the patient's name, and a slip or the phone on record where no certificate number is."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.decision import Outcome
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_alarms as store
from hospital_prepay.services.outpatient import owners, payouts
from hospital_prepay.services.outpatient.claim_review import read_claim, read_owner, reveal_claim
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, reject_claim, review_claim, withdraw_claim
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.merging import decide_pair, propose_pairs
from hospital_prepay.services.outpatient.register import account_card
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import ANOTHERS, APPROVER, CLERK, OFFICER, OWN, PAYER, Outpatients

OWN_ID = (ShownPaper(Paper.OWN_ID, "身份证"),)
SLIP = (*OWN_ID, ShownPaper(Paper.SLIP, "凭条 7"))


def slip(number: str) -> tuple[ShownPaper, ...]:
    return (*OWN_ID, ShownPaper(Paper.SLIP, number))


PROXY = tuple(ShownPaper(one) for one in (Paper.PATIENT_ID, Paper.PROXY_ID, Paper.PROXY_LETTER))
HEIR = tuple(ShownPaper(one) for one in (Paper.HEIR_ID, Paper.DEATH, Paper.KINSHIP))
BANK: dict[str, Any] = {"route": Route.BANK, "bank": "某银行某支行", "card_no": "6217 0000 0000 0000 001"}
ROWS = (
    ("M001", "吴甲", "11010519491231002X", "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
    ("M002", "李 乙", "", "13800000002", "100.00", "2019-11-01", "门诊预交金", "现金"),
    ("M003", "罗丙之子", "", "", "30.00", "2019-05-05", "门诊预交金", "现金"),
    ("M004", "", "", "", "12.00", "2019-05-05", "门诊预交金", "现金"),
)


@pytest.fixture
def counted(outpatients: Outpatients) -> Outpatients:
    outpatients.census(ROWS)
    return outpatients


def codes(counted: Outpatients, account_no: str, **changes: Any) -> list[str]:
    answer = counted.accept(account_no, **changes)
    if answer.claim_id is None:
        return [one.code for one in answer.decision.reasons]
    return []


@pytest.mark.parametrize("account_no", ["M001", "M002", "M003"])
def test_another_name_is_refused_whatever_certificate_is_shown(counted: Outpatients, account_no: str) -> None:
    assert codes(counted, account_no, claimant_name="王大锤", papers=SLIP) == ["another_name"]
    assert codes(counted, account_no, papers=SLIP) == []


@pytest.mark.parametrize("name", ["李乙", "李　乙", " 李 乙 "])
def test_blanks_and_width_make_no_other_name(counted: Outpatients, name: str) -> None:
    assert codes(counted, "M002", claimant_name=name) == []


def test_a_newborn_is_called_as_registered(counted: Outpatients) -> None:
    assert codes(counted, "M003", claimant_name="罗丙") == ["another_name"]
    assert codes(counted, "M003", claimant_name="罗丙之子") == []


@pytest.mark.parametrize(("claimant", "papers"), [(Claimant.PROXY, PROXY), (Claimant.HEIR, HEIR)])
def test_who_comes_for_another_names_the_patient(
    counted: Outpatients, claimant: Claimant, papers: tuple[ShownPaper, ...]
) -> None:
    came: dict[str, Any] = {"claimant": claimant, "claimant_name": "郑代办", "papers": papers, "certno": "H1"}
    with pytest.raises(MalformedInput, match="患者姓名"):
        counted.accept("M001", **came, patient_name=" ")
    assert codes(counted, "M001", **came, patient_name="王大锤") == ["another_name"]
    assert codes(counted, "M001", **came, patient_name="吴甲") == []


@pytest.mark.parametrize(("claimant", "papers"), [(Claimant.PROXY, PROXY), (Claimant.HEIR, HEIR)])
def test_who_comes_for_another_tells_the_patients_number_where_one_is_on_record(
    counted: Outpatients, claimant: Claimant, papers: tuple[ShownPaper, ...]
) -> None:
    came: dict[str, Any] = {
        "claimant": claimant,
        "claimant_name": "郑代办",
        "patient_name": "吴甲",
        "papers": papers,
        "certno": ANOTHERS,
    }
    with pytest.raises(MalformedInput, match="患者证件号") as missing:
        counted.accept("M001", **came, patient_certno=" ")
    assert missing.value.details == {"field": "patient_certno"}
    refused = counted.accept("M001", **came, patient_certno="110105198001011238")
    assert [(one.code, "患者证件号" in one.message) for one in refused.decision.reasons] == [("another_person", True)]
    claim_id = counted.accept("M001", **came, patient_certno=" 11010519491231002x ").claim_id
    assert claim_id
    kept = counted.claim(claim_id).personal
    assert OWN not in kept
    assert reveal_claim(counted.context, CLERK, claim_id, "核对").claimant.patient_certno == "11010519491231002x"
    assert read_claim(counted.context, CLERK, claim_id).personal.patient_certno == "1101 **** 002x"


def test_without_a_certificate_on_record_a_slip_or_the_phone_is_needed(counted: Outpatients) -> None:
    for account_no in ("M002", "M003", "M004"):
        assert codes(
            counted, account_no, claimant_name=counted.account(account_no).holder_name or "某人", papers=OWN_ID
        ) == ["missing_proof"]
    assert codes(counted, "M003", papers=OWN_ID, phone="13800000002") == ["missing_proof"], "another account's phone"
    assert codes(counted, "M002", papers=OWN_ID, phone="+86 138-0000-0002") == []
    assert codes(counted, "M003", papers=SLIP) == []
    assert codes(counted, "M004", claimant_name="某人", papers=slip("8")) == []


def test_a_proxys_own_phone_proves_nothing_the_patients_does(counted: Outpatients) -> None:
    came: dict[str, Any] = {"claimant": Claimant.PROXY, "claimant_name": "郑代办", "papers": PROXY, "certno": "H1"}
    assert codes(counted, "M002", **came, phone="13900000009") == ["missing_proof"]
    assert codes(counted, "M002", **came, phone="13900000009", patient_phone="13800000002") == []


@pytest.mark.parametrize(
    ("papers", "phone", "rests"), [(SLIP, "", "交了预交金凭条"), (OWN_ID, "13800000002", "核对登记的手机号")]
)
def test_reviewer_and_confirmer_are_told_and_the_confirmer_says_why(
    counted: Outpatients, papers: tuple[ShownPaper, ...], phone: str, rests: str
) -> None:
    claim_id = counted.accept("M002", papers=papers, phone=phone).claim_id
    assert claim_id
    with counted.context.database.reading() as connection:
        [noted] = store.alarms_of(connection, INSTITUTION, claim_id)
    assert (noted.kind, rests in noted.words) == ("unproven", True)
    review_claim(counted.context, OFFICER, claim_id)
    with pytest.raises(MalformedInput, match="自动检查"):
        confirm_claim(counted.context, APPROVER, claim_id)
    assert confirm_claim(counted.context, APPROVER, claim_id, "电话核对过").state == "confirmed"


@pytest.mark.parametrize(
    ("account_no", "claimant", "papers", "name"),
    [
        ("M001", Claimant.PROXY, PROXY, "吴甲"),
        ("M004", Claimant.PROXY, (*PROXY, SLIP[-1]), "某患者"),
        ("M001", Claimant.HEIR, HEIR, "郑某"),
    ],
)
def test_page_and_bank_file_name_the_same_payee(
    counted: Outpatients, account_no: str, claimant: Claimant, papers: tuple[ShownPaper, ...], name: str
) -> None:
    patient = counted.account(account_no).holder_name or "某患者"
    claim_id = counted.confirmed(
        account_no, **BANK, claimant=claimant, claimant_name="郑某", patient_name=patient, papers=papers
    )
    assert read_claim(counted.context, CLERK, claim_id).payee == name
    made = payouts.make_bank_file(counted.context, PAYER, Route.BANK, [claim_id])
    assert next(csv.DictReader(io.StringIO(made.text.lstrip("\ufeff"))))["收款人"] == name


def test_what_was_decided_before_is_replayed_as_it_was(counted: Outpatients) -> None:
    stored = counted.accept("M002").decision.facts
    for name in ("name_matches", "unregistered", "phone_matches"):
        del stored[name]
    assert RULES["outpatient.claim"]({**stored, "papers": ["own_id"]}, "1").outcome is Outcome.PERMITTED
    papers = [one.kind.value for one in PROXY]
    proxys = {**stored, "claimant": "proxy", "papers": papers, "identity_matches": None}
    assert RULES["outpatient.claim"](proxys, "1").outcome is Outcome.PERMITTED, "nobody asked for a number then"


def test_the_same_persons_other_accounts_stand_beside_with_what_they_have(outpatients: Outpatients) -> None:
    own, other = "11010519491231002X", "52010219900101123X"
    outpatients.census(
        (
            ("S1", "吴甲", own, "13800000001", "64.50", "2020-03-01", "门诊预交金", "现金"),
            ("S2", "吴甲", own, "", "10.00", "2020-03-01", "门诊预交金", "现金"),
            ("S3", "吴甲", "", "13800000001", "5.00", "2020-03-01", "门诊预交金", "现金"),
            ("S4", "吴甲", other, "", "7.00", "2020-03-01", "门诊预交金", "现金"),
            ("S5", "李乙", "", "", "1.00", "2020-03-01", "门诊预交金", "现金"),
        )
    )
    assert propose_pairs(outpatients.context, OFFICER) > 0
    decide_pair(outpatients.context, APPROVER, "S1", "S3", "同名同电话", same=True)

    def beside(account_no: str) -> list[tuple[str, int | None, str]]:
        at_desk = read_owner(outpatients.context, CLERK, account_no).others
        assert account_card(outpatients.context, CLERK, account_no).others == at_desk
        return [(one.account_no, one.balance_fen, one.holder_name) for one in at_desk]

    assert beside("S1") == [("S2", 1000, "吴甲"), ("S3", 500, "吴甲")]
    assert beside("S3") == [("S1", 6450, "吴甲")]
    assert beside("S4") == []
    masked = read_owner(outpatients.context, OFFICER, "S1").others
    assert {one.holder_name for one in masked} == {"吴＊"}
    assert {one.personal for one in masked} == {""}


@pytest.mark.parametrize("number", ["", " ", "凭条", "看过"])
def test_a_slip_without_its_number_proves_nothing(counted: Outpatients, number: str) -> None:
    with pytest.raises(MalformedInput, match="凭条的号码") as refused:
        counted.accept("M002", papers=slip(number))
    assert refused.value.details == {"field": "papers"}


@pytest.mark.parametrize("spelled", ["凭条 2019-a7 号", "２０１９Ａ７", "2019.A7"])
def test_a_slip_proves_one_account_however_it_is_spelled(counted: Outpatients, spelled: str) -> None:
    first = counted.accept("M002", papers=slip("2019-A7")).claim_id
    assert first
    with pytest.raises(MalformedInput, match="已经用来证明账户 M002"):
        counted.accept("M003", papers=slip(spelled))
    withdraw_claim(counted.context, CLERK, first, "凭条号填错了")
    assert counted.accept("M003", papers=slip(spelled)).claim_id
    with pytest.raises(MalformedInput, match="已经用来证明账户 M003"):
        counted.accept("M002", papers=slip("2019-A7"))


@pytest.mark.parametrize(
    "spelled", ["NO.77", "No77", "№77", "№ ７７", "Nº 77", "凭条77号", "编号：77", "凭条 NO.NO 77"]
)
def test_the_word_before_a_slips_number_makes_no_other_slip(counted: Outpatients, spelled: str) -> None:
    """Either way round, in the program and by the key that the database compares."""
    first = counted.accept("M002", papers=slip(spelled)).claim_id
    assert first
    with counted.context.database.reading() as connection:
        keys = connection.scalars(sa.text("SELECT slip_key FROM outpatient_claim_paper WHERE kind = 'slip'")).all()
    assert keys == ["77"]
    with pytest.raises(MalformedInput, match="已经用来证明账户 M002"):
        counted.accept("M003", papers=slip("77"))
    withdraw_claim(counted.context, CLERK, first, "凭条号填错了")
    assert counted.accept("M003", papers=slip("77")).claim_id
    with pytest.raises(MalformedInput, match="已经用来证明账户 M003"):
        counted.accept("M002", papers=slip(spelled))


@pytest.mark.parametrize("number", ["NOA77", "N77", "7NO7", "NO"])
def test_letters_of_a_slips_own_number_stay(counted: Outpatients, number: str) -> None:
    assert counted.accept("M002", papers=slip(number)).claim_id
    assert counted.accept("M003", papers=slip("77")).claim_id


def test_a_slip_proves_the_same_account_again(counted: Outpatients) -> None:
    first = counted.accept("M002", papers=slip("2019-A7")).claim_id
    assert first
    reject_claim(counted.context, OFFICER, first, "签名不清")
    assert counted.accept("M002", papers=slip("2019-A7")).claim_id


def test_a_name_of_signs_alone_is_nobodys(outpatients: Outpatients) -> None:
    """Whoever comes proves the account by a slip or the phone, whatever number is on record, and is paid as they are
    called."""
    outpatients.census(
        (
            ("N1", "··", "", "13800000002", "64.50", "2019-03-01", "门诊预交金", "现金"),
            ("N2", "--", OWN, "13800000001", "10.00", "2019-03-01", "门诊预交金", "现金"),
        )
    )
    assert codes(outpatients, "N1", claimant_name="某人", papers=OWN_ID, phone="") == ["missing_proof"]
    refused = outpatients.accept("N2", claimant_name="某人", patient_name="", papers=OWN_ID, phone="")
    assert [(one.code, "只有符号" in one.message) for one in refused.decision.reasons] == [("missing_proof", True)]
    for nobody in ("··", "--"):
        with pytest.raises(MalformedInput, match="来办的人的姓名"):
            outpatients.accept("N2", claimant_name=nobody, patient_name="")
    claim_id = outpatients.confirmed("N2", claimant_name="某人", patient_name="", papers=slip("31"), phone="", **BANK)
    assert "只有符号" in read_claim(outpatients.context, CLERK, claim_id).alarms[0].words
    made = payouts.make_bank_file(outpatients.context, PAYER, Route.BANK, [claim_id])
    assert next(csv.DictReader(io.StringIO(made.text.lstrip("\ufeff"))))["收款人"] == "某人"


@pytest.mark.parametrize("name", ["=cmd|x", "＝cmd", "-1+2", "@a"])
def test_no_formula_goes_into_the_banks_file_as_a_patients_name(counted: Outpatients, name: str) -> None:
    came: dict[str, Any] = {"claimant": Claimant.PROXY, "claimant_name": "郑代办", "papers": (*PROXY, SLIP[-1])}
    with pytest.raises(MalformedInput, match="患者姓名不能以"):
        counted.accept("M004", **came, patient_name=name)
    with pytest.raises(MalformedInput, match="姓名不能以"):
        owners.ask_owner_change(
            counted.context, OFFICER, owners.AskOwnerChange("M001", name, "", "", "写错了", "凭条 1", f"k{name}")
        )


def test_nor_out_of_a_register(outpatients: Outpatients) -> None:
    row = ("M001", "-1+cmd", "", "", "64.50", "2020-03-01", "门诊预交金", "现金")
    nobody = ("M002", "-", "", "", "1.00", "2020-03-01", "门诊预交金", "现金")
    made = outpatients.census((row, ("M003", "＝cmd", *row[2:]), nobody))
    assert (made.accepted, made.rejected) == (1, 2)
