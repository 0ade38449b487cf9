"""The form of a request: its rows, what each line would get, and a refusal with what can be done instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hospital_prepay.domain.decision import Decision, Outcome
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import UseOutcome
from hospital_prepay.domain.rules.fund.spending import line_answers
from hospital_prepay.domain.rules.fund.uses import RANK, LineReason
from hospital_prepay.http.clauses import Chip, chip
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.schemas.fund_request_forms import LINE_FIELDS, MOST_LINES, typed_lines
from hospital_prepay.services.fund.review import FundOverview, GrantState
from hospital_prepay.services.fund.words import CATEGORIES, LINE_OUTCOMES
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import grant_line, grant_place, grant_title, keyed, rule_words, stands_note

LINE_MARKS: Final = {
    UseOutcome.PERMITTED: {"kind": "ok", "word": LINE_OUTCOMES[UseOutcome.PERMITTED]},
    UseOutcome.HELD: {"kind": "held", "word": LINE_OUTCOMES[UseOutcome.HELD]},
    UseOutcome.REFUSED: {"kind": "stop", "word": LINE_OUTCOMES[UseOutcome.REFUSED]},
}
_FIRST_ROWS: Final = 3
_SHAPES: Final = "西药 X 开头 23 位，中成药 Z 开头 20 位，耗材 C 开头 27 位或 20 位"
_FINAL: Final = frozenset({"non_medical_use", "unknown_category", "procurement_only"})
_LABELS: Final = {
    "category": "用途",
    "name": "名称",
    "amount": "金额",
    "code": "国家编码",
    "order_no": "省平台订单号",
    "batch": "集采批次",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision on what stands in the form; without a number it is a preview and nothing is on record."""

    decision: Decision
    decision_id: str | None = None
    request_id: str | None = None


def _choice(grant: GrantState) -> str:
    """A grant to choose: two places may each have one of the same fund and year."""
    return f"{grant_place(grant)} · {grant_title(grant)}，可用 {grant.unspent} 元"


def form_page(found: FundOverview, grant_id: str, form: Form, answer: Answer | None) -> dict[str, Any]:
    """The form. Raises :class:`NotFound` for a grant of somebody else."""
    if grant_id and all(one.grant_id != grant_id for one in found.grants):
        raise NotFound("没有这笔预付金。请回到预付金列表查看。")
    received = [one for one in found.grants if one.state == "received"]
    usable = [one for one in received if one.regime not in found.stands]
    stopped = next((one for one in received if one.regime in found.stands and grant_id in ("", one.grant_id)), None)
    chosen = next((one for one in found.grants if one.grant_id == grant_id), usable[0] if len(usable) == 1 else None)
    rows = _rows(form)
    answers = _answers(answer)
    numbers = list(typed_lines(form.entered))
    results = dict(zip(numbers, answers, strict=False))
    return {
        "asks_batch": any(one.kind == "procurement" for one in usable),
        "grants": [{"value": one.grant_id, "label": _choice(one)} for one in usable],
        "grant": grant_line(chosen) if chosen else None,
        "stopped": {"title": grant_title(stopped), **(stands_note(found.stands[stopped.regime]) or {})}
        if stopped
        else None,
        "form": keyed(form, grant=chosen.grant_id if chosen else ""),
        "rows": [{"number": number, "result": results.get(number)} for number in rows],
        "may_add": rows[-1] < MOST_LINES,
        "groups": category_groups(chosen),
        "labels": _labels(rows),
        "decision": _refusal(answer, answers, numbers) if answer else None,
        "preview": _preview(answer) if answer and answer.decision.outcome is not Outcome.REFUSED else None,
        "refused": bool(answer and answer.decision.outcome is Outcome.REFUSED),
    }


def category_groups(grant: GrantState | None) -> list[dict[str, Any]]:
    """Every category by what the grant's place gives it, so that nobody learns only afterwards what can't be paid."""
    if grant is None:
        return [{"label": "用途", "options": [{"value": key, "label": word} for key, word in CATEGORIES.items()]}]
    uses = load_rulebook().regime(grant.regime, grant.year).uses
    titles = {UseOutcome.PERMITTED: "可以付", UseOutcome.HELD: "须两人书面决定", UseOutcome.REFUSED: "不能付"}
    return [
        {
            "label": title,
            "options": [
                {"value": key, "label": word}
                for key, word in CATEGORIES.items()
                if key in uses and uses[key].outcome is outcome
            ],
        }
        for outcome, title in titles.items()
    ]


def with_row(form: Form) -> Form:
    """The same form with three more empty rows."""
    rows = _rows(form)
    return Form({**form.entered, "rows": str(min(rows[-1] + _FIRST_ROWS, MOST_LINES))})


def payable_only(grant_id: str, form: Form) -> Form:
    """The same form with only the lines that the split keeps (their numbers stand in ``keep``)."""
    kept = {part for part in str(form.entered.get("keep", "")).split(",") if part}
    rows = {number: row for number, row in typed_lines(form.entered).items() if str(number) in kept}
    rest = {name: value for name, value in form.entered.items() if name.partition("-")[0] not in LINE_FIELDS}
    lines = {f"{name}-{place}": text for place, row in enumerate(rows.values(), 1) for name, text in row.items()}
    return Form({**rest, **lines, "rows": ""})


def line_result(outcome: UseOutcome, reasons: list[LineReason]) -> dict[str, Any]:
    """A line's mark and chips."""
    return {"mark": LINE_MARKS[outcome], "chips": [reason_chip(one) for one in reasons], "outcome": outcome}


