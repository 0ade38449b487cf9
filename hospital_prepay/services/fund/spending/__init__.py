"""Spending a grant: asked for, agreed to by the department, reserved by finance, paid, proved; by different people.

What the rule refuses is written down and goes nowhere: no role, no setting and no later step lets it through, and
the database would refuse it again. What is reserved counts against what is left; a reservation that runs out, or a
payment that bounces, is given back. Every name that others use is taken from here.
"""

from __future__ import annotations

from hospital_prepay.services.fund.spending.approving import (
    RESERVED_FOR,
    agree_request,
    reject_request,
    release_expired,
    release_request,
    reserve_request,
)
from hospital_prepay.services.fund.spending.asking import (
    AskedPayment,
    AskPayment,
    ask_payment,
    batch_of,
    find_request,
    spend_facts,
)
from hospital_prepay.services.fund.spending.evidence import (
    RecordEvidence,
    WithdrawEvidence,
    record_evidence,
    withdraw_evidence,
)
from hospital_prepay.services.fund.spending.paying import PayRequest, bounce_payment, pay_request
from hospital_prepay.services.fund.spending.requests import RUN_OUT, has_run_out, request_number

__all__ = [
    "RESERVED_FOR",
    "RUN_OUT",
    "AskPayment",
    "AskedPayment",
    "PayRequest",
    "RecordEvidence",
    "WithdrawEvidence",
    "agree_request",
    "ask_payment",
    "batch_of",
    "bounce_payment",
    "find_request",
    "has_run_out",
    "pay_request",
    "record_evidence",
    "reject_request",
    "release_expired",
    "release_request",
    "request_number",
    "reserve_request",
    "spend_facts",
    "withdraw_evidence",
]
