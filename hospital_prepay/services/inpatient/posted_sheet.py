"""Posted sheets of any shape: what each column means is data, kept for the institution, not code.

Hospitals post one row a disease with a column for each class, with or without codes, often with a remark above the
table. Lines that begin with ``#`` above it are such remarks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.domain.errors import MalformedInput, NoUsableRow
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.plain_text import LONGEST_CODE, LONGEST_NAME, spelled_out
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.services.inpatient.standards import FaultyRow, check_cell

_LONGEST_REMARK: Final = 500
_MARK: Final = b"\xef\xbb\xbf"
# How posted sheets name their columns; the first that fits is proposed, people confirm.
_CODE_HINTS: Final = ("编码", "代码")
_NAME_HINTS: Final = ("名称", "病种", "病组", "诊断")
_CLASS_HINTS: Final = {
    InsuredClass.EMPLOYEE: ("职工", "城职"),
    InsuredClass.RESIDENT: ("居民", "城乡"),
    InsuredClass.SELF_PAY: ("自费",),
}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which heading holds what. ``code`` is ``None`` when the sheet has no codes: then the name is the key."""

    name: str
    classes: Mapping[InsuredClass, str]
    code: str | None = None
    catalogue: str = ""

    def __post_init__(self) -> None:
        if not self.classes:
            raise MalformedInput("请至少指明一类患者的金额是哪一列。")
        used = [self.name, *self.classes.values(), *([self.code] if self.code else [])]
        if len(set(used)) < len(used):
            raise MalformedInput("同一列不能用两次。请核对每一项选的列。")
        if any(len(heading) > LONGEST_NAME or spelled_out(heading) != heading for heading in used):
            raise MalformedInput("表头太长，或里面有看不见的字符。请改好表头后重新上传。")

    def to_json(self) -> dict[str, object]:
        """As kept for the institution."""
        classes = {insured.value: heading for insured, heading in self.classes.items()}
        return {"name": self.name, "code": self.code, "classes": classes, "catalogue": self.catalogue}

    @classmethod
    def of_json(cls, kept: Mapping[str, object]) -> ColumnMapping:
        """The opposite of :meth:`to_json`."""
        classes = kept["classes"]
        assert isinstance(classes, dict)
        code = kept["code"]
        return cls(
            str(kept["name"]),
            {InsuredClass(insured): str(heading) for insured, heading in classes.items()},
            None if code is None else str(code),
            str(kept["catalogue"]),
        )


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One disease as posted; a class without an amount isn't posted for it."""

    line: int
    disease_code: str
    disease_name: str
    caps: Mapping[InsuredClass, Money]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A posted sheet as read; ``remark`` is what stood above the table."""

    header: tuple[str, ...]
    remark: str
    rows: tuple[SheetRow, ...]


def read_header(path: Path) -> tuple[str, ...]:
    """The headings of a sheet, to choose from. Raises ``NotATable``."""
    with tempfile.TemporaryDirectory(prefix="prepay-sheet-") as folder:
        bare, _ = _without_remarks(path, Path(folder))
        with open_table(bare) as table:
            return tuple(cell.strip() for cell in table.header)


def proposed_mapping(header: Sequence[str]) -> ColumnMapping | None:
    """The mapping that the headings suggest, or ``None`` when they don't."""
    classes = {insured: heading for insured in InsuredClass if (heading := _find(header, _CLASS_HINTS[insured]))}
    code = _find(header, _CODE_HINTS)
    name = _find([heading for heading in header if heading not in (code, *classes.values())], _NAME_HINTS)
    return ColumnMapping(name, classes, code) if name and classes else None


