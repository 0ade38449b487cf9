"""What the pages of a request and of all requests show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.spending import line_answers
from hospital_prepay.http.clauses import Chip, chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.filters import moment
from hospital_prepay.http.forms import Form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.services.fund.review import FundOverview, RequestDetail, RequestState
from hospital_prepay.services.fund.spending import RUN_OUT, has_run_out, request_number
from hospital_prepay.services.fund.words import CATEGORIES, REQUEST_STATES
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_invoice_view import WITHDRAW, invoice_rows, proved_fen
from hospital_prepay.web.fund_request_form import line_result
from hospital_prepay.web.fund_words import (
    Step,
    done_by,
    grant_title,
    is_my_turn,
    keyed,
    request_line,
    request_states,
    rule_words,
    stands_note,
    stranded,
    turn_lines,
    why_not_mine,
)

_A_PAGE: Final = 50
_TABS: Final = (
    ("mine", "我申请的"),
    ("refused", "被拒的"),
    ("asked", "等科室同意"),
    ("department", "等财务审批"),
    ("reserved", "等付款"),
    ("paid", "等票据"),
    ("evidenced", "已办结"),
    ("ended", "已退回"),
)
_ENDED: Final = ("rejected", "released")
_ORDER: Final = ("asked", "department", "reserved", "paid", "evidenced")
_FORMS: Final = {"asked": "agree", "department": "reserve", "reserved": "pay", "paid": "invoice"}
_STOPPED: Final = {"department": "审批", "reserved": "付款"}
_NEXT: Final = {
    "asked": "科室同意",
    "department": "财务审批并预留",
    "reserved": "付款",
    "paid": "补票据",
}


def total(request: RequestState) -> Money:
    """What the request is about."""
    return Money(request.total_fen)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The months (``2026-01``, both in) and the grant that a list keeps to; empty for all."""

    first: str = ""
    last: str = ""
    grant_id: str = ""

    def holds(self, one: RequestState) -> bool:
        """Whether a request belongs."""
        month = f"{local(one.asked_at):%Y-%m}"
        return self.first <= month <= (self.last or month) and self.grant_id in ("", one.grant_id)

    @property
    def words(self) -> str:
        """The months in words, or nothing."""
        return f"，{self.first} 至 {self.last} 申请的" if self.first and self.last else ""


def list_page(found: FundOverview, tab: str, narrowed: Narrowed) -> dict[str, Any]:
    """Requests of one state, of all without one; every tab with its count."""
    counts = Counter(tab for one in found.requests for tab in _tabs_of(one))
    names = dict(_TABS)
    tab = tab if tab in names else ""
    of_state = [one for one in found.requests if not tab or tab in _tabs_of(one)]
    wanted = [one for one in of_state if narrowed.holds(one)]
    shown = wanted[(page_number() - 1) * _A_PAGE :][:_A_PAGE]
    titles = {one.grant_id: grant_title(one) for one in found.grants}
    base = "/finance/fund/requests"
    return {
        "tabs": [
            {"label": "全部", "href": base, "current": not tab, "count": len(found.requests)},
            *(
                {"label": label, "href": f"{base}?tab={key}", "current": key == tab, "count": counts[key]}
                for key, label in _TABS
            ),
        ],
        "title": names.get(tab, "全部") + narrowed.words,
        "requests": [
            {**request_line(one, found.names), "grant": titles[one.grant_id], "grant_id": one.grant_id}
            for one in shown
        ],
        "sum_fen": sum(one.total_fen for one in wanted),
        "count": len(wanted),
        "page": page_of(len(shown), len(wanted), "份", _A_PAGE),
        "tab": tab,
        "may_ask": current_actor().may(Permission.FUND_ASK)
        and any(one.state == "received" and one.regime not in found.stands for one in found.grants),
    }


def _tabs_of(one: RequestState) -> tuple[str, ...]:
    own = ("mine",) if one.asked_by == current_actor().actor_id else ()
    return ("ended" if one.state in _ENDED else one.state, *own)


def request_page(found: RequestDetail, name: str, form: Form | None) -> dict[str, Any]:
    """One request. ``name`` is the form that came back, with ``form`` as it was typed."""
    request, names = found.request, found.names
    offered = offered_forms(found)
    invoices = invoice_rows(found, form if name == WITHDRAW else None)
    shown = [*offered, *(WITHDRAW for one in invoices if one["opened"])]
    return {
        "request": {
            **request_line(request, names),
            "id": request.request_id,
            "credit_code": request.payee_credit_code,
            "bank_reference": request.bank_reference,
            "ground": request.ground,
            "expires_at": request.expires_at if request.state == "reserved" else None,
            "ended_words": _ended(request, names),
            "own": request.asked_by == current_actor().actor_id,
        },
        "grant": {"title": grant_title(found.grant), "href": f"/finance/fund/grants/{request.grant_id}"},
        "unspent_fen": found.grant.unspent_fen,
        "lines": _lines(found),
        "steps": _steps(found),
        "other_grounds": _other_grounds(found.decision),
        "decision": {"number": decision_number(request.decision_id), "href": decision_href(request.decision_id)},
        "version": rule_words(found.grant.regime, found.decision.rule_version),
        "invoices": invoices,
        "lacking": _lacking(found),
        "same_orders": _same_orders(found),
        "entries": [
            {
                "entry_no": one.entry_no,
                "href": f"/finance/ledger/{one.entry_no}" if current_actor().may(Permission.LEDGER_VIEW) else None,
                "words": one.summary,
                "at": one.posted_at,
                "slip": found.slips.get(one.entry_no),
            }
            for one in found.entries
        ],
        "next": _NEXT.get(request.state),
        "next_lines": turn_lines(found.turn, names),
        "why_not": why_not_mine(found.turn),
        "offered": offered,
        "opened": name,
        "forms": {one: keyed(form if one == name else None, **_days(one)) for one in {*offered, name} if one},
        "stands": stands_note(found.stands),
        "stopped": _STOPPED[request.state] if _is_stopped(found) else None,
        "run_out": RUN_OUT if _ran_out(found) else None,
        "problem": stranded(name, form, shown),
    }


