"""What waits for a second person is named on the home page of who may decide it, and not of who made it."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.services.access.home import tasks
from hospital_prepay.services.outpatient import campaigns, merging, payouts
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign
from hospital_prepay.services.outpatient.census import confirm_import, count_accounts
from hospital_prepay.services.outpatient.corrections import AskCorrection, approve_correction, ask_correction
from tests.services.outpatient.conftest import (
    APPROVER,
    APPROVER_AND_OFFICER,
    ARRIVED,
    CLERK,
    FAILED,
    OFFICER,
    ROWS,
    Bank,
    Outpatients,
)

BOTH = APPROVER_AND_OFFICER
AGAIN = ("M006", "吴甲", ROWS[0][2], "", "12.00", "2021-01-01", "门诊预交金", "现金")


def waiting(outpatients: Outpatients, who: Actor) -> dict[str, tuple[int, str]]:
    found = tasks(outpatients.context, who)
    return {one.kind: (one.pile.count, one.pile.first) for one in found if one.kind.startswith("outpatient_")}


def test_money_that_the_bank_says_it_never_paid_waits_for_who_notes_its_return(bank: Bank) -> None:
    """By :class:`Bank`'s one refund: booked as arrived, then told to have failed; the other way round nothing is."""
    bank.send()
    bank.read(bank.file("first.csv", ARRIVED))
    assert "outpatient_returned" not in waiting(bank.outpatients, CLERK)
    bank.read(bank.file("second.csv", FAILED))
    for who in (CLERK, OFFICER):
        assert waiting(bank.outpatients, who)["outpatient_returned"] == (1, bank.claim_id)
    assert "outpatient_returned" not in waiting(bank.outpatients, APPROVER)
    payouts.bounce_refund(bank.context, CLERK, bank.claim_id, "账户销户", "TH-1")
    assert "outpatient_returned" not in waiting(bank.outpatients, CLERK)


def test_imports_corrections_pairs_and_campaigns_wait_for_another_person(outpatients: Outpatients) -> None:
    context = outpatients.context
    counted = count_accounts(context, BOTH, outpatients.file((*ROWS, AGAIN)), "清查.csv", date(2025, 12, 1))
    assert waiting(outpatients, APPROVER) == {"outpatient_import": (1, str(counted.import_no))}
    assert waiting(outpatients, BOTH) == waiting(outpatients, CLERK) == {}
    confirm_import(context, APPROVER, counted.import_no)
    assert waiting(outpatients, APPROVER) == {}

    correction = ask_correction(context, BOTH, AskCorrection("M001", Money(7000), "凭条漏计", "correction-1"))
    merging.propose_pairs(context, BOTH)
    with context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))
    told = ProposeCampaign("通知", Way.BOARD, "请来退款，咨询{电话}。")
    number = campaigns.propose_campaign(context, BOTH, told)
    assert waiting(outpatients, APPROVER) == {
        "outpatient_correction": (1, correction),
        "outpatient_people": (1, "M001"),
        "outpatient_release": (1, str(number)),
    }
    assert waiting(outpatients, BOTH) == waiting(outpatients, OFFICER) == {}

    approve_correction(context, APPROVER, correction)
    merging.decide_pair(context, APPROVER, "M001", "M006", "身份证原件", same=True)
    campaigns.release_campaign(context, APPROVER, number)
    assert waiting(outpatients, APPROVER) == {}
