"""The head and foot of a cap table's page: facts, tiles, checks and whose step is next."""

from __future__ import annotations

from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import PastYears, PostedHalf
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.filters import whole_yuan
from hospital_prepay.services.inpatient.cap_changes import tally
from hospital_prepay.services.inpatient.cap_review import STATE_LABELS, ReviewedTable
from hospital_prepay.services.inpatient.measuring_readings import unusual_readings
from hospital_prepay.web.caps import STATE_KINDS
from hospital_prepay.web.case_imports import thin_words

_HALVES: Final[dict[str, str]] = {
    PostedHalf.UNION: "费用和人次，取并集",
    PostedHalf.BY_COST: "按费用",
    PostedHalf.BY_ADMISSIONS: "按人次",
    PostedHalf.OF_GROUPS: "费用居前的一半病种",
}


def facts_of(table: ReviewedTable) -> dict[str, Any]:
    """What the table is, who made it and where it stands."""
    head = table.head
    step = head.parameters.get("round_down_to_fen")
    return {
        "id": head.table_id,
        "title": table.title,
        "kind": "version" if head.state == "published" else "draft",
        "state": {
            "kind": "ok" if table.current else STATE_KINDS[head.state],
            "word": "现行" if table.current else STATE_LABELS[head.state],
        },
        "as_of": head.as_of,
        "window_from": head.window_from,
        "window_to": head.window_to,
        "cases_used": head.cases_used,
        "rejected": table.rejected_cases,
        "rounding_words": f"向下取整到 {whole_yuan(Money(step))} 元" if step else "",
        "source": table.source,
        "made_by": table.name(head.measured_by),
        "made_at": head.measured_at,
        "approved_by": table.name(head.approved_by),
        "approved_at": head.approved_at,
        "published_by": table.name(head.published_by),
        "published_at": head.published_at,
        "effective_on": head.effective_on,
        "digest": f"{head.digest[:4]} {head.digest[4:8]} … {head.digest[-4:]}",
        "rejected_by": table.name(head.rejected_by),
        "rejected_ground": head.rejected_ground,
        "next_version": table.next_version,
        "is_public": table.current,
    }


def tiles_of(table: ReviewedTable) -> list[dict[str, Any]]:
    """The figures above the rows."""
    found = tally(table.rows)
    diseases = len({one.row.disease_code for one in table.rows})
    posted = len({one.row.disease_code for one in table.rows if one.row.posted})
    tiles = [_tile("病种 × 类型", diseases, "个病种", f"{len(table.rows)} 项额度")]
    if table.compared_with is not None:
        beside = f"第 {table.compared_with} 版"
        tiles += [
            _tile(f"比{beside}下降", found["down"], "项", _average(table, rising=False), "down"),
            _tile(f"比{beside}上升", found["up"], "项", _beside_legacy(table)["word"], "up"),
            _tile("不变", found["same"], "项", f"其中 {found['same_legacy']} 项取原标准"),
        ]
    else:
        tiles.append(_tile("取均值", found["mean"], "项", "三年平均个人负担"))
        tiles.append(_tile("取原标准", found["legacy"], "项", "原标准低于均值"))
    lost = found["lost"] + len(table.gone)
    why = f"比上一版少了 {lost} 项有额度的" if lost else "例数不足又无相似病种"
    tiles.append(_tile("没有额度", found["none"], "项", why))
    half = _readings(table).get("posted_half", "")
    tiles.append(_tile("公示病种" if table.head.version_no else "拟公示病种", posted, "个", _HALVES.get(half, "")))
    if table.reach is not None:
        words = f"人次 {_percent(table.reach.admissions_permille)}%；须有一项到 50%"
        tiles.append(_tile(f"{table.reach.year} 年费用覆盖", _percent(table.reach.cost_permille), "%", words))
    return tiles


def _tile(label: str, figure: int | str, unit: str, words: str, change: str | None = None) -> dict[str, Any]:
    shown = f"{figure:,}" if isinstance(figure, int) else figure
    return {"label": label, "figure": shown, "unit": unit, "words": words, "change": change}


def _average(table: ReviewedTable, *, rising: bool) -> str:
    """By how much the caps that fall (or rise) do so on average, in per mille of what they were."""
    moved = [(one.change, one.previous) for one in table.rows if one.change and (one.change.fen > 0) is rising]
    before = sum(previous.fen for _, previous in moved if previous)
    if not before:
        return "没有"
    permille = abs(sum(change.fen for change, _ in moved)) * 1000 // before
    return f"合计 {'+' if rising else '−'}{_percent(permille)}%"


def _percent(permille: int) -> str:
    return f"{permille // 10}.{permille % 10}"


