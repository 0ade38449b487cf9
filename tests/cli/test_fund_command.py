"""``fund assess`` and ``fund check-use``: the promised shapes to the letter, and every way to go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from hospital_prepay.domain.rules.fund.regime import Fund
from hospital_prepay.program import run as run_program
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.fund import Assessment, FundFactsSchema, PriorityWork, UseRequestSchema
from hospital_prepay.services.fund.words import CATEGORIES

Call = Callable[..., tuple[int, str, str]]
INSTITUTION: dict[str, Any] = {
    "level": 3,
    "public": True,
    "inpatient": True,
    "full_years_settled": 3,
    "assessment": "excellent",
    "credit_grade": "A",
    "priority_work": "outstanding",
    "sound_finance": True,
    "cooperates_with_inspections": True,
    "tracing_codes_complete": True,
    "convenience_services": True,
    "penalised_in_12_months": False,
    "referred_for_fraud_in_12_months": False,
    "debts_to_agency": False,
    "assets_preserved": False,
    "unperformed_judgment": False,
    "enforcement_pending": False,
    "repays_procurement_shortfall": True,
    "cleared_last_year": True,
}
FACTS: dict[str, Any] = {
    "regime": "zhejiang-prepay-2025",
    "year": 2026,
    "institution": INSTITUTION,
    "pools": [{"fund": "employee", "months_payable": "13.2", "deficit_last_year": False, "deficit_forecast": False}],
    "paid": [{"year": 2025, "fund": "employee", "amount_fen": 1_200_000_000_000}],
    "growth": "0.043",
}
DRUG = {"category": "drug", "code": "X" + "A" * 22, "name": "注射用头孢", "amount_fen": 120_000, "order_no": "P1"}
REQUEST: dict[str, Any] = {
    "regime": "zhejiang-prepay-2025",
    "fund": "employee",
    "payee": {"name": "某医药公司", "credit_code": "9144030071526726XG"},
    "lines": [DRUG],
}


@pytest.fixture
def call(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Runs a command on a file with ``content``: an object as JSON, or bytes as they are."""

    def run(command: str, content: Any, *options: str) -> tuple[int, str, str]:
        path = tmp_path / "given.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        code = run_program(["fund", command, str(path), *options])
        captured = capfdbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return run


