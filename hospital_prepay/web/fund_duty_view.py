"""What the pages of duties show: rows by month, one duty with its history, the panels beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.application import opens_on
from hospital_prepay.domain.rules.fund.duty_states import BY_BOOKS, MAY_BE_NONE, DutyState, Standing
from hospital_prepay.domain.rules.fund.henan_month import month_after
from hospital_prepay.domain.rules.outpatient.duties import is_outpatient
from hospital_prepay.http.clauses import Chip, chip
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.filters import moment, weekday
from hospital_prepay.http.forms import Form
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.clearing_watch import CalledBack
from hospital_prepay.services.fund.duties import DutyBook, StepRow
from hospital_prepay.services.fund.duty_words import (
    FINISHED,
    PROVISIONAL,
    duty_name,
    grant_name,
    left_words,
    state_words,
    whose,
)
from hospital_prepay.services.fund.places import PlaceHistory
from hospital_prepay.services.fund.recall_review import Outlook
from hospital_prepay.services.fund.reminders import SHARED_ACCOUNT, AccountCheck, ReminderRow
from hospital_prepay.services.fund.words import REPORTED
from hospital_prepay.web.fund_words import grant_title
from hospital_prepay.web.outpatient_duty_view import DONE, NONE_TO_DO, act_on, consequence_href, left_panel
from hospital_prepay.web.outpatient_duty_view import LIST as OUTPATIENT_LIST

LIST: Final = "/finance/fund/duties"
LAYOUT: Final = "layouts/fund.html"
OUTPATIENT_LAYOUT: Final = "layouts/outpatient.html"
_WHOSE: Final = {"ours": "本院", "authority": "医保方", "all": "全部"}
_SHOW: Final = {"all": "全部", "open": "未办", "done": "已办", "pressing": "急办"}
_AREAS: Final = {"all": "全部", "fund": "预付金", "outpatient": "门诊预交金"}
_KINDS: Final = {"done": "办结", "not_applicable": "不用办", "withdrawn": "撤回登记"}
_PLACE_MARKS: Final = {
    "proposed": ("held", "等核对"),
    "confirmed": ("ok", "已核对"),
    "declined": ("idle", "没有通过"),
}
_BOOKS: Final = {"apply": "已申请", "pay_out": "已到账", "reconcile": "已登记对账申请", **DONE}


def duties_page(book: DutyBook, year: int, asked: Mapping[str, str]) -> dict[str, Any]:
    """The list of a year, filtered, by month."""
    side = asked.get("whose", "") if asked.get("whose") in _WHOSE else "ours"
    show = asked.get("show", "") if asked.get("show") in _SHOW else "all"
    area = asked.get("area", "") if asked.get("area") in _AREAS else "all"
    here = {"year": str(year), "whose": side, "show": show, "area": area}
    pressing = [one for one in book.around() if one.is_ours and one.is_pressing and _of_area(one, area)]
    of_year = [one for one in book.of_year(year) if _of_area(one, area)]
    of_side = [one for one in of_year if _on_side(one, side)]
    shown = pressing if show == "pressing" else [one for one in of_side if _fits(one, show)]
    return {
        "year": year,
        "years": [_tab(str(one), {"year": str(one), "area": area}, one == year) for one in _years(book)],
        "sides": [
            _tab(label, {**here, "whose": key}, key == side, _count(of_year, key)) for key, label in _WHOSE.items()
        ],
        "areas": [_tab(label, {**here, "area": key}, key == area) for key, label in _AREAS.items()]
        if book.outpatient
        else [],
        "shows": [
            _tab(
                label,
                {**here, "show": key},
                key == show,
                len(pressing) if key == "pressing" else sum(_fits(one, key) for one in of_side),
            )
            for key, label in _SHOW.items()
        ],
        "months": _by_month(book, shown),
        "pressing": len(pressing),
        "only_pressing": show == "pressing",
        "overdue": sum(one.state is DutyState.OVERDUE for one in pressing),
        "elsewhere": sum(one.item.year != year for one in pressing) if show != "pressing" else 0,
        "places": _standing_places(book, year),
        "provisional": any(one.provisional for one in shown),
        "provisional_words": PROVISIONAL,
    }


def of_one_room(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The list as the rooms of outpatients show it: of theirs alone, with the way to the whole calendar."""
    nothing: dict[str, Any] = {"areas": [], "places": [], "short": [], "recalled": [], "panel": None, "account": None}
    return {**shown, **nothing, "calendar": None, "address": "", "layout": OUTPATIENT_LAYOUT, "whole_href": LIST}


