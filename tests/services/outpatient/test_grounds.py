"""No ground, name or number of a paper holds a sign that nobody sees, whichever act takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import InvisibleCharacter
from hospital_prepay.domain.rules.outpatient.claims import Paper, Route
from hospital_prepay.services.outpatient import (
    advances,
    alarms,
    claim_steps,
    corrections,
    escheat,
    filing,
    gate,
    merging,
    payouts,
    requests,
)
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.grounds import required_ground
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, PAYER, Outpatients

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
DAY = date(2026, 1, 10)
HIDDEN = "好\u200b"
KEPT = (gate.KeptKind("other", "其他"),)
ACTS: dict[str, Callable[[Outpatients, str], object]] = {
    "evidence": lambda o, text: filing.mark_unclearable(
        o.context, OFFICER, MarkUnclearable(Reason.NO_ANSWER, text, account_nos=("M001",))
    ),
    "unmark": lambda o, text: filing.unmark(o.context, OFFICER, "M001", text),
    "risk note": lambda o, text: filing.make_filing(o.context, OFFICER, text),
    "authority": lambda o, text: filing.submit_filing(o.context, OFFICER, 1, text, DAY),
    "acknowledgement": lambda o, text: filing.acknowledge_filing(o.context, APPROVER, 1, text, DAY),
    "filing withdrawn": lambda o, text: filing.withdraw_filing(o.context, OFFICER, 1, text),
    "batch review": lambda o, text: escheat.review_batch(o.context, OFFICER, 1, escheat.Part.BOOKS, text),
    "batch dropped": lambda o, text: escheat.drop_batch(o.context, OFFICER, 1, text),
    "voucher": lambda o, text: escheat.remit_batch(
        o.context, APPROVER, 1, escheat.Remittance(f"1{text}", "回单1", DAY)
    ),
    "application": lambda o, text: advances.submit_advance_list(o.context, APPROVER, 1, text, DAY),
    "reimbursement": lambda o, text: advances.reimburse_advance_list(o.context, PAYER, 1, f"1{text}", DAY),
    "refused list": lambda o, text: advances.refuse_advance_list(o.context, OFFICER, 1, text),
    "bounce": lambda o, text: payouts.bounce_refund(o.context, PAYER, "x", text, "TH-1"),
    "receipt": lambda o, text: payouts.pay_cash(o.context, PAYER, "x", f"1{text}"),
    "withdrawn": lambda o, text: claim_steps.withdraw_claim(o.context, CLERK, "x", text),
    "rejected": lambda o, text: claim_steps.reject_claim(o.context, OFFICER, "x", text),
    "bank": lambda o, text: claim_steps.redirect_claim(
        o.context, OFFICER, "x", Route.BANK, bank=text, card_no="6217000000000001"
    ),
    "paper": lambda o, text: o.accept(papers=(ShownPaper(Paper.OWN_ID, text),)),
    "patient": lambda o, text: o.accept(patient_name=text),
    "correction": lambda o, text: corrections.ask_correction(
        o.context, OFFICER, corrections.AskCorrection("M001", Money(100), text, "k")
    ),
    "pair": lambda o, text: merging.decide_pair(o.context, APPROVER, "M001", "M002", same=True, ground=text),
    "declined": lambda o, text: requests.decline(o.context, CLERK, "x", text),
    "staff": lambda o, text: alarms.add_staff_card(o.context, APPROVER, text, "6217000000000001"),
    "staff ended": lambda o, text: alarms.remove_staff_card(o.context, APPROVER, "x", text),
    "kind": lambda o, text: gate.propose_other_kind(o.context, OFFICER, "押金", text),
    "kept": lambda o, text: gate.propose_kept(o.context, OFFICER, gate.ProposeKept(text, "某局", DAY, KEPT)),
    "posting": lambda o, text: gate.record_posting(o.context, OFFICER, "x", "website", DAY, text),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_sign_that_nobody_sees_is_told(outpatients: Outpatients, act: str) -> None:
    outpatients.census()
    with pytest.raises(InvisibleCharacter) as refused:
        ACTS[act](outpatients, HIDDEN)
    assert refused.value.details["field"]


def test_lines_may_end_and_no_other_control_stands_in_a_ground() -> None:
    assert required_ground(" 一\r\n二\n三 ", "缺") == "一\r\n二\n三"
    for text in ("一\u2028二", "一\x0b二", "一\t二"):
        with pytest.raises(InvisibleCharacter):
            required_ground(text, "缺")
    for text in ("", "　\n"):
        with pytest.raises(MalformedInput, match="缺"):
            required_ground(text, "缺")
    with pytest.raises(MalformedInput, match="最多 300"):
        required_ground("字" * 301, "缺")
