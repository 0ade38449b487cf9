"""Migrations: plain Alembic driven from code, a backup before each, the least privilege after each."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.persistence.chains import chain_lists
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.guards import drop_guards, make_guards
from hospital_prepay.persistence.locks import AdvisoryLock
from hospital_prepay.persistence.models import Base
from hospital_prepay.settings import private_file, private_folder, resource

# What the application's role may do on PostgreSQL beside reading. Nothing here touches the books: their only way
# in is ledger_post and ledger_post_many.
_INSERT = (
    "announced_year",
    "api_client",
    "arrears_act",
    "arrears_contact",
    "arrears_promise",
    "audit_event",
    "cap_row",
    "cap_table",
    "case_import",
    "case_import_rejection",
    "channel_count",
    "decision",
    "deposit_rules",
    "discharge",
    "discharge_clock",
    "discharge_step",
    "disease",
    "earlier_standard",
    "escalation",
    "fund_account_check",
    "fund_application",
    "fund_application_evidence",
    "fund_application_withdrawn",
    "fund_approval_withdrawn",
    "fund_bank_evidence",
    "fund_calendar",
    "fund_claim_payment",
    "fund_column_map",
    "fund_correction",
    "fund_counted",
    "fund_disclosure",
    "fund_distribution",
    "fund_distribution_return",
    "fund_distribution_use",
    "fund_duty_closure",
    "fund_emergency",
    "fund_evidence",
    "fund_evidence_withdrawn",
    "fund_grant",
    "fund_incident",
    "fund_match",
    "fund_member",
    "fund_module_step",
    "fund_month",
    "fund_offset",
    "fund_period_step",
    "fund_place",
    "fund_prepay_account",
    "fund_procurement",
    "fund_quiet_month",
    "fund_recall",
    "fund_reminder",
    "fund_rejection_explained",
    "fund_request",
    "fund_request_line",
    "fund_settlement",
    "fund_slip_check",
    "fund_statement",
    "fund_statement_line",
    "fund_statement_rejection",
    "fund_statement_withdrawn",
    "fund_total",
    "fund_total_run",
    "fund_upload_day",
    "fund_use_withdrawn",
    "fund_write_off",
    "idempotency_key",
    "inpatient_case",
    "institution",
    "job_run",
    "lateness",
    "ledger_account",
    "ledger_block",
    "outpatient_account",
    "outpatient_advance_line",
    "outpatient_advance_list",
    "outpatient_alarm",
    "outpatient_alarm_answer",
    "outpatient_attempt",
    "outpatient_bank_file",
    "outpatient_batch",
    "outpatient_batch_line",
    "outpatient_batch_review",
    "outpatient_campaign",
    "outpatient_claim",
    "outpatient_claim_paper",
    "outpatient_contact",
    "outpatient_contact_file",
    "outpatient_contact_import",
    "outpatient_contact_part",
    "outpatient_contact_proof",
    "outpatient_contact_rejection",
    "outpatient_contact_result",
    "outpatient_contradiction",
    "outpatient_correction",
    "outpatient_filing",
    "outpatient_filing_line",
    "outpatient_import",
    "outpatient_kept",
    "outpatient_likeness",
    "outpatient_notice",
    "outpatient_other_kind",
    "outpatient_overpayment",
    "outpatient_owner_change",
    "outpatient_payout",
    "outpatient_posting",
    "outpatient_rejection",
    "outpatient_request",
    "outpatient_return_file",
    "outpatient_staff_card",
    "outpatient_taken",
    "patient_group_list",
    "patient_group_member",
    "patient_merge",
    "purchase_line",
    "receipt",
    "receipt_book",
    "refund_arrival",
    "relief_application",
    "risk_assessment",
    "setting_value",
    "settlement",
    "settlement_result",
    "similar_disease",
    "slip_request",
    "staff_session",
    "staff_user",
    "stay",
    "stay_cap",
    "unclaimed_deposit",
    "stay_cost",
    "take_back",
    "visit_message",
)
_UPDATE: dict[str, str] = {
    "api_client": "is_active",
    "arrears_act": "state, decided_by, decided_at, answer, entry_no",
    "cap_table": (
        "state, version_no, approved_by, approved_at, rejected_by, rejected_ground, published_by, published_at,"
        " effective_on"
    ),
    "deposit_rules": "approved_by, approved_at",
    "discharge": (
        "ended_at, ended_by, disposition, ward, insured_class, class_known, clock_no, due_on, expected_on, target_at,"
        " stage, stage_since, note, step_no, settled_at"
    ),
    "disease": "name, initials, catalogue",
    "fund_calendar": "revoked_at",
    "fund_correction": "state, decided_by, decided_at",
    "fund_distribution": "state, decided_by, decided_at",
    "fund_grant": (
        "state, applied_fen, decision_id, applied_by, applied_at, module_no, approved_fen, approved_on,"
        " approval_document, recorded_by, recorded_at, withheld_ground, cleared_at"
    ),
    "fund_incident": "state, decided_by, decided_at",
    "fund_member": "state, decided_by, decided_at, left_by, left_at, left_ground",
    "fund_offset": "state, decided_by, decided_at",
    "fund_recall": (
        "state, urged_on, urged_document, urged_by, urged_at, ended_by, ended_at, ended_ground, ended_document"
    ),
    "fund_place": "state, decided_by, decided_at",
    "fund_request": (
        "state, ground, grounded_by, department_by, department_at, finance_by, finance_at, expires_at, paid_by,"
        " paid_at, bank_reference, ended_by, ended_at, ended_ground"
    ),
    "institution": (
        "name, phone, hours, address, level, ownership, is_designated, is_default, changed_at, changed_by"
    ),
    "job_run": "finished_at, outcome",
    "lateness": "excuse, asked_by, asked_at, decided_by, decided_at, answer, decision_id",
    # Of its holder nothing: what two people agreed to is written by the database itself (0044).
    "outpatient_account": "last_movement_on, person_id, state, unclearable_reason, filed_on",
    "outpatient_advance_line": "counts",
    "outpatient_advance_list": (
        "claims, total_fen, document_key, slip_key, state, document, submitted_on, submitted_by, bank_reference,"
        " reimbursed_on, reimbursed_by, ended_by, ended_at, ground"
    ),
    "outpatient_attempt": "began_at, attempts",
    "outpatient_batch": (
        "state, accounts, total_fen, sha256, frozen_by, frozen_at, approved_by, approved_at, remitted_by,"
        " remitted_at, remitted_on, voucher_no, bank_reference, voucher_key, slip_key, ended_by, ended_at,"
        " ended_ground"
    ),
    "outpatient_campaign": (
        "state, chosen, total_fen, released_by, released_at, dropped_by, dropped_at, dropped_ground"
    ),
    "outpatient_claim": (
        "state, remitted, claimant, claimant_name, card_lost, taken_at, decision_id, accepted_by, accepted_at, route,"
        " personal, card_hash, reviewed_by, reviewed_at, confirmed_by, confirmed_at, paid_by, paid_at, ended_by,"
        " ended_at, ground"
    ),
    "outpatient_contradiction": "decision, decided_by, decided_at, ground",
    "outpatient_correction": "state, decided_by, decided_at, answer",
    "outpatient_filing": (
        "state, authority, submitted_on, submitted_by, acknowledgement_no, acknowledged_on, recorded_by, recorded_at,"
        " ended_by, ended_at, ended_ground"
    ),
    "outpatient_import": "accepted, rejected, total_fen, doubts, state, decided_by, decided_at, booked_at",
    "outpatient_kept": "state, decided_by, decided_at, ended_by, ended_at",
    "outpatient_other_kind": "state, decided_by, decided_at",
    "outpatient_overpayment": "state, way, reference, slip_key, recovered_by, recovered_at, back_entry_no",
    "outpatient_owner_change": "state, decided_by, decided_at, answer",
    "outpatient_likeness": "state, decided_by, decided_at, ground, from_person, to_person",
    "outpatient_payout": ("state, answered_at, bank_reference, failure, entry_no, return_reference, return_key"),
    "outpatient_request": "state, account_no, decided_by, decided_at, claim_id, ground",
    "outpatient_staff_card": "removed_by, removed_at, ground",
    "receipt_book": "closed_at",
    "refund_arrival": "state, sent_by, sent_at, entry_no, evidence, known_by, known_at, back_entry_no",
    "relief_application": (
        "state, submitted_by, submitted_at, answered_by, answered_at, granted_fen, answer, received_by, received_at,"
        " received_fen, bank_reference, entry_no, returned_by, returned_at, return_reference, return_entry_no"
    ),
    "risk_assessment": "approved_by, approved_at",
    "settlement": (
        "invoice_no, invoiced_by, invoiced_at, recall_ground, recall_asked_by, recall_asked_at, recalled_by,"
        " recalled_at, recall_entry_no"
    ),
    "settlement_result": (
        "stay_no, mdtrt_id, psn_no, certificate_hash, insutype, med_type, setl_time, medfee_sumamt_fen,"
        " fund_pay_sumamt_fen, psn_part_amt_fen, acct_pay_fen, psn_cash_pay_fen, hosp_part_amt_fen,"
        " acct_mulaid_pay_fen, source, taken_by, taken_at"
    ),
    "slip_request": "state, decided_by, decided_at, receipt_book, receipt_serial",
    "staff_session": "last_seen_at, second_factor_at, ended_at, ended_by",
    "staff_user": (
        "name, roles, station, password_hash, password_changed_at, totp_secret, totp_last_step, failed_attempts,"
        " locked_until, is_active"
    ),
    "stay": (
        "patient_name, initials, sex, ward, bed, discharged_at, cancelled_at, patient_no, certificate_enc,"
        " certificate_hash, phone_enc, phone_hash"
    ),
    "take_back": "state, decided_by, decided_at, answer",
    "unclaimed_deposit": (
        "state, claimant, relation, claimant_enc, tender, asked_by, asked_at, decided_by, decided_at, ground, book,"
        " serial"
    ),
    "visit_message": (
        "event, visit_no, occurred_at, sent_at, facts_enc, raw_enc, state, reason_code, reason, decided_by,"
        " decided_at"
    ),
}
_DELETE = ("outpatient_account", "outpatient_attempt", "outpatient_batch_line", "similar_disease")
_FUNCTIONS = ("ledger_post", "ledger_post_many")


def script_directory() -> ScriptDirectory:
    """The migrations that travel with the program."""
    folder = str(resource("migrations"))
    return ScriptDirectory(folder, version_locations=[folder])


def head() -> str:
    """The revision this code needs."""
    revision = script_directory().get_current_head()
    assert revision is not None
    return revision


def current(connection: sa.Connection) -> str | None:
    """The revision the database stands at, ``None`` for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def check_current(database: Database) -> None:
    """Refuse a database that is newer or older than the code, in a sentence (:class:`DatabaseFault`)."""
    with database.reading() as connection:
        found = current(connection)
    require_head(found)


def require_head(found: str | None) -> None:
    """The same for a revision that was read already."""
    if found == head():
        return
    _refuse_newer(found)
    raise DatabaseFault("数据库还没有升级到这一版程序。请先运行 hospital-prepay db upgrade；数据没有动。")


def _refuse_newer(found: str | None) -> None:
    known = {script.revision for script in script_directory().walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseFault(f"数据库版本 {found} 比程序新。请换上新程序，或恢复升级前的备份；数据没有动。")


def upgrade(
    database: Database, *, app_role: str | None, backup_folder: Path, moment: datetime, target: str = "head"
) -> list[str]:
    """Bring the database to ``target``, backed up first if anything is to be done; returns the steps taken.

    Raises :class:`DatabaseFault` for a database newer than the code, and when there is no room for the backup.
    On PostgreSQL ``app_role`` is then granted exactly what the application needs.
    """
    steps: list[str] = []
    script = script_directory()
    with database.migrating() as connection:
        found = current(connection)
    _refuse_newer(found)
    if found is not None and found != head() and target == "head":
        back_up(database, backup_folder, moment)

    def run(revision: Any, _context: Any) -> Iterable[Any]:
        taken = script._upgrade_revs(target, revision)
        steps.extend(str(step.revision.revision) for step in taken)
        return taken

    with _owned(), database.writing() as connection:
        if database.is_postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": AdvisoryLock.MIGRATION})
        if not database.is_postgresql:
            drop_guards(connection)
        _run(connection, script, run, target)
        if not database.is_postgresql:
            if current(connection) == head():  # not short of it: migrations read the texts of those before them
                chain_lists(connection)
            make_guards(connection)
        if database.is_postgresql and app_role:
            grant(connection, app_role)
    return steps


@contextmanager
def _owned() -> Iterator[None]:
    try:
        yield
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise DatabaseFault(
            "这个数据库账号没有权限升级。请把 PREPAY_DATABASE_OWNER_URL 设成表的所有者的账号；数据没有动。"
        ) from error


def _run(connection: sa.Connection, script: ScriptDirectory, run: Callable[..., Any], target: str) -> None:
    with EnvironmentContext(Config(), script, fn=run, destination_rev=target) as environment:
        environment.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        environment.run_migrations()


def grant(connection: sa.Connection, role: str) -> None:
    """Give the application's role its least privilege; everything else is taken back first."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    owner = connection.scalar(sa.text("SELECT current_user"))
    if owner == role:
        raise DatabaseFault("应用账号不能是表的所有者：请把 PREPAY_DATABASE_OWNER_URL 设成另一个账号。")
    # Fewer where a migration stops short of the newest.
    tables = {
        name: {column["name"] for column in columns}
        for (_, name), columns in sa.inspect(connection).get_multi_columns().items()
    }
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {quoted}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {quoted}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {quoted}",
        f"GRANT SELECT ON SEQUENCE ledger_entry_no TO {quoted}",
        *(f"GRANT INSERT ON {table} TO {quoted}" for table in _INSERT if table in tables),
        *(
            f"GRANT UPDATE ({', '.join(there)}) ON {table} TO {quoted}"
            for table, columns in _UPDATE.items()
            if (there := [name for name in columns.split(", ") if name in tables.get(table, ())])
        ),
        *(f"GRANT DELETE ON {table} TO {quoted}" for table in _DELETE if table in tables),
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}" for function in _FUNCTIONS),
    ]
    for statement in statements:
        connection.execute(sa.text(statement))


def back_up(database: Database, folder: Path, moment: datetime) -> Path | None:
    """Copy an SQLite file through its own backup interface; PostgreSQL is backed up by its administrators."""
    if database.is_postgresql or not database.url.database:
        return None
    private_folder(folder)
    source = Path(database.url.database)
    target = folder / f"{source.stem}-{moment:%Y%m%dT%H%M%S}{source.suffix}"
    if shutil.disk_usage(folder).free < 2 * source.stat().st_size:
        raise DatabaseFault(f"磁盘空间不够做升级前的备份（{folder}）。请先腾出空间；数据没有动。")
    with sqlite3.connect(source) as origin, sqlite3.connect(private_file(target)) as copy:
        origin.backup(copy)
    origin.close()
    copy.close()
    return target
