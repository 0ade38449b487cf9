"""The page on which a stay is settled: what is booked is what was shown, and what was typed stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hospital_prepay.domain.money import Money
from hospital_prepay.services.settlement.results import record_result
from tests.counter import Counter
from tests.people import INSTITUTION, Browser, House
from tests.services.settlement.test_mended import INSURANCE
from tests.services.settlement.test_settling import result
from tests.web.test_settlement import KEYS, NO, SETTLE, at_cashier, discharged, press, seen_in, settle_form

__all__ = ["at_cashier", "discharged"]
SHORT = {"psn_cash_pay": "900", "medfee_sumamt": "1500", "psn_part_amt": "900"}
ALL = ("setl_id", "setl_time", "medfee_sumamt", "fund_pay_sumamt", "psn_part_amt", "acct_pay", "psn_cash_pay")


@pytest.mark.parametrize(
    ("changes", "button"),
    [
        ({"fund_pay_sumamt": "700", "psn_part_amt": "300", "psn_cash_pay": "300"}, "结算，退 200.00 元"),
        (SHORT, "结算，差 400.00 元"),
        ({"rest": "left"}, "结算，100.00 元留着待领"),
        ({"channel": "bedside"}, "结算，退 100.00 元"),
        ({"setl_id": "520000G002"}, "结算，退 100.00 元"),
    ],
)
def test_what_was_changed_after_looking_is_worked_out_again_and_not_booked(
    at_cashier: Browser, counter: Counter, changes: dict[str, str], button: str
) -> None:
    seen = seen_in(at_cashier.post(SETTLE, settle_form(act="preview")).text)
    answer = at_cashier.post(SETTLE, settle_form(seen=seen, **changes))
    assert answer.status_code == 409
    assert "内容改过，已重新算。请核对后再按结算" in answer.text
    assert button in answer.text
    assert counter.held() == Money(50_000)
    assert at_cashier.post(SETTLE, settle_form(seen=seen_in(answer.text), **changes)).status_code == 303


def test_nothing_is_settled_that_nobody_looked_at(at_cashier: Browser, counter: Counter) -> None:
    answer = at_cashier.post(SETTLE, settle_form())
    assert (answer.status_code, counter.held()) == (409, Money(50_000))
    assert at_cashier.post(SETTLE, settle_form(seen=seen_in(answer.text))).status_code == 303


def test_what_became_of_the_deposit_after_looking_is_told(at_cashier: Browser) -> None:
    page = at_cashier.post(SETTLE, settle_form(act="preview")).text
    said, _, comes_to = seen_in(page).partition(".")
    other = f"{said}.{comes_to[::-1]}"
    answer = at_cashier.post(SETTLE, settle_form(seen=other))
    assert answer.status_code == 409
    assert "预交金有变动，已重新算" in answer.text
    assert "结算，退 100.00 元" in answer.text


@pytest.mark.parametrize(
    ("paid", "field", "words"),
    [
        ({"top_up": "99999", "tender": "cash"}, "top_up", "最多补交 400.00"),
        ({"top_up": "许多", "tender": "cash"}, "top_up", ""),
        ({"top_up": "100", "tender": "card"}, "payment_reference", "支付单号"),
    ],
)
def test_the_second_step_stays_with_what_is_wrong_beside_its_field(
    at_cashier: Browser, counter: Counter, paid: dict[str, str], field: str, words: str
) -> None:
    answer = press(at_cashier, **SHORT, **paid)
    assert (answer.status_code, counter.held()) == (422, Money(50_000))
    for part in (f'id="e-{field}"', 'id="f-top_up"', f'value="{paid["top_up"]}"', "结算，差 400.00 元", words):
        assert part in answer.text, part
    assert f'<option value="{paid["tender"]}" selected>' in answer.text
    mended = {"top_up": "100", "tender": "cash", "seen": seen_in(answer.text)}
    assert at_cashier.post(SETTLE, settle_form(**SHORT, **mended)).status_code == 303


def test_what_is_paid_at_once_outlives_a_mistake_above_it(at_cashier: Browser) -> None:
    page = press(at_cashier, **{**SHORT, "medfee_sumamt": "x"}, top_up="100", tender="card").text
    assert '<input type="hidden" name="top_up" value="100">' in page
    assert '<input type="hidden" name="tender" value="card">' in page


def names(page: str) -> set[str]:
    return {name for name in (*ALL, "hosp_part_amt", "acct_mulaid_pay") if f'id="e-{name}"' in page}


def test_everything_that_is_missing_is_named_at_once(at_cashier: Browser) -> None:
    empty = dict.fromkeys(ALL, "")
    for act in ("preview", "settle"):
        answer = at_cashier.post(SETTLE, settle_form(act=act, **empty))
        assert (answer.status_code, names(answer.text)) == (422, set(ALL))
    one = at_cashier.post(SETTLE, settle_form(**{**empty, "fund_pay_sumamt": "x", "medfee_sumamt": "1000"}))
    assert names(one.text) == set(ALL) - {"medfee_sumamt"}
    # Who pays everything fills in one amount; the insurance's part without its number is no such thing.
    assert (
        "结算，差 500.00 元"
        in at_cashier.post(
            SETTLE, settle_form(**{**empty, "medfee_sumamt": "1000", "acct_pay": "0"}, act="preview")
        ).text
    )
    assert names(at_cashier.post(SETTLE, settle_form(setl_id="", setl_time="")).text) == {"setl_id", "setl_time"}


def test_the_number_of_another_stay_is_called_so(at_cashier: Browser, discharged: House) -> None:
    record_result(
        discharged.context, replace(INSURANCE, institution_id=INSTITUTION), NO, result(setl_id="520000G001"), "api"
    )
    answer = at_cashier.post(SETTLE, settle_form(act="preview"))
    assert answer.status_code == 409
    assert "520000G001 是另一次住院的" in answer.text
    assert "内容不一样" not in answer.text
    assert NO not in answer.text


@pytest.mark.parametrize(("channel", "is_told"), [("online", True), ("window", False)])
def test_cash_that_goes_back_online_is_remarked_on(at_cashier: Browser, channel: str, is_told: bool) -> None:
    page = at_cashier.post(SETTLE, settle_form(act="preview", channel=channel)).text
    assert ("请核对患者在不在窗口" in page) is is_told
    said: Any = press(at_cashier, channel=channel, idempotency_key=KEYS[1])
    assert said.status_code == 303  # it refuses nothing
