"""Whatever an act decided or booked, its audit event names: nobody has to search by the moment."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import (
    DecideRequest,
    RequestRefund,
    RequestVoid,
    decide_request,
    request_refund,
    request_void,
)
from hospital_prepay.services.inpatient.stays import ChangePlacement, Placement, change_placement
from tests.hospital import CASHIER, OFFICER, Hospital

SERVICES = Path(__file__).parents[3] / "hospital_prepay" / "services"
STAY = "2601140001"
# The services whose acts decide or book; :func:`busy` does each of these acts.
# Those of the fund are kept busy in tests/services/fund/test_year.py.
# Of these tests/services/fund/conftest.py looks at every entry and decision that a test leaves behind.
FUND = {
    *("fund/applications.py", "fund/closing.py", "fund/distribution.py", "fund/duty_closing.py", "fund/grants.py"),
    *("fund/henan.py", "fund/incidents.py", "fund/netting.py", "fund/procurement.py", "fund/recall.py"),
    *("fund/corrections.py", "fund/member_claims.py", "fund/offsets.py", "fund/returns.py", "fund/settlements.py"),
    *(
        "fund/spending/approving.py",
        "fund/spending/asking.py",
        "fund/spending/paying.py",
        "fund/spending/requests.py",
    ),
}
# And of these tests/services/outpatient/conftest.py.
OUTPATIENT = {
    *("outpatient/advances.py", "outpatient/census.py", "outpatient/claims.py", "outpatient/corrections.py"),
    *("outpatient/escheat.py", "outpatient/gate.py", "outpatient/payouts.py", "outpatient/refund_entries.py"),
}
# And of these tests/services/settlement: test_settling.py, test_arrivals.py, test_lateness.py, test_arrears.py and
# test_relief.py.
SETTLEMENT = {
    *("settlement/arrivals.py", "settlement/lateness.py", "settlement/recalls.py", "settlement/settling.py"),
    *("settlement/arrears_acts.py", "settlement/relief.py", "settlement/slips.py"),
}
DECIDING = {"inpatient/deposits.py", "inpatient/slips.py", "inpatient/stays.py", *FUND, *OUTPATIENT, *SETTLEMENT}


def busy(hospital: Hospital) -> None:
    """Every act that decides or books: permitted, refused, turned down, and the refund that proposes itself."""
    context = hospital.context
    hospital.admit()
    for number, fen in enumerate((120000, 100000, 900000)):
        collect_deposit(context, CASHIER, CollectDeposit(STAY, Money(fen), Tender.CASH, f"key-{number}"))
    void = request_void(context, CASHIER, RequestVoid("A01-000001", "录错"))
    assert decide_request(context, OFFICER, DecideRequest(void.request_id, True)).receipt_no
    request_void(context, CASHIER, RequestVoid("A01-000001", "再作废一次"))
    refund = request_refund(context, CASHIER, RequestRefund(STAY, Money(100), Tender.CASH, "退"))
    assert decide_request(context, OFFICER, DecideRequest(refund.request_id, True)).receipt_no
    request_refund(context, CASHIER, RequestRefund(STAY, Money(99900000), Tender.CASH, "退"))
    other = request_refund(context, CASHIER, RequestRefund(STAY, Money(100), Tender.CASH, "退"))
    decide_request(context, OFFICER, DecideRequest(other.request_id, False, ground="票面没有错"))
    change_placement(context, CASHIER, ChangePlacement(STAY, Placement("J15.900", "细菌性肺炎", "employee"), 1))
    change_placement(context, CASHIER, ChangePlacement(STAY, Placement("A03.900", "细菌性痢疾", "employee"), 2))
    assert hospital.count("slip_request", "state = 'waiting'") == 1, "the excess was proposed for refund"


def test_every_decision_and_every_entry_is_named_by_the_event_of_its_act(hospital: Hospital) -> None:
    busy(hospital)
    named = "SELECT 1 FROM audit_event e WHERE e.institution_id = {table}.institution_id AND e.{key} = {table}.{key}"
    for table, key in (("decision", "decision_id"), ("ledger_entry", "entry_no")):
        assert hospital.count(table, f"NOT EXISTS ({named.format(table=table, key=key)})") == 0
    assert hospital.count("ledger_entry") == 4
    booked = hospital.count("audit_event", "entry_no IS NOT NULL AND decision_id IS NOT NULL AND outcome = 'done'")
    assert booked == 4


def test_only_a_request_that_was_turned_down_names_no_decision(hospital: Hospital) -> None:
    busy(hospital)
    assert hospital.count("audit_event", "decision_id IS NULL AND action = 'slip.decide'") == 1
    assert hospital.count("audit_event", "decision_id IS NULL") == 1


@pytest.mark.parametrize("name", ["keep_decision", "post", "post_many"])
def test_no_other_service_decides_or_books(name: str) -> None:
    """A new one belongs into :func:`busy` first."""
    found = {path.relative_to(SERVICES).as_posix() for path in SERVICES.rglob("*.py") if name in calls_on_work(path)}
    assert found <= DECIDING


def calls_on_work(path: Path) -> set[str]:
    """Methods called on a unit of work or on its ledger."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    methods = [call for call in calls if isinstance(call, ast.Attribute)]
    return {call.attr for call in methods if ast.unparse(call.value) in ("work", "work.ledger")}
