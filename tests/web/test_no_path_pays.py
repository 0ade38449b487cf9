"""Every role × forbidden use × way in: page, API, command line, job. No path pays one. Raw SQL is tried in
``tests/db/test_restricted_fund.py``, and the services by themselves in ``tests/services/fund/test_year.py``."""

from __future__ import annotations

import itertools
import json
import re
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
from hospital_prepay.domain.rules.fund.regime import UseOutcome
from hospital_prepay.jobs.scheduler import schedule
from hospital_prepay.persistence.database import Database
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.access.api_clients import ROLES, NewClient, create_client
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