def assessed(call: Call, facts: dict[str, Any]) -> dict[str, Any]:
    code, out, err = call("assess", facts, "--format", "json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def changed(at: str, value: Any, base: dict[str, Any] = FACTS) -> dict[str, Any]:
    """``base`` with the value at a dotted path replaced; a name that isn't there yet is added."""
    copy = deepcopy(base)
    node: Any = copy
    *above, last = (int(step) if step.isdigit() else step for step in at.split("."))
    for step in above:
        node = node[step]
    node[last] = value
    return copy


CONDITIONS = {
    "agreement_and_history": "2.2.1",
    "cleared_last_year": "3.4",
    "convenience_services": "2.2.4",
    "cooperation": "2.2.5",
    "no_asset_or_judgment_burden": "2.2.2",
    "no_debts_to_agency": "2.2.6",
    "no_fraud_referral": "2.2.5",
    "no_penalty": "2.2.5",
    "priority_work": "2.2.3",
    "sound_finance": "2.2.2",
    "tracing_codes": "2.2.4",
}
DUTIES = [
    ("apply", "3.1", "hospital", "2026-01-15"),
    ("clear", "3.4", "hospital", "2026-12-15"),
    ("pay_out", "3.3", "authority", "2026-03-31"),
    ("publish", "4.5", "authority", "2026-12-31"),
    ("repay_treasury", "3.4", "authority", "2026-12-31"),
]


@pytest.mark.clause("zhejiang-prepay-2025/2.3", "zhejiang-prepay-2025/3.4")
def test_the_example_of_the_contract_has_exactly_this_answer(call: Call) -> None:
    own = "zhejiang-prepay-2025/"
    assert assessed(call, FACTS) == {
        "regime": "zhejiang-prepay-2025",
        "year": 2026,
        "eligible": True,
        "conditions": [{"id": name, "clause": own + no, "outcome": "met"} for name, no in CONDITIONS.items()],
        "quotas": [
            {
                "fund": "employee",
                "permitted": True,
                "base_fen": 100_000_000_000,
                "months": "1",
                "quota_fen": 100_000_000_000,
                "max_quota_fen": 200_000_000_000,
                "clauses": [own + "2.1", own + "2.3"],
            }
        ],
        "duties": [
            {"id": name, "clause": own + no, "addressee": who, "due_on": day, "rolls": False}
            for name, no, who, day in DUTIES
        ],
    }


def test_names_come_in_the_order_of_the_contract(call: Call) -> None:
    _, out, _ = call("assess", FACTS, "--format", "json")
    answer = json.loads(out)
    assert list(answer) == ["regime", "year", "eligible", "conditions", "quotas", "duties"]
    assert list(answer["quotas"][0]) == [
        *("fund", "permitted", "base_fen", "months", "quota_fen", "max_quota_fen", "clauses")
    ]


@pytest.mark.parametrize("how", ["absent", "null"])
@pytest.mark.parametrize("fact", sorted(INSTITUTION.keys() - {"level", "public", "inpatient", "credit_grade"}))
def test_a_fact_that_is_absent_or_null_is_unknown_and_never_met(call: Call, fact: str, how: str) -> None:
    facts = changed(f"institution.{fact}", None)
    if how == "absent":
        del facts["institution"][fact]
    answer = assessed(call, facts)
    unknown = [one["id"] for one in answer["conditions"] if one["outcome"] == "unknown"]
    assert len(unknown) == (0 if fact == "repays_procurement_shortfall" else 1)
    assert answer["eligible"] is (None if unknown else True)
    [quota] = answer["quotas"]
    assert (quota["quota_fen"] is None) is bool(unknown)


def test_the_table_names_what_is_missing_and_why_a_pool_bars(call: Call) -> None:
    facts = changed("institution.assessment", None, changed("growth", None))
    _, out, _ = call("assess", facts)
    assert "还缺：" in out
    assert "基金支出增长率" in out.partition("还缺：")[2].splitlines()[0]
    pools = [{**FACTS["pools"][0], "months_payable": "11.9"}]
    _, out, _ = call("assess", changed("pools", pools))
    assert "职工医保不能预付：职工医保累计结余可支付 11.9 个月，不到 12 个月（" in out
    assert "第" in out.partition("不到 12 个月（")[2].splitlines()[0], "with its clause"
    assert "还缺" not in out


def test_an_unmet_condition_outweighs_what_nobody_knows(call: Call) -> None:
    facts = changed("institution", {"sound_finance": False})
    answer = assessed(call, facts)
    assert answer["eligible"] is False
    [quota] = answer["quotas"]
    assert (quota["permitted"], quota["quota_fen"], quota["max_quota_fen"]) == (True, 0, 0)


def test_only_what_the_regime_asks_is_listed_and_all_of_it(call: Call) -> None:
    def listed(regime: str) -> list[str]:
        return [one["id"] for one in assessed(call, changed("regime", regime))["conditions"]]

    assert listed("henan-settlement-2023") == ["level"]
    common = CONDITIONS.keys() - {"convenience_services", "no_debts_to_agency", "cleared_last_year"}
    assert listed("xizang-prepay-2024") == sorted(common | {"cleared_last_year"})
    own = {"repays_procurement_shortfall", "credit_grade", "monthly_floor"}
    assert listed("weihai-prepay-2025") == sorted(common | own)


@pytest.mark.parametrize("regime", ["weihai-prepay-2025", "xizang-prepay-2024"])
def test_a_notice_that_states_no_ceiling_gives_none(call: Call, regime: str) -> None:
    paid = [{"year": year, "fund": "employee", "amount_fen": 1_200_000_000} for year in (2023, 2024, 2025)]
    [quota] = assessed(call, changed("regime", regime, changed("paid", paid)))["quotas"]
    assert (quota["quota_fen"], quota["max_quota_fen"]) == (100_000_000, None)


def test_months_that_arent_whole_are_a_decimal_string_and_duties_come_month_by_month(call: Call) -> None:
    answer = assessed(call, changed("regime", "henan-settlement-2023"))
    [quota] = answer["quotas"]
    assert (quota["months"], quota["quota_fen"]) == ("1.5", 150_000_000_000)
    order = [(one["id"], one["due_on"]) for one in answer["duties"]]
    assert order == sorted(order)
    assert [day for name, day in order if name == "reconcile"][:2] == ["2026-01-05", "2026-02-05"]
    assert len([name for name, _ in order if name == "reconcile"]) == 12


def test_a_day_that_rolls_into_an_unannounced_year_is_null(call: Call) -> None:
    answer = assessed(call, changed("year", 2027, changed("regime", "henan-settlement-2023")))
    days = {one["id"]: (one["due_on"], one["rolls"]) for one in answer["duties"]}
    assert days["pay_out"] == (None, True)
    assert days["notify_cross_region"] == ("2027-11-30", False)


def test_funds_are_sorted_and_a_fund_that_may_not_has_zero(call: Call) -> None:
    poor = {"fund": "resident", "months_payable": "5.9", "deficit_last_year": False, "deficit_forecast": False}
    answer = assessed(call, changed("pools", [poor, *FACTS["pools"]]))
    assert [(one["fund"], one["permitted"]) for one in answer["quotas"]] == [("employee", True), ("resident", False)]
    assert (answer["quotas"][1]["base_fen"], answer["quotas"][1]["quota_fen"]) == (None, 0)


@pytest.mark.parametrize(
    ("regime", "year"),
    [
        ("zhejiang-prepay-2025", 2024),
        ("xizang-prepay-2024", 2024),
        ("weihai-prepay-2025", 2024),
        ("henan-settlement-2023", 2023),
    ],
)
def test_a_year_before_the_rule_is_an_error_that_says_so(call: Call, regime: str, year: int) -> None:
    code, out, err = call("assess", changed("year", year, changed("regime", regime)), "--format", "json")
    assert (code, out) == (2, "")
    assert err.startswith("no_rule_in_force: ")
    assert str(year + 1) in err


WRONG = {
    "an unknown name": changed("extra", 1),
    "an unknown fact": changed("institution.beds", 600),
    "an unknown name in a pool": changed("pools.0.months", "12"),
    "text for true": changed("institution.sound_finance", "true"),
    "one for true": changed("institution.sound_finance", 1),
    "a level of four": changed("institution.level", 4),
    "a level as text": changed("institution.level", "3"),
    "true for a number": changed("institution.full_years_settled", True),
    "a word nobody knows": changed("institution.assessment", "good"),
    "a grade nobody knows": changed("institution.credit_grade", "AA"),
    "months as a number": changed("pools.0.months_payable", 13.2),
    "growth as a number": changed("growth", 0.043),
    "growth in percent": changed("growth", "4.3%"),
    "growth in percent without its sign": changed("growth", "4.3"),
    "growth of all": changed("growth", "1"),
    "a fall of more than all": changed("growth", "-1.5"),
    "money as a decimal": changed("paid.0.amount_fen", 1.5),
    "money as text": changed("paid.0.amount_fen", "1,200"),
    "a fund nobody knows": changed("paid.0.fund", "maternity"),
    "a fund twice": changed("pools", FACTS["pools"] * 2),
    "a year twice": changed("paid", FACTS["paid"] * 2),
    "a year that is none": changed("year", 26),
    "a regime nobody knows": changed("regime", "guizhou-prepay-2025"),
    "a notice without prepayment": changed("regime", "guizhou-deposit-2025"),
    "no institution": {key: value for key, value in FACTS.items() if key != "institution"},
    "a list": [FACTS],
    "nothing": b"",
    "no JSON": b"{year: 2026}",
    "another encoding": json.dumps(FACTS, ensure_ascii=False).replace("employee", "职工").encode("gb18030"),
    "not a number": json.dumps(FACTS).replace("1200000000000", "NaN").encode(),
    "a name twice": json.dumps(FACTS).replace('"year": 2026', '"year": 2026, "year": 2025', 1).encode(),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cant_be_read_is_one_chinese_sentence_and_exit_2(call: Call, wrong: str) -> None:
    code, out, err = call("assess", WRONG[wrong], "--format", "json")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    reason, _, words = err.partition(": ")
    assert reason.isidentifier()
    assert any("\u4e00" <= sign <= "\u9fff" for sign in words)


def test_what_isnt_json_has_a_code_of_its_own(call: Call) -> None:
    assert call("assess", b"{")[2].startswith("not_json: ")
    assert "months_payable" in call("assess", changed("pools.0.months_payable", 13.2))[2]
    assert "weihai-prepay-2025" in call("assess", changed("regime", "nowhere"))[2]


def test_a_wrong_decimal_is_told_with_an_example_of_its_own_field(call: Call) -> None:
    assert '例如 "13.2"。' in call("assess", changed("pools.0.months_payable", 13.2))[2]
    assert '例如 "0.043" 是 4.3 %。' in call("assess", changed("growth", 0.043))[2]
    assert '4.3 % 写 "0.043"' in call("assess", changed("growth", "4.3"))[2]
    assert call("assess", changed("growth", "-0.999"))[0] == 0


def test_nothing_is_said_to_be_met_while_a_fact_is_missing(call: Call) -> None:
    first, second, *_ = call("assess", changed("year", 2099))[1].splitlines()
    assert (first, second.startswith("还缺：")) == ("2099 年  还缺事实，结论不完整", True)
    first, second, *_ = call("assess", FACTS)[1].splitlines()
    assert (first, second) == ("2026 年  条件都符合", "")


def test_a_byte_order_mark_does_no_harm(call: Call) -> None:
    assert call("assess", b"\xef\xbb\xbf" + json.dumps(FACTS).encode())[0] == 0


@pytest.mark.parametrize("command", ["assess", "check-use"])
def test_a_missing_file_is_bad_input(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_program(["fund", command, "/nowhere/given.json"]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "/nowhere/given.json" in captured.err


def test_people_get_tables_with_yuan_days_and_clauses(call: Call) -> None:
    code, out, err = call("assess", changed("institution.cleared_last_year", None))
    assert (code, err) == (0, "")
    assert "还有没弄清的条件" in out.splitlines()[0]
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows["上年预付金已经清算完"].split()[1:3] == ["未知", "《浙江预付办法》第三部分第（四）项"]
    assert "1,000,000,000.00" in rows["职工医保"]
    assert "递交预付金申请" in rows["2026-01-15"]
    assert "本院" in rows["2026-01-15"]
    assert "收回的预付金缴回财政专户" in rows["2026-12-31"] or "公布拨付情况" in rows["2026-12-31"]


def test_a_place_without_text_answers_nothing_that_it_cant_know(call: Call) -> None:
    facts = changed("regime", "liaoning-prepay-2024")
    answer = assessed(call, facts)
    assert (answer["eligible"], answer["conditions"]) == (None, [])
    assert answer["quotas"] == [
        {
            "fund": "employee",
            "permitted": None,
            "base_fen": None,
            "months": None,
            "quota_fen": None,
            "max_quota_fen": None,
            "clauses": [],
        }
    ]
    assert [(one["clause"], one["rolls"]) for one in answer["duties"]] == [(None, None)] * 4
    _, out, _ = call("assess", facts)
    assert "未知（没有原文）" in out
    assert "条件都符合" not in out
    assert out.count("据转载，没有原文") == 4
    assert "本院规定" not in out


# -- check-use ----------------------------------------------------------------------------------------------------


def checked(call: Call, *lines: dict[str, Any], regime: str = "zhejiang-prepay-2025") -> dict[str, Any]:
    code, out, err = call(
        "check-use", changed("lines", list(lines), changed("regime", regime, REQUEST)), "--format", "json"
    )
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def line(category: str, **more: Any) -> dict[str, Any]:
    return {**DRUG, "category": category, "code": None, "order_no": None, **more}


@pytest.mark.clause("zhejiang-prepay-2025/1")
def test_the_worst_line_decides_and_each_says_why(call: Call) -> None:
    assert checked(call, DRUG) == {
        "outcome": "permitted",
        "reasons": [{"code": "medical_use", "line": 1, "clause": "zhejiang-prepay-2025/1"}],
    }
    assert checked(call, DRUG, line("reagent"), line("payroll"), line("party")) == {
        "outcome": "refused",
        "reasons": [
            {"code": "medical_use", "line": 1, "clause": "zhejiang-prepay-2025/1"},
            {"code": "needs_two_person_decision", "line": 2, "clause": "zhejiang-prepay-2025/1"},
            {"code": "non_medical_use", "line": 3, "clause": "zhejiang-prepay-2025/1"},
            {"code": "unknown_category", "line": 4, "clause": None},
        ],
    }


def test_house_rules_about_codes_and_orders_cite_no_clause(call: Call) -> None:
    assert checked(call, line("drug")) == {
        "outcome": "held",
        "reasons": [
            {"code": "missing_national_code", "line": 1, "clause": None},
            {"code": "missing_order_no", "line": 1, "clause": None},
        ],
    }
    found = checked(call, {**DRUG, "code": "X123"})
    assert found == {
        "outcome": "held",
        "reasons": [{"code": "malformed_national_code", "line": 1, "clause": None}],
    }


@pytest.mark.parametrize(("category", "outcome"), [("drug", "permitted"), ("blood", "held"), ("payroll", "refused")])
def test_where_the_notice_is_silent_the_house_decides_and_says_so(call: Call, category: str, outcome: str) -> None:
    given = DRUG if category == "drug" else line(category)
    found = checked(call, given, regime="henan-settlement-2023")
    assert found == {"outcome": outcome, "reasons": [{"code": "notice_silent", "line": 1, "clause": None}]}
    _, out, _ = call("check-use", changed("lines", [given], changed("regime", "henan-settlement-2023", REQUEST)))
    assert "通知没有写用途，按本院规定定" in out
    assert "本院规定" in out
    assert "《" not in out


WRONG_REQUESTS = {
    "no line": changed("lines", [], REQUEST),
    "no payee": changed("payee", None, REQUEST),
    "nothing to pay": changed("lines.0.amount_fen", 0, REQUEST),
    "less than nothing": changed("lines.0.amount_fen", -1, REQUEST),
    "yuan for fen": changed("lines.0.amount_fen", 12.5, REQUEST),
    "an unknown name": changed("lines.0.invoice", "1", REQUEST),
    "a credit code too short": changed("payee.credit_code", "123", REQUEST),
    "a credit code with a wrong check digit": changed("payee.credit_code", "91440300715267260G", REQUEST),
    "a regime nobody knows": changed("regime", "nowhere", REQUEST),
    "a fund nobody knows": changed("fund", "all", REQUEST),
    "no JSON": b"]",
}


@pytest.mark.parametrize("wrong", WRONG_REQUESTS)
def test_a_request_that_cant_be_read_is_exit_2(call: Call, wrong: str) -> None:
    code, out, err = call("check-use", WRONG_REQUESTS[wrong], "--format", "json")
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_people_read_that_a_refusal_is_final(call: Call) -> None:
    code, out, _ = call("check-use", changed("lines", [DRUG, line("payroll")], REQUEST))
    assert code == 0
    assert "任何人都不能放行" in out.splitlines()[0]
    first, second = (next(row for row in out.splitlines() if f"第 {n} 行" in row) for n in (1, 2))
    assert ("可以付" in first, "不能付" in first) == (True, False)
    assert "不能付" in second
    assert "《浙江预付办法》第一部分" in out


def printed_example(capfdbinary: pytest.CaptureFixture[bytes], command: str, *regime: str) -> dict[str, Any]:
    assert run_program(["fund", command, "--example", *regime]) == 0
    captured = capfdbinary.readouterr()
    assert captured.err == b""
    example: dict[str, Any] = json.loads(captured.out)
    return example


@pytest.mark.parametrize("regime", sorted(load_rulebook().regimes))
def test_the_example_of_each_place_is_complete_and_computed_by_the_command_itself(
    call: Call, capfdbinary: pytest.CaptureFixture[bytes], regime: str
) -> None:
    facts = printed_example(capfdbinary, "assess", regime)
    assert facts["regime"] == regime
    assert facts["institution"].keys() == INSTITUTION.keys()
    answer = assessed(call, facts)
    text_at_hand = load_rulebook().regime(regime).text_at_hand
    assert answer["eligible"] is (True if text_at_hand else None)
    assert {quota["fund"] for quota in answer["quotas"]} == {"employee", "resident"}
    assert all((quota["quota_fen"] or 0) > 0 for quota in answer["quotas"]) is text_at_hand
    request = printed_example(capfdbinary, "check-use", regime)
    code, out, err = call("check-use", request, "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["outcome"] == ("permitted" if text_at_hand else "held")


def test_an_example_without_a_place_is_of_one_whose_text_is_at_hand(
    call: Call, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    facts = printed_example(capfdbinary, "assess")
    assert set(facts) == {"regime", "year", "institution", "pools", "paid", "growth"}
    assert load_rulebook().regime(facts["regime"]).text_at_hand
    assert call("assess", facts)[0] == 0
    assert call("check-use", printed_example(capfdbinary, "check-use"))[0] == 0


def test_an_example_of_no_place_is_refused_in_chinese(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run_program(["fund", "assess", "--example", "guizhou-deposit-2025"]) == 2
    assert "可选：henan" in capfdbinary.readouterr().err.decode()


@pytest.mark.parametrize(("command", "schema"), [("assess", FundFactsSchema()), ("check-use", UseRequestSchema())])
def test_the_help_names_every_field_and_every_value(
    capfdbinary: pytest.CaptureFixture[bytes], command: str, schema: Schema
) -> None:
    assert run_program(["fund", command, "--help"]) == 0
    said = capfdbinary.readouterr().out.decode()
    assert [name for name in fields_of(schema) if not re.search(rf"\b{name}\b", said)] == []
    values = set(load_rulebook().regimes) | {fund.value for fund in Fund}
    values |= set(CATEGORIES) if command == "check-use" else {one.value for one in (*Assessment, *PriorityWork)}
    assert [value for value in sorted(values) if value not in said] == []
    assert "--example" in said


def fields_of(schema: Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        yield name
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from fields_of(inner.schema)
