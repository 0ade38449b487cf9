"""Marks, filings, batches and advances in the browser: each step by its person, and every way it says no."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from docx import Document
from python_calamine import CalamineWorkbook
from werkzeug.test import TestResponse

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.outpatient.life import LISTED_LABELS
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence import users
from hospital_prepay.services.access import second_factor
from hospital_prepay.services.access.sessions import Origin, open_session
from hospital_prepay.services.access.users import NewUser, seed_demo_user
from hospital_prepay.services.outpatient import batch_files, claim_review, escheat, left_out, list_papers
from tests.people import INSTITUTION, PASSWORD, Browser, House
from tests.told import tell_everybody
from tests.web.test_fund import words
from tests.web.test_outpatient_claims import APPROVER, AUDITOR, BANK, CASH, CASHIER, OFFICER, OWN, Desk

ROOT = "/finance/outpatient"
FILINGS, BATCHES, ADVANCES = f"{ROOT}/filings", f"{ROOT}/batches", f"{ROOT}/advances"
MARK = {"reason": "contact_changed", "evidence": "短信退回、电话停机"}
REMITTED = {"voucher_no": "缴款书001", "bank_reference": "HD20260105", "remitted_on": "2026-01-05"}


@dataclass
class Treasury(Desk):
    """The desk with more people of each role."""

    app: APIFlask | None = None
    others: dict[str, Browser] = field(default_factory=dict)

    def another(self, role: Role, name: str) -> Browser:
        """A browser of another person with this role."""
        if name not in self.others:
            context = self.house.context
            user = NewUser(name, f"{role.label}{name}", frozenset({role}))
            secret = second_factor.new_secret()
            key = seed_demo_user(context, INSTITUTION, user, password=PASSWORD, secret=secret)
            with context.database.reading() as connection:
                found = users.by_id(connection, INSTITUTION, key)
            assert found is not None
            assert self.app is not None
            with context.work(found.actor("127.0.0.1"), "login.password") as work:
                origin = Origin("127.0.0.1", "test")
                token = open_session(work, found, origin, second_factor_at=work.now, started_at=work.now)
            self.others[name] = Browser(self.app).signed_in(token)
        return self.others[name]

    def by(self, browser: Browser, path: str, **data: Any) -> TestResponse:
        """A form sent by one of them."""
        self.keys += 1
        return browser.post(path, {"idempotency_key": f"form-key-{self.keys:04}", **data})

    def told(self) -> Treasury:
        """Everybody was told by every way, and nobody answered."""
        if not self.count("outpatient_campaign"):
            tell_everybody(self.house.context, self.house.actor(OFFICER), self.house.actor(APPROVER))
        return self

    def marked(self, numbers: str = "M001,M003") -> Treasury:
        self.told()
        assert self.send(OFFICER, f"{FILINGS}/marks", **MARK, account_nos=numbers).status_code == 303
        return self

    def submitted(self) -> str:
        made = self.send(OFFICER, FILINGS, note="可能有患者事后来领，随到随退。")
        at = str(made.location)
        done = self.send(OFFICER, f"{at}/submit", reference="某市卫生健康局", on="2025-12-20")
        assert done.status_code == 303, words(done)
        return at

    def filed(self, numbers: str = "M001,M003") -> Treasury:
        at = self.marked(numbers).submitted()
        done = self.send(APPROVER, f"{at}/acknowledge", reference="备〔2025〕1号", on="2025-12-25")
        assert done.status_code == 303, words(done)
        return self

    def frozen(self, numbers: str = "M001,M003") -> str:
        at = str(self.filed(numbers).send(OFFICER, BATCHES, on="2025-12-31").location)
        assert self.send(OFFICER, f"{at}/freeze").status_code == 303
        return at

    def reviewed(self, numbers: str = "M001,M003") -> str:
        at = self.frozen(numbers)
        for part, (role, name) in zip(
            escheat.Part, ((OFFICER, "o2"), (OFFICER, "o3"), (APPROVER, "a2")), strict=True
        ):
            done = self.by(self.another(role, name), f"{at}/review", part=part.value, note="核对一致")
            assert done.status_code == 303, words(done)
        return at

    def remitted(self, numbers: str = "M001,M003") -> str:
        at = self.reviewed(numbers)
        assert self.send(APPROVER, f"{at}/approve").status_code == 303
        done = self.by(self.another(APPROVER, "a3"), f"{at}/remit", **REMITTED)
        assert done.status_code == 303, words(done)
        return at

    def paid_ahead(self, **changes: Any) -> Treasury:
        self.remitted()
        claim = self.confirmed("M001", **changes)
        done = self.send(CASHIER, f"{claim}/pay", receipt="LK-1")
        assert done.status_code == 303, words(done)
        return self


@pytest.fixture
def treasury(house: House, app: APIFlask, login_as: Callable[[Role], Browser], tmp_path: Path) -> Treasury:
    desk = Treasury(house, login_as, tmp_path, app=app)
    desk.counted()
    return desk


def links(text: str) -> set[str]:
    return set(re.findall(r'href="([^"]+)"', text))


def rows_of(page: TestResponse, href: str) -> list[list[str]]:
    """The cells of the rows that lead to ``href``."""
    rows = [one for one in re.findall(r"<tr>.*?</tr>", page.text, re.DOTALL) if f'href="{href}"' in one]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", one, re.DOTALL) for one in rows]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells]


def sheet(answer: TestResponse, title: str) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    return [tuple(row) for row in book.get_sheet_by_name(title).to_python()]


def test_a_mark_needs_reason_and_evidence_and_is_taken_back(treasury: Treasury) -> None:
    wrong = treasury.send(OFFICER, f"{FILINGS}/marks", reason="", evidence="", account_nos="M001")
    assert wrong.status_code == 422
    assert "有 2 处要改" in words(wrong)
    assert "请填账户号，或选联系情况" in words(treasury.send(OFFICER, f"{FILINGS}/marks", **MARK))
    both = treasury.send(OFFICER, f"{FILINGS}/marks", **MARK, account_nos="M001", **{"reach-none": "yes"})
    assert "请选填其中一样" in words(both)
    treasury.marked("M001\nM003\nMZ/4,nobody")
    page = words(treasury.as_(OFFICER).get(FILINGS))
    assert "登记了 2 个账户；1 个账户号台账里没有：nobody，请核对账户号；另外 1 个没有登记" in page
    assert "退不了、还没有备案：2 个" in page
    assert "短信退回、电话停机" in page
    assert words(treasury.send(OFFICER, f"{FILINGS}/marks/of/M001", note="")).count("请填写") >= 1
    back = treasury.send(OFFICER, f"{FILINGS}/marks/of/M001", note="家属来电")
    assert "待清退" in words(treasury.as_(OFFICER).get(str(back.location)))
    assert treasury.as_(OFFICER).get(f"{FILINGS}/marks/of/M001").status_code == 404
    assert treasury.send(OFFICER, f"{FILINGS}/marks/of/M001", note="再取消").status_code == 409


def test_an_account_tells_its_filings_and_who_took_its_mark_back(treasury: Treasury, clock: FixedClock) -> None:
    """Marked, filed and found after all, then marked and taken back without a pack."""
    officer, at = treasury.house.actor(OFFICER).name, f"{ROOT}/accounts/M001"
    assert "退不了的登记和备案" not in words(treasury.as_(OFFICER).get(at))
    treasury.filed()
    why = "联系方式变更，联系不上：短信退回、电话停机"
    assert f"第 1 号备案已备案登记的原因：{why}{officer}" in words(treasury.as_(OFFICER).get(at))
    treasury.send(OFFICER, f"{FILINGS}/marks/of/M001", note="家属用 13985001236 来电")
    page = treasury.as_(AUDITOR).get(at)
    assert f"{FILINGS}/1" in links(page.text)
    told = f"取消登记找到人了怎么联系上的：家属用 139 **** 1236 来电原来登记的原因：{why}{officer}"
    assert told in words(page)
    clock.moment += timedelta(minutes=1)
    treasury.marked("M001")
    treasury.send(OFFICER, f"{FILINGS}/marks/of/M001", note="本人来了")
    page = words(treasury.as_(OFFICER).get(at))
    assert page.count("取消登记找到人了") == 2
    assert page.index("本人来了") < page.index("家属用") < page.index("第 1 号备案")
    assert (
        "取消登记" not in words(treasury.as_(OFFICER).get(f"{ROOT}/accounts/M003")).partition("退不了的登记和备案")[2]
    )


def test_all_accounts_of_one_kind_are_marked_at_once(treasury: Treasury) -> None:
    treasury.told().send(OFFICER, f"{FILINGS}/marks", **MARK, **{"reach-name": "yes"})
    page = words(treasury.as_(OFFICER).get(FILINGS))
    assert "退不了、还没有备案：1 个" in page
    assert "M003" in page


def test_a_look_says_how_many_would_be_marked_and_how_many_have_ways_left(treasury: Treasury) -> None:
    officer = treasury.as_(OFFICER)
    assert "看能登记多少" in officer.get(FILINGS).text
    assert 'formaction="/finance/outpatient/filings/marks"' not in officer.get(FILINGS).text
    wrong = treasury.send(OFFICER, f"{FILINGS}/marks/look", reason="", evidence="", account_nos="M001")
    assert wrong.status_code == 422
    assert "有 2 处要改" in words(wrong)
    nothing = treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, account_nos="M001,M003,nobody")
    assert nothing.status_code == 200
    assert "能登记 0 个" in words(nothing)
    assert "2 个还有渠道没试，不登记，先通知患者" in words(nothing)
    assert "1 个账户号台账里没有：nobody" in words(nothing)
    assert "个没有余额、正在退款或不是待清退" not in words(nothing)
    assert nothing.text.index("能登记") < nothing.text.index("退不了、还没有备案："), "the answer stands first"
    assert {f"{ROOT}/campaigns", f"{ROOT}/accounts?state=open&amp;told=left"} <= links(nothing.text)
    assert 'formaction="/finance/outpatient/filings/marks"' not in nothing.text
    sent = treasury.send(OFFICER, f"{FILINGS}/marks", **MARK, account_nos="M001,M003")
    assert "没有登记账户；2 个还有渠道没试，没有登记，请在“通知”里接着联系患者" in words(
        officer.get(str(sent.location))
    )
    tell_everybody(
        treasury.house.context, treasury.house.actor(OFFICER), treasury.house.actor(APPROVER), (Way.BOARD,)
    )
    looked = treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, account_nos="M001,M003")
    assert "登记 1 个账户" in words(looked)
    assert 'formaction="/finance/outpatient/filings/marks"' in looked.text
    assert "退不了、还没有备案：0 个" in words(looked)
    treasury.send(OFFICER, f"{FILINGS}/marks", **MARK, account_nos="M001,M003")
    page = words(officer.get(FILINGS))
    assert "登记了 1 个账户；1 个还有渠道没试" in page
    assert "退不了、还没有备案：1 个" in page
    for role in (CASHIER, AUDITOR, APPROVER):
        assert treasury.send(role, f"{FILINGS}/marks/look", **MARK, account_nos="M001").status_code == 403


def test_a_look_names_the_accounts_that_are_left_out_and_why(treasury: Treasury) -> None:
    treasury.accepted("M002", claimant_name="李乙", route="original")
    looked = words(treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, account_nos="M001,M002,M003,MZ/4"))
    assert "先通知患者。M001、M003" in looked
    assert "M002（正在退款）、MZ/4（没有余额）" in looked
    treasury.told()
    assert treasury.send(OFFICER, f"{FILINGS}/marks", **MARK, account_nos="M003").status_code == 303
    again = words(treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, account_nos="M001,M003,nobody"))
    assert "能登记 1 个" in again
    assert f"M003（{LISTED_LABELS['unclearable']}）" in again
    assert "M001（" not in again


def test_of_many_that_are_left_out_twenty_are_named(treasury: Treasury, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_out, "MOST_NAMED", 1)
    by_number = words(treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, account_nos="M001,M003"))
    assert "M001，另有 1 个" in by_number
    assert "M003" not in by_number.partition("另有 1 个")[0].rpartition("能登记")[2]
    by_kind = words(treasury.send(OFFICER, f"{FILINGS}/marks/look", **MARK, **{"reach-phone": "yes"}))
    assert "M001，另有 1 个" in by_kind


def test_the_page_of_an_account_leads_to_its_mark_where_the_rule_lets_it(treasury: Treasury) -> None:
    at, form = f"{ROOT}/accounts/M001", f"{FILINGS}/marks/for/M001"
    officer = treasury.as_(OFFICER)
    assert form not in officer.get(at).text
    assert officer.get(form).status_code == 404
    treasury.told()
    assert f"{form}#h-mark" in links(officer.get(at).text)
    for role in (CASHIER, APPROVER, AUDITOR):
        assert form not in treasury.as_(role).get(at).text
        assert treasury.as_(role).get(form).status_code == 403
    shown = officer.get(form).text
    assert re.search(r'<textarea[^>]*name="account_nos"[^>]*>M001</textarea>', shown)
    assert re.search(r'<option value="not_come"(?! selected)', shown)
    claim = treasury.accepted()
    assert form not in officer.get(at).text, "somebody came for it"
    assert treasury.send(CASHIER, f"{claim}/withdraw", ground="改天再来").status_code == 303
    treasury.marked("M001")
    assert form not in officer.get(at).text
    assert officer.get(form).status_code == 404


def test_the_duties_of_these_rooms_stand_alone_with_a_way_to_the_whole(treasury: Treasury) -> None:
    officer = treasury.as_(OFFICER)
    page, whole = officer.get(f"{ROOT}/duties"), officer.get("/finance/fund/duties")
    for text in ("共用账户", ">全部</a>", "area=fund", "登记所在地", "订阅日历</h2>"):
        assert text not in page.text
    for text in ("共用账户", "登记所在地", "订阅日历</h2>"):
        assert text in whole.text
    assert "/finance/fund/duties" in links(page.text)
    assert officer.get(f"{ROOT}/duties?area=fund&whose=all&year=2024").status_code == 200


def test_forms_sent_twice_give_the_same_result(treasury: Treasury) -> None:
    officer = treasury.told().as_(OFFICER)
    form = {**MARK, "account_nos": "M001", "idempotency_key": "form-key-twice-1"}
    for _ in range(2):
        officer.post(f"{FILINGS}/marks", form)
        assert "登记了 1 个账户。" in words(officer.get(FILINGS))
    pack = {"note": "随到随退", "idempotency_key": "form-key-twice-2"}
    assert [officer.post(FILINGS, pack).location for _ in range(2)] == [f"{FILINGS}/1"] * 2
    assert treasury.count("outpatient_filing") == 1
    assert treasury.send(OFFICER, FILINGS, note="再来一份").status_code == 409
    at = f"{FILINGS}/1"
    step = {"reference": "某局", "on": "2025-12-20", "idempotency_key": "form-key-twice-3"}
    assert [officer.post(f"{at}/submit", step).status_code for _ in range(2)] == [303, 303]
    assert treasury.send(OFFICER, f"{at}/submit", reference="某局", on="2025-12-20").status_code == 409
    other = officer.post(f"{at}/submit", {**step, "reference": "别的局"})
    assert other.status_code == 409


def test_a_pack_walks_past_two_people_with_its_evidence(treasury: Treasury) -> None:
    treasury.marked()
    assert treasury.send(OFFICER, FILINGS, note="").status_code == 422
    at = treasury.submitted()
    page = words(treasury.as_(OFFICER).get(at))
    assert "94.50 元" in page
    assert "财务员经手过，不能办" in page
    assert treasury.send(OFFICER, f"{at}/acknowledge", reference="备1", on="2025-12-25").status_code == 403
    early = treasury.send(APPROVER, f"{at}/acknowledge", reference="备1", on="2025-12-01")
    assert early.status_code == 422
    assert "早于报送日期" in words(early)
    late = treasury.send(APPROVER, f"{at}/acknowledge", reference="备1", on="2027-12-01")
    assert "还没有到" in words(late)
    done = treasury.send(APPROVER, f"{at}/acknowledge", reference="备〔2025〕1号", on="2025-12-25")
    assert "备〔2025〕1号 2025-12-25" in words(treasury.as_(APPROVER).get(str(done.location)))
    assert "已备案" in words(treasury.as_(OFFICER).get(f"{ROOT}/accounts/M001"))
    assert treasury.send(OFFICER, f"{at}/withdraw", note="重做").status_code == 409


def test_a_pack_that_is_withdrawn_frees_its_accounts(treasury: Treasury) -> None:
    at = treasury.marked().submitted()
    assert treasury.send(OFFICER, f"{at}/withdraw").status_code == 422
    done = treasury.send(OFFICER, f"{at}/withdraw", note="有一户联系上了")
    assert "等下一份备案" in words(treasury.as_(OFFICER).get(str(done.location)))
    page = words(treasury.as_(APPROVER).get(at))
    assert "有一户联系上了" in page.partition("已撤回")[2]
    listed = treasury.as_(OFFICER).get(FILINGS)
    assert "做材料，2 个账户" in words(listed)
    [row] = rows_of(listed, at)
    assert row[-2:] == ["2025-12-20", "已撤回：有一户联系上了"], "no acknowledgement is to come"
    letter = Document(io.BytesIO(treasury.as_(OFFICER).get(f"{at}/letter.docx").data))
    who = treasury.house.actor(OFFICER).name
    assert re.fullmatch(rf"已撤回：\d{{4}}-\d\d-\d\d 由{who}登记；原因：有一户联系上了", letter.paragraphs[1].text)
    again = str(treasury.send(OFFICER, FILINGS, note="随到随退。").location)
    assert rows_of(treasury.as_(OFFICER).get(FILINGS), again)[-1][-2:] == ["还没有", "还没有"]
    treasury.send(OFFICER, f"{again}/withdraw", note="又联系上一户")
    [row] = rows_of(treasury.as_(OFFICER).get(FILINGS), again)
    assert row[-2:] == ["没有报送", "已撤回：又联系上一户"]


def test_the_papers_of_a_pack_carry_its_figures_and_mask_people(treasury: Treasury) -> None:
    at = treasury.marked().submitted()
    officer = treasury.as_(OFFICER)
    rows = sheet(officer.get(f"{at}/list.xlsx"), "名单")
    assert [row[1] for row in rows[1:-1]] == ["M001", "M003"]
    assert rows[1][2] == "吴＊兰"
    assert "11010519491231002X" not in str(rows)
    assert "13800000001" not in str(rows)
    assert rows[-1][7] == 94.5
    letter = Document(io.BytesIO(officer.get(f"{at}/letter.docx").data))
    text = "\n".join(one.text for one in letter.paragraphs)
    assert "2 个，余额 94.50 元" in text
    assert "随到随退" in text
    assert "吴" not in text
    assert officer.get(f"{at}/letter.pdf").data.startswith(b"%PDF")
    assert officer.get(f"{at}/letter.odt").status_code == 404
    assert officer.get(f"{FILINGS}/9/list.xlsx").status_code == 404


def test_the_list_in_full_leaves_only_for_a_reason_that_is_kept(treasury: Treasury) -> None:
    at = treasury.marked().submitted()
    assert treasury.send(OFFICER, f"{at}/identity").status_code == 422
    made = treasury.send(OFFICER, f"{at}/identity", reason="送卫生健康部门备案")
    assert "吴桂兰" in str(sheet(made, "名单"))
    assert "11010519491231002X" in str(sheet(made, "名单"))
    with treasury.house.context.database.reading() as connection:
        query = "SELECT detail FROM audit_event WHERE action = 'outpatient.reveal_filing' AND outcome = 'done'"
        kept = connection.execute(sa.text(query)).scalars().all()
    assert len(kept) == 1
    assert "送卫生健康部门备案" in json.dumps(json.loads(kept[0]), ensure_ascii=False)
    for role in (CASHIER, AUDITOR):
        assert treasury.as_(role).get(f"{at}/identity").status_code == 403
        assert treasury.send(role, f"{at}/identity", reason="审计或复核要核对").status_code == 403
    assert treasury.as_(APPROVER).get(f"{at}/identity").status_code == 403


def test_who_only_looks_on_gets_no_forms_and_may_send_none(treasury: Treasury) -> None:
    at = treasury.frozen()
    for role in (CASHIER, AUDITOR):
        for page in (FILINGS, BATCHES, ADVANCES, f"{FILINGS}/1", at):
            answer = treasury.as_(role).get(page)
            assert answer.status_code == 200, page
            assert 'method="post" action="/finance/outpatient' not in answer.text, page
        for path in (f"{FILINGS}/marks", FILINGS, BATCHES, ADVANCES, f"{at}/freeze", f"{at}/review", f"{at}/approve"):
            assert treasury.send(role, path).status_code == 403, path
        assert treasury.send(role, f"{at}/drop", note="不要了").status_code == 403
    assert treasury.as_(Role.SYSTEM_ADMINISTRATOR).get(BATCHES).status_code == 403


def test_a_batch_is_proposed_for_a_31_december_and_says_what_is_held_back(treasury: Treasury) -> None:
    treasury.filed()
    assert treasury.send(OFFICER, f"{FILINGS}/marks/of/M003", note="家属来电").status_code == 303
    answer = treasury.as_(OFFICER).get(BATCHES)
    page = words(answer)
    assert "2025-12-31 要上缴64.50 元" in page
    assert "超过三年，没登记原因30.00 元" in page
    opened = f"{ROOT}/accounts?state=open&until=2022-12-30"
    assert opened.replace("&", "&amp;") in links(answer.text)
    assert "1 个账户，账上余额 30.00 元" in words(treasury.as_(OFFICER).get(opened))
    assert "最后变动在 2022-12-30 或以前的上缴，2022-12-31 的这一年不上缴" in page
    assert "12 月 31 日" in words(treasury.send(OFFICER, BATCHES, on="2025-12-30"))
    assert treasury.send(OFFICER, BATCHES, on="2030-12-31").status_code == 422
    assert treasury.send(OFFICER, BATCHES, on="").status_code == 422
    form = {"on": "2025-12-31", "idempotency_key": "form-key-propose"}
    officer = treasury.as_(OFFICER)
    assert [officer.post(BATCHES, form).location for _ in range(2)] == [f"{BATCHES}/1"] * 2
    again = treasury.send(OFFICER, BATCHES, on="2025-12-31")
    assert again.status_code == 409
    assert "已经有人在办" in words(again)


def test_what_is_filed_after_the_freezing_is_said_to_be_left_out(treasury: Treasury) -> None:
    at = treasury.frozen("M001")
    assert "冻结以后又有" not in words(treasury.as_(OFFICER).get(BATCHES))
    treasury.filed("M003")
    page = words(treasury.as_(OFFICER).get(BATCHES))
    assert "第 1 批冻结以后又有 1 个账户该在那一天上缴，名单里没有" in page
    assert "先作废这一批，再重新提出、冻结、复核" in page
    assert "冻结以后又有 1 个账户" in words(treasury.as_(OFFICER).get(at))


def test_the_access_log_says_of_outpatients_what_was_acted_on(treasury: Treasury) -> None:
    at = treasury.frozen()
    claim = treasury.accepted("M001")
    assert treasury.send(OFFICER, f"{claim}/review").status_code == 303
    answer = treasury.as_(AUDITOR).get("/security/log")
    page, found = words(answer), links(answer.text)
    assert f"一笔门诊退款，退款单号 {treasury.number(claim)}" in page
    assert {claim, at, f"{FILINGS}/1"} <= found
    assert "备案第 1 号" in page
    assert "清退通知第 1 次" in page
    assert "outpatient_" not in page
    assert claim.rpartition("/")[2] not in page


def test_nothing_due_makes_no_batch(treasury: Treasury) -> None:
    answer = treasury.send(OFFICER, BATCHES, on="2025-12-31")
    assert answer.status_code == 409
    assert "没有要上缴的账户" in words(answer)
    assert treasury.count("outpatient_batch") == 0


def test_the_list_can_be_checked_by_its_digest(treasury: Treasury, monkeypatch: pytest.MonkeyPatch) -> None:
    treasury.filed()
    at = str(treasury.send(OFFICER, BATCHES, on="2025-12-31").location)
    assert treasury.as_(OFFICER).get(f"{at}/list.csv").status_code == 409
    treasury.send(OFFICER, f"{at}/freeze")
    made = treasury.as_(AUDITOR).get(f"{at}/list.csv")
    assert made.data == b"M001,64.50\nM003,30.00\n"
    page = words(treasury.as_(AUDITOR).get(at))
    assert hashlib.sha256(made.data).hexdigest() in page
    assert "sha256sum" in page
    assert f"{at}/list.pdf" in links(treasury.as_(AUDITOR).get(at).text)
    with monkeypatch.context() as patch:
        patch.setattr(list_papers, "PDF_ROWS", 1)
        for one in (at, f"{FILINGS}/1"):
            page = treasury.as_(AUDITOR).get(one)
            assert f"{one}/list.pdf" not in links(page.text), one
            assert "有 2 行，PDF 最多 1 行：请用 XLSX" in words(page), one
    rows = sheet(treasury.as_(AUDITOR).get(f"{at}/list.xlsx"), "名单")
    assert rows[1][:4] == (1, "M001", 64.5, "2020-03-01")
    assert rows[1][4:9] == ("待上缴", 1, "备〔2025〕1号", "2025-12-25", "联系方式变更，联系不上：短信退回、电话停机")
    assert rows[1][9:11] == (2, "短信")
    assert rows[1][12] == "空号或停机"
    assert rows[-1][2] == 94.5


def test_a_workbook_that_would_take_too_long_says_where_the_rest_is(
    treasury: Treasury, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = treasury.frozen()
    monkeypatch.setattr(batch_files, "XLSX_ROWS", 1)
    made = treasury.as_(AUDITOR).get(f"{at}/list.xlsx")
    assert sheet(made, "名单")[1] == (1, "M001", 64.5, "2020-03-01")
    assert "抽查" in str(sheet(made, "说明"))


def test_reviewers_see_how_each_was_filed_and_what_was_tried(treasury: Treasury) -> None:
    at = treasury.frozen()
    page = treasury.as_(OFFICER).get(at)
    for text in ("第 1 号", "2025-12-25", "联系方式变更，联系不上：短信退回、电话停机", "公告栏，已发出"):
        assert text in page.text
    assert f"{FILINGS}/1" in links(page.text)
    assert "M001" in treasury.as_(OFFICER).get(f"{at}?reason=contact_changed").text
    other = treasury.as_(OFFICER).get(f"{at}?reason=died").text
    assert f'href="{ROOT}/accounts/M001"' not in other
    assert "没有这个原因的账户" in other
    assert f'href="{ROOT}/accounts/M001"' not in treasury.as_(OFFICER).get(f"{at}?after=M001").text
    assert f'href="{ROOT}/accounts/M003"' in treasury.as_(OFFICER).get(f"{at}?after=M001").text
    assert treasury.as_(OFFICER).get(f"{at}?reason=%27&after={'9' * 500}").status_code == 200
    whole = words(treasury.as_(AUDITOR).get(f"{at}/sample?size=30"))
    assert re.search(r"\d-\d\d 公告栏，已发出\d{4}-\d\d-\d\d 短信，空号或停机", whole)
    drawn = treasury.as_(AUDITOR).get(f"{at}/sample?size=1")
    assert "抽中 1 个，名单共 2 个" in words(drawn)
    assert treasury.as_(AUDITOR).get(f"{at}/sample?size=1").text.count("row-link") == 1
    assert treasury.as_(AUDITOR).get(f"{BATCHES}/9/sample").status_code == 404
    for size in ("0", "-1", "x", "9" * 5000):
        assert treasury.as_(AUDITOR).get(f"{at}/sample", query_string={"size": size}).status_code == 200


def test_a_proposal_has_no_sample_yet(treasury: Treasury) -> None:
    at = str(treasury.filed().send(OFFICER, BATCHES, on="2025-12-31").location)
    assert treasury.as_(OFFICER).get(f"{at}/sample").status_code == 409
    assert "抽查" not in treasury.as_(OFFICER).get(at).text


def test_three_people_review_a_fourth_approves_a_fifth_remits(treasury: Treasury) -> None:
    at = treasury.frozen()
    page = words(treasury.as_(OFFICER).get(at))
    assert "这一步要由另一个人办" in page
    assert "还差 3 个人，能复核的只有 0 个" in page
    assert f"{treasury.house.actor(APPROVER).name}留着批准，不复核" in page
    assert treasury.send(OFFICER, f"{at}/review", part="books", note="自己复核").status_code == 403
    two = treasury.another(OFFICER, "o2")
    assert treasury.by(two, f"{at}/review", part="", note="").status_code == 422
    form = {"part": "books", "note": "与账簿一致", "idempotency_key": "form-key-review"}
    assert [two.post(f"{at}/review", form).status_code for _ in range(2)] == [303, 303]
    assert treasury.by(two, f"{at}/review", part="filing", note="再看").status_code == 409
    early = treasury.send(APPROVER, f"{at}/approve")
    assert early.status_code == 409
    assert "还没有复核完" in words(early)
    treasury.by(treasury.another(OFFICER, "o3"), f"{at}/review", part="contacts", note="好")
    three = treasury.another(APPROVER, "a2")
    treasury.by(three, f"{at}/review", part="filing", note="好")
    assert treasury.by(three, f"{at}/approve").status_code == 403
    approve = {"idempotency_key": "form-key-approve"}
    assert "批准上缴 94.50 元" in words(treasury.as_(APPROVER).get(at))
    sent = [treasury.as_(APPROVER).post(f"{at}/approve", approve).status_code for _ in range(2)]
    assert sent == [303, 303]
    assert treasury.send(APPROVER, f"{at}/remit", **REMITTED).status_code == 403
    last = treasury.another(APPROVER, "a3")
    for name in REMITTED:
        assert treasury.by(last, f"{at}/remit", **{**REMITTED, name: ""}).status_code == 422, name
    assert treasury.by(last, f"{at}/remit", **{**REMITTED, "remitted_on": "2027-01-01"}).status_code == 422
    remit = {**REMITTED, "idempotency_key": "form-key-remit"}
    assert [last.post(f"{at}/remit", remit).status_code for _ in range(2)] == [303, 303]
    assert treasury.by(last, f"{at}/remit", **REMITTED).status_code == 409
    page = words(last.get(at))
    assert "缴款书001" in page
    assert "银行回单 HD20260105" in page
    assert "回单 HD20260105" in words(last.get(BATCHES))
    rows = sheet(last.get(f"{at}/list.xlsx"), "说明")
    assert "缴款书001，银行回单 HD20260105" in str(rows)
    assert treasury.balance("M001") == 0


def test_a_list_is_reviewed_before_its_day_and_approved_from_it_on(treasury: Treasury) -> None:
    treasury.house.context.clock.moment = datetime(2025, 12, 29, 2, tzinfo=UTC)  # type: ignore[attr-defined]
    at = treasury.reviewed()
    page = words(treasury.as_(APPROVER).get(at))
    assert "2025-12-31 起才能批准、入账和登记缴款" in page
    assert "批准上缴" not in page
    assert "上缴名单等批准" not in words(treasury.as_(APPROVER).get(ROOT))
    listed = words(treasury.as_(OFFICER).get(BATCHES))
    assert "2025-12-31 要上缴，还没进名单0.00 元" in listed
    assert "已进第 1 批名单94.50 元" in listed
    early = treasury.send(APPROVER, f"{at}/approve")
    assert early.status_code == 409
    assert "2025-12-31 起才能批准" in words(early)
    # Whoever comes in between is paid first, as on any other day.
    assert treasury.accepted("M001")
    assert "先退给患者" in words(treasury.as_(APPROVER).get(at))
    assert treasury.send(OFFICER, f"{at}/drop", note="有人来领").status_code == 403
    assert treasury.send(APPROVER, f"{at}/drop", note="有人来领").status_code == 303
    assert treasury.balance("M003") == 3000


def test_a_list_of_which_somebody_was_paid_says_so_in_time(treasury: Treasury) -> None:
    at = treasury.reviewed()
    claim = treasury.confirmed("M001")
    assert treasury.send(CASHIER, f"{claim}/pay", receipt="LK-1").status_code == 303
    page = treasury.as_(APPROVER).get(at)
    assert "名单里有 1 个账户来办了退款" in words(page)
    assert "M001（办过了）" in words(page)
    assert f'action="{at}/approve"' not in page.text
    assert f'action="{at}/drop"' in page.text
    assert f'action="{at}/drop"' not in treasury.as_(OFFICER).get(at).text
    assert "请财务审批（不是冻结名单的人）作废" in words(treasury.as_(OFFICER).get(at))
    home = words(treasury.as_(APPROVER).get("/"))
    assert "上缴名单要重做" in home
    assert "上缴名单等批准" not in home
    assert "名单要重做" in words(treasury.as_(OFFICER).get(BATCHES))
    assert "名单里有人来办了退款，先作废、重新提出" in words(
        treasury.as_(OFFICER).get("/finance/outpatient/duties?show=pressing")
    )
    refused = treasury.send(APPROVER, f"{at}/approve")
    assert refused.status_code == 409
    assert "请作废这一批，再重新提出" in words(refused)
    assert treasury.send(APPROVER, f"{at}/drop", note="有人来领").status_code == 303
    assert "上缴名单要重做" not in words(treasury.as_(APPROVER).get("/"))


def test_a_number_that_another_batch_has_comes_back_beside_its_field(treasury: Treasury) -> None:
    assert treasury.remitted("M001") == f"{BATCHES}/1"
    at = treasury.reviewed("M003")
    assert treasury.send(APPROVER, f"{at}/approve").status_code == 303
    last = treasury.another(APPROVER, "a3")
    given = {"voucher_no": "缴款书 002", "bank_reference": "HD2", "remitted_on": "2026-01-06"}
    for name, value, label in (
        ("voucher_no", "缴款书 ００1", "这个缴款书编号已经登记在第 1 批"),
        ("bank_reference", "hd-2026 0105", "这个银行回单号已经登记在第 1 批"),
        ("voucher_no", "缴款书", "缴款书编号里没有数字或字母"),
        ("remitted_on", "2025-12-30", "早于上缴日"),
    ):
        answer = treasury.by(last, f"{at}/remit", **{**given, name: value})
        assert answer.status_code == 422, name
        assert label in words(answer)
        assert f'id="e-{name}"' in answer.text, name
    assert treasury.by(last, f"{at}/remit", **given).status_code == 303
    assert "回单 HD2" in words(last.get(BATCHES))


def test_the_entries_of_a_batch_open_to_their_postings_and_lead_back(treasury: Treasury) -> None:
    at = treasury.remitted()
    page = treasury.as_(AUDITOR).get(at)
    entries = sorted({href for href in links(page.text) if re.fullmatch(r"/finance/ledger/\d+", href)})
    assert len(entries) == 2
    texts = [treasury.as_(AUDITOR).get(href) for href in entries]
    assert any("2103" in words(one) and "94.50" in words(one) for one in texts)
    assert all(at in links(one.text) for one in texts)
    assert not any(href.startswith("/finance/ledger/") for href in links(treasury.as_(CASHIER).get(at).text))


def test_whoever_comes_stops_the_approval_and_the_batch_is_dropped(treasury: Treasury) -> None:
    at = treasury.reviewed()
    claim = treasury.accepted("M001")
    page = treasury.as_(APPROVER).get(at)
    assert "先退给患者" in words(page)
    assert claim in links(page.text)
    assert "批准上缴" not in page.text
    assert treasury.send(APPROVER, f"{at}/approve").status_code == 409
    assert treasury.send(OFFICER, f"{at}/drop", note="").status_code == 422
    assert treasury.send(OFFICER, f"{at}/drop", note="有人来领").status_code == 403
    form = {"note": "有人来领", "idempotency_key": "form-key-drop"}
    assert [treasury.as_(APPROVER).post(f"{at}/drop", form).status_code for _ in range(2)] == [303, 303]
    assert "有人来领" in words(treasury.as_(OFFICER).get(BATCHES))
    dropped = treasury.as_(OFFICER).get(at)
    assert "已作废，不能交给财政" in words(dropped)
    assert "给财政的名单" not in words(dropped)
    cover = str(sheet(treasury.as_(OFFICER).get(f"{at}/list.xlsx"), "说明"))
    assert f"由{treasury.house.actor(APPROVER).name}登记；原因：有人来领" in cover
    again = str(treasury.send(OFFICER, BATCHES, on="2025-12-31").location)
    assert "30.00" in words(treasury.as_(OFFICER).get(again))


def test_a_dropped_list_waits_for_no_review_and_its_files_are_named_so(treasury: Treasury) -> None:
    at = treasury.frozen()
    treasury.by(treasury.another(OFFICER, "o2"), f"{at}/review", part="books", note="核对一致")
    page = treasury.as_(OFFICER).get(at)
    assert (words(page).count("等复核"), "未批准，不能作为上缴依据" in words(page)) == (2, True)

    def name(kind: str) -> str:
        return unquote(treasury.as_(OFFICER).get(f"{at}/list.{kind}").headers["Content-Disposition"])

    text = treasury.as_(OFFICER).get(f"{at}/list.csv").data
    assert {name(kind).rpartition("第")[2] for kind in ("csv", "xlsx")} == {"1批（未批准）.csv", "1批（未批准）.xlsx"}
    treasury.send(APPROVER, f"{at}/drop", note="数错了")
    page = treasury.as_(OFFICER).get(at)
    assert "等复核" not in words(page)
    assert page.text.count('class="mark idle"') >= 2
    assert len(re.findall(r'<span class="mark idle">(?:<[^>]+>|\s)*没有复核', page.text)) == 2
    assert "已复核" in words(page)
    assert {name(kind).rpartition("第")[2] for kind in ("csv", "pdf")} == {"1批（已作废）.csv", "1批（已作废）.pdf"}
    assert treasury.as_(OFFICER).get(f"{at}/list.csv").data == text


def test_a_booking_that_was_cut_short_goes_on(treasury: Treasury, monkeypatch: pytest.MonkeyPatch) -> None:
    at = treasury.reviewed()
    assert treasury.send(APPROVER, f"{at}/book").status_code == 409

    def fail(*_: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(escheat, "_book_part", fail)
    assert treasury.send(APPROVER, f"{at}/approve").status_code == 409
    monkeypatch.undo()
    assert "接着入账" in words(treasury.as_(APPROVER).get(at))
    assert treasury.balance("M001") == 6450
    assert treasury.send(APPROVER, f"{at}/book").status_code == 303
    assert treasury.balance("M001") == 0
    assert "已入账，待缴款" in words(treasury.as_(APPROVER).get(at))


def test_a_claim_paid_ahead_is_listed_submitted_by_another_and_reimbursed(treasury: Treasury) -> None:
    treasury.paid_ahead()
    page = words(treasury.as_(OFFICER).get(ADVANCES))
    assert "等列入的 1 笔" in page
    assert "还可申请94.50" in page
    assert treasury.send(OFFICER, ADVANCES, budget_year="").status_code == 422
    assert "补做上一年的申请，填 2026" in page
    assert "请填四位数的年份" in words(treasury.send(OFFICER, ADVANCES, budget_year="26"))
    for year in ("2020", "2025", "2028", "2035"):
        refused = treasury.send(OFFICER, ADVANCES, budget_year=year)
        assert refused.status_code == 422
        assert "请填 2027；补做上一年的申请，请填 2026。" in words(refused)
    form = {"budget_year": "2027", "idempotency_key": "form-key-list"}
    officer = treasury.as_(OFFICER)
    assert [officer.post(ADVANCES, form).location for _ in range(2)] == [f"{ADVANCES}/1"] * 2
    assert treasury.send(OFFICER, ADVANCES, budget_year="2027").status_code == 409
    at = f"{ADVANCES}/1"
    handed = {"reference": "请〔2026〕1号", "on": "2026-01-10"}
    assert treasury.send(OFFICER, f"{at}/submit", **handed).status_code == 403
    assert treasury.send(APPROVER, f"{at}/submit", reference="", on="2026-01-10").status_code == 422
    twice = {**handed, "idempotency_key": "form-key-submit"}
    assert [treasury.as_(APPROVER).post(f"{at}/submit", twice).status_code for _ in range(2)] == [303, 303]
    assert treasury.send(APPROVER, f"{at}/submit", **handed).status_code == 409
    assert treasury.send(APPROVER, f"{at}/reimburse", reference="HD1", on="2026-01-14").status_code == 403
    money = {"reference": "HD1", "on": "2026-01-14", "idempotency_key": "form-key-money"}
    assert [officer.post(f"{at}/reimburse", money).status_code for _ in range(2)] == [303, 303]
    assert treasury.send(OFFICER, f"{at}/reimburse", reference="HD1", on="2026-01-14").status_code == 409
    page = words(officer.get(at))
    assert "财政补回" in page
    assert "还可申请30.00" in page
    assert treasury.send(OFFICER, f"{at}/refuse", note="晚了").status_code == 409


def test_the_papers_of_a_list_stay_within_what_was_remitted(treasury: Treasury) -> None:
    treasury.paid_ahead(beyond="10.00", counted="10.00", ground="患者持凭条，少计 10 元")
    page = words(treasury.as_(OFFICER).get(ADVANCES))
    assert "本院少计的 1 笔，10.00 元由本院承担" in page
    at = str(treasury.send(OFFICER, ADVANCES, budget_year="2027").location)
    rows = sheet(treasury.as_(OFFICER).get(f"{at}/list.xlsx"), "垫付清单")
    assert rows[1][3] == "吴＊兰"
    assert rows[1][5:] == (74.5, 10, 64.5)
    made = treasury.as_(OFFICER).get(f"{at}/form.docx")
    form = Document(io.BytesIO(made.data))
    cells = [cell.text for row in form.tables[0].rows for cell in row.cells]
    assert cells[2:] == [
        *("实际上缴财政的门诊预交金", "94.50", "其他申请表已申请", "0.00"),
        *("本次申请", "64.50", "申请后还在规模内的余数", "30.00"),
    ]
    assert treasury.as_(OFFICER).get(f"{at}/form.pdf").data.startswith(b"%PDF")
    assert treasury.as_(OFFICER).get(f"{at}/form.odt").status_code == 404
    assert "逾期" not in page


def test_what_comes_back_after_the_treasury_gave_it_is_shown_as_owed(treasury: Treasury) -> None:
    treasury.remitted()
    claim = treasury.confirmed("M001", **BANK)
    treasury.choose(CASHIER, claim)
    treasury.answer((treasury.number(claim), "64.50", "成功", "YH-1", ""))
    at = str(treasury.send(OFFICER, ADVANCES, budget_year="2027").location)
    treasury.send(APPROVER, f"{at}/submit", reference="请1号", on="2026-01-10")
    assert treasury.send(OFFICER, f"{at}/reimburse", reference="HD1", on="2026-01-14").status_code == 303
    assert "待再付" not in words(treasury.as_(OFFICER).get(ADVANCES))
    assert treasury.send(CASHIER, f"{claim}/bounce", ground="账户注销", slip="TH-1").status_code == 303
    page = treasury.as_(CASHIER).get(claim)
    assert "银行退回了 64.50 元，是欠患者的钱" in words(page)
    assert f"{claim}/withdraw" not in page.text
    assert "银行退回、待再付患者的 1 笔，64.50 元" in words(treasury.as_(OFFICER).get(ADVANCES))
    assert "银行退回，待再付64.50 元" in words(treasury.as_(OFFICER).get(f"{ROOT}/progress"))
    assert "银行退回，待再付" in words(treasury.as_(OFFICER).get(at))
    assert f"待再付患者的：{treasury.number(claim)}" in str(
        sheet(treasury.as_(OFFICER).get(f"{at}/list.xlsx"), "说明")
    )
    assert "欠患者64.50 元" in words(treasury.as_(OFFICER).get(f"{ROOT}/accounts/M001")).replace("欠患者 ", "欠患者")
    assert "找到人就再付" in words(treasury.as_(CASHIER).get("/desk/refunds/accounts/M001"))
    assert "银行退回，欠患者" in words(treasury.as_(OFFICER).get("/finance/ledger"))


def test_a_refused_list_says_what_must_be_paid_again_first(treasury: Treasury) -> None:
    treasury.remitted()
    claim = treasury.confirmed("M001", **BANK)
    treasury.choose(CASHIER, claim)
    treasury.answer((treasury.number(claim), "64.50", "成功", "YH-1", ""))
    at = str(treasury.send(OFFICER, ADVANCES, budget_year="2027").location)
    treasury.send(APPROVER, f"{at}/submit", reference="请1号", on="2026-01-10")
    treasury.send(CASHIER, f"{claim}/bounce", ground="账户注销", slip="TH-1")
    assert "财政已经补回或正在申请" in words(treasury.as_(CASHIER).get(claim))
    done = treasury.send(OFFICER, f"{at}/refuse", note="格式不对")
    said = words(treasury.as_(OFFICER).get(str(done.location)))
    assert "1 笔银行退了回来，再付到患者以后才能列入下一份" in said
    assert "垫付款可以列入下一份" not in said
    shown = words(treasury.as_(CASHIER).get(claim))
    assert "申请没有下来，再付到患者以后可以列入下一份申请表" in shown
    assert "财政已经补回或正在申请" not in shown


def test_a_refused_list_frees_its_claims(treasury: Treasury) -> None:
    at = str(treasury.paid_ahead().send(OFFICER, ADVANCES, budget_year="2027").location)
    assert treasury.send(OFFICER, f"{at}/refuse", note="").status_code == 422
    assert treasury.send(OFFICER, f"{at}/refuse", note="格式不对").status_code == 303
    assert "格式不对" in words(treasury.as_(OFFICER).get(at))
    assert "等列入的 1 笔" in words(treasury.as_(OFFICER).get(ADVANCES))


def test_number_and_reason_of_a_form_stand_apart_and_what_never_went_was_taken_back(treasury: Treasury) -> None:
    one = str(treasury.paid_ahead().send(OFFICER, ADVANCES, budget_year="2027").location)
    done = treasury.send(OFFICER, f"{one}/refuse", note="做早了")
    said = words(treasury.as_(OFFICER).get(str(done.location)))
    assert "第 1 号申请表已撤回。" in said
    two = str(treasury.send(OFFICER, ADVANCES, budget_year="2027").location)
    treasury.send(APPROVER, f"{two}/submit", reference="请1号", on="2026-01-10")
    done = treasury.send(OFFICER, f"{two}/refuse", note="漏附缴款书")
    page = treasury.as_(OFFICER).get(str(done.location))
    assert "第 2 号申请表已登记退回。" in words(page)
    assert "退回或撤回的原因" in words(page)
    assert [(row[2], *row[-2:]) for at in (one, two) for row in rows_of(page, at)] == [
        ("已撤回", "—", "做早了"),
        ("已退回", "请1号", "漏附缴款书"),
    ]
    taken, refused = (words(treasury.as_(OFFICER).get(at)) for at in (one, two))
    assert ("已撤回" in taken, "已退回" in taken) == (True, False)
    assert ("已撤回" in refused, "已退回" in refused) == (False, True)
    form = Document(io.BytesIO(treasury.as_(OFFICER).get(f"{two}/form.docx").data))
    assert f"由{treasury.house.actor(OFFICER).name}登记；原因：漏附缴款书" in form.paragraphs[1].text


def test_what_waits_shows_to_who_may_do_it_and_to_nobody_else(treasury: Treasury) -> None:
    treasury.marked()
    at = str(treasury.send(OFFICER, FILINGS, note="随到随退").location)
    assert at in links(treasury.as_(OFFICER).get(ROOT).text)
    assert at in links(treasury.as_(OFFICER).get("/").text)
    assert at not in links(treasury.as_(APPROVER).get(ROOT).text)
    treasury.send(OFFICER, f"{at}/submit", reference="某局", on="2025-12-20")
    assert at in links(treasury.as_(APPROVER).get(ROOT).text)
    treasury.send(APPROVER, f"{at}/acknowledge", reference="备1", on="2025-12-25")
    names = ((OFFICER, "o2"), (OFFICER, "o3"), (APPROVER, "a2"))
    for role, name in names:
        treasury.another(role, name)
    batch = str(treasury.send(OFFICER, BATCHES, on="2025-12-31").location)
    assert "去冻结" in words(treasury.as_(OFFICER).get(ROOT))
    treasury.send(OFFICER, f"{batch}/freeze")
    assert batch not in links(treasury.as_(OFFICER).get(ROOT).text)
    assert "上缴名单等复核" in words(treasury.as_(APPROVER).get(ROOT))
    assert "上缴名单等批准" not in words(treasury.as_(APPROVER).get(ROOT))
    for part, (role, name) in zip(escheat.Part, names, strict=True):
        treasury.by(treasury.another(role, name), f"{batch}/review", part=part.value, note="好")
    assert "上缴名单等批准" in words(treasury.as_(APPROVER).get(ROOT))
    assert "上缴名单等" not in words(treasury.another(APPROVER, "a2").get(ROOT))
    treasury.send(APPROVER, f"{batch}/approve")
    assert "等登记缴款" not in words(treasury.as_(APPROVER).get(ROOT))
    assert "等登记缴款" in words(treasury.another(APPROVER, "a2").get(ROOT))


def test_the_last_who_could_approve_does_not_review_and_is_told_who_could(treasury: Treasury) -> None:
    """Two approvers: one may review a part, the other keeps the approval; a list that is stuck is somebody's task."""
    at = treasury.frozen()
    a2, form = treasury.another(APPROVER, "a2"), {"part": "books", "note": "与账簿一致"}
    treasury.another(OFFICER, "o2")
    assert treasury.by(a2, f"{at}/review", **form).status_code == 303
    page = words(treasury.as_(APPROVER).get(at))
    assert "能批准这一批的人只剩您一个" in page
    assert "复核通过" not in page
    assert "上缴名单等复核" not in words(treasury.as_(APPROVER).get("/"))
    refused = treasury.send(APPROVER, f"{at}/review", part="filing", note="好")
    assert refused.status_code == 409
    said = words(refused)
    assert "能批准的人只剩您一个，复核的人不能批准" in said
    assert f"请由{OFFICER.label}o2复核" in said
    assert treasury.count("outpatient_batch_review") == 1
    stuck = "上缴批次没有人能接着办"
    assert stuck in words(treasury.as_(OFFICER).get("/")), "two reviews are missing, and one person may review"
    assert "上缴批次缺人，请开账号" in words(treasury.as_(Role.SYSTEM_ADMINISTRATOR).get("/"))
    treasury.another(OFFICER, "o3")
    assert stuck not in words(treasury.as_(OFFICER).get("/"))
    assert "上缴批次缺人" not in words(treasury.as_(Role.SYSTEM_ADMINISTRATOR).get("/"))
    for name, part in (("o2", "filing"), ("o3", "contacts")):
        done = treasury.by(treasury.another(OFFICER, name), f"{at}/review", part=part, note="好")
        assert done.status_code == 303
    assert f"下一步：批准，由 {treasury.house.actor(APPROVER).name} 办" in words(
        treasury.another(OFFICER, "o3").get(at)
    )
    assert treasury.send(APPROVER, f"{at}/approve").status_code == 303


