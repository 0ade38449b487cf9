"""Lists in SQLite's triggers and CHECKs are stored as chains, and mean what they meant."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.persistence import migrate
from hospital_prepay.persistence.chains import as_chains, chain_lists
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.migrate import upgrade
from tests.conftest import MOMENT

Schema = list[tuple[str, str, str, str]]


def schema(file: sqlite3.Connection) -> Schema:
    """What is stored, in the order in which triggers fire."""
    return file.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql <> '' ORDER BY rowid"
    ).fetchall()


def bring_up(path: Path, moment: datetime = MOMENT) -> None:
    database = Database(f"sqlite:///{path}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=path.parent / "backups", moment=moment)
    database.close()


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database as a program left it that stored lists."""
    path = tmp_path / "old.sqlite3"
    with monkeypatch.context() as before:
        before.setattr(migrate, "chain_lists", lambda connection: None)
        bring_up(path)
    return path


CHAINS = {
    "x IN (1, 2, 3) = y": "(x = 1 OR x = 2 OR x = 3) = y",
    "(x IN ('a', 'b', 'c'))": "((x = 'a' OR x = 'b' OR x = 'c'))",
    "(NOT o.x NOT IN (1, -1, 2) OR y)": "(NOT (o.x <> 1 AND o.x <> -1 AND o.x <> 2) OR y)",
    "y AND\n  x IN\n ('a',\n'b', 'c') AND z": "y AND\n  (x = 'a' OR x = 'b' OR x = 'c') AND z",
    "(NEW.\"x\" IN ('it''s', '', ',)'))": "((NEW.\"x\" = 'it''s' OR NEW.\"x\" = '' OR NEW.\"x\" = ',)'))",
}
LEFT = [
    "(x IN ('a', 'b'))",
    "(x IN (SELECT y FROM z))",
    "(x IN ('a', 'b', y))",
    "(a || x IN ('a', 'b', 'c'))",
    "(a = x IN (1, 2, 3))",
    "(x COLLATE NOCASE IN ('a', 'b', 'c'))",
    "(typeof(x) IN ('a', 'b', 'c'))",
    "(x = '(y IN (''a'', ''b'', ''c''))')",
    "SELECT 1 -- not (x IN ('a', 'b', 'c'))",
    "SELECT 1 /* nor (x IN ('a', 'b', 'c')) */",
]


@pytest.mark.parametrize(("text", "said"), [*CHAINS.items(), *((one, one) for one in LEFT)])
def test_only_a_column_in_a_list_of_three_constants_becomes_a_chain(text: str, said: str) -> None:
    assert as_chains(text) == said
    assert as_chains(said) == said


TEXTS = st.sampled_from(["a", "b", "A", "", "1", "2", "c d"])


@given(
    value=st.none() | TEXTS | st.integers(-2, 2),
    constants=st.lists(TEXTS, min_size=3, max_size=6),
    none=st.booleans(),
)
@pytest.mark.parametrize("kind", ["TEXT", "INTEGER", ""])
def test_a_chain_is_as_true_as_its_list(kind: str, value: object, constants: list[str], none: bool) -> None:
    listed = ", ".join(f"'{one}'" for one in constants)
    text = f"(x {'NOT ' if none else ''}IN ({listed}))"
    assert as_chains(text) != text
    file = sqlite3.connect(":memory:")
    file.execute(f"CREATE TABLE t (x {kind})")
    file.execute("INSERT INTO t VALUES (?)", (value,))
    [(expected, got)] = file.execute(f"SELECT {text}, {as_chains(text)} FROM t").fetchall()
    file.close()
    assert got == expected


def test_an_old_database_and_a_new_one_end_alike(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"
    bring_up(new)
    for path in (new, old):
        with sqlite3.connect(path) as file:
            listed = [name for kind, name, _, text in schema(file) if kind != "index" and as_chains(text) != text]
        assert (path, bool(listed)) == (path, path == old)
    bring_up(old)
    with sqlite3.connect(old) as first, sqlite3.connect(new) as second:
        assert schema(first) == schema(second)
        assert first.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("newest", ["0037", "0040", "0041", "0042"])
def test_a_file_that_has_chains_takes_what_comes_after(tmp_path: Path, newest: str) -> None:
    """Every program ends its upgrade with chains: a later one finds them in what it changes."""
    stepped, new = tmp_path / "stepped.sqlite3", tmp_path / "new.sqlite3"
    database = Database(f"sqlite:///{stepped}", pool_size=1)
    upgrade(database, app_role=None, backup_folder=tmp_path, moment=MOMENT, target=newest)
    with database.writing() as connection:
        chain_lists(connection)
    database.close()
    bring_up(stepped)
    bring_up(new)
    with sqlite3.connect(stepped) as first, sqlite3.connect(new) as second:
        assert sorted(schema(first)) == sorted(schema(second))


def test_triggers_keep_the_order_in_which_they_fire(old: Path) -> None:
    """Of two that refuse a row the newest speaks."""
    with sqlite3.connect(old) as file:
        before = [one[:3] for one in schema(file)]
    bring_up(old)
    with sqlite3.connect(old) as file:
        assert [one[:3] for one in schema(file)] == before


def test_a_second_upgrade_writes_no_schema(sqlite_urls: tuple[str, str]) -> None:
    path = Path(sqlite_urls[0].removeprefix("sqlite:///"))
    database = Database(sqlite_urls[0], pool_size=1)
    with sqlite3.connect(path) as file:
        before = schema(file)
    with database.writing() as connection:
        [version] = connection.exec_driver_sql("PRAGMA schema_version").one()
        chain_lists(connection)
        assert connection.exec_driver_sql("PRAGMA schema_version").one() == (version,)
        assert connection.exec_driver_sql("PRAGMA writable_schema").one() == (0,)
    database.close()
    bring_up(path)
    with sqlite3.connect(path) as file:
        assert schema(file) == before


def test_a_connection_that_was_open_sees_the_chains(old: Path) -> None:
    """It would write by the old texts otherwise, or find the file damaged."""
    beside = sqlite3.connect(old, isolation_level=None)
    assert "IN ('open'" in {name: text for _, name, _, text in schema(beside)}["outpatient_account"]
    bring_up(old)
    beside.execute("PRAGMA foreign_keys = OFF")
    for (name,) in beside.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        beside.execute(f"DROP TRIGGER {name}")
    row = (
        "'H1', '7', NULL, 'outpatient_deposit', '', '', '', '', 'none', 'cash', '', 0, NULL, '7', '{state}', '', NULL"
    )
    with pytest.raises(sqlite3.IntegrityError, match="ck_outpatient_account__state"):
        beside.execute(f"INSERT INTO outpatient_account VALUES ({row.format(state='closed')})")
    beside.execute(f"INSERT INTO outpatient_account VALUES ({row.format(state='open')})")
    assert beside.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    beside.close()


def test_a_file_whose_rows_break_a_check_is_left_as_it_was(old: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    with sqlite3.connect(old, isolation_level=None) as file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        for name in ("insert", "repeats_insert"):
            file.execute(f"DROP TRIGGER outpatient_account_{name}")
        file.execute(
            "INSERT INTO outpatient_account VALUES ('H1', '7', NULL, 'outpatient_deposit', '', '', '', '', 'none',"
            " 'cash', '', 0, NULL, '7', 'closed', '', NULL)"
        )
        before = schema(file)
    shutil.copyfile(old, copy)
    with pytest.raises(DatabaseFault, match="outpatient_account"):
        bring_up(old)
    with sqlite3.connect(old) as file:
        assert schema(file) == before
