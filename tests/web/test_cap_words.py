"""The words beneath the meter name the row that the cap came from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from tests.counter import STAY, UNPOSTED, Counter, collect, words
from tests.hospital import ADMITTED, CAPS, publish_caps
from tests.people import INSTITUTION, Browser

LoginAs = Callable[[Role], Browser]
TALK = {"talked_with": "女儿 吴某", "talked_at": "2026-01-15T09:40", "talk": "已说明为什么、收多少、怎么退"}


@pytest.fixture
def cashier(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.CASHIER)


def source(cashier: Browser, stay_no: str = STAY) -> str:
    """What stands behind 额度出自."""
    page = words(cashier.get(f"/desk/stays/{stay_no}").text)
    return page.partition("额度出自")[2].partition("4收款")[0]


def admit(counter: Counter, stay_no: str, code: str, insured_class: str) -> None:
    actor = counter.house.actor(Role.CASHIER)
    placement = Placement(code, CAPS.get(code, (code,))[0], insured_class)
    register_stay(counter.house.context, actor, RegisterStay(stay_no, "石生", placement, ADMITTED))


def test_a_posted_disease_names_its_own_row(cashier: Browser) -> None:
    assert source(cashier).startswith(" 公示表第 1 版：2023–2025 年 40 例")


def test_an_unposted_disease_names_the_similar_one_whose_cap_it_takes(cashier: Browser, counter: Counter) -> None:
    admit(counter, "9", "A03.900", "resident")
    assert "本病种没有公示，按它自己测算的额度：2023–2025 年 40 例" in source(cashier, "9")
    with counter.house.context.database.writing() as connection:
        dear = {**CAPS, "A03.900": ("细菌性痢疾", False, {**CAPS["A03.900"][2], "resident": 900000})}
        publish_caps(connection, counter.house.context.clock, dear, 2, date(2026, 1, 2), INSTITUTION)
    admit(counter, "10", "A03.900", "resident")
    page = source(cashier, "10")
    assert "参照〈细菌性肺炎，J15.900〉的额度。它的额度：2023–2025 年 40 例" in page
    assert "出自第" not in page, "no circle"


def test_a_similar_disease_picked_for_an_unclear_diagnosis_is_named(cashier: Browser) -> None:
    cashier.post(f"/desk/stays/{UNPOSTED}/change", {"case": "unclear", "similar_to": "J15.900", **TALK})
    assert "参照〈细菌性肺炎，J15.900〉的额度" in source(cashier, UNPOSTED)


def test_a_stay_registered_late_says_which_table_is_used(cashier: Browser, counter: Counter) -> None:
    with counter.house.context.database.writing() as connection:
        cheap = {**CAPS, "G00.900": ("细菌性脑膜炎", True, {**CAPS["G00.900"][2], "resident": 500000})}
        publish_caps(connection, counter.house.context.clock, cheap, 2, date(2026, 1, 15), INSTITUTION)
    admit(counter, "9", "G00.900", "resident")
    assert "取低的一版：用第 2 版，不用第 1 版。" in source(cashier, "9")


def test_a_posted_disease_without_an_amount_in_the_class_lacks_cases(cashier: Browser, counter: Counter) -> None:
    with counter.house.context.database.writing() as connection:
        few = {**CAPS, "J15.900": ("细菌性肺炎", True, {**CAPS["J15.900"][2], "resident": None})}
        publish_caps(connection, counter.house.context.clock, few, 2, date(2026, 1, 2), INSTITUTION)
    admit(counter, "9", "J15.900", "resident")
    page = words(cashier.get("/desk/stays/9").text)
    assert "本类型例数不足" in page
    assert "未公示" not in page
    assert "没有公示" not in page


def test_a_refusal_says_its_long_sentence_once(cashier: Browser, counter: Counter) -> None:
    admit(counter, "9", "A04.900", "resident")
    for page in (cashier.get("/desk/stays/9"), collect(cashier, "100", "9", disease="A04.900")):
        assert words(page.text).count("也没有已公示、有额度的相似病种") == 1


def test_classes_show_no_caps_of_their_own_while_the_self_pay_standard_stands_in(cashier: Browser) -> None:
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "identity", "reason": "identity", **TALK})
    page = words(cashier.get(f"/desk/stays/{STAY}").text)
    for label in ("职工医保", "城乡居民医保", "自费"):
        assert f"{label}按自费" in page