def read_sheet(path: Path, mapping: ColumnMapping) -> Sheet:
    """Read a posted sheet by ``mapping``.

    Raises ``MissingColumn`` for a heading that isn't there and ``FaultyRow`` with the line for a row that can't be
    used: nothing of a posted sheet may be passed over.
    """
    wanted = {"name": _column("病种名称", mapping.name)}
    wanted |= {insured.value: _column(insured.label, heading) for insured, heading in mapping.classes.items()}
    if mapping.code:
        wanted["code"] = _column("病种编码", mapping.code)
    with tempfile.TemporaryDirectory(prefix="prepay-sheet-") as folder:
        bare, remark = _without_remarks(path, Path(folder))
        with open_table(bare) as table:
            columns = table.columns(wanted)
            width = len(table.header)
            rows = [_row(line, cells, width, columns, mapping) for line, cells in table.rows]
            header = tuple(cell.strip() for cell in table.header)
    if not rows:
        raise NoUsableRow("表头下面没有病种。请核对文件。")
    _check_twice(rows)
    return Sheet(header, remark, tuple(rows))


def _column(label: str, heading: str) -> Column:
    text = heading.strip()
    for unit in ("（元）", "(元)"):
        text = text.removesuffix(unit)
    return Column(label if label == text else f"{label}（{heading}）", (text.strip().lower(),))


def _find(header: Sequence[str], hints: Sequence[str]) -> str | None:
    return next((heading for hint in hints for heading in header if hint in heading), None)


def _without_remarks(path: Path, folder: Path) -> tuple[Path, str]:
    """A copy whose remark lines are empty, so that the lines keep their numbers; a workbook has none."""
    data = path.read_bytes()
    body = data.removeprefix(_MARK)
    lines = body.split(b"\n")
    count = next((at for at, line in enumerate(lines) if line.strip() and not line.startswith(b"#")), len(lines))
    if not any(line.startswith(b"#") for line in lines[:count]):
        return path, ""
    remark = " ".join(line.decode("utf-8", "replace").strip("# \r") for line in lines[:count] if line.strip())
    bare = folder / "bare.csv"
    bare.write_bytes(b"\n".join([b""] * count + lines[count:]))
    return bare, spelled_out(remark)[:_LONGEST_REMARK]


def _row(line: int, cells: Sequence[str], width: int, columns: Mapping[str, int], mapping: ColumnMapping) -> SheetRow:
    if any(cell.strip() for cell in cells[width:]):
        raise _fault(line, "too_many_cells", "单元格比表头多。名称或金额里有逗号时，请加上英文双引号。")
    values = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
    for key, value in values.items():
        if value.startswith("="):
            raise _fault(line, "formula", "有公式。请改成数值。")
        if not value and key in ("name", "code"):
            raise _fault(line, "missing_value", f"缺少{'病种名称' if key == 'name' else '病种编码'}。请补上。")
    caps = {insured: _amount(line, insured, values[insured.value]) for insured in mapping.classes}
    posted = {insured: amount for insured, amount in caps.items() if amount is not None}
    if not posted:
        raise _fault(line, "missing_value", "一类金额也没有。请补上，或删去这一行。")
    code = values.get("code") or values["name"]
    check_cell(line, "病种名称", values["name"], LONGEST_NAME)
    check_cell(line, "病种编码" if "code" in values else "病种名称", code, LONGEST_CODE)
    return SheetRow(line, code, values["name"], posted)


def _amount(line: int, insured: InsuredClass, text: str) -> Money | None:
    if text in ("", "-", "—", "/"):
        return None
    try:
        return Money.of_cell(text)
    except MalformedInput as error:
        raise _fault(line, error.reason, insured.label + error.message) from error


def _check_twice(rows: Sequence[SheetRow]) -> None:
    lines: dict[str, int] = {}
    for row in rows:
        if row.disease_code in lines:
            words = f"病种“{row.disease_code}”与第 {lines[row.disease_code]} 行相同。请只保留一行。"
            raise _fault(row.line, "duplicate_disease", words)
        lines[row.disease_code] = row.line


def _fault(line: int, code: str, message: str) -> FaultyRow:
    return FaultyRow(f"第 {line} 行{message}", code=code, details={"line": line})
