"""The statements that check a file of cases as a whole.

They let a row pass only when every cell has one of the common plain forms, and give it the same values as
``case_checks`` would; a row they are less than sure of keeps its cells in ``doubtful`` and is judged there. So the
two can disagree in speed only, which a property test holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

from hospital_prepay.domain.insured_class import SELF_PAY_BY_CHOICE, InsuredClass, class_names
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.files.survey import FIELD_MARK, LINE_MARK
from hospital_prepay.files.tables import PlainLines
from hospital_prepay.persistence.bulk import file_literal, quoted
from hospital_prepay.persistence.case_checks import LONGEST

# What str.strip() takes off. DuckDB's own trim is quick for the plain space only, so the others make a row doubtful.
_SPACES: Final = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
_HOUR: Final = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
_TIME: Final = rf"([ T]{_HOUR}( ?\+08:?00)?)?"
_PLAIN: Final = r"[0-9]{1,12}(\.[0-9]{1,2})?"
_GROUPED: Final = r"[0-9]{1,3}(,[0-9]{3}){1,3}(\.[0-9]{1,2})?"
_MARKED: Final = rf"[¥￥]?({_PLAIN}|{_GROUPED})元?"
# What names and codes are nearly always made of, all of it to be seen: other signs make a row doubtful. Without the
# sign that begins a formula.
PLAIN_SIGNS: Final = (
    *("!<", ">~", "\u00a1\u00ac", "\u00ae\u017f", "ΑΡ", "Σω", "\u2010\u2027", "\u2030\u205e", "\u2150\u218b"),
    *("\u2190\u22ff", "\u2460\u24ff", "\u3001\u303f", "\u3400\u9fff", "\uff01\uff5e", "\U00020000\U0002a6df"),
)
_SIGNS: Final = "".join(rf"\x{{{ord(first):x}}}-\x{{{ord(last):x}}}" for first, last in PLAIN_SIGNS)

_TYPES: Final = {
    "case_no": "VARCHAR",
    "discharged_on": "DATE",
    "disease_code": "VARCHAR",
    "disease_name": "VARCHAR",
    "insured_class": "VARCHAR",
    "total_cost_fen": "BIGINT",
    "burden_fen": "BIGINT",
    "copayment_fen": "BIGINT",
    "self_pay_by_choice": "BOOLEAN",
    "line": "BIGINT",
}
SNAPSHOT_COLUMNS: Final = ", ".join(_TYPES)


def plain_records(lines: PlainLines) -> str:
    """Records of a file whose physical lines are its records, as ``(line, cells)``."""
    blank = quoted(f"[{lines.delimiter}{_SPACES}]*")
    return (
        f"SELECT line, string_split(text, {quoted(lines.delimiter)}) AS cells FROM "
        f"(SELECT row_number() OVER () + 1 AS line, text FROM {_lines(lines.path, 1, lines.newline)}) "
        f"WHERE NOT regexp_full_match(text, {blank})"
    )


def marked_records(path: Path) -> str:
    """Records that were written as one line each: the line number, then the cells, all parted by field marks."""
    mark = quoted(FIELD_MARK)
    parts = f"SELECT string_split(text, {mark}) AS parts FROM {_lines(path, 0)}"
    return f"SELECT CAST(parts[1] AS BIGINT) AS line, parts[2:] AS cells FROM ({parts})"


def _lines(path: Path, skip: int, newline: str = "\n") -> str:
    # The separator is a sign that doesn't occur, so that a line is one value.
    ending = newline.encode("unicode_escape").decode()
    return (
        f"read_csv({file_literal(path)}, columns={{'text': 'VARCHAR'}}, delim={quoted(LINE_MARK)}, quote='', "
        f"escape='', header=false, auto_detect=false, skip={skip}, compression='none', new_line='{ending}')"
    )


def padded(records: str) -> str:
    """Whether any of the first ``records`` has a cell with spaces around it, as fixed-width exports do."""
    edges = quoted(f"(^|{FIELD_MARK}) | ({FIELD_MARK}|$)")
    text = f"array_to_string(cells, {quoted(FIELD_MARK)})"
    return f"SELECT coalesce(bool_or(regexp_matches({text}, {edges})), false) FROM ({records} LIMIT 1000)"


def check(
    records: str,
    columns: Mapping[str, int],
    width: int,
    burden: Burden,
    target: Path,
    *,
    trim: bool,
    until: date | None = None,
) -> str:
    """Write every record of ``records`` to ``target``: the snapshot's columns, or the cells of a doubtful one.

    ``trim`` takes spaces off first; it costs a third of the time, and a padded cell is only doubtful without it.
    So is a discharge after ``until``.
    """
    strip = "trim" if trim else ""
    ended = f" AND discharged_on <= DATE '{until}'" if until else ""
    cells = ", ".join(f"{strip}(coalesce(cells[{at + 1}], '')) AS {key}" for key, at in columns.items())
    copayment = "copayment" if "copayment" in columns else "''"
    values = f"""
        SELECT line, cells, case_no, disease_code, disease_name, {_day("discharged_on")} AS discharged_on,
            {_class("insured_class")} AS insured_class, {_by_choice("insured_class")} AS self_pay_by_choice,
            {_fen("total_cost")} AS cost, {_fen("burden")} AS share,
            {copayment} = '' AS without_copayment, {_fen(copayment)} AS copayment
        FROM (SELECT line, cells, {cells} FROM ({records}))"""
    sure = f"""len(cells) <= {width} AND {_text("case_no")} AND {_text("disease_code")} AND {_text("disease_name")}
        AND discharged_on IS NOT NULL{ended} AND cost IS NOT NULL AND insured_class IS NOT NULL
        AND (insured_class = 'self_pay' OR coalesce(share <= cost AND {_copayment_sure(burden)}, false))"""
    return f"""COPY (
        SELECT line, CASE WHEN NOT sure THEN cells END AS doubtful, case_no, discharged_on, disease_code,
            disease_name, insured_class, cost AS total_cost_fen,
            CASE WHEN insured_class = 'self_pay' THEN cost ELSE share END AS burden_fen,
            CASE WHEN insured_class = 'self_pay' THEN cost ELSE copayment END AS copayment_fen, self_pay_by_choice
        FROM (SELECT *, {sure} AS sure FROM ({values}))
    ) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION snappy)"""


def _copayment_sure(burden: Burden) -> str:
    return "copayment <= cost" if burden is Burden.COPAYMENT else "(without_copayment OR copayment <= cost)"


def _text(column: str) -> str:
    plain = f"[{_SIGNS}]([{_SIGNS}=\\x{{A0}}\\x{{3000}} ]*[{_SIGNS}=])?"
    return f"regexp_full_match({column}, {quoted(plain)}) AND length({column}) <= {LONGEST[column]}"


def _day(column: str) -> str:
    year = "[1-9][0-9]{3}"
    forms = (
        (f"{year}-[0-9]{{2}}-[0-9]{{2}}{_TIME}", f"{column}[1:10]"),
        (f"{year}/[0-9]{{1,2}}/[0-9]{{1,2}}{_TIME}", f"replace(regexp_extract({column}, '^[0-9/]+'), '/', '-')"),
        (f"{year}年[0-9]{{1,2}}月[0-9]{{1,2}}日{_TIME}", f"translate(split_part({column}, '日', 1), '年月', '--')"),
        (
            f"{year}[0-9]{{4}}(([01][0-9]|2[0-3])([0-5][0-9]){{1,2}})?",
            f"{column}[1:4] || '-' || {column}[5:6] || '-' || {column}[7:8]",
        ),
    )
    cases = " ".join(f"WHEN regexp_full_match({column}, {quoted(form)}) THEN {day}" for form, day in forms)
    return f"TRY_CAST(CASE {cases} END AS DATE)"


def _fen(column: str) -> str:
    plain = f"WHEN regexp_full_match({column}, {quoted(_PLAIN)}) THEN {column}"
    grouped = f"WHEN regexp_full_match({column}, {quoted(_GROUPED)}) THEN replace({column}, ',', '')"
    marked = f"WHEN regexp_full_match({column}, {quoted(_MARKED)}) THEN translate({column}, '¥￥元,', '')"
    return f"CAST(100 * CAST(CASE {plain} {grouped} {marked} END AS DECIMAL(17, 2)) AS BIGINT)"


def _class(column: str) -> str:
    names = class_names()
    groups = {
        insured: ", ".join(quoted(name) for name, named in names.items() if named is insured)
        for insured in InsuredClass
    }
    return f"CASE {' '.join(f'WHEN {column} IN ({listed}) THEN {quoted(c)}' for c, listed in groups.items())} END"


def _by_choice(column: str) -> str:
    return f"{column} IN ({', '.join(map(quoted, sorted(SELF_PAY_BY_CHOICE)))})"


def judged_rows(path: Path) -> str:
    """The rows that the reference check accepted, as it wrote them."""
    types = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in _TYPES.items())
    return (
        f"SELECT {SNAPSHOT_COLUMNS} FROM read_csv({file_literal(path)}, columns={{{types}}}, delim=chr(31), "
        "quote='', escape='', header=false, auto_detect=false, compression='none', new_line='\\n')"
    )


def certain_rows(checked: Path) -> str:
    """The rows of ``checked`` that passed."""
    return f"SELECT {SNAPSHOT_COLUMNS} FROM read_parquet({file_literal(checked)}) WHERE doubtful IS NULL"


def doubtful_rows(checked: Path) -> str:
    """The rows of ``checked`` that must be judged one by one, in order."""
    return (
        f"SELECT line, doubtful FROM read_parquet({file_literal(checked)}) WHERE doubtful IS NOT NULL ORDER BY line"
    )


def duplicates(sound: str) -> str:
    """Rows of ``sound`` whose case number stands on an earlier line, with that line."""
    # Hashes first: three million numbers cost a third of the memory that way, and few are ever equal.
    return f"""
        WITH sound AS ({sound}),
            twice AS (SELECT hash(case_no) AS mark FROM sound GROUP BY 1 HAVING count(*) > 1),
            numbered AS (
                SELECT line, case_no, min(line) OVER (PARTITION BY case_no) AS first_line
                FROM sound WHERE hash(case_no) IN (SELECT mark FROM twice)
            )
        SELECT line, case_no, first_line FROM numbered WHERE line > first_line ORDER BY line"""
