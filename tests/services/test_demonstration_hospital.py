from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import Clock, local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import Conflict, SecondPersonRequired
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.paying_later import Group
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.queries.waiting import drafts_of_others, slips_of_others
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration import hospital
from hospital_prepay.services.demonstration.hospital import SMALL, Scale, is_loaded, load_demonstration
from hospital_prepay.services.demonstration.houses import HOUSES, HUZHOU, LINXI, LONGQUANYI, MAIN, SAMPLE
from hospital_prepay.services.demonstration.logins import house_logins
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund.review import fund_overview
from hospital_prepay.services.hardship.asking import asking_of
from hospital_prepay.services.hardship.groups import list_groups
from hospital_prepay.services.inpatient.cap_tables import PublishTable, approve_table, publish_table
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.lookup import find_stays
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.publication.deposit_rules import rules_in_force
from hospital_prepay.services.settlement.costs import warnings
from hospital_prepay.settings import Settings
from tests.conftest import BOTH
from tests.people import settings_for


def quiet(_words: str) -> None:
    """Nobody listens."""


def context_of(url: str, data_dir: Path) -> Context:
    environment = {"PREPAY_MODE": "demo", "PREPAY_DATABASE_URL": url, "PREPAY_DATA_DIR": str(data_dir)}
    return Context.of(Settings.from_environment(environment))


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """The small demonstration, loaded once; tests only read it."""
    folder = tmp_path_factory.mktemp("demonstration")
    shutil.copyfile(sqlite_template, folder / "prepay.sqlite3")
    context = context_of(f"sqlite:///{folder / 'prepay.sqlite3'}", folder)
    assert load_demonstration(context, quiet, SMALL)
    yield context
    context.database.close()


def rows(context: Context, query: str, **values: object) -> list[sa.Row[tuple[object, ...]]]:
    with context.database.reading() as connection:
        return list(connection.execute(sa.text(query), values).all())


def test_the_main_hospital_has_a_published_table_of_2026_and_a_draft_for_a_second_person(loaded: Context) -> None:
    tables = rows(loaded, "SELECT * FROM cap_table WHERE institution_id = :i ORDER BY measured_at", i=MAIN.code)
    assert [(table.state, table.version_no, table.as_of) for table in tables] == [
        ("published", 1, "2026-01-15"),
        ("draft", None, "2026-01-15"),
    ]
    assert tables[0].measured_by != tables[0].approved_by
    assert str(tables[0].effective_on) < str(loaded.clock.today())
    approver = Stage(loaded, MAIN).actor(Role.FINANCE_APPROVER)
    with loaded.database.reading() as connection:
        assert drafts_of_others(connection, MAIN.code, approver.actor_id).count == 1


def test_dirty_rows_are_kept_aside_with_their_reasons(loaded: Context) -> None:
    [found] = rows(loaded, "SELECT * FROM case_import WHERE institution_id = :i", i=MAIN.code)
    assert (found.rows_accepted, found.rows_rejected) == (SMALL.cases, 9 * SMALL.dirty_of_each_kind)


def test_the_desk_shows_every_special_case_of_article_17_and_an_unposted_disease(loaded: Context) -> None:
    found = rows(loaded, "SELECT * FROM stay_cap WHERE institution_id = :i", i=MAIN.code)
    stays = {row.stay_no for row in found}
    assert len(stays) == SMALL.stays + SMALL.discharges
    unknown = next(row for row in found if row.circumstance == "identity_unknown")
    assert unknown.talk
    assert any(row.circumstance == "staged" for row in found)
    assert any(row.unposted and row.circumstance == "plain" and row.cap_fen for row in found)
    fallen = [row for row in found if row.version_no == 2]
    assert [row.insured_class for row in fallen] == ["employee"]


def test_the_readme_names_the_stays_of_the_special_cases(loaded: Context) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    named = dict(re.findall(r"(the [a-z ]+?) \(…(\d{4})\)", readme))
    caps = rows(loaded, "SELECT * FROM stay_cap WHERE institution_id = :i ORDER BY version_no", i=MAIN.code)
    newest = {row.stay_no[-4:]: row for row in caps}
    assert newest[named["the stay whose class is unknown"]].circumstance == "identity_unknown"
    assert newest[named["the one collected in stages"]].circumstance == "staged"
    assert newest[named["the one with an unposted disease"]].unposted
    fallen = named["the one whose cap fell below what was collected"]
    assert newest[fallen].version_no == 2
    cashier = Stage(loaded, MAIN).actor(Role.CASHIER)
    assert fallen in {card.stay_no[-4:] for card in find_stays(loaded, cashier, fallen)}
    asked = rows(loaded, "SELECT kind, stay_no FROM slip_request")
    assert {row.stay_no[-4:] for row in asked if row.kind == "refund"} == {named["the refund"], named["the excess"]}
    assert named["the excess"] == fallen
    # The void is asked for the latest stay, whatever their number is.
    assert {int(row.stay_no[-4:]) for row in asked if row.kind == "void"} == {SMALL.stays}
    assert int(named["the void"]) == Scale().stays


