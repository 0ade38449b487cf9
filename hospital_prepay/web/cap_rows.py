"""The rows of a cap table's page: filtered, sorted and paged by disease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import request

from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.http.paging import page_number, page_of
from hospital_prepay.services.inpatient.cap_changes import ReviewedRow
from hospital_prepay.services.inpatient.cap_review import BASIS_LABELS, ReviewedTable, mean

_PAGE: Final = 20
_TENTH: Final = 10
_FILTERS: Final[dict[str, tuple[str, Callable[[ReviewedRow], bool]]]] = {
    "": ("全部", lambda one: True),
    "moved": ("变动超 10%", lambda one: _moved(one)),
    "legacy": ("取原标准", lambda one: one.row.basis == "legacy"),
    "few": ("例数不足", lambda one: one.few is not None or one.row.basis == "insufficient"),
    "warned": ("高低反常", lambda one: one.warning is not None),
    "above": ("高于自己的均值", lambda one: one.is_above_own_mean),
    "lost": ("失去额度", lambda one: one.is_lost),
    "gained": ("新有额度", lambda one: one.previous is None and one.cap is not None),
}
_COMPARING: Final = frozenset({"moved", "lost", "gained"})
_ONLY_IF_ANY: Final = frozenset({"above", "lost", "gained"})
_CLASSES: Final = list(InsuredClass)
_SORTS: Final = frozenset({"code", "-code", "change", "-change"})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the address asks for."""

    words: str
    kind: str
    insured_class: str
    posted: bool
    sort: str


def rows_of(table: ReviewedTable) -> dict[str, Any]:
    """Everything ``partials/inpatient/_cap_rows.html`` needs but the table itself."""
    wanted = _wanted(table)
    found = [one for one in _every(table) if _fits(one, wanted, table)]
    counts = {kind: sum(1 for one in found if fits(one)) for kind, (_, fits) in _FILTERS.items()}
    groups = _groups([one for one in found if _FILTERS[wanted.kind][1](one)], wanted.sort)
    first = (page_number() - 1) * _PAGE
    shown = groups[first : first + _PAGE]
    compared = table.compared_with is not None
    return {
        "filters": {
            "q": wanted.words,
            "f": wanted.kind,
            "insured_class": wanted.insured_class,
            "posted": wanted.posted,
            "sort": wanted.sort,
        },
        "filter_items": [
            {"label": label, "href": _href(f=kind), "current": kind == wanted.kind, "count": counts[kind]}
            for kind, (label, _) in _FILTERS.items()
            if (compared or kind not in _COMPARING) and (counts[kind] or kind not in _ONLY_IF_ANY)
        ],
        "sorting": _sorting(wanted.sort),
        "previous_label": f"第 {table.compared_with} 版" if compared else None,
        "has_spread": any(one.row.quantiles for one in table.rows),
        "page": page_of(len(shown), len(groups), "个病种", _PAGE),
        "groups": [_group(rows, table) for rows in shown],
    }


def _every(table: ReviewedTable) -> list[ReviewedRow]:
    """The rows of the table, and in their places those it lost altogether."""
    if not table.gone:
        return list(table.rows)
    return sorted(
        (*table.rows, *table.gone),
        key=lambda one: (one.row.disease_code, _CLASSES.index(InsuredClass(one.row.insured_class))),
    )


def _wanted(table: ReviewedTable) -> _Wanted:
    given = request.args
    kind, sort, insured = given.get("f", ""), given.get("sort", "code"), given.get("insured_class", "")
    return _Wanted(
        given.get("q", "").strip()[:40],
        kind if kind in _FILTERS else "",
        insured if insured in frozenset(InsuredClass) else "",
        given.get("posted") == "yes",
        sort if sort in _SORTS else "code",
    )


def _fits(one: ReviewedRow, wanted: _Wanted, table: ReviewedTable) -> bool:
    row = one.row
    text = f"{row.disease_name} {row.disease_code} {table.initials.get(row.disease_code, '')}".lower()
    in_class = not wanted.insured_class or row.insured_class == wanted.insured_class
    return in_class and (row.posted or not wanted.posted) and wanted.words.lower() in text


def _moved(one: ReviewedRow) -> bool:
    change, before = one.change, one.previous
    return change is not None and before is not None and abs(change.fen) * _TENTH > before.fen


def _groups(rows: list[ReviewedRow], sort: str) -> list[list[ReviewedRow]]:
    by_disease: dict[str, list[ReviewedRow]] = {}
    for one in rows:
        by_disease.setdefault(one.row.disease_code, []).append(one)
    groups = list(by_disease.values())
    if sort.endswith("change"):
        # The largest movement first; backwards, the smallest.
        groups.sort(key=_largest_change, reverse=sort == "change")
    elif sort == "-code":
        groups.reverse()
    return groups


def _largest_change(rows: list[ReviewedRow]) -> int:
    return max((abs(one.change.fen) for one in rows if one.change is not None), default=-1)


def _sorting(sort: str) -> dict[str, Any]:
    column = sort.removeprefix("-")
    backwards = sort.startswith("-")
    hrefs = {
        name: _href(sort=f"-{name}" if name == column and not backwards else name) for name in ("code", "change")
    }
    rising = backwards if column == "change" else not backwards
    return {"column": column, "direction": "ascending" if rising else "descending", "hrefs": hrefs}


def _group(rows: list[ReviewedRow], table: ReviewedTable) -> dict[str, Any]:
    row = rows[0].row
    stands = any(one.row.basis != "gone" for one in rows)
    return {
        "disease_code": row.disease_code,
        "disease_name": row.disease_name,
        "posted": row.posted,
        "href": f"/finance/caps/{table.head.table_id}/diseases/{quote(row.disease_code)}" if stands else None,
        "rows": [_line(one) for one in rows],
    }


def _line(one: ReviewedRow) -> dict[str, Any]:
    row = one.row
    return {
        "class_label": InsuredClass(row.insured_class).label,
        "cases": row.cases,
        "few": one.few,
        "mean_cost_fen": mean(row.sum_cost_fen, row.cases),
        "mean_burden_fen": row.mean_burden_fen,
        "spread": dict(zip(("p10_fen", "median_fen", "p90_fen"), row.quantiles, strict=True))
        if row.quantiles
        else None,
        "legacy_fen": row.legacy_fen,
        "cap_fen": row.cap_fen,
        "basis_label": BASIS_LABELS[row.basis],
        "previous_fen": one.previous,
        "change_fen": None if one.change is None else one.change.fen,
        "is_new": one.previous is None and one.cap is not None,
        "is_lost": one.is_lost,
        "warning": "高于自己的均值" if one.is_above_own_mean else one.warning,
    }


def _href(**changed: str) -> str:
    """This page with one answer changed, from its first line on."""
    kept = {name: value for name, value in request.args.items() if name not in ("page", "confirm")}
    query = urlencode({name: value for name, value in {**kept, **changed}.items() if value})
    return request.path + (f"?{query}" if query else "")
