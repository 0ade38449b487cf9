"""Audit events name the account or refund that was found."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import NotFound, SecondPersonRequired
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Route
from hospital_prepay.services.outpatient import claim_review, filing, merging, owners, register
from hospital_prepay.services.outpatient.claim_steps import review_claim, withdraw_claim
from hospital_prepay.services.outpatient.claims import AcceptClaim, accept_claim
from hospital_prepay.services.outpatient.corrections import AskCorrection, ask_correction
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, Outpatients


def test_the_audit_trail_names_what_was_found_not_what_was_typed(outpatients: Outpatients) -> None:
    """A person's number that stands where an account's or a refund's belongs is in no event."""
    outpatients.census()
    context = outpatients.context
    owner = owners.AskOwnerChange(OWN, "吴申", "", "", "写错了", "凭条 1", "k1")
    miscount = AskCorrection(OWN, Money(1), "漏计", "k2")
    for refused in (
        lambda: accept_claim(context, CLERK, AcceptClaim(OWN, Claimant.SELF, "吴甲", OWN, "", (), Route.CASH, "k3")),
        lambda: review_claim(context, OFFICER, OWN),
        lambda: claim_review.reveal_claim(context, CLERK, OWN, "核对"),
        lambda: owners.ask_owner_change(context, OFFICER, owner),
        lambda: ask_correction(context, OFFICER, miscount),
        lambda: filing.unmark(context, OFFICER, OWN, "来电话了"),
        lambda: register.reveal(context, OFFICER, OWN, "核对"),
        lambda: merging.decide_pair(context, APPROVER, OWN, "M002", "同一人", same=True),
        lambda: withdraw_claim(context, CLERK, OWN, "不退了"),
    ):
        with pytest.raises(NotFound):
            refused()
    claim_id = outpatients.accept("M001").claim_id
    with pytest.raises(SecondPersonRequired):
        review_claim(context, replace(CLERK, roles=OFFICER.roles), str(claim_id))
    with context.database.reading() as connection:
        told = connection.execute(sa.text("SELECT action, subject, detail FROM audit_event")).all()
    assert not [one for one in told if OWN in "".join(map(str, one))]
    named = {(one.action, one.subject) for one in told}
    assert ("outpatient.accept", "outpatient_account:M001") in named
    assert ("outpatient.review", f"outpatient_claim:{claim_id}") in named, "who may not is told of which refund"