def test_more_than_was_remitted_is_asked_for_with_the_slip_and_a_ground(treasury: Treasury) -> None:
    treasury.remitted()
    account = "/desk/refunds/accounts/M001"
    assert "多退要交" in words(treasury.as_(CASHIER).get(account))
    asked = {**CASH, "beyond": "10.00", "ground": "凭条上多 10 元", "counted": "10.00"}
    refused = treasury.send(CASHIER, account, **asked)
    assert refused.status_code == 422
    assert "不能退 74.50 元：比上缴的多要退，还缺预交金凭条" in words(refused)
    assert "<details open><summary>患者手里的凭条比上缴的多" in refused.text, "what was typed stays in sight"
    short = treasury.send(CASHIER, account, **{**asked, "ground": "x"})
    assert short.status_code == 422
    assert "请写明依据" in words(short)
    assert "比上缴的多要退，还缺预交金凭条。" in words(short), "everything that is missing at once"
    slip = {"paper-slip": "yes", "reference-slip": "凭条 2019-0113"}
    assert treasury.send(CASHIER, account, **asked, **slip).status_code == 303


def test_the_ground_of_what_goes_beyond_is_read_by_whoever_decides_and_audits(treasury: Treasury) -> None:
    treasury.remitted()
    asked = {"beyond": "10.00", "counted": "10.00", "ground": f"凭条上多 10 元，{OWN} 的那一张"}
    claim = treasury.accepted("M001", **asked)
    for role in (OFFICER, APPROVER, AUDITOR):
        page = words(treasury.as_(role).get(claim))
        assert "其中另外多退 10.00 元，上缴的钱里没有，由本院承担" in page
        assert "依据：凭条上多 10 元，1101 **** 002X 的那一张" in page
    treasury.send(CASHIER, f"{claim}/withdraw", ground="先不退了")
    after = words(treasury.as_(AUDITOR).get(claim))
    assert "收材料 2 份，另外多退 10.00 元，依据：凭条上多 10 元" in after, "whatever ended the claim"


