"""Reads the rule files, strictly: whatever isn't expected exactly there stops loading.

A folder per instrument holds ``instrument.yaml``, ``clauses.yaml`` and, where needed, ``values.yaml`` and
``regime.yaml``; one whose text we don't have holds ``regime.yaml`` alone, and is no instrument of the rulebook.
``readings.yaml`` stands beside the folders. No other YAML file may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.domain.rules.fund.regime import Regime
from hospital_prepay.rulebook.clause_file import read_clauses
from hospital_prepay.rulebook.fields import fault
from hospital_prepay.rulebook.instrument_file import read_instrument
from hospital_prepay.rulebook.model import Clause, DatedValue, Instrument, Reading, Rulebook
from hospital_prepay.rulebook.reading_file import read_readings
from hospital_prepay.rulebook.regime_check import clauses_of
from hospital_prepay.rulebook.regime_file import read_regime
from hospital_prepay.rulebook.strict_yaml import Node, read_text
from hospital_prepay.rulebook.value_file import read_values

HERE = Path(__file__).parent
_REQUIRED = frozenset({"instrument.yaml", "clauses.yaml"})
_ALLOWED = _REQUIRED | {"values.yaml", "regime.yaml"}
_WITHOUT_TEXT = frozenset({"regime.yaml"})


@cache
def load_rulebook() -> Rulebook:
    """The rulebook of this program, read once per process. Raises :class:`RulebookFault` when a file is wrong."""
    return read_rulebook(rule_files(HERE))


def rule_files(folder: Path) -> dict[str, str]:
    """The text of every rule file under ``folder``, by its path inside it, in order of path.

    The announced holidays in ``calendar/`` are facts, not rules, and have a strict loader of their own.
    """
    # Line ends are evened out, so that a checkout's habits don't change the version.
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8").replace("\r\n", "\n")
        for path in sorted(folder.rglob("*.y*ml"))
        if path.parent.name != "calendar"
    }


def read_rulebook(files: Mapping[str, str]) -> Rulebook:
    """A rulebook from the texts of its files (as :func:`rule_files` gives them).

    Raises :class:`RulebookFault` for a key that is unknown, missing, misplaced or repeated, a reference to a clause
    or reading that isn't there, dates that overlap, and files that don't belong.
    """
    return build_rulebook({path: read_text(text, path) for path, text in files.items()}, digest(files))


def build_rulebook(documents: Mapping[str, Node], version: str) -> Rulebook:
    """A rulebook from documents already read, by path; raises as :func:`read_rulebook`."""
    rest = dict(documents)
    if "readings.yaml" not in rest:
        raise fault("readings.yaml", "缺少这个文件")
    readings = read_readings(rest.pop("readings.yaml"), "readings.yaml")
    instruments: dict[str, Instrument] = {}
    clauses: dict[str, Clause] = {}
    values: dict[str, tuple[DatedValue, ...]] = {}
    regimes: dict[str, tuple[Regime, ...]] = {}
    for folder, own in _by_folder(rest).items():
        if own.keys() == _WITHOUT_TEXT:
            name = folder.replace("_", "-")
            regimes[name] = read_regime(own["regime.yaml"], f"{folder}/regime.yaml", name, None)
            continue
        instrument = read_instrument(own["instrument.yaml"], f"{folder}/instrument.yaml")
        if instrument.id.replace("-", "_") != folder:
            raise fault(f"{folder}/instrument.yaml", "文件编号与文件夹名不一致")
        instruments[instrument.id] = instrument
        clauses |= read_clauses(own["clauses.yaml"], f"{folder}/clauses.yaml", instrument)
        if "values.yaml" in own:
            values |= read_values(own["values.yaml"], f"{folder}/values.yaml", instrument)
        if "regime.yaml" in own:
            regimes[instrument.id] = read_regime(
                own["regime.yaml"], f"{folder}/regime.yaml", instrument.id, instrument
            )
    _check_references(instruments, clauses, values, readings)
    _check_regimes(clauses, regimes)
    return Rulebook(
        version=version,
        instruments=MappingProxyType(instruments),
        entries=MappingProxyType(clauses),
        values=MappingProxyType(values),
        readings=MappingProxyType(readings),
        regimes=MappingProxyType(regimes),
    )


def digest(files: Mapping[str, str]) -> str:
    """The version of a rulebook: twelve hexadecimal digits over the paths and texts of its files."""
    hasher = hashlib.sha256()
    for path, text in sorted(files.items()):
        hasher.update(f"{path}\0{text}\0".encode())
    return hasher.hexdigest()[:12]


def _by_folder(documents: Mapping[str, Node]) -> dict[str, dict[str, Node]]:
    folders: dict[str, dict[str, Node]] = {}
    for path, document in sorted(documents.items()):
        folder, slash, name = path.rpartition("/")
        if not slash or "/" in folder or name not in _ALLOWED:
            raise fault(path, "不认识的规则文件")
        folders.setdefault(folder, {})[name] = document
    for folder, own in folders.items():
        if own.keys() != _WITHOUT_TEXT and (missing := _REQUIRED - own.keys()):
            raise fault(folder, f"缺少文件“{min(missing)}”")
    return folders


def _check_references(
    instruments: Mapping[str, Instrument],
    clauses: Mapping[str, Clause],
    values: Mapping[str, tuple[DatedValue, ...]],
    readings: Mapping[str, Reading],
) -> None:
    cited = [(instrument.id, instrument.in_force_by) for instrument in instruments.values()]
    cited += [(key, dated[0].clause) for key, dated in values.items()]
    cited += [(name, clause) for name, reading in readings.items() for clause in reading.clauses]
    for place, clause in cited:
        if clause is not None and clause not in clauses:
            raise RulebookFault(f"“{place}”引用了不存在的条款“{clause}”。请改正后重试。")
    for key, dated in values.items():
        if dated[0].reading is not None and dated[0].reading not in readings:
            raise RulebookFault(f"“{key}”引用了不存在的口径“{dated[0].reading}”。请改正后重试。")


def _check_regimes(clauses: Mapping[str, Clause], regimes: Mapping[str, tuple[Regime, ...]]) -> None:
    for instrument, editions in regimes.items():
        for clause in (clause for edition in editions for clause in clauses_of(edition)):
            if clause not in clauses or clauses[clause].instrument != instrument:
                raise RulebookFault(f"“{instrument}”的预付规定引用了不属于它的条款“{clause}”。请改正后重试。")
