"""``/finance/ledger``: the journal, one entry, the seals and the trial balance. No patient is named here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.audit import action_label
from hospital_prepay.domain.ledger.chart import CHART, DEBIT
from hospital_prepay.domain.ledger.seal import WINDOW_SECONDS
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund.entry_papers import EntryPapers, entry_papers
from hospital_prepay.services.ledger import balances, journal, seals
from hospital_prepay.services.ledger.journal import (
    EntryDetail,
    JournalFilter,
    JournalLine,
    JournalPage,
    JournalRow,
    JournalSide,
)
from hospital_prepay.services.ledger.seals import SealPage
from hospital_prepay.web import ledger_fund, ledger_outpatient
from hospital_prepay.web.decision_view import decision_number

blueprint = Blueprint("ledger", __name__, url_prefix="/finance/ledger")
_KINDS: Final = {
    "inpatient_deposit": ("info", "收款"),
    "inpatient_void": ("stop", "红字"),
    "settlement": ("ok", "结算"),
    "settlement_topup": ("ok", "补交"),
    "settlement_return": ("wait", "结算退款"),
    "settlement_recall": ("stop", "结算召回"),
    "settlement_topup_back": ("stop", "退补交"),
    "settlement_refund_back": ("stop", "退款退回"),
    "settlement_refund_again": ("wait", "再退"),
    "inpatient_refund": ("wait", "退款"),
}
_OTHER: Final = ("idle", "其他")
_SHOWN_OF_HASH: Final = 8
# An opening of legacy accounts has thousands of lines.
_LINES_A_PAGE: Final = 200


@blueprint.get("")
@requires(Permission.LEDGER_VIEW)
def show_journal() -> str:
    """Entries with their lines, newest first."""
    context, actor = current_context(), current_actor()
    given = {name: request.args.get(name, "").strip()[:80] for name in ("q", "account", "since", "until")}
    wanted = JournalFilter(
        words=given["q"],
        receipt=journal.receipt_named(given["q"]),
        account_id=given["account"],
        since=_day(given["since"]),
        until=_day(given["until"]),
    )
    found = journal.read_journal(context, actor, wanted, page_number())
    return render_template(
        "pages/ledger/journal.html",
        filters=given,
        accounts=_accounts(given["account"]),
        entries=[_entry_line(row, found) for row in found.entries],
        page=page_of(len(found.entries), found.totals.entries, "笔", journal.PAGE_SIZE),
        totals=found.totals,
        seal_words=_seal_words(found.sealed_to, found.waiting),
    )


@blueprint.get("/<int:entry_no>")
@requires(Permission.LEDGER_VIEW)
def show_entry(entry_no: int) -> str:
    """One entry: its lines, where it came from, and whether it is still what was posted."""
    actor = current_actor()
    found = journal.read_entry(current_context(), actor, entry_no)
    row = found.row
    papers = entry_papers(current_context(), actor, entry_no, row.source)
    grant_id = next((line.fund for line in found.lines if line.fund), "")
    first = (page_number() - 1) * _LINES_A_PAGE
    shown = found.lines[first : first + _LINES_A_PAGE]
    return render_template(
        "pages/ledger/entry.html",
        entry=_entry(found),
        lines=[_line(line, papers) for line in shown],
        page=page_of(len(shown), len(found.lines), "行", _LINES_A_PAGE),
        paper=ledger_fund.document(row.source, grant_id, papers) or ledger_outpatient.document(row.source),
        slip=ledger_fund.slip(papers),
        debit_fen=row.debit_fen,
        credit_fen=row.credit_fen,
        reverses=_other(row.reverses_no),
        reversed_by=_other(found.reversed_by),
        decision=_decision(row),
        audit=[
            {
                "at": event.at,
                "who": event.actor_name or found.names.get(event.actor, event.actor),
                "words": action_label(event.action) + ("" if event.outcome == "done" else "，没有办成"),
            }
            for event in found.events
        ],
    )


@blueprint.get("/seals")
@requires(Permission.LEDGER_VIEW)
def show_seals() -> str:
    """The blocks, the last check, and what stands unsealed."""
    found = seals.read_seals(current_context(), current_actor(), page_number())
    return render_template(
        "pages/ledger/seals.html",
        check=_check(found),
        unsealed={"words": _unsealed_words(found)},
        blocks=[
            {
                "block_no": block.block_no,
                "first_no": block.first_no,
                "last_no": block.last_no,
                "count": block.entry_count,
                "root": _short(block.merkle_root),
                "previous": _short(block.previous_hash) if block.block_no > 1 else "—",
                "sealed_at": block.sealed_at,
                "outside": block.block_no <= found.outside_to,
            }
            for block in found.blocks
        ],
        page=page_of(len(found.blocks), found.total, "段", seals.BLOCKS_A_PAGE),
        may_verify=True,
        window_seconds=WINDOW_SECONDS,
    )


@blueprint.post("/verify")
@requires(Permission.LEDGER_VIEW)
def verify() -> Any:
    """Check every entry, seal and balance now."""
    if seals.check_books(current_context(), current_actor()) is None:
        say("info", "账本还是空的，没有可核对的。")
    return redirect("/finance/ledger/seals", 303)


@blueprint.get("/trial-balance")
@requires(Permission.LEDGER_VIEW)
def show_trial_balance() -> str:
    """Every subject: the start of the year, the year's turnover, the balance at the end of a day."""
    context = current_context()
    on = _day(request.args.get("on", "")) or context.clock.today()
    found = balances.year_balance(context, current_actor(), on)
    return render_template(
        "pages/ledger/trial_balance.html",
        on=on,
        on_text=on.isoformat(),
        rows=[
            {
                "account_code": row.subject,
                "account": _subject_name(row.subject),
                "level": 1,
                "opening_fen": row.opening_fen,
                "debit_fen": row.debit_fen,
                "credit_fen": row.credit_fen,
                "closing_fen": row.closing_fen,
                "side": "借" if row.normal_side == DEBIT else "贷",
                "href": f"/finance/ledger?account={row.subject}",
            }
            for row in found.rows
        ],
        debit_fen=found.debit_fen,
        credit_fen=found.credit_fen,
        balanced=found.is_balanced,
        recomputed={"kind": "ok", "word": "现算", "words": "发生额和余额都由分录现算，不取存数"},
    )


