"""Every role × forbidden use × way in: page, API, command line, job. No path pays one. Raw SQL is tried in
``tests/db/test_restricted_fund.py``, and the services by themselves in ``tests/services/fund/test_year.py``."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
import pytest
import sqlalchemy as sa
from apiflask import APIFlask
from apscheduler.util import ref_to_obj
from click.testing import CliRunner

from hospital_prepay.cli.fund import fund as fund_commands
from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import GRANTS, Permission, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.regime import Fund, UseOutcome
from hospital_prepay.jobs.scheduler import schedule
from hospital_prepay.persistence.database import Database
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.access.api_clients import ROLES, NewClient, create_client
from hospital_prepay.services.fund import distribution, grants, members
from tests.funding import MILLION_YUAN, application, apply_one, enter_member, good_facts
from tests.people import INSTITUTION, Browser, House
from tests.web.test_fund import DRUG, PAYEE, POWER, Fundhouse, line

RULEBOOK: Final = load_rulebook()
REGIME: Final = RULEBOOK.regime("zhejiang-prepay-2025", 2026)
FORBIDDEN: Final = (
    *(name for name, use in sorted(REGIME.uses.items()) if use.outcome is UseOutcome.REFUSED),
    *("bonus", "", "DRUG", "药品"),
)
FUND_PATH: Final = "/finance/fund"
# Whatever a form of the fund or its neighbours may ask for, so small that the grant outlives what is lawful in it.
ANYTHING: Final = {
    **PAYEE,
    **{f"{name}-1": text for name, text in line("0.01", **POWER).items()},
    **{"do": "ask", "ground": "院长特批", "bank_reference": "HD-9", "document": "特批 1 号", "granted": "yes"},
    **{"amount": "0.01", "settlement": "0.02", "offset": "0.01", "approved": "0.01", "line_no": "1"},
    **{"approved_on": "2026-01-15", "received_on": "2026-01-15", "invoice_no": "FP-9", "category": "payroll"},
    **{"value_on": "2026-01-15", "why": "mistyped", "entry_no": "1"},
    **{"paid_on": "2026-01-15", "on": "2026-01-15", "reference": "HD-9", "name": "x", "note": "x", "module_no": "1"},
}
_keys = itertools.count()


@pytest.fixture
def house(sqlite_urls: tuple[str, str], clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """One person of each role, on a database that jobs and commands find by themselves."""
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", sqlite_urls[1])
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    return House.built(Database(sqlite_urls[1]), clock, tmp_path / "var")


@pytest.fixture
def fund(house: House, app: APIFlask) -> Fundhouse:
    """A grant that arrived."""
    return Fundhouse(house, lambda role: Browser(app).signed_in(house.session(role))).received()


def fresh(**given: str) -> dict[str, str]:
    return {**ANYTHING, "confirmed": "yes", "idempotency_key": f"no-path-{next(_keys):06}", **given}


def spent(house: House) -> int:
    """What left the restricted accounts otherwise than by going back, in fen."""
    balance = "CASE WHEN subject = '23050101' THEN balance_fen ELSE -balance_fen END"
    with house.context.database.reading() as connection:
        found = connection.scalar(sa.text(f"SELECT sum({balance}) FROM ledger_account WHERE fund <> ''"))
        paid = connection.scalar(sa.text("SELECT count(*) FROM ledger_entry WHERE kind = 'fund_payment'"))
    return int(found) + int(paid or 0)


def refused_attempts(house: House) -> list[str]:
    with house.context.database.reading() as connection:
        rows = connection.scalars(sa.text("SELECT request_id FROM fund_request WHERE state = 'refused'"))
        return list(rows)


def posts(app: APIFlask, *, inside: bool) -> list[Any]:
    """Every address that takes a form, inside the fund or outside."""
    found = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ()) and "/api/" not in rule.rule]
    return [rule for rule in found if rule.rule.startswith(FUND_PATH) is inside and rule.rule != "/logout"]


def filled(rule: Any, **names: str) -> str:
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda name: names.get(name[1], "1"), rule.rule)


@dataclass(frozen=True)
class Lead:
    """A grant of a lead hospital under Weihai's notice; somebody wrote a member down whom nobody confirmed."""

    house: House
    grant_id: str

    def _ids(self, state: str) -> list[str]:
        query = f"SELECT distribution_id FROM fund_distribution WHERE state = '{state}' ORDER BY asked_at"
        with self.house.context.database.reading() as connection:
            return list(connection.scalars(sa.text(query)))

    def waiting(self) -> str:
        return next(iter(self._ids("asked")), "")

    def handed_on(self) -> list[str]:
        return self._ids("approved")

    def uses(self) -> int:
        with self.house.context.database.reading() as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM fund_distribution_use")) or 0)

    def hand_on(self) -> None:
        """To a member that two others entered: what is lawful."""
        context, officer = self.house.context, self.house.actor(Role.FINANCE_OFFICER)
        another, approver = self.house.another(Role.FINANCE_OFFICER), self.house.actor(Role.FINANCE_APPROVER)
        enter_member(context, another, approver, "H37990000098")
        ask = distribution.AskDistribution(self.grant_id, "H37990000098", Money(100), "协议", "hand-on-lead")
        asked = distribution.ask_distribution(context, officer, ask)
        yes = distribution.DecideDistribution(asked, True, "ZZ-LEAD", date(2026, 1, 15))
        distribution.decide_distribution(context, approver, yes)


