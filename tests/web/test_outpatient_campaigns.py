"""Pages of campaigns: proposed by one, released by another, exported, answered; nothing that lapses is written."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from io import BytesIO

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from hospital_prepay.domain.access import Role
from hospital_prepay.services import import_runs
from tests.counter import Counter
from tests.people import Browser, House
from tests.web.test_outpatient import ROOT, booked

__all__ = ["booked"]
Login = Callable[[Role], Browser]
AT = f"{ROOT}/campaigns"
FORM = {"title": "短信一", "way": "sms", "text": "请来退款，什么时候都可以。咨询{电话}。", "who": "next"}


@pytest.fixture
def officer(booked: Browser, house: House) -> Browser:
    with house.context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))
    return booked


def propose(browser: Browser, **changes: str) -> TestResponse:
    return browser.post(AT, {**FORM, "idempotency_key": "k" * 36, **changes})


def fetched(browser: Browser, at: str) -> bytes:
    with browser.get(f"{at}/file") as answer:
        assert answer.status_code == 200
        return answer.data


def answers(browser: Browser, at: str, text: str) -> TestResponse:
    data = {"file": (BytesIO(text.encode()), "结果.csv")}
    return browser.post(f"{at}/results", data, content_type="multipart/form-data")


def test_a_campaign_from_proposal_to_answer(officer: Browser, login_as: Login, counter: Counter) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    assert "新的清退通知" in officer.get(f"{AT}/new").text
    at = propose(officer).headers["Location"]
    assert propose(officer).headers["Location"] == at
    page = officer.get(at).text
    assert "提出的人不能自己放行" in page
    assert "2 个账户" in page
    assert officer.post(f"{at}/release").status_code == 403
    assert "什么时候都可以。咨询0851-85550000。" in approver.get(at).text
    assert "放行，定下名单" in approver.get(at).text
    assert approver.post(f"{at}/release").headers["Location"] == at
    assert officer.post(f"{at}/export", {"form": "csv"}).headers["Location"] == at
    first = fetched(officer, at)
    assert "0001-0000002,13800000001" in first.decode()
    assert fetched(officer, at) == first
    text = "编号,结果,时间,回执号\n0001-0000002,空号,2025-12-01 09:00,A1\n0001-0000077,空号,2025-12-01,A2\n"
    assert answers(officer, at, text).status_code == 403
    page = approver.get(answers(approver, at, text).headers["Location"]).text
    assert "空号或停机" in page
    assert "按结果分，有几种结果的账户每种都算" in page
    assert "有人收到或接到" in page
    assert "含拒接或拒收、不是本人的" in page
    assert "已送达</dt>" not in page
    assert "这次通知里没有第" in page
    assert answers(approver, at, text).status_code == 422
    assert "下一步：公告栏" in officer.get(f"{ROOT}/accounts/M001").text
    assert "M001" in officer.get(f"{ROOT}/accounts?told=board").text
    assert "M001" not in officer.get(f"{ROOT}/accounts?told=sms").text
    assert "短信一" in officer.get(AT).text


def test_a_photo_proves_the_board(officer: Browser, login_as: Login, counter: Counter) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    at = propose(officer, way="board", who="untried").headers["Location"]
    approver.post(f"{at}/release")
    picture = b"\x89PNG\r\n\x1a\n" + b"1" * 20

    def photo(content: bytes) -> TestResponse:
        data = {"place": "门诊大厅", "seen_on": "2025-12-01", "file": (BytesIO(content), "栏.png")}
        return approver.post(f"{at}/photos", data, content_type="multipart/form-data")

    assert "不是照片" in photo(b"<svg/>").text
    assert photo(picture).headers["Location"] == at
    shown = officer.get(f"{at}/photos/1")
    assert (shown.data, shown.mimetype) == (picture, "image/png")
    assert officer.get(f"{at}/photos/2").status_code == 404
    assert "门诊大厅" in officer.get(at).text
    empty = {"place": "x", "seen_on": "2025-12-01"}
    assert approver.post(f"{at}/photos", empty, content_type="multipart/form-data").status_code == 422


def test_words_that_lapse_come_back_with_what_to_change(officer: Browser, counter: Counter) -> None:
    answer = propose(officer, text="逾期作废，咨询{电话}")
    assert answer.status_code == 422
    assert "什么时候来都要退" in answer.text
    assert propose(officer, way="fax").status_code == 422


def test_criteria_left_empty_narrow_nothing(officer: Browser, counter: Counter) -> None:
    """A browser sends every field of the form, the empty ones as empty texts."""
    answer = propose(officer, least="", moved_until="")
    assert answer.status_code == 303
    assert "2 个账户" in officer.get(answer.headers["Location"]).text
    wrong = propose(officer, least="很多", moved_until="去年")
    assert wrong.status_code == 422
    assert "有 2 处要改" in wrong.text
    assert 'id="e-least"' in wrong.text
    assert 'id="e-moved_until"' in wrong.text


def test_each_way_has_words_of_its_own(officer: Browser, counter: Counter) -> None:
    page = officer.get(f"{AT}/new").text
    found = re.search(r'data-words="([^"]+)"', page)
    assert found is not None
    words = json.loads(html.unescape(found.group(1)))
    assert set(words) == {"sms", "phone", "wechat", "board"}
    wrong = propose(officer, way="board", text=words["sms"])
    assert wrong.status_code == 422
    assert "请改成公告栏的" in wrong.text
    for way, text in words.items():
        if way != "wechat":
            assert propose(officer, way=way, who="untried", text=text, idempotency_key=way * 9).status_code == 303, (
                way
            )


def test_results_name_their_words_before_and_after_a_failure(
    officer: Browser, login_as: Login, counter: Counter
) -> None:
    approver = login_as(Role.FINANCE_APPROVER)
    at = propose(officer).headers["Location"]
    approver.post(f"{at}/release")
    officer.post(f"{at}/export", {"form": "csv"})
    page = approver.get(at).text
    assert "写其中一种：已发出" in page
    assert "“成功”算已发出" in page
    assert "2026-01-05 09:30" in page
    head = "编号,结果,时间,回执号\n"
    failed = answers(approver, at, f"{head}0001-0000002,失败,2025-12-01 09:00,A1\n")
    assert failed.status_code == 422
    assert "没说是哪一种。请写：空号或停机、不是本人的号码、没有人接、拒接或拒收。" in failed.text
    assert f'action="{at}/results"' in failed.text
    taken = answers(approver, at, f"{head}0001-0000002,成功,2025-12-01 09:00,A1\n")
    assert taken.status_code == 303


def test_a_proposal_is_dropped(officer: Browser, login_as: Login, counter: Counter) -> None:
    at = propose(officer).headers["Location"]
    form = {"note": "", "idempotency_key": "d" * 36}
    refused = officer.post(f"{at}/drop", form)
    assert refused.status_code == 422
    assert "为什么作废：" in refused.text
    form["note"] = "文字写错了，问 13985001236"
    for _ in range(2):
        page = officer.get(officer.post(f"{at}/drop", form).headers["Location"]).text
    assert "没有发出任何通知" in page
    assert "作废的原因：文字写错了，问 139 **** 1236" in page
    assert re.search(r"<span>作废 [^<]+ \d", page)
    row = officer.get(AT).text.partition("短信一")[2].partition("</tr>")[0]
    assert re.search(r"\d 作废：文字写错了，问 139 \*\*\*\* 1236", row)
    assert "还没有" not in row
    assert login_as(Role.FINANCE_APPROVER).post(f"{at}/release").status_code == 422
    assert login_as(Role.CASHIER).get(f"{AT}/new").status_code == 403


def test_an_export_whose_process_died_is_taken_up_again(
    officer: Browser, login_as: Login, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """The process is gone."""

    def die(*_: object) -> None:
        raise Died

    at = propose(officer).headers["Location"]
    login_as(Role.FINANCE_APPROVER).post(f"{at}/release")
    monkeypatch.setattr(import_runs.threading, "excepthook", lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr("hospital_prepay.services.outpatient.import_runs.export_campaign", die)
        run = officer.post(f"{at}/export", {"form": "csv"}).headers["Location"]
    assert "中断了" in officer.get(run).text
    assert run in officer.get(AT).text
    assert officer.get(f"{run}/progress").status_code == 303
    assert officer.post(f"{run}/resume").headers["Location"] == at
    assert fetched(officer, at)
    assert officer.get(f"{AT}/runs/none/{'0' * 36}").status_code == 404