def _entry_line(row: JournalRow, found: JournalPage) -> dict[str, Any]:
    debit_fen, credit_fen = (
        found.own.get(row.entry_no, (0, 0)) if found.totals.of_account else (row.debit_fen, row.credit_fen)
    )
    return {
        "entry_no": row.entry_no,
        "href": f"/finance/ledger/{row.entry_no}",
        "effective_on": row.effective_on,
        "posted_at": row.posted_at,
        "words": _words(row),
        "kind": _kind(row),
        "document": journal.receipt_of(row),
        "debit_fen": debit_fen or None,
        "credit_fen": credit_fen or None,
        "moved": ledger_fund.owed_words(row.sides),
        "sealed": row.entry_no <= found.sealed_to,
        "sides": [_side(side) for side in row.sides],
    }


def _entry(found: EntryDetail) -> dict[str, Any]:
    row = found.row
    document = journal.receipt_of(row)
    return {
        "entry_no": row.entry_no,
        "words": _words(row),
        "kind": _kind(row),
        "occurred_at": row.occurred_at,
        "posted_at": row.posted_at,
        "effective_on": row.effective_on,
        "by": ledger_outpatient.handled_by(row.source, found.names.get(row.posted_by, row.posted_by)),
        "document": document,
        # The receipt names the patient: for those who work at the counter or decide its voids.
        "document_href": f"/desk/receipts/{document}/print" if document and _sees_patients() else None,
        "content_hash": row.content_hash.hex(),
        "hash_ok": found.hash_ok,
        "block_no": found.block_no,
        "block_href": None if found.block_no is None else f"/finance/ledger/seals#block-{found.block_no}",
    }


def _sees_patients() -> bool:
    actor = current_actor()
    return actor.may(Permission.SLIP_APPROVE) or actor.may(Permission.DEPOSIT_COLLECT)


def _decision(row: JournalRow) -> dict[str, str] | None:
    if row.decision_id is None or not current_actor().may(Permission.COMPLIANCE_VIEW):
        return None
    return {"number": decision_number(row.decision_id), "href": f"/compliance/decisions/{row.decision_id}"}


