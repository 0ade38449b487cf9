"""Cases kept: rows in the database, and beside them one Parquet snapshot per institution to measure from.

The database is the truth. The snapshot is a copy that is made again whenever it is missing, of another length or
not the file that was written here: a keyed mark lies beside it.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

import duckdb
import psycopg
import sqlalchemy as sa

from hospital_prepay.crypto import KeyedHash
from hospital_prepay.persistence.bulk import bulk_connection, file_literal, quoted
from hospital_prepay.persistence.case_bulk import SNAPSHOT_COLUMNS
from hospital_prepay.persistence.case_checks import RejectedCase
from hospital_prepay.persistence.models.inpatient import CaseImport, Disease, InpatientCase, RejectedRow
from hospital_prepay.persistence.models.publication import Institution
from hospital_prepay.settings import private_folder

_COLUMNS: Final = (
    "institution_id, case_no, discharged_on, disease_code, disease_name, insured_class, total_cost_fen, burden_fen,"
    " copayment_fen, self_pay_by_choice, import_id"
)
_BATCH: Final = 10_000


def lock_institution(connection: sa.Connection, institution_id: str) -> None:
    """One import, measurement or publication of an institution at a time."""
    connection.execute(
        sa.select(Institution.institution_id).where(Institution.institution_id == institution_id).with_for_update()
    ).one()


def import_of_file(connection: sa.Connection, institution_id: str, sha256: str) -> str | None:
    """The import that took this very file in before."""
    return connection.scalar(
        sa.select(CaseImport.import_id).where(
            CaseImport.institution_id == institution_id, CaseImport.file_sha256 == sha256
        )
    )


def stored_cases(connection: sa.Connection, institution_id: str) -> int:
    """How many cases all imports stored."""
    total = sa.select(sa.func.coalesce(sa.func.sum(CaseImport.rows_accepted), 0))
    return int(connection.scalar(total.where(CaseImport.institution_id == institution_id)) or 0)


def rejected_rows(connection: sa.Connection, institution_id: str) -> int:
    """How many rows all imports kept aside."""
    total = sa.select(sa.func.coalesce(sa.func.sum(CaseImport.rows_rejected), 0))
    return int(connection.scalar(total.where(CaseImport.institution_id == institution_id)) or 0)


def add_import(connection: sa.Connection, values: dict[str, Any], rejected: tuple[RejectedCase, ...]) -> None:
    """Record an import and the rows it kept aside."""
    connection.execute(sa.insert(CaseImport).values(**values))
    key = {"institution_id": values["institution_id"], "import_id": values["import_id"]}
    rows = [{**key, **asdict(row)} for row in rejected]
    for start in range(0, len(rows), _BATCH):
        connection.execute(sa.insert(RejectedRow), rows[start : start + _BATCH])


def add_diseases(
    connection: sa.Connection, institution_id: str, names: dict[str, tuple[str, str]], catalogue: str = ""
) -> None:
    """Add diseases (code -> name, initials) that aren't known yet; ``catalogue`` says where they come from (11)."""
    known = set(connection.scalars(sa.select(Disease.disease_code).where(Disease.institution_id == institution_id)))
    rows = [
        {
            "institution_id": institution_id,
            "disease_code": code,
            "name": name,
            "initials": initials,
            "catalogue": catalogue,
        }
        for code, (name, initials) in names.items()
        if code not in known
    ]
    if rows:
        connection.execute(sa.insert(Disease), rows)


