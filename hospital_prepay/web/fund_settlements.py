"""``/finance/fund/reconcile/settlements``: settlements without an offset, as the bank shows them."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.remark import read_remark
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.fund_reconciliation import ActualSchema, BankForm, SettlementForm, SettlementSchema
from hospital_prepay.services.fund import settlements as service
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.henan import concerns_us
from hospital_prepay.services.fund.words import SETTLEMENTS
from hospital_prepay.web.decision_view import decision_href
from hospital_prepay.web.fund_confirmation import Confirmation
from hospital_prepay.web.fund_reconcile import ROOT, asked_month
from hospital_prepay.web.fund_reconcile_view import rooms
from hospital_prepay.web.fund_words import keyed

blueprint = Blueprint("fund_settlements", __name__, url_prefix=f"{ROOT}/settlements")
FUNDS: Final = [{"value": fund, "label": FUND_NAMES[fund]} for fund in service.FUNDS]
_UNKNOWN: Final = "未知"


@blueprint.get("")
@requires(Permission.FUND_VIEW)
def show_settlements() -> str:
    """Every settlement that was recorded, and the form for the next."""
    return _page()


@blueprint.post("")
@requires(Permission.FUND_RETURN)
def record() -> Any:
    """Book a settlement; asked once more with the amount."""
    try:
        said = read_form(SettlementSchema())
        if request.form.get("confirmed") != "yes":
            return _page(typed(), _confirmation(said))
        command = service.RecordSettlement(
            said.period, said.fund.value, said.cross_region, said.amount, paper(said), said.ahead
        )
        done = service.record_settlement(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(typed("idempotency_key").with_error(error)), 409
    say("ok", f"已入账 {said.amount} 元。下一步：导入银行流水和医保对账单，看对不对得上。")
    if done.decision is not None:
        say("info", done.decision.reasons[0].message)
    return redirect(f"{ROOT}/settlements?period={said.period}", 303)


@blueprint.post("/<settlement_id>/actual")
@requires(Permission.FUND_RETURN)
def settle_actual(settlement_id: str) -> Any:
    """Settle money that was paid ahead; asked once more with what moves."""
    try:
        said = read_form(ActualSchema())
        ahead = _ahead(settlement_id)
        moved = said.actual - Money(ahead.moved_fen)
        if request.form.get("confirmed") != "yes":
            return _page(typed(), _confirm_actual(said.actual, moved), settlement_id)
        bank = paper(said) if said.bank_reference else None
        command = service.SettleActual(settlement_id, said.actual, said.document, bank, said.idempotency_key)
        service.settle_actual(current_context(), current_actor(), command)
    except WrongForm as wrong:
        return _page(wrong.form, settles=settlement_id), 422
    except MalformedInput as error:
        form = typed().with_error(error, str(error.details.get("field", "")))
        return _page(form, settles=settlement_id), 422
    except Conflict as error:
        return _page(Form({}, {"": error.message})), 409
    say("ok", f"实际结算 {said.actual} 元，差额 {moved} 元{'已入账' if moved else '，不用再动钱'}。")
    return redirect(f"{ROOT}/settlements?period={asked_month()}", 303)


def paper(said: BankForm) -> service.PaidByBank:
    """What the form says of the bank's payment."""
    return service.PaidByBank(said.paid_on, said.bank_reference, said.payer, said.remark, said.idempotency_key)


def settlement_line(one: Any, answered: set[str | None]) -> dict[str, Any]:
    """A settlement in a list, with what its remark says."""
    said = read_remark(one.remark)
    read = (said.period, said.fund and FUND_NAMES[said.fund.value], said.purpose and said.purpose.label)
    return {
        "id": one.settlement_id,
        "period": one.period,
        "kind": SETTLEMENTS[one.kind],
        "fund": FUND_NAMES[one.fund] + ("·异地" if one.cross_region else ""),
        "settled_fen": one.settled_fen,
        "moved_fen": one.moved_fen,
        "paid_on": one.paid_on,
        "reference": one.bank_reference,
        "remark": one.remark,
        "read": "，".join(part or _UNKNOWN for part in read) if one.remark else "",
        "other_month": bool(said.period and said.period != one.period),
        "entry_no": one.entry_no,
        "entry_href": f"/finance/ledger/{one.entry_no}" if current_actor().may(Permission.LEDGER_VIEW) else None,
        "open": one.kind == "fallback" and one.settlement_id not in answered,
        "href": decision_href(one.decision_id),
    }


def _ahead(settlement_id: str) -> Any:
    found = service.list_settlements(current_context(), current_actor())
    ahead = next((one for one in found if one.settlement_id == settlement_id), None)
    if ahead is None:
        raise NotFound("没有这笔先付的结算款。请回到结算款页查看。")
    return ahead


def _confirmation(said: SettlementForm) -> Confirmation:
    ahead = "这是先付的款：以后要登记实际结算，多退少补。" if said.ahead else "应收医保款同额减少。入账后不能撤回。"
    return Confirmation(
        f"登记收到结算款 {said.amount} 元？",
        (
            f"大写 {said.amount.in_words()}；{said.period} 的费用，{FUND_NAMES[said.fund.value]}；"
            f"{said.paid_on} 到账，回单 {said.bank_reference}。",
            ahead,
        ),
        f"入账 {said.amount} 元",
        "先不入账",
    )


def _confirm_actual(actual: Money, moved: Money) -> Confirmation:
    if not moved:
        lines, button = ("与先付的金额一样，不用再动钱。",), "登记，不动钱"
    elif moved.fen > 0:
        lines, button = (f"比先付的多 {moved} 元，这部分到账。",), f"入账 {moved} 元"
    else:
        lines, button = (f"比先付的少 {-moved} 元，这部分退给医保。",), f"退回 {-moved} 元"
    return Confirmation(f"实际结算 {actual} 元？", (*lines, "入账后不能撤回。"), button, "先不登记")


def _page(form: Form | None = None, confirm: Confirmation | None = None, settles: str = "") -> str:
    found = service.list_settlements(current_context(), current_actor())
    answered = {one.settles for one in found}
    today = current_context().clock.today()
    mine = form if not settles else None
    blank = {"period": asked_month(), "paid_on": today.isoformat(), "fund": "employee"}
    return render_template(
        "pages/fund/settlements.html",
        lines=[settlement_line(one, answered) for one in reversed(found)],
        ahead=[settlement_line(one, answered) for one in found if one.kind == "fallback"],
        form=keyed(mine, **blank),
        actual=keyed(form if settles else None, paid_on=today.isoformat()),
        settles=settles,
        confirm=confirm,
        action=f"{ROOT}/settlements/{settles}/actual" if settles else f"{ROOT}/settlements",
        funds=FUNDS,
        period=asked_month(),
        rooms=rooms("/settlements", asked_month()),
        henan=concerns_us(current_context(), current_actor()),
        may_book=current_actor().may(Permission.FUND_RETURN),
    )