def in_weihai(house: House) -> Lead:
    context, officer = house.context, house.actor(Role.FINANCE_OFFICER)
    regime, money = "weihai-prepay-2025", Money(MILLION_YUAN)
    command = application(regime, "x", Fund.EMPLOYEE, money, good_facts(2026), "apply-weihai")
    grant_id = apply_one(context, officer, command).grant_id or ""
    approval = grants.RecordApproval(grant_id, money, date(2026, 1, 15), "批复", "")
    grants.record_approval(context, house.actor(Role.FINANCE_APPROVER), approval)
    grants.receive_grant(context, officer, grants.ReceiveGrant(grant_id, "W-1", date(2026, 1, 15), "received-w"))
    members.propose_member(context, officer, members.ProposeMember("H37990000097", "没核对的", "37000099", "章程"))
    return Lead(house, grant_id)


def test_the_forbidden_uses_are_all_those_that_no_place_permits() -> None:
    for instrument in ("weihai-prepay-2025", "xizang-prepay-2024", "zhejiang-prepay-2025", "henan-settlement-2023"):
        uses = RULEBOOK.regime(instrument, 2026).uses
        assert {name for name, use in uses.items() if use.outcome is UseOutcome.REFUSED} == set(FORBIDDEN[:-4])


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("category", FORBIDDEN)
@pytest.mark.clause("weihai-prepay-2025/1", "xizang-prepay-2024/9", "zhejiang-prepay-2025/1")
def test_no_page_pays_a_forbidden_use(fund: Fundhouse, app: APIFlask, role: Role, category: str) -> None:
    asked = fund.ask(line(**{**POWER, "category": category}), line(**{"name": "x"}), role=role)
    assert asked.status_code in (403, 422)
    for request_id in (*refused_attempts(fund.house), "nothing"):
        for rule in posts(app, inside=True):
            path = filled(rule, grant_id=fund.grant_id, request_id=request_id)
            answer = fund.as_(role).post(path, fresh(grant=fund.grant_id, **{"category-1": category}))
            assert answer.status_code < 500, path
    assert spent(fund.house) == 0


@pytest.mark.parametrize("code", ["H37990000099", "职工工会", "H37990000097"])
@pytest.mark.clause("weihai-prepay-2025/2.3", "weihai-prepay-2025/3")
def test_no_page_hands_restricted_money_on_to_who_is_not_a_member(house: House, app: APIFlask, code: str) -> None:
    """Every role at every address of the fund, twice over, so that each decides what the others wrote down. Only the
    register itself is left alone: who is confirmed there by two people is a member."""
    lead = in_weihai(house)
    typed = {"member_code": code, "member_name": "某单位", "account_no": "1", "member_amount": "0.01"}
    typed |= {"agreement": "协议", "handed_on": "2026-01-15", "do": "approve", "bank_reference": "HD-9"}
    rules = [rule for rule in posts(app, inside=True) if not rule.rule.startswith("/finance/fund/members/")]
    # First those that hand on: any other may recall the grant or give it back.
    for asked in ([one for one in rules if "/members" in one.rule], rules):
        for role in (*Role, *Role):
            browser = Browser(app).signed_in(house.session(role))
            for rule in asked:
                names = {"grant_id": lead.grant_id, "distribution_id": lead.waiting() or "nothing"}
                assert browser.post(filled(rule, **names), fresh(**typed)).status_code < 500, rule.rule
    assert lead.handed_on() == []