def checks_of(table: ReviewedTable) -> list[dict[str, str]]:
    """What was checked by itself; warnings never stop anybody."""
    found = tally(table.rows)
    checks = [_beside_legacy(table)]
    if table.reach is not None:
        checks.append(_check("ok", "公示范围够") if table.reach.is_enough else _check("warn", "公示范围不够"))
    if lost := found["lost"] + len(table.gone):
        checks.append(_check("warn", f"{lost} 项失去额度"))
    if found["above_mean"]:
        checks.append(_check("warn", f"{found['above_mean']} 项参照相似高于自己的均值，只提醒"))
    if found["warned"]:
        checks.append(_check("warn", f"{found['warned']} 项类型高低反常，只提醒"))
    if table.is_thin:
        checks.append(_check("warn", "最后一年病例少"))
    return checks


def _beside_legacy(table: ReviewedTable) -> dict[str, str]:
    """Whether any cap passes its earlier standard; without standards there is nothing to praise."""
    if all(one.row.legacy_fen is None for one in table.rows):
        return _check("idle", "没有登记原标准")
    above = tally(table.rows)["above_legacy"]
    return _check("warn", f"{above} 项高于原标准") if above else _check("ok", "不高于原标准")


def _check(kind: str, word: str) -> dict[str, str]:
    return {"kind": kind, "word": word}


def _readings(table: ReviewedTable) -> dict[str, str]:
    found: dict[str, str] = table.head.parameters.get("readings", {})
    return found


def notices_of(table: ReviewedTable) -> list[dict[str, str]]:
    """What the reader should know before the figures."""
    notices = []
    if table.is_thin:
        last = table.years[-1]
        rolling = _readings(table).get("past_three_years") == PastYears.ROLLING
        called = f"{table.head.window_to} 为止的十二个月" if rolling else f"{last.year} 年"
        notices.append({"kind": "wait", "text": thin_words(called, last.cases)})
    unusual = unusual_readings(table.head.parameters)
    if unusual:
        told = "；".join(f"{question}{answer}" for question, answer in unusual)
        notices.append({"kind": "info", "text": f"测算时与默认不同的读法：{told}。"})
    if table.head.parameters.get("left_out"):
        text = f"{table.head.parameters['left_out']:,} 例全公费、商业保险、异地未实时结算的病例按读法不计入，没有用。"
        notices.append({"kind": "info", "text": text})
    if table.source:
        text = f"这张表照已公示的表录入，不是测算出来的。来源：{table.source}"
        notices.append({"kind": "info", "text": text})
    if table.head.rejected_ground:
        text = f"{table.name(table.head.rejected_by)}退回：{table.head.rejected_ground}"
        notices.append({"kind": "stop", "text": text})
    return notices


def changes_words(table: ReviewedTable) -> str:
    """What a publication changes, in one line."""
    found = tally(table.rows)
    if table.compared_with is None:
        return f"{len(table.rows)} 项，其中 {len(table.rows) - found['none']} 项有额度，第一次发布"
    counts = {
        "升": found["up"],
        "降": found["down"],
        "不变": found["same"],
        "新有额度": found["new"],
        "失去额度": found["lost"] + len(table.gone),
        "仍没有额度": found["none"] - found["lost"],
    }
    told = "，".join(f"{word} {count}" for word, count in counts.items() if count)
    gone = f"（失去的有 {len(table.gone)} 项已没有病例，不在表上）" if table.gone else ""
    return f"{len(table.rows)} 项：{told}{gone}"


def action_of(table: ReviewedTable) -> dict[str, Any]:
    """The one next step, whose it is, and why this person can't take it."""
    actor, head = current_actor(), table.head
    maker = table.name(head.measured_by)
    base = {"name": None, "button": "", "href": "", "why_not": None, "who_words": "", "may_reject": False}
    if head.state == "draft":
        own = head.measured_by == actor.actor_id
        may = actor.may(Permission.CAPS_APPROVE)
        names = "、".join(name for name in table.approvers if name != maker)
        who = f"批准须由财务审批（{names}）办理" if names else "现在没有可以批准的人，请系统管理员开财务审批账号"
        why = "您是测算人，须另一个人批准" if own else None if may else "由财务审批批准"
        return {
            **base,
            "name": "approve",
            "button": f"批准 {len(table.rows)} 项额度",
            "href": f"/finance/caps/{head.table_id}/approve",
            "why_not": why,
            "who_words": f"测算人和批准人须为不同的人。{who}。",
            "may_reject": may,
        }
    if head.state == "approved":
        may = actor.may(Permission.CAPS_PUBLISH)
        return {
            **base,
            "name": "publish" if may else None,
            "button": f"发布第 {table.next_version} 版",
            "who_words": "发布后不能撤回，只能再发新版。" if may else "等财务或财务审批发布。",
            "may_reject": actor.may(Permission.CAPS_APPROVE),
        }
    words = {
        "rejected": "已退回，不能再批准。请改好后重新测算。",
        "published": "已发布，不能再改；要改就发新版。",
    }
    return {**base, "who_words": words[head.state]}
