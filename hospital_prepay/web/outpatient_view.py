"""Outpatients' money as its pages show it: marks, figures with their lists, one account with its movements."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, is_outpatient_deposit
from hospital_prepay.domain.rules.outpatient.life import APART, EMPTY, KEPT, LISTED_LABELS, listed_state
from hospital_prepay.domain.rules.outpatient.life import AccountState as State
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.forms import Form
from hospital_prepay.services.outpatient.census_doubts import Doubted
from hospital_prepay.services.outpatient.register import AccountCard, Contact, Figure, Overview

ROOT: Final = "/finance/outpatient"
_FIRST_YEAR: Final = 2000
_MARKS: Final[Mapping[str, str]] = {
    EMPTY: "idle",
    KEPT: "info",
    APART: "idle",
    State.OPEN: "wait",
    State.REFUNDED: "ok",
    State.UNCLEARABLE: "warn",
    State.FILED: "held",
    State.FROZEN: "held",
    State.REMITTED: "info",
    State.RECLAIMED: "ok",
}


def quoted(account_no: str) -> str:
    """An account's number in an address."""
    return quote(account_no, safe="")


def account_href(account_no: str) -> str:
    """The page of an account."""
    return f"{ROOT}/accounts/{quoted(account_no)}"


def fresh_form(form: Form | None = None) -> Form:
    """A form with a number of its own: sent twice, it counts once. What was wrong with it stays beside its fields."""
    given = form or Form()
    return Form({**given.entered, "idempotency_key": str(uuid.uuid4())}, given.errors)


def state_mark(state: str) -> dict[str, str]:
    """The mark of an account's state, as lists tell them apart."""
    return {"kind": _MARKS[state], "word": LISTED_LABELS[state]}


def account_mark(account: Any) -> dict[str, str]:
    """The mark of an account or of its line in the register."""
    kept = account.import_no is None
    deposit = is_outpatient_deposit(MoneyKind(account.kind))
    return state_mark(listed_state(account.state, account.balance_fen, is_kept=kept, is_deposit=deposit))


def overview_page(found: Overview) -> dict[str, Any]:
    """The four tables, each figure with its list; what waits comes first."""
    return {
        "whole": _figure(found.whole, kind="deposit"),
        "kept": _figure(found.kept, kind="kept"),
        "others": _figure(found.others, kind="other"),
        "tables": [
            _table("state", "按状态", "状态", found.by_state),
            _table("year", "按最后变动的年份", "年份", found.by_year),
            _table("channel", "按缴纳途径", "途径", found.by_channel),
            _table("reach", "按能不能联系上", "联系方式", found.by_reach),
        ],
        "waiting": [import_line(one, {}) for one in found.waiting],
        "may_import": current_actor().may(Permission.OUTPATIENT_IMPORT),
    }


def choices(year: str) -> dict[str, Any]:
    """What the register can be narrowed by."""
    last = current_context().clock.today().year
    years = [{"value": str(one), "label": f"{one} 年"} for one in range(last, _FIRST_YEAR - 1, -1)]
    if year and year not in {one["value"] for one in years} | {"0"}:
        years.append({"value": year, "label": f"{year} 年"})
    return {
        "states": [{"value": value, "label": label} for value, label in LISTED_LABELS.items()],
        "years": [*years, {"value": "0", "label": "不详"}],
        "channels": _options(Channel),
        "reaches": _options(Reach),
        "kinds": [
            {"value": "deposit", "label": "清查的预交金"},
            {"value": "kept", "label": "保留的预交金"},
            {"value": "other", "label": "其他款项"},
        ],
    }


def listed(row: Any, contact: Contact) -> dict[str, Any]:
    """One line of the register."""
    return {
        "account_no": row.account_no,
        "href": account_href(row.account_no),
        "name": row.holder_name or "没有姓名",
        "certificate": contact.certno,
        "phone": contact.phone,
        "kind": MoneyKind(row.kind).label if row.kind != MoneyKind.OUTPATIENT_DEPOSIT else "",
        "channel": Channel(row.channel).label,
        "last_movement_on": row.last_movement_on,
        "state": account_mark(row),
        "balance_fen": row.balance_fen,
        "opening_fen": row.opening_fen,
    }


def head(card: AccountCard) -> dict[str, Any]:
    """What every page of an account begins with."""
    account = card.account
    return {
        "account_no": account.account_no,
        "href": account_href(account.account_no),
        "name": account.holder_name or "没有姓名",
        "certificate": card.contact.certno,
        "phone": card.contact.phone,
    }


IMPORT_STATES: Final = {
    "counted": ("wait", "等另一个人确认"),
    "confirmed": ("warn", "正在入账"),
    "booked": ("ok", "已入账"),
    "dropped": ("idle", "已作废"),
}


def doubted_words(doubted: tuple[Doubted, ...]) -> str:
    """What doesn't look right of an import that was counted, for whoever counted it."""
    told = "；".join(f"{one.kind.label} {one.rows:,} 行" for one in doubted)
    return f"都收下了、请核对的：{told}。" if told else ""


def import_line(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """One import in a list and at the head of its page."""
    kind, word = IMPORT_STATES[one.state]
    return {
        "import_no": one.import_no,
        "href": f"{ROOT}/imports/{one.import_no}",
        "file_name": one.file_name,
        "sha256": one.sha256,
        "balances_on": one.balances_on,
        "accepted": one.accepted,
        "rejected": one.rejected,
        "total_fen": one.total_fen,
        "state": {"kind": kind, "word": word},
        "step": one.state,
        "by": names.get(one.imported_by, one.imported_by),
        "at": one.imported_at,
        "decided_by": names.get(one.decided_by or "", one.decided_by),
        "decided_at": one.decided_at,
    }


def _figure(one: Figure, **filters: str) -> dict[str, Any]:
    query = {name: value for name, value in filters.items() if value}
    return {
        "label": one.label,
        "accounts": one.accounts,
        "balance_fen": one.balance_fen,
        "href": f"{ROOT}/accounts?{urlencode(query)}",
    }


def _table(name: str, title: str, heading: str, figures: tuple[Figure, ...]) -> dict[str, Any]:
    return {
        "id": name,
        "title": title,
        "heading": heading,
        "rows": [_figure(one, kind="deposit", **{name: one.key}) for one in figures],
    }


def _options(choices: Any) -> list[dict[str, str]]:
    return [{"value": one.value, "label": one.label} for one in choices]
