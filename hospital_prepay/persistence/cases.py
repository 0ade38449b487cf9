"""Cases in bulk: from a file to a checked Parquet snapshot, and from the snapshot to sums per cell.

The file is read as text, checked as a whole by DuckDB, and what it can't decide is judged row by row. Memory stays
flat: rows live in files, only rejected ones in a list.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import duckdb

from hospital_prepay.domain.errors import NotATable
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.files.survey import FIELD_MARK, LINE_MARK
from hospital_prepay.files.tables import Table, open_table
from hospital_prepay.persistence import case_bulk
from hospital_prepay.persistence.bulk import bulk_connection, execute_watched, file_literal, quoted
from hospital_prepay.persistence.case_checks import Case, RejectedCase, duplicate, judge_row
from hospital_prepay.persistence.case_columns import wanted_columns

Progress = Callable[[int, int], None]

# Progress is told in thousandths: the survey of the bytes, the check, the snapshot.
WHOLE: Final = 1000
_SURVEYED: Final = 200
_CHECKED: Final = 700
_BATCH: Final = 10_000
# Characters in one row; DuckDB takes lines of up to two million bytes.
_LONGEST: Final = 400_000
# A line break inside a cell counts as a space, and so do the marks that part cells and lines here.
_BREAKS: Final = re.compile(f"[\r\n{LINE_MARK}]")
_ANY_MARK: Final = re.compile(f"[\r\n{LINE_MARK}{FIELD_MARK}]+")


@dataclass(frozen=True, slots=True)
class CaseReading:
    """What a file of cases held. ``snapshot`` is a Parquet file of the accepted cases with the columns
    ``case_no, discharged_on, disease_code, disease_name, insured_class, total_cost_fen, burden_fen,
    copayment_fen, self_pay_by_choice, line``, whatever their date and in no set order; ``rejected`` is in the order
    of the file."""

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
    path: Path,
    *,
    burden: Burden = Burden.WHOLE,
    snapshot: Path,
    progress: Progress | None = None,
    until: date | None = None,
) -> CaseReading:
    """Check the file of cases at ``path`` and write the accepted ones to ``snapshot``.

    ``progress`` is called with the part done and the whole. Discharges after ``until`` are rejected.
    Raises ``NotATable``, ``MissingColumn`` and
    ``RepeatedColumn``; nothing is left at ``snapshot`` then.
    """
    report = progress or (lambda done, whole: None)
    with (
        tempfile.TemporaryDirectory(prefix="prepay-cases-") as name,
        open_table(path, lambda done, size: report(done * _SURVEYED // max(size, 1), WHOLE)) as table,
        bulk_connection(Path(name)) as connection,
    ):
        work = _Work(connection, Path(name), table, burden, until)
        work.check(lambda part: report(_SURVEYED + int(part * (_CHECKED - _SURVEYED)), WHOLE))
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

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        table: Table,
        burden: Burden,
        until: date | None,
    ) -> None:
        self.connection = connection
        self.table = table
        self.burden = burden
        self.until = until
        self.columns = table.columns(wanted_columns(burden))
        self.checked = folder / "checked.parquet"
        self.judged = folder / "judged.txt"
        self.marked = folder / "marked.txt"

    def check(self, watch: Callable[[float], None]) -> None:
        """Check every row as a whole. Lines that DuckDB won't take are read again the careful way."""
        if self.table.plain:
            try:
                self._check(case_bulk.plain_records(self.table.plain), watch)
            except duckdb.Error:
                pass
            else:
                return
        self._write_marked()
        self._check(case_bulk.marked_records(self.marked), watch)

    def _check(self, records: str, watch: Callable[[float], None]) -> None:
        width = len(self.table.header)
        sample = self.connection.execute(case_bulk.padded(records)).fetchone()
        trim = bool(sample and sample[0])
        statement = case_bulk.check(
            records, self.columns, width, self.burden, self.checked, trim=trim, until=self.until
        )
        execute_watched(self.connection, statement, watch)

    def _write_marked(self) -> None:
        with self.marked.open("w", encoding="utf-8", newline="") as target:
            for line, cells in self.table.rows:
                record = FIELD_MARK.join(cells)
                if _BREAKS.search(record) or record.count(FIELD_MARK) >= len(cells):
                    record = FIELD_MARK.join(_ANY_MARK.sub(" ", cell) for cell in cells)
                if len(record) > _LONGEST:
                    raise NotATable(f"第 {line} 行太长，不像病例。请检查后重新上传。", details={"line": line})
                target.write(f"{line}{FIELD_MARK}{record}\n")

    def judge(self) -> list[RejectedCase]:
        """Judge the doubtful rows one by one; keep the good ones, return the others."""
        rejected: list[RejectedCase] = []
        rows = self.connection.execute(case_bulk.doubtful_rows(self.checked))
        with self.judged.open("w", encoding="utf-8", newline="") as target:
            while batch := rows.fetchmany(_BATCH):
                for line, cells in batch:
                    found = judge_row(line, cells, self.columns, len(self.table.header), self.burden, self.until)
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
        part = snapshot.with_name(snapshot.name + ".part")
        written = self.connection.execute(
            f"COPY ({kept}) TO {quoted(str(part))} (FORMAT parquet, COMPRESSION zstd)"
        ).fetchone()
        part.replace(snapshot)  # a reader never sees half a snapshot
        return int(written[0]) if written else 0


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
        case.self_pay_by_choice,
        case.line,
    )
    return FIELD_MARK.join(map(str, values)) + "\n"
