"""Cases in bulk: from a file to a checked Parquet snapshot, and from the snapshot to sums per cell.

The file is read as text, checked as a whole by DuckDB, and what it can't decide is judged row by row. Memory stays
flat: rows live in files, only rejected ones in a list.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from hospital_prepay.domain.rules.inpatient.caps import Burden
from hospital_prepay.files.survey import FIELD_MARK
from hospital_prepay.files.tables import Table, open_table
from hospital_prepay.persistence import case_bulk
from hospital_prepay.persistence.bulk import bulk_connection, file_literal, quoted
from hospital_prepay.persistence.case_checks import Case, RejectedCase, duplicate, judge_row
from hospital_prepay.persistence.case_columns import wanted_columns

Progress = Callable[[int, int], None]

# Progress is told in thousandths: the survey of the bytes, the check, the snapshot.
WHOLE: Final = 1000
_SURVEYED: Final = 200
_CHECKED: Final = 700
_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class CaseReading:
    """What a file of cases held. ``snapshot`` is a Parquet file of the accepted cases with the columns
    ``case_no, discharged_on, disease_code, disease_name, insured_class, total_cost_fen, burden_fen,
    copayment_fen, line``, whatever their date; ``rejected`` is in the order of the file."""

    snapshot: Path
    sha256: str
    size: int
    burden: Burden
    accepted: int
    rejected: tuple[RejectedCase, ...]

    @property
    def cases_read(self) -> int:
        """Every row with content."""
        return self.accepted + len(self.rejected)


def read_cases(
    path: Path, *, burden: Burden = Burden.WHOLE, snapshot: Path, progress: Progress | None = None
) -> CaseReading:
    """Check the file of cases at ``path`` and write the accepted ones to ``snapshot``.

    ``progress`` is called with the part done and the whole. Raises ``NotATable``, ``MissingColumn`` and
    ``RepeatedColumn``; nothing is left at ``snapshot`` then.
    """
    report = progress or (lambda done, whole: None)
    with (
        tempfile.TemporaryDirectory(prefix="prepay-cases-") as name,
        open_table(path, lambda done, size: report(done * _SURVEYED // max(size, 1), WHOLE)) as table,
        bulk_connection(Path(name)) as connection,
    ):
        work = _Work(connection, Path(name), table, burden)
        work.check()
        report(_CHECKED, WHOLE)
        rejected = work.judge()
        rejected += work.set_duplicates_aside()
        accepted = work.save(snapshot)
        report(WHOLE, WHOLE)
    rejected.sort(key=lambda row: row.line)
    return CaseReading(snapshot, table.sha256, table.size, burden, accepted, tuple(rejected))


def stream_cases(snapshot: Path, batch: int = _BATCH) -> Iterator[list[tuple[object, ...]]]:
    """The accepted cases in batches, each row in the order of the snapshot's columns."""
    with bulk_connection() as connection:
        rows = connection.execute(f"SELECT {case_bulk.SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(snapshot)})")
        while found := rows.fetchmany(batch):
            yield found


class _Work:
    """One reading, step by step, in a folder of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, table: Table, burden: Burden) -> None:
        self.connection = connection
        self.table = table
        self.burden = burden
        self.columns = table.columns(wanted_columns(burden))
        self.checked = folder / "checked.parquet"
        self.judged = folder / "judged.txt"
        self.marked = folder / "marked.txt"

    def check(self) -> None:
        """Check every row as a whole. Lines that DuckDB won't take are read again the careful way."""
        if self.table.plain:
            try:
                self._check(case_bulk.plain_records(self.table.plain))
            except duckdb.Error:
                pass
            else:
                return
        self._write_marked()
        self._check(case_bulk.marked_records(self.marked))

    def _check(self, records: str) -> None:
        width = len(self.table.header)
        self.connection.execute(case_bulk.check(records, self.columns, width, self.burden, self.checked))

    def _write_marked(self) -> None:
        with self.marked.open("w", encoding="utf-8", newline="") as target:
            for line, cells in self.table.rows:
                record = FIELD_MARK.join(cells)
                if "\n" in record or "\r" in record or record.count(FIELD_MARK) >= len(cells):
                    record = FIELD_MARK.join(_one_line(cell) for cell in cells)
                target.write(f"{line}{FIELD_MARK}{record}\n")

    def judge(self) -> list[RejectedCase]:
        """Judge the doubtful rows one by one; keep the good ones, return the others."""
        rejected: list[RejectedCase] = []
        rows = self.connection.execute(case_bulk.doubtful_rows(self.checked))
        with self.judged.open("w", encoding="utf-8", newline="") as target:
            while batch := rows.fetchmany(_BATCH):
                for line, cells in batch:
                    found = judge_row(line, cells, self.columns, len(self.table.header), self.burden)
                    if isinstance(found, RejectedCase):
                        rejected.append(found)
                    else:
                        target.write(_as_text(found))
        return rejected

    def _sound(self) -> str:
        certain = case_bulk.certain_rows(self.checked)
        if not self.judged.stat().st_size:
            return certain
        return f"{certain} UNION ALL {case_bulk.judged_rows(self.judged)}"

    def set_duplicates_aside(self) -> list[RejectedCase]:
        """Of equal case numbers among sound rows the first counts; return the others."""
        self.connection.execute(f"CREATE TABLE duplicates AS {case_bulk.duplicates(self._sound())}")
        rows = self.connection.execute("SELECT line, case_no, first_line FROM duplicates ORDER BY line").fetchall()
        return [duplicate(*row) for row in rows]

    def save(self, snapshot: Path) -> int:
        """Write the accepted cases and return their number."""
        kept = f"SELECT * FROM ({self._sound()}) WHERE line NOT IN (SELECT line FROM duplicates)"
        written = self.connection.execute(
            f"COPY ({kept}) TO {quoted(str(snapshot))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
        return int(written[0]) if written else 0


def _one_line(cell: str) -> str:
    """A line break inside a cell counts as a space."""
    return " ".join(cell.replace(FIELD_MARK, " ").splitlines())


def _as_text(case: Case) -> str:
    copayment = "" if case.copayment is None else case.copayment.fen
    values = (
        case.case_no,
        case.discharged_on,
        case.disease_code,
        case.disease_name,
        case.insured_class.value,
        case.total_cost.fen,
        case.burden.fen,
        copayment,
        case.line,
    )
    return FIELD_MARK.join(map(str, values)) + "\n"
