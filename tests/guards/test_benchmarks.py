"""The benchmarks run: a table that changed since would stop them on the day somebody wants to know."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("section", [("usage", "--usage-postings", "2", "--repeats", "1")])
def test_a_section_runs_on_both_databases(section: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "bench", *section], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SQLite" in done.stdout
    assert "PostgreSQL" in done.stdout
    assert done.stdout.count("kept 1 runs of totals") == 2