class Snapshot:
    """The Parquet file of one institution's cases. Everything but its path is for whoever holds :meth:`locked`."""

    def __init__(self, data_dir: Path, institution_id: str, keyed_hash: KeyedHash) -> None:
        self.path = data_dir / "snapshots" / institution_id / "cases.parquet"
        self._institution_id = institution_id
        self._keyed_hash = keyed_hash
        self._mark = self.path.with_suffix(".mark")
        self._next = self.path.with_suffix(".next")
        self._fresh = self.path.with_suffix(".fresh")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the files: one import or measurement of the institution at a time on this machine.

        Take it before the transaction and give it back after :meth:`adopt`: between the commit and the new file
        others would find the two apart, and write over what is prepared.
        """
        private_folder(self.path.parent)
        with (self.path.parent / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def prepare(self, reading: Path) -> tuple[int, int]:
        """Set the rows of ``reading`` that are not known yet apart, and the whole snapshot with them.

        Returns (new, known). Nothing is in force until :meth:`adopt`.
        """
        source = f"SELECT {SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(reading)})"
        fresh = source
        if self.path.exists():
            known = f"SELECT case_no FROM read_parquet({file_literal(self.path)})"
            fresh = f"SELECT r.* FROM ({source}) r ANTI JOIN ({known}) k USING (case_no)"
        with bulk_connection(self.path.parent) as connection:
            new = _copy(connection, fresh, self._fresh)
            total = connection.execute(f"SELECT count(*) FROM ({source})").fetchone()
            whole = f"SELECT {SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(self._fresh)})"
            if self.path.exists():
                whole = f"SELECT {SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(self.path)}) UNION ALL {whole}"
            _copy(connection, whole, self._next)
        return new, (int(total[0]) if total else 0) - new

    def store(self, connection: sa.Connection, institution_id: str, import_id: str) -> None:
        """Write the new rows into the database, in the transaction of ``connection``."""
        with bulk_connection() as source:
            rows = source.execute(f"SELECT {SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(self._fresh)})")
            _insert(connection, _batches(rows, institution_id, import_id))

    def adopt(self) -> None:
        """After the commit: the prepared snapshot takes the place of the old one."""
        self._put_in_place()
        self._fresh.unlink(missing_ok=True)

    def ensure(self, connection: sa.Connection, institution_id: str) -> Path:
        """The snapshot, made again from the database when it is missing, of another length or not ours."""
        expected = stored_cases(connection, institution_id)
        if not (self._is_ours() and self._length() == expected):
            self._rebuild(connection, institution_id)
        return self.path

    def _put_in_place(self) -> None:
        # Dying between the two leaves a file without its mark, which is made again.
        os.replace(self._next, self.path)
        self._mark.write_text(self._marked(), "ascii")

    def _is_ours(self) -> bool:
        try:
            return hmac.compare_digest(self._mark.read_bytes(), self._marked().encode())
        except FileNotFoundError:
            return False

    def _marked(self) -> str:
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return self._keyed_hash.digest(digest, institution=self._institution_id, field="case snapshot 2")

    def _length(self) -> int:
        with bulk_connection() as connection:
            row = connection.execute(f"SELECT count(*) FROM read_parquet({file_literal(self.path)})").fetchone()
        return int(row[0]) if row else 0

    def _rebuild(self, connection: sa.Connection, institution_id: str) -> None:
        text = self.path.with_suffix(".rows")
        names = [name.strip() for name in SNAPSHOT_COLUMNS.split(",") if name.strip() != "line"]
        rows = connection.execute(
            sa.select(*(getattr(InpatientCase, name) for name in names))
            .where(InpatientCase.institution_id == institution_id)
            .execution_options(yield_per=_BATCH)
        )
        with text.open("w", encoding="utf-8", newline="") as target:
            for row in rows:
                target.write("\x1f".join("" if value is None else str(value) for value in row) + "\n")
        types = ["VARCHAR", "DATE", "VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN"]
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in zip(names, types, strict=True))
        with bulk_connection(self.path.parent) as bulk:
            source = (
                f"SELECT *, 0::BIGINT AS line FROM read_csv({file_literal(text)}, columns={{{columns}}},"
                " delim=chr(31), quote='', escape='', header=false, auto_detect=false)"
            )
            _copy(bulk, source, self._next)
        text.unlink()
        self._put_in_place()


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    written = connection.execute(
        f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    return int(written[0]) if written else 0


def _batches(rows: duckdb.DuckDBPyConnection, institution_id: str, import_id: str) -> Iterator[list[tuple[Any, ...]]]:
    while found := rows.fetchmany(_BATCH):
        yield [(institution_id, *row[:-1], import_id) for row in found]


def _insert(connection: sa.Connection, batches: Iterator[list[tuple[Any, ...]]]) -> None:
    driver = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with (
            cast("psycopg.Connection[Any]", driver).cursor() as cursor,
            cursor.copy(f"COPY inpatient_case ({_COLUMNS}) FROM STDIN") as copy,
        ):
            for batch in batches:
                for row in batch:
                    copy.write_row(row)
        return
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    for batch in batches:
        texts = [(*row[:2], row[2].isoformat(), *row[3:]) for row in batch]
        cast(Any, driver).executemany(f"INSERT INTO inpatient_case ({_COLUMNS}) VALUES ({marks})", texts)


def import_values(
    *,
    institution_id: str,
    import_id: str,
    file_name: str,
    sha256: str,
    new: int,
    known: int,
    rejected: int,
    by: str,
    at: datetime,
) -> dict[str, Any]:
    """The row of ``case_import``."""
    return {
        "institution_id": institution_id,
        "import_id": import_id,
        "file_name": file_name,
        "file_sha256": sha256,
        "rows_read": new + known + rejected,
        "rows_accepted": new,
        "rows_rejected": rejected,
        "rows_known": known,
        "imported_by": by,
        "imported_at": at,
    }
