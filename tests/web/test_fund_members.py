"""The register of a lead hospital's members from its page: two people, every wrong form told, what left stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hospital_prepay.domain.access import Role
from tests.people import INSTITUTION, Browser, House

PAGE = "/finance/fund/members"
MEMBER = {
    "member_name": "某镇卫生院",
    "member_code": "h3710-0000002",
    "account_no": "3700 0001",
    "document": "医共体章程",
}
LoginAs = Callable[[Role], Browser]
pytestmark = pytest.mark.clause("weihai-prepay-2025/2.3")


def test_a_member_is_written_down_by_one_and_confirmed_by_another(login_as: LoginAs) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    assert "还没有成员单位" in officer.get(PAGE).text
    assert officer.post(PAGE, MEMBER).status_code == 303
    assert officer.post(f"{PAGE}/1/confirm").status_code == 403
    assert approver.post(PAGE, MEMBER).status_code == 403
    assert "核对无误" in approver.get(PAGE).text
    assert "核对无误" not in officer.get(PAGE).text
    assert approver.post(f"{PAGE}/1/confirm").status_code == 303
    again = approver.post(f"{PAGE}/1/decline")
    assert (again.status_code, "已经有人办过" in again.text) == (409, True)
    page = officer.get(PAGE).text
    assert "H37100000002" in page
    assert "在册 1 家" in page


def test_who_has_both_roles_is_not_both_people(house: House, login_as: LoginAs) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    assert officer.post(PAGE, MEMBER).status_code == 303
    with house.context.work(house.actor(Role.SYSTEM_ADMINISTRATOR), "user.roles") as work:
        work.connection.exec_driver_sql(
            'UPDATE staff_user SET roles = \'["finance_approver", "finance_officer"]\''
            f" WHERE user_id = '{house.ids[Role.FINANCE_OFFICER]}'"
        )
        work.audit()
    both = officer.post(f"{PAGE}/1/confirm")
    assert (both.status_code, "核对成员单位" in both.text) == (403, True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"member_code": INSTITUTION}, "不能是本院"),
        ({"member_code": "H" * 13}, "H 加 11 位数字"),
        ({"member_code": ""}, "member_code"),
        ({"member_code": "123"}, "H 加 11 位数字"),
        ({"account_no": ""}, "account_no"),
        ({"account_no": "abc"}, "至少 8 位"),
        ({"document": " "}, "document"),
        ({"member_name": "某镇\u202e卫生院"}, "member_name"),
    ],
)
def test_a_wrong_form_comes_back_with_what_was_typed(login_as: LoginAs, changes: dict[str, str], told: str) -> None:
    page = login_as(Role.FINANCE_OFFICER).post(PAGE, {**MEMBER, **changes})
    assert page.status_code == 422
    assert told in page.text
    assert 'value="' in page.text


def test_the_same_code_stands_once_and_who_left_may_come_back(login_as: LoginAs) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    assert officer.post(PAGE, MEMBER).status_code == 303
    twice = officer.post(PAGE, MEMBER)
    assert (twice.status_code, "已在名册里" in twice.text) == (409, True)
    other = officer.post(PAGE, {**MEMBER, "member_code": "H37100000003", "account_no": "37000001"})
    assert (other.status_code, "已经是某镇卫生院的" in other.text) == (409, True)
    assert officer.post(f"{PAGE}/1/end", {"ground": "写错了"}).status_code == 409
    assert approver.post(f"{PAGE}/1/confirm").status_code == 303
    assert approver.post(f"{PAGE}/1/end", {"ground": ""}).status_code == 422
    assert approver.post(f"{PAGE}/1/end", {"ground": "退出医共体"}).status_code == 303
    assert "退出医共体" in officer.get(PAGE).text
    assert officer.post(PAGE, MEMBER).status_code == 303
    assert "在册 0 家" in officer.get(PAGE).text
    for number, path in ((9, "confirm"), (9, "end")):
        assert approver.post(f"{PAGE}/{number}/{path}", {"ground": "x"}).status_code == 404


@pytest.mark.parametrize("role", [Role.CASHIER, Role.DEPARTMENT_HEAD, Role.AUDITOR])
def test_others_change_nothing(login_as: LoginAs, role: Role) -> None:
    login_as(Role.FINANCE_OFFICER).post(PAGE, MEMBER)
    browser = login_as(role)
    assert browser.post(PAGE, MEMBER).status_code == 403
    for path in ("confirm", "decline", "end"):
        assert browser.post(f"{PAGE}/1/{path}", {"ground": "x"}).status_code == 403