def offered_forms(found: RequestDetail) -> list[str]:
    """The forms that the viewer may use now: the next step, and the ways to end it. While a ground of recall stands,
    nothing is reserved or paid, and nothing is paid of a reservation that ran out."""
    actor, state = current_actor(), found.request.state
    goes_on = is_my_turn(found.turn) and state in _FORMS and not _is_stopped(found) and not _ran_out(found)
    offered = [_FORMS[state]] if goes_on else []
    may_end = {
        "asked": ("reject", actor.may(Permission.FUND_AGREE) or actor.may(Permission.FUND_RESERVE)),
        "department": ("reject", actor.may(Permission.FUND_AGREE) or actor.may(Permission.FUND_RESERVE)),
        "reserved": ("release", actor.may(Permission.FUND_PAY) or actor.may(Permission.FUND_RESERVE)),
        "paid": ("bounce", actor.may(Permission.FUND_PAY)),
        "evidenced": ("bounce", actor.may(Permission.FUND_PAY)),  # the bank may send it back after the last invoice
    }
    name, may = may_end.get(state, ("", False))
    return [*offered, name] if may else offered


def _is_stopped(found: RequestDetail) -> bool:
    return found.stands is not None and found.request.state in _STOPPED


def _ran_out(found: RequestDetail) -> bool:
    return has_run_out(found.request, current_context().clock.now())


def _other_grounds(decision: Decision) -> list[Chip]:
    """What was decided about the whole of it; a stop on spending is the house's rule, based on a ground of recall."""
    found = [chip(one.clause, one.message) for one in decision.reasons if not one.message.startswith("第 ")]
    basis = decision.facts["recall_clause"]
    return [*found, chip(basis, "所依据的收回情形")] if basis else found


def _days(name: str) -> dict[str, str]:
    """Today, where the form asks for a day."""
    field = {"pay": "paid_on", "bounce": "bounced_on"}.get(name)
    return {field: current_context().clock.today().isoformat()} if field else {}


def _lines(found: RequestDetail) -> list[dict[str, Any]]:
    proved = proved_fen(found.invoices)
    return [
        {
            "number": line.line_no,
            "category": CATEGORIES.get(line.category, line.category),
            "name": line.name,
            "code": line.code,
            "order_no": line.order_no,
            "amount_fen": line.amount_fen,
            "proved_fen": proved[line.line_no],
            "result": line_result(outcome, reasons),
        }
        for line, (outcome, reasons) in zip(found.lines, line_answers(found.decision.facts), strict=True)
    ]


def _steps(found: RequestDetail) -> list[Step]:
    request, names = found.request, found.names
    turn = turn_lines(found.turn, names)
    asked = done_by(request.asked_by, request.asked_at, names)
    if request.state == "refused":
        return [Step("bad", "申请被拒", asked), *(Step("", title, ("不会到这一步",)) for title in _titles()[1:])]
    who = (
        asked,
        done_by(request.department_by, request.department_at, names),
        done_by(request.finance_by, request.finance_at, names),
        done_by(request.paid_by, request.paid_at, names),
    )
    if request.state in _ENDED:
        word = request_states(request)[request.state][1]
        ended = Step("bad", word, done_by(request.ended_by, request.ended_at, names))
        return [*(Step("done", title, lines) for title, lines in zip(_titles(), who, strict=False) if lines), ended]
    at = _ORDER.index(request.state)
    steps = [Step("done", title, lines) for title, lines in zip(_titles(), who, strict=False)][: at + 1]
    if at < len(_titles()) - 1:
        steps.append(Step("now", _titles()[at + 1], turn))
        steps += [Step("", title) for title in _titles()[at + 2 :]]
    else:
        steps.append(Step("done", "票据", ("齐了",)))
    return steps


def _titles() -> tuple[str, ...]:
    return ("申请", "科室同意", "财务审批", "付款", "票据")


def _ended(request: RequestState, names: Any) -> str | None:
    if request.state not in _ENDED:
        return None
    who = names.get(request.ended_by or "", request.ended_by)
    return f"{who} {moment(request.ended_at)}：{request.ended_ground}"


def _same_orders(found: RequestDetail) -> list[dict[str, Any]]:
    """For whoever agrees, approves or pays: which other requests name the same platform order and code. A delivery
    may come in parts, so nothing is refused."""
    if found.request.state not in ("asked", "department", "reserved"):
        return []
    return [
        {
            "line_no": one.line_no,
            "number": request_number(one.request_id),
            "href": f"/finance/fund/requests/{one.request_id}",
            "amount_fen": one.amount_fen,
            "state": REQUEST_STATES[one.state][1],
        }
        for one in found.same_orders
    ]


def _lacking(found: RequestDetail) -> list[dict[str, Any]]:
    """The lines that invoices don't prove yet, to choose from."""
    return [
        {"value": line["number"], "label": f"第 {line['number']} 行 {line['name']}，还差 {Money(left)} 元"}
        for line in _lines(found)
        if (left := line["amount_fen"] - line["proved_fen"])
    ]