def reason_chip(reason: LineReason) -> Chip:
    """The clause of a reason with its words; silence and house rules never look like law."""
    words = f"{reason.words}：{_SHAPES}" if reason.code == "malformed_national_code" else reason.words
    if reason.code == "notice_silent":
        return Chip("通知未作规定", words, None)
    return chip(reason.clause, words)


def _rows(form: Form) -> list[int]:
    asked = str(form.entered.get("rows", ""))
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 0
    last = max([_FIRST_ROWS, wanted, *typed_lines(form.entered)])
    return list(range(1, min(last, MOST_LINES) + 1))


def _labels(rows: list[int]) -> Mapping[str, str]:
    labels = {
        "grant": "用哪一笔",
        "payee_name": "收款单位",
        "payee_credit_code": "统一社会信用代码",
        "purpose": "事由",
        "lines": "明细",
        "idempotency_key": "这一页",
    }
    for number in rows:
        labels |= {f"{name}-{number}": f"第 {number} 行{label}" for name, label in _LABELS.items()}
    return labels


def _answers(answer: Answer | None) -> list[dict[str, Any]]:
    if answer is None:
        return []
    return [line_result(outcome, reasons) for outcome, reasons in line_answers(answer.decision.facts)]


def _preview(answer: Answer) -> dict[str, str]:
    held = answer.decision.outcome is Outcome.HELD
    amount = answer.decision.amount
    words = "须科室负责人写明理由、财务审批后才能付" if held else "可以提交，由科室负责人同意"
    return {"kind": "wait" if held else "ok", "words": f"共 {amount} 元：{words}。这是预览，没有提交。"}


def _refusal(answer: Answer, answers: list[dict[str, Any]], numbers: list[int]) -> dict[str, Any] | None:
    decision = answer.decision
    if decision.outcome is not Outcome.REFUSED:
        return None
    lines = decision.facts["lines"]
    final = any(reason.code in _FINAL for reason in decision.reasons)
    says = ["没有预留，没有付款；填写的内容都还在。"]
    if final:
        says.append("任何人都不能放行，系统没有例外的入口。")
    grounds = [chip(one.clause, one.message) for one in decision.reasons if one.code != "medical_use"]
    return {
        "title": f"不能付 {_total(lines)} 元：{_why(decision)}",
        "lines": says,
        "clauses": grounds,
        "options": _options(answer, answers, numbers),
        "number": answer.decision_id and decision_number(answer.decision_id),
        "number_href": decision_href(answer.decision_id),
        "rule_version": rule_words(decision.facts["regime"], decision.rule_version),
        "print_href": None,
    }


def _why(decision: Decision) -> str:
    worst = next((one for one in decision.reasons if one.code in _FINAL), None)
    worst = worst or next((one for one in decision.reasons if not one.message.startswith("第 ")), decision.reasons[0])
    return worst.message.rstrip("。").removesuffix("，任何人都不能放行")


def _options(answer: Answer, answers: list[dict[str, Any]], numbers: list[int]) -> list[dict[str, Any]]:
    lines = answer.decision.facts["lines"]
    placed = list(zip(numbers, answers, lines, strict=False))
    best = min((one["outcome"] for one in answers), key=RANK.__getitem__)
    kept = [(number, line) for number, one, line in placed if one["outcome"] is best]
    bad = [(number, line) for number, one, line in placed if one["outcome"] is UseOutcome.REFUSED]
    options = []
    if best is not UseOutcome.REFUSED and len(kept) < len(placed):
        words = f"{_which(kept)}单独成一份申请，其余另办"
        options.append(
            _option(f"拆开，先办 {_total([line for _, line in kept])} 元", words, button="只留这些行", keep=kept)
        )
    for number, (_, reasons), line in zip(numbers, line_answers(answer.decision.facts), lines, strict=False):
        if any(one.code == "not_procured" for one in reasons):
            words = f"第 {number} 行“{line['name']}”是集采中选的：补上集采批次再看"
            options.append(_option(None, words, button="补批次", href=f"#f-batch-{number}"))
    for number, line in bad:
        words = f"第 {number} 行“{line['name']}”改由医院自有资金付，在医院付款系统办，不经这里"
        href = f"/finance/fund/requests/{answer.request_id}" if answer.request_id else "/finance/fund"
        options.append(
            _option(
                f"{Money(line['amount_fen'])} 元",
                words,
                button="看记录" if answer.request_id else "回预付金",
                href=href,
            )
        )
    if bad:
        options.append(
            _option(
                None,
                "用途选错了：改正后重新检查，改动前后都留记录",
                button=f"改第 {bad[0][0]} 行",
                href=f"#f-category-{bad[0][0]}",
            )
        )
    if any(one.code == "more_than_left" for one in answer.decision.reasons):
        left = Money(answer.decision.facts["unspent_fen"])
        options.append(
            _option(f"可用 {left} 元", "减少金额，或等别的预留退回", button="改金额", href=f"#f-amount-{numbers[0]}")
        )
    return options


def _option(
    amount: str | None, words: str, *, button: str, href: str | None = None, keep: Any = None
) -> dict[str, Any]:
    return {
        "amount_words": amount,
        "words": words,
        "clause": None,
        "button": button,
        "kind": "link" if href else "submit",
        "href": href,
        "name": None if href else "do",
        "value": None if href else "split",
        "key": None,
        "keep": ",".join(str(number) for number, _ in keep or ()),
    }


def _which(kept: list[tuple[int, Any]]) -> str:
    return "第 " + "、".join(str(number) for number, _ in kept) + " 行"


def _total(lines: list[Mapping[str, Any]]) -> Money:
    return Money(sum(line["amount_fen"] for line in lines))
