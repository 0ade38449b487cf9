"""``hospital-prepay fund``: may a hospital have a prepayment, and may it pay this from one (files in, answers out);
and what the books say of its duties, its use, and of three papers that must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError

from hospital_prepay.cli.fund_duties import duties
from hospital_prepay.cli.fund_examples import AssessHelp, CheckUseHelp, example_option, facts_example, request_example
from hospital_prepay.cli.fund_reconcile import reconcile_month
from hospital_prepay.cli.fund_usage import usage
from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.cli.parameters import InputFile
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.facts import AssessmentFacts
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.base import messages_of
from hospital_prepay.schemas.fund import FundFactsSchema, UseRequestSchema
from hospital_prepay.services.fund.assess import FundAssessment, assess_fund, check_request
from hospital_prepay.services.fund.missing import fact_labels, missing_for_condition, missing_for_quota, why_barred
from hospital_prepay.services.fund.words import (
    CONDITIONS,
    HOLDERS,
    INCOMPLETE,
    LINE_OUTCOMES,
    MET,
    OUTCOMES,
    REPORTED,
    VERDICTS,
    WITHOUT_TEXT,
)


@click.group("fund")
def fund() -> None:
    """医保预付金。"""


fund.add_command(duties)
fund.add_command(reconcile_month)
fund.add_command(usage)


@fund.command("assess", cls=AssessHelp)
@click.argument("facts", metavar="FACTS.json", type=InputFile())
@example_option(facts_example)
@format_option
def assess(facts: Path, form: str) -> None:
    """按所在地的通知，算今年能不能申请预付金、多少、各项事的日期。"""
    command = _read(FundFactsSchema(), facts)
    answer = assess_fund(command)
    if form == "json":
        print_json(answer.to_json())
    else:
        _print_assessment(answer, command.facts)


@fund.command("check-use", cls=CheckUseHelp)
@click.argument("request", metavar="REQUEST.json", type=InputFile())
@example_option(request_example)
@format_option
def check_use(request: Path, form: str) -> None:
    """查一笔支出能不能用预付金付，逐行给出结果和依据。算出来是不能付，退出码也是 0；程序请看 outcome。"""
    answer = check_request(_read(UseRequestSchema(), request))
    if form == "json":
        reasons = [{"code": one.code, "line": one.line, "clause": one.clause} for one in answer.reasons]
        print_json({"outcome": answer.outcome.value, "reasons": reasons})
        return
    click.echo(OUTCOMES[answer.outcome])
    rows = [
        (f"第 {one.line} 行", LINE_OUTCOMES[answer.lines[one.line - 1]], one.words, _cite(one.clause))
        for one in answer.reasons
    ]
    print_table(("行", "结果", "为什么", "依据"), rows)


def _read(schema: Any, path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        given = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        told = "这个文件不是 UTF-8 编码的 JSON，或同一个名字写了两次。请检查文件内容。"
        raise MalformedInput(told, code="not_json") from error
    if not isinstance(given, dict):
        raise MalformedInput("文件最外层要是一个 JSON 对象。请对照说明改正。", code="not_json")
    try:
        return schema.read(given)
    except ValidationError as error:
        raise MalformedInput("；".join(_told(messages_of(error)))) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _told(messages: Mapping[Any, Any], place: str = "") -> list[str]:
    found: list[str] = []
    for key, inner in messages.items():
        where = f"{place}.{key}" if place else str(key)
        found += _told(inner, where) if isinstance(inner, Mapping) else [f"{where}：{' '.join(map(str, inner))}"]
    return found


def _print_assessment(answer: FundAssessment, facts: AssessmentFacts) -> None:
    regime, labels = load_rulebook().regime(answer.regime, answer.year), fact_labels()
    missing = [name for one in answer.conditions for name in missing_for_condition(facts, one)]
    missing += [name for one in answer.quotas for name in missing_for_quota(regime, facts, one)]
    click.echo(f"{answer.year} 年  {INCOMPLETE if answer.eligible and missing else VERDICTS[answer.eligible]}")
    if missing:
        click.echo(f"还缺：{'、'.join(labels[name] for name in dict.fromkeys(missing))}")
    click.echo()
    conditions = [(CONDITIONS[one.id], MET[one.outcome], _cite(one.clause)) for one in answer.conditions]
    print_table(("条件", "结果", "依据"), conditions or [("全部申请条件", WITHOUT_TEXT, "–")])
    rows = [
        (one.fund.label, _yes(one.permitted), _yuan(one.base), _yuan(one.quota), _yuan(one.max_quota))
        for one in answer.quotas
    ]
    click.echo()
    print_table(("基金", "可预付", "月基数（元）", "额度（元）", "最高（元）"), rows, right=(2, 3, 4))
    for one in answer.quotas:
        if why := "；".join(why_barred(regime, facts, one)):
            cited = "、".join(_cite(clause) for clause in one.clauses)
            click.echo(f"{one.fund.label}不能预付：{why}（{cited}）")
    click.echo()
    dated = [
        (
            str(one.due_on or f"{one.named_on} 起顺延，待放假安排"),
            one.plain,
            HOLDERS[one.holder],
            _cite(one.clause, REPORTED),
        )
        for one in sorted(answer.duties, key=lambda one: one.named_on)
    ]
    print_table(("日期", "事项", "谁办", "依据"), dated)


def _yes(answer: bool | None) -> str:
    return {True: "是", False: "否", None: "未知"}[answer]


def _yuan(amount: Money | None) -> str:
    return "–" if amount is None else str(amount)


def _cite(clause: str | None, without: str = "本院规定") -> str:
    return without if clause is None else load_rulebook().cite(clause)
