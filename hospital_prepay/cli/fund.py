"""``hospital-prepay fund``: may a hospital have a prepayment, may it pay this from one, and do three papers agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError

from hospital_prepay.cli.output import format_option, print_json, print_table
from hospital_prepay.cli.parameters import InputFile
from hospital_prepay.clock import Clock
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.uses import REASON_WORDS
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.base import messages_of
from hospital_prepay.schemas.fund import FundFactsSchema, UseRequestSchema
from hospital_prepay.services.fund.assess import FundAssessment, assess_fund, check_request
from hospital_prepay.services.fund.reconciliation import MonthReading, as_json, reconcile
from hospital_prepay.services.fund.words import (
    CLOSINGS,
    CONDITIONS,
    EVENTS,
    HOLDERS,
    MET,
    OUTCOMES,
    PAIRINGS,
    REPORTED,
    SIDES,
    SOURCES,
    VERDICTS,
    WITHOUT_TEXT,
)
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings


@click.group("fund")
def fund() -> None:
    """医保预付金。"""


@fund.command("assess")
@click.argument("facts", metavar="FACTS.json", type=InputFile())
@format_option
def assess(facts: Path, form: str) -> None:
    """按所在地的通知，算今年能不能申请预付金、多少、各项事的日期。"""
    answer = assess_fund(_read(FundFactsSchema(), facts))
    if form == "json":
        print_json(answer.to_json())
    else:
        _print_assessment(answer)


@fund.command("check-use")
@click.argument("request", metavar="REQUEST.json", type=InputFile())
@format_option
def check_use(request: Path, form: str) -> None:
    """查一笔支出能不能用预付金付，逐行给出结果和依据。"""
    answer = check_request(_read(UseRequestSchema(), request))
    if form == "json":
        reasons = [{"code": one.code, "line": one.line, "clause": one.clause} for one in answer.reasons]
        print_json({"outcome": answer.outcome.value, "reasons": reasons})
        return
    click.echo(OUTCOMES[answer.outcome])
    rows = [(f"第 {one.line} 行", REASON_WORDS[one.code], _cite(one.clause)) for one in answer.reasons]
    print_table(("行", "为什么", "依据"), rows)


@fund.command("reconcile")
@click.option("--institution", required=True, metavar="代码", help="机构代码。")
@click.option("--period", required=True, metavar="月份", help="例如 2026-03。")
@format_option
def reconcile_month(institution: str, period: str, form: str) -> None:
    """一个月的对账：本院账、银行、医保三方的差额。"""
    with opened_books(Settings.from_environment()) as database:
        found = reconcile(database, institution, period, Clock().today())
    if form == "json":
        print_json(as_json(found, institution))
        return
    click.echo(f"{period} {'零差异对平' if found.zero else '还没有对平'}\n")
    sums = [
        (
            EVENTS[row.event and row.event.value],
            str(Money(row.ours_fen)),
            _fen(row.bank_fen),
            _fen(row.agency_fen),
            str(Money(row.bank_difference_fen + row.agency_difference_fen)),
        )
        for row in found.sums
    ]
    print_table(("款项", "本院账（元）", "银行（元）", "医保（元）", "差额（元）"), sums, right=(1, 2, 3, 4))
    click.echo()
    ends = [
        (CLOSINGS[one.item], SOURCES[one.source], str(Money(one.ours_fen)), _fen(one.theirs_fen))
        for one in found.closings
    ]
    print_table(("期末余额", "和哪份比", "本院账（元）", "那一份（元）"), ends, right=(2, 3))
    click.echo()
    print_table(("日期", "和谁", "结果", "凭证", "差额（元）", "挂了几天"), _open_rows(found), right=(4, 5))


def _open_rows(found: MonthReading) -> list[tuple[str, ...]]:
    return [
        (
            one.day.isoformat(),
            SIDES[one.side.value],
            PAIRINGS[one.outcome.value][1],
            "、".join(str(leg.entry_no) for leg in one.ours) or "–",
            str(Money(one.difference_fen)),
            str(found.age_of(one)[0]),
        )
        for one in (*found.older, *found.open_items)
    ]


def _fen(fen: int | None) -> str:
    return "–" if fen is None else str(Money(fen))


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


def _print_assessment(answer: FundAssessment) -> None:
    click.echo(f"{answer.year} 年  {VERDICTS[answer.eligible]}\n")
    conditions = [(CONDITIONS[one.id], MET[one.outcome], _cite(one.clause)) for one in answer.conditions]
    print_table(("条件", "结果", "依据"), conditions or [("全部申请条件", WITHOUT_TEXT, "–")])
    rows = [
        (one.fund.label, _yes(one.permitted), _yuan(one.base), _yuan(one.quota), _yuan(one.max_quota))
        for one in answer.quotas
    ]
    click.echo()
    print_table(("基金", "可预付", "月基数（元）", "额度（元）", "最高（元）"), rows, right=(2, 3, 4))
    click.echo()
    duties = [
        (
            str(one.due_on or f"{one.named_on} 起顺延，待放假安排"),
            one.plain,
            HOLDERS[one.holder],
            _cite(one.clause, REPORTED),
        )
        for one in sorted(answer.duties, key=lambda one: one.named_on)
    ]
    print_table(("日期", "事项", "谁办", "依据"), duties)


def _yes(answer: bool | None) -> str:
    return {True: "是", False: "否", None: "未知"}[answer]


def _yuan(amount: Money | None) -> str:
    return "–" if amount is None else str(amount)


def _cite(clause: str | None, without: str = "本院规定") -> str:
    return without if clause is None else load_rulebook().cite(clause)