def duty_page(book: DutyBook, one: Standing, forms: Mapping[str, Form]) -> dict[str, Any]:
    """One duty with what is owed, its history, and the forms that the viewer may use now."""
    steps = book.steps_of(one.item.key)
    may = current_actor().may(Permission.FUND_DUTY)
    closed = book.closure_of(one.item.key)
    by_books = one.item.name in BY_BOOKS
    may_be_none = one.item.name in MAY_BE_NONE and one.known.left is None
    offered = []
    if may and closed is None and one.state is not DutyState.DONE and (not by_books or may_be_none):
        offered.append("close")
    if may and closed is not None:
        offered.append("withdraw")
    return {
        "duty": duty_row(book, one),
        "year": one.item.year,
        "list_href": OUTPATIENT_LIST if is_outpatient(one.item.key) else LIST,
        "layout": OUTPATIENT_LAYOUT if is_outpatient(one.item.key) else LAYOUT,
        "named_on": one.item.named_on,
        "dated_by": "文件写的" if one.item.document else "本院定的" if one.item.day_by_house else "通知写的",
        "left": left_panel(one),
        "none_to_do": dict(zip(("title", "words", "hint", "button"), NONE_TO_DO[one.item.name], strict=True))
        if may_be_none
        else None,
        "rolls": {True: "遇节假日顺延", False: "遇节假日不顺延", None: "顺延不顺延不知道（没有原文）"}[
            one.item.rolls
        ],
        "provisional": PROVISIONAL if one.provisional else "",
        "by_books": by_books,
        "steps": [_step(step, book.names) for step in steps],
        "offered": offered,
        "forms": forms,
    }


def duty_row(book: DutyBook, one: Standing) -> dict[str, Any]:
    """A duty in the list."""
    kind, word = state_words(one)
    return {
        "key": one.item.key,
        "on": one.expected_on,
        "weekday": weekday(one.expected_on),
        "provisional": one.provisional,
        "left": left_words(one) + _not_open_yet(book, one),
        "name": duty_name(one),
        "href": _href(one),
        "chip": _chip(one),
        "whose": whose(one),
        "ours": one.is_ours,
        "state": {"kind": kind, "word": word},
        "evidence": _evidence(book, one),
        "amount_fen": one.item.amount_fen,
        "owed": [
            {
                "title": grant_name(grant),
                "owed_fen": grant.owed_fen,
                "href": f"/finance/fund/grants/{grant.grant_id}",
            }
            for grant in one.known.owed
        ],
        "owed_fen": one.owed_fen,
        "left_over": one.known.left,
        "day_by_house": one.item.day_by_house,
        "pressing": one.is_pressing,
        **_act(book, one),
    }


def _not_open_yet(book: DutyBook, one: Standing) -> str:
    """From when to apply, while the year isn't open: its day alone would send people to a form that refuses them."""
    waits = one.item.name == "apply" and one.state not in FINISHED and book.today < opens_on(one.item.year)
    return f"，{opens_on(one.item.year)} 起可申请" if waits else ""


def short_line(one: Outlook) -> dict[str, Any]:
    """A day of clearing for which money lacks."""
    return {
        "title": grant_title(one.grant),
        "on": one.forecast.clear_on,
        "days": (one.forecast.clear_on - one.facts.today).days,
        "gap": one.forecast.gap,
        "href": f"/finance/fund/recall/forecast/{one.grant.grant_id}",
    }


def recall_line(one: CalledBack, today: date) -> dict[str, Any]:
    """A ground of recall that stands, with what goes back by when."""
    return {
        "place": load_rulebook().regimes[one.recall.regime][-1].place,
        "owed_fen": one.owed_fen,
        "due_on": one.due_on,
        "expected": one.expected,
        "days": one.due_on and (one.due_on - today).days,
        "urged": one.recall.urged_on is not None,
        "href": f"/finance/fund/recall/{one.recall.recall_id}",
    }


def places_panel(found: PlaceHistory, form: Form) -> dict[str, Any]:
    """Where the hospital stands, who said so, and who may confirm it."""
    actor = current_actor()
    return {
        "rows": [
            {
                "no": row.place_no,
                "place": load_rulebook().regimes[row.regime][0].place,
                "region": row.pool_region,
                "words": f"{row.from_year} 年起" + ("" if row.stands else "不再适用"),
                "state": dict(zip(("kind", "word"), _PLACE_MARKS[row.state], strict=True)),
                "by": f"{_name(found.names, row.proposed_by)} {moment(row.proposed_at)}",
                "decided": row.decided_by and f"{_name(found.names, row.decided_by)} {moment(row.decided_at)}",
                "mine_to_decide": row.state == "proposed"
                and actor.may(Permission.FUND_RECORD)
                and actor.actor_id != row.proposed_by,
            }
            for row in found.rows
        ],
        "form": form,
        "may_propose": actor.may(Permission.FUND_APPLY),
        "regimes": [
            {"value": name, "label": editions[0].place} for name, editions in load_rulebook().regimes.items()
        ],
    }


def account_panel(now: AccountCheck, check: AccountCheck | None) -> dict[str, Any]:
    """The shared account as the books have it now, and the newest check of a night with its time."""
    return {**_account(now), "checked": check and {**_account(check), "at": check.checked_at}}


def _account(one: AccountCheck) -> dict[str, Any]:
    return {
        "total": signed(one.total_fen),
        "general": signed(one.general_fen),
        "restricted": signed(one.restricted_fen),
        "short": Money(one.short_fen) if one.short_fen else None,
        "none": not one.restricted_fen,
    }