def _words(row: JournalRow) -> str:
    kind, _, key = row.source.partition(":")
    return f"{row.summary} {key}" if kind == "stay" else row.summary


def _kind(row: JournalRow) -> dict[str, str]:
    known = {**ledger_fund.FUND_KINDS, **ledger_outpatient.OUTPATIENT_KINDS}
    if row.kind in known:
        kind, word = known[row.kind]
        return {"kind": kind, "word": word}
    kind, word = _KINDS["inpatient_void"] if row.reverses_no is not None else _KINDS.get(row.kind, _OTHER)
    return {"kind": kind, "word": word}


def _line(line: JournalLine, papers: EntryPapers) -> dict[str, Any]:
    return {
        "account_code": line.account_id.partition(":")[0],
        "account": line.name,
        "whose": ledger_outpatient.sub_account(line.account_id),
        "earmark": ledger_fund.earmark(line.fund, papers),
        "debit_fen": line.debit_fen or None,
        "credit_fen": line.credit_fen or None,
    }


def _side(one: JournalSide) -> dict[str, Any]:
    side = "借" if one.debit_fen else "贷"
    return {"side": side, "account": _subject_name(one.subject), "account_code": one.subject, "lines": one.lines}


def _subject_name(code: str) -> str:
    return CHART[code].name if code in CHART else code


def _accounts(chosen: str) -> list[dict[str, str]]:
    every = [{"value": one.code, "label": f"{one.code} {one.name}"} for one in CHART.values()]
    # A sub-account comes by address only; it stays chosen when the form is sent again.
    return every if not chosen or chosen in CHART else [{"value": chosen, "label": chosen}, *every]


def _other(entry_no: int | None) -> dict[str, Any] | None:
    return None if entry_no is None else {"entry_no": entry_no, "href": f"/finance/ledger/{entry_no}"}


def _seal_words(sealed_to: int, waiting: int) -> str:
    sealed = f"已封存到凭证 {sealed_to:,}" if sealed_to else "还没有封存"
    return f"{sealed}，等封存 {waiting:,} 笔" if waiting else sealed


def _unsealed_words(found: SealPage) -> str:
    if not found.waiting or found.oldest is None:
        return f"没有等封存的凭证；新凭证 {WINDOW_SECONDS} 秒内封存。"
    seconds = int((current_context().clock.now() - found.oldest).total_seconds())
    words = (
        f"还有 {found.waiting:,} 笔等封存，最久的等了 {_duration(seconds)}；封存前的改动由内容摘要和余额重算查出。"
    )
    if seconds > 2 * WINDOW_SECONDS:
        words += "封存落后了，请报信息科看定时任务。"
    return words


def _duration(seconds: int) -> str:
    if seconds < 120:
        return f"{max(seconds, 0)} 秒"
    if seconds < 7200:
        return f"{seconds // 60} 分钟"
    return f"{seconds // 3600} 小时" if seconds < 172_800 else f"{seconds // 86_400} 天"


def _check(found: SealPage) -> dict[str, Any] | None:
    check = found.check
    if check is None:
        return None
    detail = check.detail
    if check.outcome in ("done", "intact"):
        words = "全部凭证、封存和余额都相符"
        if detail:
            words = f"{detail['entries']:,} 笔凭证、{detail['blocks']:,} 段封存，都和摘要相符"
        return _checked("ok", "核对一致", words, check.at, None)
    if check.outcome == "failed" and not detail:
        return _checked("warn", "没有核对完", "上次定时核对没有做完，请现在核对一次", check.at, None)
    broken = {
        "words": detail.get("message") or "请按「现在核对」，看第一处在哪里。",
        "entry_no": detail.get("entry_no"),
        "block_no": detail.get("block_no"),
    }
    words = f"有 {detail['found']} 处对不上，第一处：" if detail else "上次定时核对发现对不上"
    return _checked("stop", "对不上", words, check.at, broken)


def _checked(kind: str, word: str, words: str, at: datetime, broken: dict[str, Any] | None) -> dict[str, Any]:
    return {"kind": kind, "word": word, "words": words, "at": at, "broken": broken}


def _short(value: bytes) -> str:
    text = value.hex()
    return f"{text[:_SHOWN_OF_HASH]}…{text[-_SHOWN_OF_HASH:]}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