def test_a_void_a_refund_and_an_excess_wait_for_a_second_person(loaded: Context) -> None:
    officer = Stage(loaded, MAIN).actor(Role.FINANCE_OFFICER)
    with loaded.database.reading() as connection:
        assert slips_of_others(connection, MAIN.code, officer.actor_id).count == 3
    kinds = rows(loaded, "SELECT kind FROM slip_request ORDER BY kind")
    assert [row.kind for row in kinds] == ["refund", "refund", "void"]


def test_no_stay_holds_more_than_its_cap_except_the_one_whose_class_fell(loaded: Context) -> None:
    found = rows(
        loaded,
        "SELECT stay.stay_no, cap.cap_fen, account.balance_fen FROM stay"
        " JOIN stay_cap cap ON cap.stay_no = stay.stay_no AND cap.institution_id = stay.institution_id"
        " JOIN ledger_account account ON account.account_id = '23050103:' || stay.stay_no"
        " WHERE cap.version_no = (SELECT max(version_no) FROM stay_cap WHERE stay_no = stay.stay_no)",
    )
    assert len(found) == SMALL.stays + SMALL.discharges
    assert sum(1 for row in found if row.balance_fen) >= SMALL.stays // 2
    assert sum(1 for row in found if row.balance_fen > (row.cap_fen or 0)) == 1


def test_the_desk_recognises_people_on_the_lists_and_costs_are_warned_of(loaded: Context) -> None:
    found = rows(loaded, "SELECT stay_no, admitted_at FROM stay WHERE certificate_hash IS NOT NULL ORDER BY stay_no")
    officer = Stage(loaded, MAIN).actor(Role.FINANCE_OFFICER)
    assert {one.row.group_code for one in list_groups(loaded, officer)} == {one.value for one in Group}
    with loaded.database.reading() as connection:
        asked = [asking_of(loaded, connection, MAIN.code, one.stay_no, loaded.clock.today()) for one in found]
    assert [(one.groups[0].group, one.pays_later, one.groups[0].same_name) for one in asked] == [
        (Group.LOW_INCOME, True, True),
        (Group.DESTITUTE, True, True),
    ]
    warned = warnings(loaded, officer)
    assert 0 < len(warned.rows) < warned.known
    assert "先诊疗后付费，不请患者预交" in {words for one in warned.rows for words in one.words}
    for one in warned.rows:
        assert one.risk.room_fen == max(0, (one.row.cap_fen or 0) - one.row.collected_fen)


def test_its_books_are_sealed_and_intact(loaded: Context) -> None:
    found = verify_ledger(loaded.database, loaded.settings.data_dir, loaded.clock)
    assert found.intact
    report = next(one for one in found.institutions if one.institution_id == MAIN.code)
    assert (report.blocks, report.unsealed.count) == (1, 0)


def test_every_institution_has_people_rules_and_a_login_that_is_printed(loaded: Context) -> None:
    assert [house.name for house in house_logins(loaded)] == [house.name for house in HOUSES]
    for house in HOUSES:
        rules = rules_in_force(loaded, house.code)
        assert rules is not None
        assert rules.approved_by not in (None, rules.written_by)
    assert {person.role for person in house_logins(loaded)[0].people} == set(Role)


def test_two_real_posted_tables_are_earlier_standards_and_published_from_their_own_day(loaded: Context) -> None:
    query = "SELECT * FROM cap_table WHERE institution_id = :i"
    [huzhou], [longquanyi] = (rows(loaded, query, i=house.code) for house in (HUZHOU, LONGQUANYI))
    assert [(one.state, one.version_no, str(one.effective_on)) for one in (huzhou, longquanyi)] == [
        ("published", 1, "2025-06-30"),
        ("published", 1, "2025-07-01"),
    ]
    assert "hzsy.com" in huzhou.parameters
    standard = (
        "SELECT standard_fen FROM earlier_standard WHERE institution_id = :i AND disease_code = :d"
        " AND insured_class = :c"
    )
    employee = rows(loaded, standard, i=LONGQUANYI.code, d="J15.900", c="employee")
    resident = rows(loaded, standard, i=LONGQUANYI.code, d="J15.900", c="resident")
    assert [row.standard_fen for row in (*employee, *resident)] == [100_000, 120_000]
    assert rows(loaded, standard, i=LONGQUANYI.code, d="J15.900", c="self_pay") == []
    assert rows(loaded, standard, i=HUZHOU.code, d="重大的情感障碍", c="self_pay")[0].standard_fen == 1_000_000


def test_nothing_was_refused_while_loading_but_the_attempts_that_show_a_refusal(loaded: Context) -> None:
    refused = rows(loaded, "SELECT action FROM audit_event WHERE outcome <> 'done'")
    assert sorted(one.action for one in refused) == ["fund.ask", "outpatient.take", "outpatient.take"]


