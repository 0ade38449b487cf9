"""``/finance/outpatient/people``: accounts that are likely one person's, each pair decided by somebody."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, redirect, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.outpatient_forms import Answer, PairFormSchema
from hospital_prepay.services.outpatient import merging
from hospital_prepay.services.outpatient.merging import Likeness, ShownPair
from hospital_prepay.services.outpatient.register import AccountCard
from hospital_prepay.web import outpatient_view as view

blueprint = Blueprint("outpatient_people", __name__, url_prefix="/finance/outpatient/people")
_ROOT: Final = "/finance/outpatient/people"


@blueprint.get("")
@requires(Permission.OUTPATIENT_VIEW)
def list_pairs() -> str:
    """The pairs that wait, both accounts side by side."""
    return _page(Form())


@blueprint.post("/propose")
@requires(Permission.OUTPATIENT_IMPORT)
def propose() -> Any:
    """Look for likely same persons; nothing is joined by this."""
    count = merging.propose_pairs(current_context(), current_actor())
    say("ok" if count else "info", f"找到 {count} 对，等另一个人认定。" if count else "没有新的可能是同一人的账户。")
    return redirect(_ROOT, 303)


@blueprint.post("/decide")
@requires(Permission.OUTPATIENT_CONFIRM)
def decide() -> Any:
    """One person's, or not."""
    try:
        said = read_form(PairFormSchema())
    except WrongForm as wrong:
        return _page(wrong.form), 422
    same = said.answer is Answer.SAME
    merging.decide_pair(current_context(), current_actor(), said.first_no, said.second_no, said.ground, same=same)
    say("ok", "已认定是同一人，余额各自不动。" if same else "已认定不是同一人，不会再提出。")
    return redirect(_ROOT, 303)


def _page(form: Form) -> str:
    actor = current_actor()
    found = merging.waiting_pairs(current_context(), actor, page_number())
    waiting = found.counts.get("proposed", 0)
    return render_template(
        "pages/outpatient/people.html",
        pairs=[_pair(one, found.names.get(one.pair.proposed_by, one.pair.proposed_by)) for one in found.waiting],
        joined=found.counts.get("joined", 0),
        apart=found.counts.get("apart", 0),
        page=page_of(len(found.waiting), waiting, "对", merging.PAGE),
        form=form,
        may_propose=actor.may(Permission.OUTPATIENT_IMPORT),
        may_decide=actor.may(Permission.OUTPATIENT_CONFIRM),
    )


def _pair(one: ShownPair, proposed_by: str) -> dict[str, Any]:
    return {
        "likeness": _likeness(one),
        "by": proposed_by,
        "at": one.pair.proposed_at,
        "is_mine": one.pair.proposed_by == current_actor().actor_id,
        "accounts": [_account(one.first), _account(one.second)],
    }


def _likeness(one: ShownPair) -> str:
    """In what they agree; masked, the old number of a person and the new one end in other digits."""
    kind = Likeness(one.pair.likeness)
    if kind is Likeness.CERTIFICATE and one.first.contact.certno != one.second.contact.certno:
        return "证件号相同：15 位的旧号和 18 位的新号是同一个人的，末位本来就不同"
    return kind.label


def _account(card: AccountCard) -> dict[str, Any]:
    account = card.account
    return {
        **view.head(card),
        "patient_no": account.patient_no,
        "last_movement_on": account.last_movement_on,
        "balance_fen": account.balance_fen,
        "state": view.account_mark(account),
    }
