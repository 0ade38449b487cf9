"""What article 6 lets the hospital keep is no stock to clear, and an account without money is none to give back."""

from __future__ import annotations

import sqlalchemy as sa

from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence.outpatient_register import Narrowed
from hospital_prepay.services.outpatient import campaigns, notice, payouts, register
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who
from hospital_prepay.services.outpatient.progress import read_progress
from hospital_prepay.services.outpatient.register_papers import register_file
from hospital_prepay.services.publication.institution import hospital_of
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import OFFICER, PAYER, Outpatients
from tests.services.outpatient.test_gate import ELDERLY, asked, kept
from tests.services.outpatient.test_reports import sheet


def listed(outpatients: Outpatients, **narrowed: object) -> list[str]:
    found = register.search(outpatients.context, OFFICER, Narrowed(**narrowed), 1)  # type: ignore[arg-type]
    assert found.accounts == len(found.rows)
    return [row.account_no for row, _ in found.rows]


def test_kept_deposits_and_empty_accounts_stand_apart(outpatients: Outpatients) -> None:
    outpatients.census()
    before = read_progress(outpatients.context, OFFICER, None).whole
    kept(outpatients)
    assert asked(outpatients).entry_no is not None
    found = register.overview(outpatients.context, OFFICER)
    assert {one.label: (one.accounts, one.balance_fen) for one in found.by_state} == {
        "待清退": (3, 19450),
        "没有余额": (1, 0),
    }
    assert (found.whole.accounts, found.whole.balance_fen) == (4, 19450)
    assert (found.kept.accounts, found.kept.balance_fen) == (1, 20000)
    for figures in (found.by_year, found.by_channel, found.by_reach):
        assert sum(one.accounts for one in figures) == 4
    assert read_progress(outpatients.context, OFFICER, None).whole == before

    assert listed(outpatients, state="open") == ["M001", "M002", "M003"]
    assert listed(outpatients, state="apart") == ["M004"]
    assert listed(outpatients, state="open", deposits=True, kept=False) == ["M001", "M002", "M003"]
    assert listed(outpatients, state="empty") == ["M005"]
    assert listed(outpatients, state="kept") == listed(outpatients, deposits=True, kept=True) == ["K001"]
    assert "K001" in listed(outpatients)
    assert "K001" not in listed(outpatients, told="left")
    rows = sheet(register_file(outpatients.context, OFFICER, Narrowed(), "xlsx"), "台账")
    marks = {row[1]: row[9] for row in rows[1:-1]}
    assert (marks["K001"], marks["M005"], marks["M001"]) == ("保留的预交金", "没有余额", "待清退")
    assert marks["M004"] == "单独管理"


def test_a_campaign_of_the_stock_leaves_kept_deposits_alone(outpatients: Outpatients) -> None:
    outpatients.census()
    kept(outpatients)
    asked(outpatients)
    with outpatients.context.database.writing() as connection:
        connection.execute(sa.text("UPDATE institution SET phone = '0851-85550000'"))

    def estimated(**more: object) -> int:
        told = ProposeCampaign("通知", Way.BOARD, "请来退款，咨询{电话}。", Who.UNTRIED, **more)  # type: ignore[arg-type]
        number = campaigns.propose_campaign(outpatients.context, OFFICER, told)
        found = campaigns.show_campaign(outpatients.context, OFFICER, number).estimate
        campaigns.drop_campaign(outpatients.context, OFFICER, number, "只看人数")
        assert found is not None
        return found[0]

    assert estimated() == 3
    assert estimated(moved_until=outpatients.context.clock.today()) == 4


def test_a_kept_deposit_that_is_given_back_is_no_stock_that_was_cleared(outpatients: Outpatients) -> None:
    outpatients.census()
    kept(outpatients)
    asked(outpatients)
    claim_id = outpatients.confirmed("K001", certno=ELDERLY, patient_certno=ELDERLY)
    payouts.pay_cash(outpatients.context, PAYER, claim_id, "LK-1")
    page = notice.patients_page(outpatients.context, hospital_of(outpatients.context, INSTITUTION))
    assert (page.progress.refunded, page.progress.refunded_fen) == (0, 0)
    assert read_progress(outpatients.context, OFFICER, None).whole.refunded_fen == 0