def test_prepayment_arrived_is_partly_spent_and_waits_at_every_step(loaded: Context) -> None:
    found = fund_overview(loaded, Stage(loaded, LINXI).actor(Role.AUDITOR))
    assert [(one.fund, one.state) for one in found.grants] == [
        ("employee", "received"),
        ("resident", "applied"),
        ("resident", "cleared"),
    ]
    this_year = [one for one in found.requests if one.grant_id == found.grants[0].grant_id]
    states = sorted(one.state for one in this_year)
    assert states == ["asked", "asked", "department", "evidenced", "paid", "refused", "reserved"]
    assert [one.purpose for one in this_year if one.held] == ["检验试剂款"]
    grant = found.grants[0]
    spent = sum(one.total_fen for one in this_year if one.state in ("paid", "evidenced"))
    assert grant.unspent_fen + grant.reserved_fen + spent == grant.owed_fen == 1_280_000_000


def test_loading_again_does_nothing(loaded: Context) -> None:
    assert not load_demonstration(loaded, quiet, SMALL)


@pytest.mark.parametrize("urls", BOTH)
def test_the_sample_is_approved_by_a_second_person_published_and_collected_within(
    urls: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    context = context_of(request.getfixturevalue(f"{urls}_urls")[1], tmp_path)
    load_demonstration(context, quiet, SMALL)
    stage = Stage(context, SAMPLE)
    officer, approver = stage.actor(Role.FINANCE_OFFICER), stage.actor(Role.FINANCE_APPROVER)
    cashier, today = stage.actor(Role.CASHIER), Clock().today()
    [table] = rows(context, "SELECT * FROM cap_table WHERE institution_id = :i", i=SAMPLE.code)
    assert (table.state, str(table.as_of), str(table.window_to)) == ("draft", "2025-12-31", "2024-12-31")
    with pytest.raises(SecondPersonRequired):
        approve_table(context, replace(officer, roles=approver.roles), table.table_id)
    approve_table(context, approver, table.table_id)
    assert publish_table(context, approver, PublishTable(table.table_id, today)) == 1
    [row] = rows(
        context,
        "SELECT * FROM cap_row WHERE institution_id = :i AND table_id = :t AND posted"
        " AND cap_fen IS NOT NULL AND insured_class = 'resident' ORDER BY cases DESC LIMIT 1",
        i=SAMPLE.code,
        t=table.table_id,
    )
    placement = Placement(row.disease_code, row.disease_name, "resident")
    register_stay(context, cashier, RegisterStay("S1", "韦大山", placement, local(context.clock.now())))
    taken = collect_deposit(context, cashier, CollectDeposit("S1", Money(row.cap_fen), Tender.CASH, "first"))
    assert taken.receipt_no == "A01-000001"
    refused = collect_deposit(context, cashier, CollectDeposit("S1", Money(1), Tender.CASH, "second"))
    assert refused.receipt_no is None
    clauses = {reason.clause for reason in refused.decision.reasons}
    assert clauses == {"guizhou-deposit-2025/12", "guizhou-deposit-2025/17"}
    context.database.close()


def test_a_loading_that_is_broken_off_anywhere_goes_on_to_the_same_end(
    loaded: Context, sqlite_urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(sqlite_urls[1], tmp_path)
    for step in range(2, 8):
        with pytest.raises(KeyboardInterrupt):
            load_demonstration(context, Interruption(step), SMALL)
    with monkeypatch.context() as broken:
        broken.setattr(hospital.desk, "leave_void", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_demonstration(context, quiet, SMALL)
    assert not is_loaded(context)
    assert load_demonstration(context, quiet, SMALL)
    for table in (
        "institution",
        "staff_user",
        "deposit_rules",
        "inpatient_case",
        "cap_table",
        "stay",
        "slip_request",
        "fund_grant",
        "fund_request",
        "outpatient_account",
        "outpatient_claim",
        "outpatient_batch_line",
    ):
        count = f"SELECT count(*) FROM {table}"
        assert rows(context, count) == rows(loaded, count), table
    context.database.close()


def test_a_database_with_another_hospital_is_left_alone(
    sqlite_database: Database, clock: Clock, tmp_path: Path
) -> None:
    context = Context(settings_for(str(sqlite_database.url), tmp_path), sqlite_database, clock)
    with sqlite_database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO institution (institution_id, name, phone, hours, address, ownership, is_designated,"
                " is_default, changed_at, changed_by) VALUES ('H52010300125', '云岭县人民医院', '', '', '', 'public',"
                " 1, 1, '2026-01-01', 'setup')"
            )
        )
    with pytest.raises(Conflict, match="不是演示数据库"):
        load_demonstration(context, quiet, SMALL)
    assert rows(context, "SELECT 1 FROM staff_user") == []


class Interruption:
    """Ctrl-C at the ``step``-th step."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self, _words: str) -> None:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt
