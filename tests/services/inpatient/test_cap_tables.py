"""From a file of cases to a published table, on both databases."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.domain.errors import (
    Conflict,
    LedgerFault,
    MalformedInput,
    NotPermitted,
    NoUsableRow,
    SecondPersonRequired,
)
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence.bulk import bulk_connection
from hospital_prepay.persistence.case_store import Snapshot
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.inpatient.cap_tables import (
    MeasureTable,
    PublishTable,
    approve_table,
    measure_table,
    publish_table,
    reject_table,
)
from hospital_prepay.services.inpatient.case_imports import import_cases
from hospital_prepay.services.inpatient.desk import disease_name, find_diseases
from hospital_prepay.services.inpatient.measure import measure_cases
from tests.hospital import ADMITTED, APPROVER, CASHIER, INSTITUTION, OFFICER, Hospital

SAMPLE = Path(__file__).parents[2] / "data" / "inpatient_cases.csv"
AS_OF = date(2025, 12, 31)
HEADER = "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担\n"


def measured(hospital: Hospital) -> str:
    import_cases(hospital.context, OFFICER, SAMPLE, "inpatient_cases.csv")
    return measure_table(hospital.context, OFFICER, MeasureTable(AS_OF, 0, Money(100)))


def rows(hospital: Hospital, table_id: str) -> list[store.TableRow]:
    with hospital.context.database.reading() as connection:
        return store.rows(connection, INSTITUTION, table_id)


@pytest.mark.clause("guizhou-deposit-2025/12")
def test_the_service_measures_what_the_calculator_measures(hospital: Hospital) -> None:
    # The test hospital's own table of similar diseases adds rows without cases.
    kept = [row for row in rows(hospital, measured(hospital)) if row.cases]
    expected = measure_cases(SAMPLE, as_of=AS_OF).to_json()
    assert [(r.disease_code, r.insured_class, r.cases, r.sum_burden_fen, r.cap_fen, r.basis) for r in kept] == [
        (r["disease_code"], r["insured_class"], r["cases"], r["sum_burden_fen"], r["cap_fen"], r["basis"])
        for r in expected["rows"]
    ]
    assert sorted({r.disease_code for r in kept if r.posted}) == expected["posted"]


def test_the_same_file_counts_once(hospital: Hospital) -> None:
    first = import_cases(hospital.context, OFFICER, SAMPLE, "a.csv")
    again = import_cases(hospital.context, OFFICER, SAMPLE, "b.csv")
    assert (again.already_known, again.import_id, again.rows_new) == (True, first.import_id, 0)
    assert hospital.count("inpatient_case") == first.rows_new == 2464


def test_a_case_that_another_file_holds_counts_once_and_bad_rows_are_kept_aside(
    hospital: Hospital, tmp_path: Path
) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text(HEADER + "C1,2025-01-02,J1,肺炎,310,100,50\nC2,2025-01-02,J1,肺炎,310,12e3,50\n", "utf-8")
    two.write_text(HEADER + "C1,2025-01-02,J1,肺炎,310,100,50\nC3,2025-01-02,J1,肺炎,310,100,70\n", "utf-8")
    first = import_cases(hospital.context, OFFICER, one, "1.csv")
    second = import_cases(hospital.context, OFFICER, two, "2.csv")
    assert (first.rows_new, first.rows_rejected) == (1, 1)
    assert (second.rows_new, second.rows_known) == (1, 1)
    assert hospital.count("case_import_rejection", "line = 3 AND code = 'not_an_amount'") == 1


@pytest.mark.clause("guizhou-deposit-2025/11")
def test_the_diseases_of_the_cases_become_the_catalogue_of_the_hospital(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    path.write_text(HEADER + "C1,2025-01-02,J15,细菌性肺炎,310,100,50\nC2,2025-01-02,W01,日间病区,310,9,5\n", "utf-8")
    import_cases(hospital.context, OFFICER, path, "1.csv")
    assert disease_name(hospital.context, CASHIER, "J15") == "细菌性肺炎"
    assert [hit.disease_code for hit in find_diseases(hospital.context, CASHIER, "rjbq", ADMITTED, "employee")] == [
        "W01"
    ]


def test_a_file_that_is_no_table_leaves_nothing(hospital: Hospital, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(MalformedInput):
        import_cases(hospital.context, OFFICER, path, "x.csv")
    assert hospital.count("case_import") == hospital.count("inpatient_case") == 0


def snapshot(hospital: Hospital) -> Path:
    return hospital.context.settings.data_dir / "snapshots" / INSTITUTION / "cases.parquet"


def test_a_lost_snapshot_is_made_again_from_the_database(hospital: Hospital) -> None:
    first = rows(hospital, measured(hospital))
    snapshot(hospital).unlink()
    assert rows(hospital, measure_table(hospital.context, OFFICER, MeasureTable(AS_OF, 0, Money(100)))) == first


def test_a_forged_snapshot_of_the_same_length_is_not_measured_from(hospital: Hospital) -> None:
    first = rows(hospital, measured(hospital))
    forged = snapshot(hospital).with_suffix(".forged")
    with bulk_connection() as connection:
        dearer = f"SELECT * REPLACE (total_cost_fen * 9 AS total_cost_fen) FROM read_parquet('{snapshot(hospital)}')"
        connection.execute(f"COPY ({dearer}) TO '{forged}' (FORMAT parquet)")
    forged.replace(snapshot(hospital))
    assert rows(hospital, measure_table(hospital.context, OFFICER, MeasureTable(AS_OF, 0, Money(100)))) == first


def test_an_import_waits_until_the_snapshot_of_the_one_before_is_in_place(
    hospital: Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt, second = Snapshot.adopt, _many(tmp_path / "2.csv", "B")
    begun: list[Future[object]] = []

    def adopt_late(self: Snapshot) -> None:
        if not begun:  # the first has just committed: the second comes before its file is there
            begun.append(pool.submit(import_cases, hospital.context, OFFICER, second, "2.csv"))
            wait(begun, 1)
        adopt(self)

    monkeypatch.setattr(Snapshot, "adopt", adopt_late)
    with ThreadPoolExecutor(1) as pool:
        import_cases(hospital.context, OFFICER, _many(tmp_path / "1.csv", "A"), "1.csv")
    begun[0].result()
    with bulk_connection() as connection:
        cases = f"SELECT count(*), count(DISTINCT case_no) FROM read_parquet('{snapshot(hospital)}')"
        assert connection.execute(cases).fetchone() == (200, 200)
    assert hospital.count("inpatient_case") == 200


def _many(path: Path, prefix: str) -> Path:
    path.write_text(HEADER + "".join(f"{prefix}{n},2025-01-02,J1,肺炎,310,100,50\n" for n in range(100)), "utf-8")
    return path


@pytest.mark.clause("guizhou-deposit-2025/18")
def test_a_draft_is_approved_by_another_person_and_published(hospital: Hospital) -> None:
    table_id = measured(hospital)
    with pytest.raises(Conflict):
        publish_table(hospital.context, OFFICER, PublishTable(table_id, date(2026, 1, 15)))
    both = replace(OFFICER, roles=OFFICER.roles | APPROVER.roles)
    with pytest.raises(SecondPersonRequired):
        approve_table(hospital.context, both, table_id)
    with pytest.raises(NotPermitted):
        approve_table(hospital.context, CASHIER, table_id)
    approve_table(hospital.context, APPROVER, table_id)
    with pytest.raises(MalformedInput, match="不能早于今天"):
        publish_table(hospital.context, OFFICER, PublishTable(table_id, date(2026, 1, 14)))
    assert publish_table(hospital.context, OFFICER, PublishTable(table_id, date(2026, 1, 15))) == 2
    with pytest.raises(Conflict):
        approve_table(hospital.context, APPROVER, table_id)
    assert (hospital.context.settings.data_dir / "public" / f"{INSTITUTION}.version").read_text() == "2"


def test_a_rejected_draft_stays_rejected_with_its_ground(hospital: Hospital) -> None:
    table_id = measured(hospital)
    with pytest.raises(MalformedInput):
        reject_table(hospital.context, APPROVER, table_id, " ")
    reject_table(hospital.context, APPROVER, table_id, "例数太少")
    with pytest.raises(Conflict):
        approve_table(hospital.context, APPROVER, table_id)


def test_rows_changed_behind_the_programs_back_are_not_approved(hospital: Hospital, owner_database: Database) -> None:
    table_id = measured(hospital)
    with owner_database.writing() as connection:
        row = "INSERT INTO cap_row SELECT institution_id, table_id, 'ZZZ', insured_class, disease_name, cases,"
        row += " sum_cost_fen, sum_burden_fen, legacy_fen, cap_fen, basis, clauses, quantiles, posted, NULL, NULL"
        connection.execute(sa.text(row + " FROM cap_row WHERE table_id = :t LIMIT 1"), {"t": table_id})
    with pytest.raises(LedgerFault):
        approve_table(hospital.context, APPROVER, table_id)


def test_a_window_without_cases_is_no_table(hospital: Hospital) -> None:
    with pytest.raises(NoUsableRow, match="请先导入"):
        measure_table(hospital.context, OFFICER, MeasureTable(AS_OF))
