"""The gate in the browser: filed by one, checked by another, posted in three places, willed, refused on record."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hospital_prepay.domain.access import Role
from tests.people import Browser, House
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, CASHIER, OFFICER, OWN, Desk

GATE = "/finance/outpatient/gate"
FILING = {
    "document": "备〔2025〕3号",
    "authority": "某县卫生健康局",
    "filed_on": "2025-09-01",
    "kind-1": "急诊留观",
    "kind-3": "行动不便",
    "elderly-3": "yes",
}
DEPOSIT = {
    "account_no": "K001",
    "holder_name": "吴桂兰",
    "certno": OWN,
    "kind": "kind_1",
    "amount": "200.00",
    "tender": "cash",
    "consent": "TY-1",
}
pytestmark = pytest.mark.clause("guizhou-deposit-2025/6")


@pytest.fixture
def desk(house: House, login_as: Callable[[Role], Browser], tmp_path: Path) -> Desk:
    return Desk(house, login_as, tmp_path).counted()


def take(desk: Desk, **changes: Any) -> Any:
    return desk.send(CASHIER, f"{GATE}/take", **{**DEPOSIT, **changes})


def filed(desk: Desk) -> str:
    """A filing in force; where its steps are posted to."""
    answer = desk.send(OFFICER, GATE, **FILING)
    assert answer.status_code == 303, words(answer)
    found = re.search(rf'action="({GATE}/[0-9a-f-]{{36}})/approve"', desk.as_(APPROVER).get(GATE).text)
    assert found
    assert desk.send(APPROVER, f"{found[1]}/approve").status_code == 303
    return found[1]


def posted(desk: Desk) -> str:
    href = filed(desk)
    for place in ("website", "mini_program", "screen"):
        answer = desk.send(OFFICER, f"{href}/postings", place=place, posted_on="2025-09-02", proof="截图 1")
        assert answer.status_code == 303, words(answer)
    return href


def test_without_a_filing_nothing_is_taken_and_the_attempt_stands_on_record(desk: Desk) -> None:
    answer = take(desk)
    assert answer.status_code == 422
    assert "门诊预交金已经停收" in words(answer)
    assert desk.count("outpatient_taken") == 0
    page = words(desk.as_(Role.AUDITOR).get(GATE))
    assert "200.00" in page
    assert "停收" in page
    assert "1 次，新的在前" in page


def test_a_filing_needs_another_person_three_places_and_consent(desk: Desk, browser: Browser) -> None:
    assert desk.send(OFFICER, GATE, **FILING).status_code == 303
    assert "您登记的，要另一个人核对" in words(desk.as_(OFFICER).get(GATE))
    found = re.search(rf'action="({GATE}/[0-9a-f-]{{36}})/approve"', desk.as_(APPROVER).get(GATE).text)
    assert found
    assert desk.send(OFFICER, f"{found[1]}/approve").status_code == 403
    assert desk.send(APPROVER, f"{found[1]}/approve").status_code == 303
    assert "还没有在官网、就医小程序、电子屏公示" in words(take(desk))
    for place in ("website", "mini_program", "screen"):
        desk.send(OFFICER, f"{found[1]}/postings", place=place, posted_on="2025-09-02", proof="https://x.example/1")
    again = desk.send(OFFICER, f"{found[1]}/postings", place="screen", posted_on="2025-09-02", proof="y")
    assert again.status_code == 409
    assert "急诊留观" in words(browser.get("/public/outpatient"))
    assert "先让患者签同意书" in words(take(desk, consent=""))
    assert take(desk).status_code == 303
    assert desk.balance("K001") == 20000
    assert desk.send(APPROVER, f"{found[1]}/end").status_code == 303
    assert take(desk).status_code == 422
    assert "急诊留观" not in words(browser.get("/public/outpatient"))


def test_a_form_sent_twice_takes_once(desk: Desk) -> None:
    posted(desk)
    for _ in range(2):
        assert take(desk, idempotency_key="form-key-same").status_code == 303
    assert desk.balance("K001") == 20000
    assert take(desk, idempotency_key="form-key-same", amount="300").status_code == 409


@pytest.mark.parametrize(
    "changes",
    [{"amount": "0"}, {"amount": "1e3"}, {"tender": "gift"}, {"kind": "x" * 41}, {"holder_name": "吴\u202e"}],
)
def test_what_cannot_be_read_is_told_and_takes_nothing(desk: Desk, changes: dict[str, str]) -> None:
    posted(desk)
    assert take(desk, **changes).status_code == 422
    assert desk.count("outpatient_taken") == 0


@pytest.mark.parametrize("changes", [{"document": ""}, {"kind-1": "", "kind-3": ""}, {"filed_on": "2099-01-01"}])
def test_a_filing_without_its_parts_is_mended_first(desk: Desk, changes: dict[str, str]) -> None:
    assert desk.send(OFFICER, GATE, **{**FILING, **changes}).status_code == 422
    assert desk.count("outpatient_kept") == 0


@pytest.mark.clause("guizhou-deposit-2025/9")
def test_two_people_widen_the_list_of_article_9(desk: Desk) -> None:
    assert desk.send(OFFICER, f"{GATE}/kinds", label="陪护押金", ground="").status_code == 422
    assert desk.send(OFFICER, f"{GATE}/kinds", label="陪护押金", ground="合同第三条").status_code == 303
    page = desk.as_(APPROVER).get(f"{GATE}/kinds")
    assert "团体体检费" in words(page)
    found = re.search(rf'action="({GATE}/kinds/[0-9a-f-]{{36}})/approve"', page.text)
    assert found
    assert f"{found[1]}/approve" not in desk.as_(OFFICER).get(f"{GATE}/kinds").text
    assert desk.send(OFFICER, f"{found[1]}/approve").status_code == 403
    assert desk.send(APPROVER, f"{found[1]}/approve").status_code == 303
    assert "认定不是预交金" in words(desk.as_(Role.AUDITOR).get(f"{GATE}/kinds"))
