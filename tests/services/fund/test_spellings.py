"""One region, one slip, one paper, however it is typed: what nobody sees and words around it make no second one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import InvisibleCharacter, check_text, is_invisible, spelled_out
from hospital_prepay.domain.references import document_key, payment_reference, plain_name, region_core, region_name
from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.persistence import fund_recalls as recalls
from hospital_prepay.services.fund.application_command import ApplyForFunds
from tests.funding import MILLION_YUAN, application, apply_one, good_facts
from tests.hospital import Hospital
from tests.services.fund.conftest import OFFICER, Year

NOT_SEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u202e\u2060\u2800\u3164\ufe0f\ufeff\uffa0\ufff0"
    "\U0001bca0\U0001d173\U000e0100"
)


@pytest.mark.parametrize("sign", NOT_SEEN, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_is_not_seen_is_refused_and_makes_no_other_name(sign: str) -> None:
    assert is_invisible(sign)
    with pytest.raises(InvisibleCharacter):
        check_text(f"临溪市{sign}", 20)
    assert spelled_out(f"临{sign}") == f"临〈U+{ord(sign):04X}〉"
    assert plain_name(f"临溪{sign}市") == region_name(f"临溪市{sign}") == "临溪市"
    assert document_key(f"JS-7{sign}") == document_key("JS-7")
    assert payment_reference(f"b-1{sign}") == "B1"


@pytest.mark.parametrize("sign", "药aＡ1，（）·é한\u3000")
def test_what_is_seen_or_a_plain_blank_stays(sign: str) -> None:
    assert not is_invisible(sign)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("浙江省临溪市", "临溪市"),
        ("浙江省 临溪 市", "临溪市"),
        ("西藏自治区拉萨市", "拉萨市"),
        ("浙江省本级", "浙江省本级"),
        ("浙江省", "浙江省"),
        ("LinXi", "LinXi"),
    ],
)
def test_a_city_is_kept_without_its_province(typed: str, kept: str) -> None:
    assert region_name(typed) == kept


@pytest.mark.parametrize("typed", ["临溪市（本级）", "临溪市(市本级)", "临溪市本级", "浙江省临溪市本级", "临溪"])
def test_what_mostly_means_the_same_place_has_one_core(typed: str) -> None:
    assert region_core(typed) == region_core("临溪市")
    assert region_core("临溪县") != region_core("临溪市")
    assert region_core("浙江省本级") != region_core("浙江省")


def of(region: str, key: str) -> ApplyForFunds:
    return application("zhejiang-prepay-2025", region, Fund.EMPLOYEE, Money(MILLION_YUAN), good_facts(2026), key)


@pytest.mark.parametrize("other", ["临溪市\u3164", "浙江省临溪市", "临溪市\u2800"])
def test_a_place_has_one_grant_of_a_year_however_it_is_spelled(hospital: Hospital, other: str) -> None:
    assert apply_one(hospital.context, OFFICER, of("临溪市", "one")).grant_id is not None
    with pytest.raises(Conflict, match="已经申请过"):
        apply_one(hospital.context, OFFICER, of(other, "two"))
    assert hospital.count("fund_grant") == 1


@pytest.mark.parametrize("other", ["临溪市（本级）", "临溪"])
def test_whether_it_is_a_known_place_under_another_name_people_say(hospital: Hospital, other: str) -> None:
    apply_one(hospital.context, OFFICER, of("临溪市", "one"))
    with pytest.raises(MalformedInput, match="请照“临溪市”填写"):
        apply_one(hospital.context, OFFICER, of(other, "two"))
    assert apply_one(hospital.context, OFFICER, of("临溪县", "three")).grant_id is not None


@pytest.mark.parametrize("more", ["\u3164", "\u115f", "号", "回单", "（补打）"])
def test_a_slip_proves_one_movement_whatever_is_written_around_its_number(hospital: Hospital, more: str) -> None:
    year = Year(hospital).arrived()
    with pytest.raises(Conflict, match="银行回单"):
        year.send_back(replace(year.return_command(100), bank_reference=f"B-1-{year.grant_id}{more}"))
    assert year.standing == (MILLION_YUAN, 0, MILLION_YUAN)


def test_a_slip_without_letter_a_to_z_or_digit_is_none(hospital: Hospital) -> None:
    year = Year(hospital).arrived()
    for none in ("回单", "\u3164", "--"):
        with pytest.raises(MalformedInput) as told:
            year.send_back(replace(year.return_command(100), bank_reference=none))
        assert told.value.details["field"] == "bank_reference"


def test_a_number_kept_before_with_a_word_stands_for_its_movement(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    year = Year(hospital).arrived()
    as_it_was = recalls.slips

    def with_a_word(*where: Any) -> dict[int, recalls.Slip]:
        return {number: replace(one, reference=f"{one.reference}号") for number, one in as_it_was(*where).items()}

    monkeypatch.setattr(recalls, "slips", with_a_word)
    monkeypatch.setattr(recalls, "add_slip", lambda *given: pytest.fail("the database doesn't know this spelling"))
    with pytest.raises(Conflict, match="银行回单"):
        year.send_back(replace(year.return_command(100), bank_reference=f"B-1-{year.grant_id}"))
