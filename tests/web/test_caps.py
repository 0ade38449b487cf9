"""From a file of cases to the table on the wall, as finance officer and approver do it in the browser."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from hospital_prepay.domain.access import Role
from hospital_prepay.files.spreadsheets import read_sheet
from hospital_prepay.persistence.queries import access as trail
from hospital_prepay.persistence.queries.access import AuditFilter
from hospital_prepay.services import import_runs
from hospital_prepay.services.inpatient.cap_tables import MeasureTable, approve_table, measure_table
from hospital_prepay.services.publication.readings import NewChoice, change_reading
from hospital_prepay.web import case_imports
from tests.people import INSTITUTION, Browser, House

Login = Callable[[Role], Browser]
DATA = Path(__file__).parents[1] / "data"
SAMPLE = (DATA / "inpatient_cases.csv").read_bytes()
HEADER = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n"
AS_OF = {"as_of": "2025-12-31", "min_cases": "10", "round_down_to": "10"}


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to an upload waits for its end, however busy the machine is."""
    monkeypatch.setattr(case_imports, "_PATIENCE", 60.0)


def upload(browser: Browser, data: bytes | str, name: str = "cases.csv", **options: Any) -> TestResponse:
    """Send a file of cases."""
    content = data.encode() if isinstance(data, str) else data
    form = {"file": (io.BytesIO(content), name)}
    return browser.post("/finance/caps/imports", form, content_type="multipart/form-data", **options)


def row(number: int, *, on: str = "2024-05-05", code: str = "J1", insured: str = "310", burden: str = "500") -> str:
    return f"C{number},{on},{code},肺炎{code},{insured},1000,{burden}\n"


def drafted(login_as: Login, **form: str) -> str:
    """The address of a draft measured from the sample."""
    officer = login_as(Role.FINANCE_OFFICER)
    assert upload(officer, SAMPLE).status_code == 303
    measured = officer.post("/finance/caps", {**AS_OF, **form})
    assert measured.status_code == 303, measured.text
    return str(measured.headers["Location"])


def refusals(house: House) -> list[tuple[str, Any]]:
    with house.context.database.reading() as connection:
        events, _ = trail.audit_events(connection, INSTITUTION, AuditFilter(outcome="refused"), first=0, size=20)
    return [(one.action, one.subject) for one in events]


