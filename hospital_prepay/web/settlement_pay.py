"""``/settlement/stays/<no>/settle`` and what follows: settle, pay what is owed, number the invoice, recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.decision import Decision
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.channels import usual_channel
from hospital_prepay.domain.rules.settlement.refunds import usual_rest
from hospital_prepay.domain.rules.settlement.result import AMOUNT_LABELS, AMOUNTS
from hospital_prepay.domain.rules.settlement.settling import Channel, Rest, SettlementKind
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement import (
    InvoiceSchema,
    PaySchema,
    RecallSchema,
    SettleForm,
    SettleSchema,
)
from hospital_prepay.services.settlement import board, invoices, recalls, take_backs
from hospital_prepay.services.settlement.preview import Preview, StayMoney, money_of, preview
from hospital_prepay.services.settlement.results import InsuranceResult
from hospital_prepay.services.settlement.settling import SettleStay, seen_of, settle_stay
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears
from hospital_prepay.web.decision_view import decision_href, decision_number
from hospital_prepay.web.fund_words import keyed
from hospital_prepay.web.settlement_words import PARTS, TAKE_BACK_ASKED

ROOT: Final = "/settlement/stays"
_FIELDS: Final = {
    "invoice_no": "电子票据号码",
    "ground": "召回原因",
    "amount": "交欠费",
    "payment_reference": "支付单号",
}
# The fields of the second step, empty: what is looked at before them.
_NOTHING_PAID: Final = {"top_up": "", "tender": Tender.CASH.value, "payment_reference": ""}
blueprint = Blueprint("settlement_pay", __name__, url_prefix=ROOT)


@blueprint.get("/<stay_no>/settle")
@requires(Permission.SETTLEMENT_SETTLE)
def settle_form(stay_no: str) -> str:
    """The form of a settlement, filled with the newest result of the insurance."""
    money = money_of(current_context(), current_actor(), stay_no)
    interim = not money.is_discharged
    said = {
        "kind": (SettlementKind.INTERIM if interim else SettlementKind.DISCHARGE).value,
        "channel": usual_channel(current_actor()).value,
        "tender": Tender.CASH.value,
    }
    if not interim:
        found = board.discharges_of(current_context(), current_actor(), stay_no)
        row = found.records[0].row
        said |= {"step_no": str(row.step_no), "rest": usual_rest(row.disposition).value}
    if money.usable:
        newest = money.usable[0]
        said |= {"setl_id": newest.setl_id, "setl_time": f"{local(newest.setl_time):%Y-%m-%dT%H:%M}"}
        said |= {name: str(Money(getattr(newest, f"{name}_fen"))).replace(",", "") for name in AMOUNTS}
    return _page(stay_no, money, keyed(Form(said)))


@blueprint.post("/<stay_no>/settle")
@requires(Permission.SETTLEMENT_SETTLE)
def settle(stay_no: str) -> Any:
    """Look at what it would come to, or settle."""
    context, actor = current_context(), current_actor()
    money = money_of(context, actor, stay_no)
    schema = SettleSchema(is_insured=money.insured_class != InsuredClass.SELF_PAY)
    found, seen = None, ""

    def shown(form: Form) -> str:
        return _page(stay_no, money, keyed(Form({**form.entered, "seen": seen}, form.errors)), found)

    try:
        said = read_form(schema, **_NOTHING_PAID)
        found = preview(context, actor, stay_no, said.kind, said.amounts, said.setl_id or None, said.rest)
        command = _command(stay_no, said)
        seen = seen_of(command, found)
        if request.form.get("act") != "settle":
            return shown(typed())
        if found.share.shortfall_fen:  # only then something is paid at once
            command = _command(stay_no, read_form(schema))
        answer = settle_stay(context, actor, replace(command, seen=request.form.get("seen", "")))
    except WrongForm as wrong:
        return shown(Form(typed().entered, wrong.form.errors)), 422
    except MalformedInput as error:
        field = {"amount": "top_up"}.get(str(error.details.get("field")), str(error.details.get("field", "")))
        return shown(typed().with_error(error, field)), 422
    except (NotFound, Conflict) as error:
        return shown(typed().with_error(error)), 409
    if answer.number is None:
        refused = (answer.decision, answer.decision_id)
        return _page(stay_no, money, keyed(typed("idempotency_key")), refused=refused), 422
    words = [f"结算单 {answer.number}，预交金抵 {answer.applied} 元"]
    if answer.given_back:
        words.append(f"退 {answer.given_back} 元")
    if answer.left:
        words.append(f"{answer.left} 元留着待领")
    if answer.owed:
        words.append(f"还欠 {answer.owed} 元")
    slips = "、".join(answer.slips)
    say("ok", "，".join(words) + "。" + (f"票据 {slips}，请交患者。" if slips else "") + "下一步：填电子票据号码。")
    return redirect(f"{ROOT}/{stay_no}", 303)


def _command(stay_no: str, said: SettleForm) -> SettleStay:
    result = None
    if said.setl_id and said.setl_time is not None:
        result = InsuranceResult(said.setl_id, said.setl_time, said.amounts)
    free = said.kind is SettlementKind.NO_CHARGE
    return SettleStay(
        stay_no,
        said.kind,
        said.channel,
        said.idempotency_key,
        seen_step=said.step_no,
        result=None if free else result,
        self_pay_total=Money(said.amounts.medfee_sumamt) if result is None and not free else None,
        top_up=said.top_up,
        rest=said.rest,
    )


@blueprint.post("/<stay_no>/invoice")
@requires(Permission.SETTLEMENT_SETTLE)
def number_invoice(stay_no: str) -> Any:
    """Note the number of the electronic invoice."""

    def act() -> str:
        said = read_form(InvoiceSchema())
        invoices.number_invoice(current_context(), current_actor(), stay_no, said.settlement_no, said.invoice_no)
        return "票据号码已记下，这次出院办完了。"

    return _done(stay_no, act)


@blueprint.post("/<stay_no>/pay")
@requires(Permission.SETTLEMENT_SETTLE)
def pay(stay_no: str) -> Any:
    """Take money towards what is owed."""

    def act() -> str:
        said = read_form(PaySchema())
        top_up = TopUp(said.amount, said.tender, said.payment_reference)
        command = PayArrears(stay_no, top_up, said.idempotency_key, said.channel)
        number = pay_arrears(current_context(), current_actor(), command)
        return f"已收 {said.amount} 元，票据 {number}，请交患者。"

    return _done(stay_no, act)


@blueprint.post("/<stay_no>/recall")
@requires(Permission.SETTLEMENT_SETTLE)
def ask_recall(stay_no: str) -> Any:
    """Ask for a settlement to be recalled."""

    def act() -> str:
        said = read_form(RecallSchema())
        recalls.ask_recall(current_context(), current_actor(), stay_no, said.settlement_no, said.ground)
        return "已申请召回，等财务里另一个人办理。"

    return _done(stay_no, act)


@blueprint.post("/<stay_no>/recall/decide")
@requires(Permission.SETTLEMENT_MANAGE)
def decide_recall(stay_no: str) -> Any:
    """Recall it, or turn the request down."""
    approve = request.form.get("act") == "approve"

    def act() -> str:
        said = read_form(RecallSchema())
        recalls.decide_recall(current_context(), current_actor(), stay_no, said.settlement_no, approve=approve)
        if not approve:
            return "没有同意召回，结算单照旧。"
        money = money_of(current_context(), current_actor(), stay_no)
        of_discharge = any(
            one.settlement_no == said.settlement_no and one.discharged_at is not None for one in money.settlements
        )
        if of_discharge and not money.is_discharged:
            return "已召回，红字冲销。出院已取消：患者出院时先重新登记出院，交到收费后再结算。"
        return "已召回，红字冲销；交到收费后重新结算。"

    return _done(stay_no, act)


def _done(stay_no: str, act: Callable[[], str]) -> Any:
    """Do it and show the stay again, with what came of it."""
    try:
        say("ok", act())
    except WrongForm as wrong:
        named = (
            f"{_FIELDS.get(name, '')}{'：' if name in _FIELDS else ''}{words}"
            for name, words in wrong.form.errors.items()
        )
        say("stop", "".join(named) or wrong.message)
    except (MalformedInput, Conflict) as error:
        say("stop", error.message)
    return redirect(f"{ROOT}/{stay_no}", 303)


def _page(
    stay_no: str,
    money: StayMoney,
    form: Form,
    found: Preview | None = None,
    refused: tuple[Decision, str] | None = None,
) -> str:
    actor = current_actor()
    permitted = found is not None and found.decision.permitted
    turned_down = refused or ((found.decision, "") if found and not found.decision.permitted else None)
    return render_template(
        "pages/settlement/settle.html",
        stay_no=stay_no,
        back_href=f"{ROOT}/{stay_no}" if money.is_discharged else f"/desk/stays/{stay_no}",
        interim=not money.is_discharged,
        name=money.patient_name if actor.calls_patients else mask_name(money.patient_name),
        insured=InsuredClass(money.insured_class).label,
        held_fen=money.held_fen,
        form=form,
        warning=TAKE_BACK_ASKED if take_backs.is_asked(current_context(), actor, stay_no) else "",
        kinds=_choices(SettlementKind),
        channels=_choices(Channel),
        rests=_choices(Rest) if money.is_discharged else [],
        tenders=[{"value": one.value, "label": one.label} for one in Tender],
        amounts=[(name, AMOUNT_LABELS[name]) for name in AMOUNTS],
        found=_found(found, form, is_interim=not money.is_discharged) if found is not None and permitted else None,
        refused=None if turned_down is None else _refused(*turned_down),
    )


def _choices(kinds: type[SettlementKind] | type[Channel] | type[Rest]) -> list[dict[str, Any]]:
    return [{"value": one.value, "label": one.label, "note": None} for one in kinds]


def _found(found: Preview, form: Form, *, is_interim: bool) -> dict[str, Any]:
    back = [
        {"tender": Tender(one.tender).label, "tail": one.reference[-4:], "amount_fen": one.amount_fen}
        for one in found.back
    ]
    words = "结算"
    if found.back:
        words = f"结算，退 {Money(sum(one.amount_fen for one in found.back))} 元"
    elif found.share.left_fen and not is_interim:
        words = f"结算，{Money(found.share.left_fen)} 元留着待领"
    elif found.share.shortfall_fen:
        words = f"结算，差 {Money(found.share.shortfall_fen)} 元"
    return {
        "parts": [(label, getattr(found.parts, f"{name}_fen")) for name, label in PARTS],
        "applied_fen": found.share.applied_fen,
        "shortfall_fen": found.share.shortfall_fen,
        "left_fen": found.share.left_fen,
        "left_words": "应退" if found.back else "留作预交金" if is_interim else "留着待领",
        "back": back,
        "button": words,
        "cash_online": form.entered.get("channel") == Channel.ONLINE
        and any(one.tender == Tender.CASH for one in found.back),
    }


def _refused(decision: Decision, decision_id: str) -> dict[str, Any]:
    first = decision.reasons[0]
    return {
        "title": f"不能结算：{first.message.rstrip('。')}",
        "lines": ["没有入账，没有开单，没有退款；填写的内容都还在。"],
        "clauses": [chip(one.clause, one.message) for one in decision.reasons[1:]] or [chip(first.clause)],
        "options": [],
        "number": decision_number(decision_id) if decision_id else None,
        "number_href": decision_href(decision_id) if decision_id else None,
        "rule_version": f"贵州细则 2025-06-30 版 {decision.rule_version}",
        "print_href": None,
    }
