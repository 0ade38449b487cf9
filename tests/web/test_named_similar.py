"""Similar diseases that the counter named by itself, as finance looks at them afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hospital_prepay.domain.access import Role
from tests.counter import STAY, Counter, words
from tests.people import Browser

LoginAs = Callable[[Role], Browser]
LIST, GROUND = "/finance/caps/standards/named", "神经内科王医生：脑膜刺激征"
TALK = {"talked_with": "女儿 吴某", "talked_at": "2026-01-15T09:40", "talk": "已说明为什么、收多少、怎么退"}
NAMED = {"case": "unclear", "similar_other": "G00.900", "similar_ground": GROUND, **TALK}


@pytest.fixture
def officer(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


@pytest.fixture
def cashier(officer: Browser, login_as: LoginAs) -> Browser:
    browser = login_as(Role.CASHIER)
    assert browser.post(f"/desk/stays/{STAY}/change", NAMED).status_code == 303
    return browser


@pytest.mark.usefixtures("cashier")
def test_a_disease_named_at_the_counter_waits_for_finance_with_its_ground(officer: Browser) -> None:
    home = words(officer.get("/").text)
    assert "收费处自选的相似病种" in home
    page = words(officer.get(LIST).text)
    for part in (STAY, "细菌性肺炎 J15.900", "细菌性脑膜炎 G00.900", "6,840.00", GROUND, "收费员员"):
        assert part in page


@pytest.mark.usefixtures("cashier")
def test_the_pair_added_to_the_table_takes_it_off_the_list(officer: Browser, counter: Counter) -> None:
    assert "补进：细菌性肺炎 参照 细菌性脑膜炎" in officer.post(f"{LIST}/{STAY}", {}, follow_redirects=True).text
    assert "没有要核对的" in officer.get(LIST).text
    assert "收费处自选的相似病种" not in words(officer.get("/").text)
    assert counter.count("similar_disease", "disease_code = 'J15.900' AND similar_to = 'G00.900'") == 1
    assert officer.post(f"{LIST}/{STAY}", {}).status_code == 404


def test_a_stay_placed_otherwise_is_off_the_list(cashier: Browser, officer: Browser) -> None:
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "disease", "disease": "J15.900", **TALK})
    assert "没有要核对的" in officer.get(LIST).text


def test_one_that_the_table_holds_never_comes_onto_it(officer: Browser, login_as: LoginAs, counter: Counter) -> None:
    form = {**NAMED, "similar_other": "", "similar_to": "J15.900"}
    login_as(Role.CASHIER).post("/desk/stays/2601140002/change", form)
    assert counter.count("stay_cap", "circumstance = 'similar'") == 1
    assert "没有要核对的" in officer.get(LIST).text


@pytest.mark.usefixtures("cashier")
@pytest.mark.parametrize("role", [Role.CASHIER, Role.FINANCE_APPROVER, Role.AUDITOR])
def test_nobody_else_adds_to_the_table(login_as: LoginAs, role: Role, counter: Counter) -> None:
    browser = login_as(role)
    assert f'action="{LIST}/{STAY}"' not in browser.get(LIST).text
    assert browser.post(f"{LIST}/{STAY}", {}).status_code == 403
    assert counter.count("similar_disease") == 2