def reminder_line(row: ReminderRow) -> dict[str, Any]:
    """A reminder that was given."""
    key = row.duty_key
    shared = key == SHARED_ACCOUNT
    href = "#h-account" if shared else address_of(key)
    if key.startswith(("request/", "outpatient/")):
        href = consequence_href(key)
    return {"on": row.reminded_on, "words": row.words, "href": href}


def signed(fen: int) -> str:
    """An amount that may be below zero."""
    return f"-{Money(-fen)}" if fen < 0 else str(Money(fen))


def _href(one: Standing) -> str:
    if not one.item.regime:
        return consequence_href(one.item.key)
    return address_of(one.item.key)


def address_of(key: str) -> str:
    """The page of a duty, in the rooms of what it is about."""
    return f"{OUTPATIENT_LIST if is_outpatient(key) else LIST}/one?{urlencode({'key': key})}"


def _chip(one: Standing) -> Chip:
    if one.item.document:
        return Chip(one.item.document, "按它自己的文件", None)
    if one.item.regime and one.item.clause is None:
        return Chip(REPORTED, "", None)
    found = chip(one.item.clause)
    return Chip(found.label, "", found.href)


def _act(book: DutyBook, one: Standing) -> dict[str, str]:
    """What the viewer may do about a duty that is open, as the words of a link and where it leads."""
    href = _href(one)
    if one.state in FINISHED or not current_actor().may(Permission.FUND_DUTY):
        return {"act": "", "act_href": href}
    if is_outpatient(one.item.key):
        return dict(zip(("act", "act_href"), act_on(one), strict=True))
    if one.item.name == "apply":
        return {"act": "不申请的写明理由", "act_href": href}
    if one.item.name == "reconcile" and any(grant.regime == one.item.regime for grant in book.grants):
        month = month_after(f"{one.item.named_on:%Y-%m}", -1)  # an application closes it, in the month of its costs
        return {"act": "去河南月度办", "act_href": f"/finance/fund/reconcile/henan?period={month}"}
    if one.item.name == "net" and one.known.owed:
        return {"act": "去轧差", "act_href": "/finance/fund/recall"}
    if len(one.known.owed) == 1:
        return {"act": "去交回或冲抵", "act_href": f"/finance/fund/grants/{one.known.owed[0].grant_id}"}
    if one.item.name in BY_BOOKS:
        return {"act": "去办" if not one.item.regime else "", "act_href": href}
    return {"act": "登记办结", "act_href": href}


def _evidence(book: DutyBook, one: Standing) -> list[str]:
    step = book.closure_of(one.item.key)
    if step is not None and one.by_person:
        done = [] if step.done_on is None else [f"{step.done_on} 办"]
        return [*done, step.words, f"{_name(book.names, step.recorded_by)} {moment(step.recorded_at)} 登记"]
    if one.done_on is not None:
        return [f"账本：{one.done_on} {_BOOKS.get(one.item.name, '全部还清')}"]
    return [one.known.nothing_due] if one.known.nothing_due else []


def _step(step: StepRow, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kind": _KINDS[step.kind],
        "done_on": step.done_on,
        "words": step.words,
        "by": _name(names, step.recorded_by),
        "at": step.recorded_at,
        "decision_href": step.decision_id and f"/compliance/decisions/{step.decision_id}",
    }


def _by_month(book: DutyBook, shown: Iterable[Standing]) -> list[dict[str, Any]]:
    months: dict[str, list[dict[str, Any]]] = {}
    for one in shown:
        months.setdefault(f"{one.expected_on.year} 年 {one.expected_on.month} 月", []).append(duty_row(book, one))
    return [{"label": label, "rows": rows} for label, rows in months.items()]


def _years(book: DutyBook) -> range:
    known = [one.from_year for one in book.places] + [one.year for one in book.grants] + [book.today.year]
    known += [item.year for item, _ in book.outpatient]
    return range(min(known), book.today.year + 2)


def _standing_places(book: DutyBook, year: int) -> list[str]:
    return [
        f"{load_rulebook().regimes[regime][0].place} · {'、'.join(regions)}"
        for regime, regions in book.places_of(year).items()
    ]


def _of_area(one: Standing, area: str) -> bool:
    return area == "all" or is_outpatient(one.item.key) == (area == "outpatient")


def _on_side(one: Standing, side: str) -> bool:
    return side == "all" or one.is_ours == (side == "ours")


def _count(found: Iterable[Standing], side: str) -> int:
    return sum(_on_side(one, side) for one in found)


def _fits(one: Standing, show: str) -> bool:
    return show == "all" or (one.state in FINISHED) == (show == "done")


def _tab(label: str, query: Mapping[str, str], current: bool, count: int | None = None) -> dict[str, Any]:
    rooms = OUTPATIENT_LIST if query.get("area") == "outpatient" else LIST
    return {"label": label, "href": f"{rooms}?{urlencode(query)}", "current": current, "count": count}


def _name(names: Mapping[str, str], who: str) -> str:
    return names.get(who, who)
