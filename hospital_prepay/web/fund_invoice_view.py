"""The invoices of a request as its page shows them: those that count, those that were withdrawn, the form for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.forms import Form
from hospital_prepay.services.fund.review import Invoice, RequestDetail

WITHDRAW: Final = "withdraw"
_COUNTING: Final = ("paid", "evidenced")
_WHICH: Final = ("line_no", "invoice_no", "attempt")
_NONE: Final = Form()


def proved_fen(invoices: list[Invoice]) -> Counter[int]:
    """What invoices that stand prove of each line, in fen."""
    proved = Counter[int]()
    for one in invoices:
        if one.stands:
            proved[one.line_no] += one.amount_fen
    return proved


def invoice_rows(found: RequestDetail, form: Form | None) -> list[dict[str, Any]]:
    """Every invoice; ``form`` is one that came back when it was to be withdrawn: it opens its row."""
    may = current_actor().may(Permission.FUND_PAY) and found.request.state in _COUNTING
    return [
        {
            **invoice_words(one, found.names),
            "no": number,
            "line_no": one.line_no,
            "attempt": one.attempt,
            "by": found.names.get(one.recorded_by, one.recorded_by),
            "at": one.recorded_at,
            "withdraws": may and one.stands,
            "opened": may and one.stands and _is_of(form, one),
            "form": form if _is_of(form, one) else _NONE,
        }
        for number, one in enumerate(found.invoices, 1)
    ]


def invoice_words(one: Invoice, names: Mapping[str, str]) -> dict[str, Any]:
    """Number and amount, and who withdrew it, when and why; ``withdrawn`` is ``None`` for one that counts."""
    return {
        "invoice_no": one.invoice_no,
        "amount_fen": one.amount_fen,
        "withdrawn": one.withdrawn_by and names.get(one.withdrawn_by, one.withdrawn_by),
        "withdrawn_at": one.withdrawn_at,
        "ground": one.ground,
    }


def _is_of(form: Form | None, one: Invoice) -> bool:
    return form is not None and all(str(getattr(one, name)) == form.entered.get(name) for name in _WHICH)