@pytest.mark.parametrize("category", FORBIDDEN)
@pytest.mark.clause("weihai-prepay-2025/1")
def test_no_member_shows_a_forbidden_use(house: House, app: APIFlask, category: str) -> None:
    lead = in_weihai(house)
    lead.hand_on()
    before = lead.uses()
    for role in Role:
        browser = Browser(app).signed_in(house.session(role))
        use = {"category": category, "name": "x", "amount": "0.01", "code": DRUG["code"], "order_no": "P-1"}
        path = f"/finance/fund/grants/{lead.grant_id}/members/{lead.handed_on()[0]}/use"
        assert browser.post(path, fresh(**use)).status_code in (403, 422)
    assert (lead.uses(), spent(house)) == (before, 0)


@pytest.mark.parametrize("role", list(Role))
def test_no_other_page_touches_the_fund(fund: Fundhouse, app: APIFlask, role: Role) -> None:
    for rule in posts(app, inside=False):
        answer = Browser(app).signed_in(fund.house.session(role)).post(filled(rule), fresh())
        assert answer.status_code < 500, rule.rule
    assert spent(fund.house) == 0


@pytest.mark.parametrize("role", list(ROLES))
def test_no_call_of_the_api_pays_a_forbidden_use(fund: Fundhouse, app: APIFlask, role: Role) -> None:
    administrator = fund.house.actor(Role.SYSTEM_ADMINISTRATOR)
    token = create_client(fund.house.context, administrator, NewClient("ERP", role)).token
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ()) and "/api/" in rule.rule]
    for category in FORBIDDEN:
        bad = {"category": category, "name": "x", "amount_fen": 1, "code": DRUG["code"], "order_no": "P-1"}
        for rule in rules:
            path = filled(rule, grant_id=fund.grant_id, request_id="nothing")
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"no-path-{next(_keys):06}"}
            answer = app.test_client().post(path, json={**PAYEE, "lines": [bad]}, headers=headers)
            assert answer.status_code in (403, 404, 422), (path, category)
    assert spent(fund.house) == 0


@pytest.mark.parametrize("instrument", sorted(RULEBOOK.regimes))
@pytest.mark.parametrize("category", FORBIDDEN)
def test_the_command_says_no_wherever_it_is_asked(tmp_path: Path, instrument: str, category: str) -> None:
    request = tmp_path / "request.json"
    bad = {"category": category, "code": DRUG["code"], "name": "x", "amount_fen": 1, "order_no": "P-1"}
    payee = {"name": "x", "credit_code": PAYEE["payee_credit_code"]}
    request.write_text(json.dumps({"regime": instrument, "fund": "employee", "payee": payee, "lines": [bad]}))
    done = CliRunner().invoke(fund_commands, ["check-use", str(request), "--format", "json"])
    if category:
        assert json.loads(done.output)["outcome"] == "refused"
    else:
        assert done.exit_code != 0


def test_no_command_moves_money_of_the_fund(fund: Fundhouse) -> None:
    values = {"institution": INSTITUTION, "year": "2026", "period": "2026-01", "from": "2026-01", "to": "2026-12"}
    for name, command in fund_commands.commands.items():
        options = [one for one in command.params if isinstance(one, click.Option)]
        given = [(one.opts[0], values.get(one.opts[0].lstrip("-"))) for one in options]
        arguments = [text for option, value in given if value for text in (option, value)]
        CliRunner().invoke(fund_commands, [name, *arguments])
    assert spent(fund.house) == 0


def test_no_job_moves_money_out_of_the_fund(fund: Fundhouse) -> None:
    power, drug = fund.ask(line(**POWER)), fund.asked(line("100.00"))
    assert power.status_code == 422
    for role, step in ((Role.DEPARTMENT_HEAD, "agree"), (Role.FINANCE_APPROVER, "reserve")):
        assert fund.send(role, f"{drug}/{step}").status_code == 303
    for job in schedule().get_jobs():
        ref_to_obj(job.func_ref)()
    assert spent(fund.house) == 0


def test_three_roles_act_on_the_fund_and_the_rest_only_look() -> None:
    acts = {one for one in Permission if one.value.startswith("fund.") and one is not Permission.FUND_VIEW}
    holders = {role for role, granted in GRANTS.items() if granted & acts}
    assert holders == {Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.DEPARTMENT_HEAD}