def test_a_claim_of_before_its_act_kept_the_ground_shows_its_own(
    treasury: Treasury, monkeypatch: pytest.MonkeyPatch
) -> None:
    treasury.remitted()
    claim = treasury.accepted("M001", beyond="10.00", counted="10.00", ground="凭条上多 10 元")
    bare = claim_review.record_on
    monkeypatch.setattr(claim_review, "record_on", lambda *of: [replace(one, detail={}) for one in bare(*of)])
    assert "另外多退 10.00 元，上缴的钱里没有，由本院承担。受理时写的依据：凭条上多 10 元。" in words(
        treasury.as_(AUDITOR).get(claim)
    )
    treasury.send(CASHIER, f"{claim}/withdraw", ground="先不退了")
    assert "受理时写的依据" not in words(treasury.as_(AUDITOR).get(claim)), "it is why the claim ended"


def test_the_form_names_the_sum_that_it_takes_down_before_it_does(treasury: Treasury) -> None:
    """In figures, in capitals and on the button; a sum that the button didn't count in is shown first."""
    treasury.remitted()
    account = "/desk/refunds/accounts/M001"
    slip = {"paper-slip": "yes", "reference-slip": "凭条 2019-0113"}
    asked = {**CASH, **slip, "beyond": "10", "ground": "凭条上多 10 元"}
    claims = treasury.count("outpatient_claim")
    for counted in ({}, {"counted": "9.00"}):
        page = treasury.send(CASHIER, account, **asked, **counted)
        assert (page.status_code, treasury.count("outpatient_claim")) == (200, claims)
        assert "一共退 74.50 元（人民币柒拾肆元伍角整）：上缴的 64.50 元，另外多退 10.00 元" in words(page)
        assert "受理退款 74.50 元" in words(page)
        assert re.search(r"另外多退10.00 元，由本院承担\s*大写人民币柒拾肆元伍角整", words(page))
    assert "还缺本人有效证件。" in words(treasury.send(CASHIER, account, **{**asked, "paper-own_id": ""}))
    [counted] = re.findall(r'name="counted" value="([^"]+)"', page.text)
    less = treasury.send(CASHIER, account, **{**asked, "beyond": ""}, counted=counted)
    assert (less.status_code, treasury.count("outpatient_claim")) == (200, claims)
    assert "受理退款 64.50 元" in words(less)
    claim = str(treasury.send(CASHIER, account, **asked, counted=counted).location)
    assert "大写人民币柒拾肆元伍角整" in words(treasury.as_(OFFICER).get(claim))