@pytest.mark.clause("guizhou-deposit-2025/12", "guizhou-deposit-2025/18")
def test_cases_become_a_table_on_the_wall(house: House, browser: Browser, login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    taken_in = upload(officer, SAMPLE)
    page = officer.get(taken_in.headers["Location"]).text
    assert "病例已收下" in page
    assert "2,464" in page
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    own = officer.get(draft).text
    assert "您是测算人，须另一个人批准" in own
    assert "财务审批员" in own
    assert officer.post(f"{draft}/approve").status_code == 403
    assert officer.get(f"{draft}?confirm=publish").text.count("先不发") == 0
    assert "额度表还没有发布" in browser.get("/public/deposits").text
    assert approver.post(f"{draft}/approve").status_code == 303
    confirm = officer.get(f"{draft}?confirm=publish").text
    assert "发布第 1 版额度表？" in confirm
    assert "发布后不能撤回" in confirm
    assert "先不发" in confirm
    published = officer.post(f"{draft}/publish", {"effective_on": "2026-01-15"})
    assert published.status_code == 303
    assert "第 1 版已发布" in officer.get(draft).text
    made = browser.get("/public/deposits.json").get_json()
    assert (made["version"], made["approved_by"]) == (1, "财务审批员")
    assert made["window"] == {"from": "2022-01-01", "to": "2024-12-31"}
    posted = list(csv.reader(io.StringIO(browser.get("/public/deposits.csv").data.decode("utf-8-sig"))))
    patients = browser.get("/public/deposits").text
    for line in made["rows"]:
        assert line["disease_name"] in patients
    assert [line[0] for line in posted[1:]] == [line["disease_code"] for line in made["rows"]]
    serial = re.search(r"/r/(t1-[0-9a-f]{8})", patients)
    assert serial is not None
    assert "这张额度表是真的" in browser.get(serial[0]).text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "不是表格"),
        (b"", "这个文件是空的"),
        ("结算流水号,出院日期\nC1,2025-01-01\n", "表头缺少"),
        (HEADER, "没有病例"),
        (HEADER + "C1,2025-02-30,J1,肺炎,310,12e3,50\n", "第 2 行"),
        (HEADER + 'C1,2025-02-03,J1,"肺炎,310,100,50\n', "第 2 行的引号不成对"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_nothing_is_stored(
    house: House, login_as: Login, content: bytes | str, says: str
) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    answer = upload(officer, content)
    assert answer.status_code == 422
    assert says in answer.text
    assert "一行也没有存" in answer.text
    assert "还没有导入过病例" in officer.get("/finance/caps").text
    assert ("caps.import", "cases.csv") in refusals(house)
    assert not list((house.context.settings.data_dir / "imports").rglob("*.upload"))


def test_no_file_chosen_is_said_beside_the_field(login_as: Login) -> None:
    answer = login_as(Role.FINANCE_OFFICER).post("/finance/caps/imports", {})
    assert answer.status_code == 422
    assert "请选一个 CSV 或 XLSX 文件" in answer.text


def test_rejected_rows_name_line_column_text_and_remedy(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    bad = "C9,2025-01-01,J1,肺炎,火星,100,50\nC8,2025-01-01,J1,肺炎,310,=1+1,50\n"
    at = upload(officer, HEADER + row(1) + bad + row(1)).headers["Location"]
    page = officer.get(at).text
    assert re.search(r">3</th><td[^>]*>参保类型</td><td[^>]*>火星</td>", page)
    assert "与第 2 行重复" in page
    only = officer.get(f"{at}?kind=unknown_class").text
    assert "火星" in only
    assert "与第 2 行重复" not in only
    exported = officer.get(f"{at}/rejected.csv").data.decode("utf-8-sig")
    assert [line[:3] for line in csv.reader(io.StringIO(exported))][1:] == [
        ["3", "参保类型", "火星"],
        ["4", "住院总费用", "'=1+1"],
        ["5", "结算流水号", "C1"],
    ]


def test_rejected_rows_are_exported_as_a_workbook_without_a_formula(login_as: Login, tmp_path: Path) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    bad = "C9,2025-01-01,J1,肺炎,火星,100,50\nC8,2025-01-01,J1,肺炎,310,=cmd|' /C calc'!A0,50\n"
    at = upload(officer, HEADER + row(1) + bad + "C7,2025-01-01,J1,肺炎,310,1,200,50\n").headers["Location"]
    assert f"{at}/rejected.xlsx" in officer.get(at).text
    answer = officer.get(f"{at}/rejected.xlsx")
    assert answer.mimetype == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
    (tmp_path / "rejected.xlsx").write_bytes(answer.data)
    rows = [cells for _, cells in read_sheet(tmp_path / "rejected.xlsx")]
    assert rows[0] == ["行号", "列", "原文", "怎么改"]
    assert [cells[:3] for cells in rows[1:]] == [
        ["3", "参保类型", "火星"],
        ["4", "住院总费用", "=cmd|' /C calc'!A0"],
        ["5", "整行", ""],
    ]
    assert login_as(Role.CASHIER).get(f"{at}/rejected.xlsx").status_code == 403


def test_the_same_file_counts_once(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    first, again = upload(officer, HEADER + row(1)), upload(officer, HEADER + row(1), "other.csv")
    assert first.headers["Location"] == again.headers["Location"]
    assert "以前导入过" in officer.get(again.headers["Location"]).text


def test_an_import_whose_process_died_is_taken_up_again(
    house: House, login_as: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """The process is gone: nothing after it runs."""

    def die(*_: Any) -> Any:
        raise Died

    monkeypatch.setattr(import_runs, "_outcome", die)
    monkeypatch.setattr(import_runs.threading, "excepthook", lambda _: None)
    officer = login_as(Role.FINANCE_OFFICER)
    at = upload(officer, HEADER + row(1)).headers["Location"]
    monkeypatch.undo()
    assert "导入到一半中断了" in officer.get(at).text
    assert "接着导入" in officer.get("/finance/caps").text
    resumed = officer.post(f"{at}/resume")
    assert "病例已收下" in officer.get(resumed.headers["Location"]).text
    assert officer.post(f"{at}/resume").status_code == 409
    assert "导入到一半" not in officer.get("/finance/caps").text


def test_progress_is_a_part_of_the_page_and_leads_to_the_import(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    at = upload(officer, HEADER + row(1)).headers["Location"]
    runs = list(Path(officer.app.extensions["prepay"].settings.data_dir).glob("imports/*/*.json"))
    part = officer.get(f"/finance/caps/imports/{runs[0].stem}/progress", headers={"HX-Request": "true"})
    assert part.headers["HX-Redirect"] == f"/finance/caps/imports/{runs[0].stem}"
    assert officer.get(part.headers["HX-Redirect"]).headers["Location"] == at


def test_a_thin_last_year_is_said(house: House, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    cases = "".join(row(n, on=f"{2022 + n % 2}-05-05") for n in range(40)) + row(99, on="2024-01-01")
    at = upload(officer, HEADER + cases).headers["Location"]
    words = "2024 年只有 1 例，不到前几年平均的一半"
    assert words in officer.get(at).text
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    assert words in officer.get(draft).text
    later = officer.post("/finance/caps", {**AS_OF, "as_of": "2026-01-15"}).headers["Location"]
    assert "2025 年一例也没有" in officer.get(later).text


def test_unusual_orders_are_warned_of_and_refuse_nothing(login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    cases = "".join(row(n) for n in range(10))
    cases += "".join(row(n, insured="390", burden="300") for n in range(10, 20))
    upload(officer, HEADER + cases)
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    page = officer.get(draft).text
    assert "居民低于职工" in page
    assert "1 项类型高低反常，只提醒" in page
    assert approver.post(f"{draft}/approve").status_code == 303


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"as_of": "2025-02-30"}, "这一天不存在"),
        ({"as_of": "2025-06-29"}, "没有施行中的规定"),
        ({"min_cases": "-1"}, "请填 0 到 1000 的整数"),
        ({"round_down_to": "0"}, "取整单位要大于零"),
        ({"round_down_to": "12e3"}, "金额"),
        ({"as_of": "2040-01-01"}, "没有病例，不能测算"),
    ],
)
def test_a_wrong_measurement_keeps_what_was_typed(login_as: Login, form: dict[str, str], says: str) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    upload(officer, HEADER + row(1))
    answer = officer.post("/finance/caps", {**AS_OF, **form})
    assert answer.status_code == 422
    assert says in answer.text
    assert next(iter(form.values())) in answer.text


def test_a_draft_says_which_readings_differ_and_the_posted_table_how_it_was_measured(
    house: House, browser: Browser, login_as: Login
) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    upload(officer, HEADER + "".join(row(n, on="2024-05-05") for n in range(10)) + row(10, insured="商业保险"))
    plain = officer.post("/finance/caps", AS_OF).headers["Location"]
    assert "与默认不同的读法" not in officer.get(plain).text
    for name, value in (
        ("past_three_years", "rolling_months_by_discharge"),
        ("outliers", "dropped"),
        ("self_pay_classes", "left_out"),
    ):
        change_reading(house.context, house.actor(Role.FINANCE_OFFICER), name, NewChoice(value, "试一试"))
    assert "到基准日前一天为止三十六个月的" in officer.get("/finance/caps").text
    draft = officer.post("/finance/caps", {**AS_OF, "min_cases": "5"}).headers["Location"]
    page = officer.get(draft).text
    assert "与默认不同的读法：既往三年怎么数？到测算前一天为止的三十六个月，按出院日期；" in page
    assert "少于多少例就改按相似病种？5" in page
    assert "1 例全公费、商业保险、异地未实时结算的病例按读法不计入" in page
    assert approver.post(f"{draft}/approve").status_code == 303
    assert approver.post(f"{draft}/publish", {"effective_on": "2026-01-15"}).status_code == 303
    posted = browser.get("/public/deposits").text
    assert "用 2022 年 12 月 31 日 至 2025 年 12 月 30 日在本院出院的病人" in posted
    assert "费用最高和最低的各百分之一不算进平均" in posted
    assert "异地没有直接结算的，请问住院收费处" in posted
    assert "2022 年 12 月 31 日 至 2025 年 12 月 30 日" in browser.get("/public/deposits/poster").text


def test_without_earlier_standards_nothing_is_praised(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    upload(officer, HEADER + "".join(row(n) for n in range(10)))
    assert "没有登记原标准，测算只看均值" in officer.get("/finance/caps").text
    page = officer.get(officer.post("/finance/caps", AS_OF).headers["Location"]).text
    assert "没有登记原标准" in page
    assert "不高于原标准" not in page
    legacy = (io.BytesIO("病种编码,参保类型,原标准\nJ1,310,900\n".encode()), "legacy.csv")
    officer.post("/finance/caps/standards/legacy", {"legacy": legacy}, content_type="multipart/form-data")
    page = officer.get(officer.post("/finance/caps", AS_OF).headers["Location"]).text
    assert "不高于原标准" in page
    assert "没有登记原标准" not in page


def test_the_copayment_is_measured_when_the_reading_says_so(house: House, login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    narrow = HEADER.strip() + ",个人自付\n" + "".join(row(n).strip() + ",200\n" for n in range(10))
    upload(officer, narrow)
    whole = officer.post("/finance/caps", AS_OF).headers["Location"]
    reading = NewChoice("psn_selfpay", "本院按目录内自付")
    change_reading(house.context, house.actor(Role.FINANCE_OFFICER), "burden_measure", reading)
    copayment = officer.post("/finance/caps", AS_OF).headers["Location"]
    caps = [
        [line[10] for line in csv.reader(io.StringIO(officer.get(f"{at}.csv").data.decode("utf-8-sig")))][1]
        for at in (whole, copayment)
    ]
    assert caps == ["500.00", "200.00"]


def test_a_draft_goes_back_with_its_ground(login_as: Login) -> None:
    draft = drafted(login_as)
    approver, officer = login_as(Role.FINANCE_APPROVER), login_as(Role.FINANCE_OFFICER)
    assert "退回这份草稿" in approver.get(f"{draft}?confirm=reject").text
    empty = approver.post(f"{draft}/reject", {"reason": " "})
    assert (empty.status_code, "请填写" in empty.text) == (422, True)
    assert approver.post(f"{draft}/reject", {"reason": "例数太少"}).status_code == 303
    assert "财务审批员退回：例数太少" in officer.get(draft).text
    assert approver.post(f"{draft}/approve").status_code == 409


def test_a_day_in_the_past_is_refused_on_the_confirmation(house: House, login_as: Login) -> None:
    draft = drafted(login_as)
    login_as(Role.FINANCE_APPROVER).post(f"{draft}/approve")
    answer = login_as(Role.FINANCE_OFFICER).post(f"{draft}/publish", {"effective_on": "2026-01-14"})
    assert answer.status_code == 422
    assert "执行日期不能早于今天" in answer.text
    assert 'value="2026-01-14"' in answer.text


def test_rows_stand_beside_the_published_version(house: House, login_as: Login) -> None:
    draft = drafted(login_as)
    login_as(Role.FINANCE_APPROVER).post(f"{draft}/approve")
    officer = login_as(Role.FINANCE_OFFICER)
    officer.post(f"{draft}/publish", {"effective_on": "2026-01-15"})
    second = officer.post("/finance/caps", {**AS_OF, "round_down_to": "10000"}).headers["Location"]
    page = officer.get(second).text
    assert "比第 1 版下降" in page
    assert "▼" in page
    assert "比第 1 版" not in officer.get(draft).text
    moved = officer.get(f"{second}?f=moved&sort=change").text
    everything = officer.get(second).text
    assert 0 < moved.count("band-start") <= everything.count("band-start")


def test_search_answers_htmx_with_the_rows_alone(login_as: Login) -> None:
    draft = drafted(login_as)
    officer = login_as(Role.FINANCE_OFFICER)
    part = officer.get(f"{draft}?q=zzzz", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="rows">')
    assert "没有这样的行" in part


def test_others_look_but_do_not_act(login_as: Login) -> None:
    draft = drafted(login_as)
    auditor = login_as(Role.AUDITOR)
    assert auditor.get(draft).status_code == 200
    assert upload(auditor, SAMPLE).status_code == 403
    for step in ("approve", "reject", "publish"):
        assert auditor.post(f"{draft}/{step}", {"reason": "x", "effective_on": "2026-01-15"}).status_code == 403
    assert login_as(Role.CASHIER).get("/finance/caps").status_code == 403


def test_somebody_with_both_roles_still_needs_a_second_person(house: House, login_as: Login) -> None:
    draft = drafted(login_as)
    context, officer = house.context, house.actor(Role.FINANCE_OFFICER)
    table_id = measure_table(context, officer, MeasureTable(date(2025, 12, 31)))
    approve_table(context, house.actor(Role.FINANCE_APPROVER), table_id)
    assert "已批准，待发布" in login_as(Role.FINANCE_APPROVER).get(f"/finance/caps/{table_id}").text
    assert "待批准" in login_as(Role.FINANCE_APPROVER).get(draft).text


@pytest.mark.parametrize(
    ("sheet", "diseases", "standards", "cell"),
    [
        (
            "posted_table_huzhou_2025.csv",
            6,
            18,
            ["焦虑性障碍", "焦虑性障碍", "", "3000.00", "4000.00", "9000.00", ""],
        ),
        ("posted_table_longquanyi_2025.csv", 24, 48, ["G81.900", "偏瘫", "", "2100.00", "3100.00", "", ""]),
    ],
)
def test_a_posted_sheet_of_another_shape_is_taken_over_and_posted(
    house: House, browser: Browser, login_as: Login, sheet: str, diseases: int, standards: int, cell: list[str]
) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    form = {
        "sheet": (io.BytesIO((DATA / sheet).read_bytes()), sheet),
        "source": "医院网站公示",
        "effective_on": "2025-07-01",
        "as_standards": "yes",
        "as_table": "yes",
    }
    taken = officer.post("/finance/caps/standards/posted", form, content_type="multipart/form-data")
    draft = taken.headers["Location"]
    page = officer.get(draft).text
    assert f"读到 {diseases} 个病种，原标准收下 {standards} 项" in page
    assert "不是测算出来的" in page
    approver.post(f"{draft}/approve")
    early = officer.post(f"{draft}/publish", {"effective_on": "2025-06-30"})
    assert early.status_code == 422
    late = officer.post(f"{draft}/publish", {"effective_on": "2027-01-16"})
    assert (late.status_code, "最多提前一年" in late.text) == (422, True)
    assert officer.post(f"{draft}/publish", {"effective_on": "2025-07-01"}).status_code == 303
    made = browser.get("/public/deposits.json").get_json()
    assert made["window"] == {"from": None, "to": None}
    assert "医院网站公示" in made["basis"]
    lines = list(csv.reader(io.StringIO(browser.get("/public/deposits.csv").data.decode("utf-8-sig"))))
    assert cell in lines
    assert "照医院已经公示的表录入" in browser.get("/public/deposits").text
    again = officer.get("/finance/caps/standards").text
    assert f'<span class="num">{standards}</span> 项' in again


@pytest.mark.parametrize(
    ("field", "path", "content", "says"),
    [
        ("legacy", "legacy", "病种编码,参保类型,原标准\nJ1,310,1e3\n", "第 2 行"),
        ("legacy", "legacy", "病种编码,参保类型\nJ1,310\n", "表头缺少"),
        ("legacy", "legacy", "病种编码,参保类型,原标准\n", "没有原标准"),
        ("similar", "similar", "病种编码,相似病种\nJ1,\n", "缺少相似病种"),
        ("sheet", "posted", "甲,乙\n1,2\n", "看不出哪一列"),
        ("sheet", "posted", "# 说明\n病种,职工医保\n肺炎,-5\n", "第 3 行职工医保"),
        ("sheet", "posted", "病种,职工医保\n肺炎,5\n肺炎,6\n", "与第 2 行相同"),
        ("sheet", "posted", "病种,职工医保\n肺炎,\n", "一类金额也没有"),
    ],
)
def test_a_wrong_small_table_is_refused_as_a_whole(
    house: House, login_as: Login, field: str, path: str, content: str, says: str
) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    form = {
        field: (io.BytesIO(content.encode()), "x.csv"), "source": "网站", "effective_on": "2025-07-01",
        "as_standards": "yes", "as_table": "yes",
    }  # fmt: skip
    answer = officer.post(f"/finance/caps/standards/{path}", form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert says in answer.text
    assert '原标准 <span class="num">0</span> 项' in answer.text
    if field != "sheet" or says != "看不出哪一列":
        assert refusals(house)


def test_standards_and_similar_diseases_are_taken_in_once(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)

    def send(kind: str, text: str) -> TestResponse:
        form = {kind: (io.BytesIO(text.encode()), "x.csv")}
        return officer.post(f"/finance/caps/standards/{kind}", form, content_type="multipart/form-data")

    assert send("legacy", "病种编码,参保类型,原标准\nJ1,310,1000\n").status_code == 303
    assert (
        "原标准收下 1 项，1 项以前就有"
        in officer.get(send("legacy", "病种编码,参保类型,原标准\nJ1,310,1000\nJ2,390,900\n").headers["Location"]).text
    )
    other = send("legacy", "病种编码,参保类型,原标准\nJ1,310,999\nJ3,310,1\n")
    assert (other.status_code, "已经记为 1,000.00 元" in other.text) == (409, True)
    assert '原标准 <span class="num">2</span> 项' in other.text
    send("similar", "病种编码,相似病种\nJ1,J2\n")
    assert (
        "收下 1 对，1 对以前就有"
        in officer.get(send("similar", "病种编码,相似病种\nJ1,J2\nJ1,J3\n").headers["Location"]).text
    )


def test_a_published_table_tells_of_the_rows_kept_aside_when_it_was_measured(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    upload(officer, HEADER + "".join(row(n) for n in range(10)) + row(10, insured="火星"))
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    assert '另放 <a href="/finance/caps#h-imports">1 行</a>' in officer.get(draft).text
    upload(officer, HEADER + row(20, insured="火星") + row(21, insured="火星") + row(22), "later.csv")
    assert '另放 <a href="/finance/caps#h-imports">1 行</a>' in officer.get(draft).text


def published(login_as: Login, cases: str, **form: str) -> None:
    """Import cases, measure, approve and publish."""
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    upload(officer, HEADER + cases, f"{len(cases)}.csv")
    draft = officer.post("/finance/caps", {**AS_OF, **form}).headers["Location"]
    approver.post(f"{draft}/approve")
    assert officer.post(f"{draft}/publish", {"effective_on": "2026-01-15"}).status_code == 303


def test_caps_that_are_lost_and_gained_are_counted_and_listed(login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    cases = "".join(row(n, on="2022-03-03") for n in range(10))
    cases += "".join(row(n, on="2024-03-03", code="J2") for n in range(10, 16))
    published(login_as, cases, min_cases="6")
    upload(officer, HEADER + "".join(row(n, code="J3") for n in range(20, 32)), "more.csv")
    draft = officer.post("/finance/caps", {**AS_OF, "as_of": "2026-01-15"}).headers["Location"]
    page = officer.get(draft).text
    assert "2 项失去额度" in page
    assert re.search(r">失去额度 <span class=\"n\">2</span>", page)
    assert re.search(r">新有额度 <span class=\"n\">1</span>", page)
    lost = officer.get(f"{draft}?f=lost").text
    assert ("肺炎J1" in lost, "肺炎J2" in lost, "肺炎J3" in lost) == (True, True, False)
    assert "没有病例" in lost
    approver.post(f"{draft}/approve")
    confirm = officer.get(f"{draft}?confirm=publish").text
    assert "2 项：新有额度 1，失去额度 2（失去的有 1 项已没有病例，不在表上）" in confirm


def test_the_first_publication_tells_how_many_rows_have_an_amount(login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    upload(officer, HEADER + "".join(row(n) for n in range(10)) + row(10, insured="390"))
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    approver.post(f"{draft}/approve")
    assert "2 项，其中 1 项有额度，第一次发布" in officer.get(f"{draft}?confirm=publish").text


def test_a_cap_of_a_similar_disease_above_the_cells_own_mean_is_flagged(login_as: Login) -> None:
    officer, approver = login_as(Role.FINANCE_OFFICER), login_as(Role.FINANCE_APPROVER)
    upload(officer, HEADER + "".join(row(n) for n in range(10)) + row(10, code="J2", burden="300"))
    similar = (io.BytesIO("病种编码,相似病种\nJ2,J1\n".encode()), "similar.csv")
    officer.post("/finance/caps/standards/similar", {"similar": similar}, content_type="multipart/form-data")
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    page = officer.get(draft).text
    assert "1 项参照相似高于自己的均值，只提醒" in page
    assert approver.post(f"{draft}/approve").status_code == 303


def test_a_row_opens_on_what_its_cap_rests_on(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    cases = "".join(row(n, on=f"{2022 + n % 2}-05-05", burden=f"{500 + n}") for n in range(11))
    upload(officer, HEADER + cases + row(20, code="J/2 甲", burden="300"))
    for name, content in (
        ("legacy", "病种编码,参保类型,原标准,执行日期\nJ1,310,400,2019-03-01\n"),
        ("similar", "病种编码,相似病种\nJ/2 甲,J1\n"),
    ):
        form = {name: (io.BytesIO(content.encode()), f"{name}.csv")}
        answer = officer.post(f"/finance/caps/standards/{name}", form, content_type="multipart/form-data")
        assert answer.status_code == 303
    draft = officer.post("/finance/caps", AS_OF).headers["Location"]
    links = re.findall(rf'href="({draft}/diseases/[^"]+)"', officer.get(draft).text)
    assert len(links) == 2
    referred, own = (officer.get(link).text for link in links)
    assert re.search(r'>2022</th><td class="num">6</td><td class="money">505.00<', own)
    assert re.search(r'>2023</th><td class="num">5</td><td class="money">505.00<', own)
    assert "2019-03-01 起" in own
    assert all(word in own for word in ("P10", "中位", "P90", "取原标准"))
    assert '>肺炎J1</a> <span class="code">J1</span>' in referred
    assert "取参照相似" in referred
    upload(officer, HEADER + row(99), "later.csv")
    page = officer.get(links[1]).text
    assert page[page.index("h-employee") :] == own[own.index("h-employee") :]
    assert officer.get(f"{draft}/diseases/nothing").status_code == 404
    assert login_as(Role.CASHIER).get(links[0]).status_code == 403


def test_a_discharge_in_the_future_is_set_aside_and_a_shared_name_is_told(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    today, tomorrow = row(1, on="2026-01-15"), row(2, on="2026-01-16")
    other = "C9,2024-05-05,X1,肺炎J1,310,1000,500\n"
    page = officer.get(upload(officer, HEADER + today + tomorrow + other).headers["Location"]).text
    assert re.search(r">3</th><td[^>]*>出院日期</td><td[^>]*>2026-01-16</td><td>[^<]*在将来", page)
    assert page.count('scope="row" class="num"') == 1
    assert "1 个病名有不止一个编码：肺炎J1（J1、X1）。请核对" in page


def test_earlier_standards_may_carry_a_currency_sign(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    legacy = (io.BytesIO("病种编码,参保类型,原标准\nJ1,310,¥50\nJ2,310,50元\n".encode()), "legacy.csv")
    form = {"legacy": legacy}
    answer = officer.post("/finance/caps/standards/legacy", form, content_type="multipart/form-data")
    assert answer.status_code == 303


def test_codes_that_look_alike_are_told_after_an_import(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    page = officer.get(upload(officer, HEADER + row(1, code="K9A") + row(2, code="k9a")).headers["Location"]).text
    assert "只差大小写或全半角：K9A、k9a" in page
    form = {"similar": (io.BytesIO("病种编码,相似病种\nＫ９Ａ,J1\n".encode()), "x.csv")}
    sent = officer.post("/finance/caps/standards/similar", form, content_type="multipart/form-data")
    assert "K9A、k9a、Ｋ９Ａ" in officer.get(sent.headers["Location"]).text


def test_the_name_of_a_file_hides_nothing(login_as: Login) -> None:
    officer = login_as(Role.FINANCE_OFFICER)
    page = officer.get(upload(officer, HEADER + row(1), "a\u202evsc.exe").headers["Location"]).text
    assert "a〈U+202E〉vsc.exe" in page
    assert "\u202e" not in page
