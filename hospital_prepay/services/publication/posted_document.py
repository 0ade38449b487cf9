"""The posted table for programs: the document of ``/public/deposits.json``, its JSON Schema, and a CSV.

The types below are the one source of both: :func:`document` is checked against them by the type checker, the schema
is generated from them.
"""

from __future__ import annotations

import hashlib
import types
from typing import Any, Final, Literal, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict
from urllib.parse import quote

from hospital_prepay.clock import local
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import Burden, PastYears
from hospital_prepay.files.exports import csv_text
from hospital_prepay.persistence.models.base import canonical_json
from hospital_prepay.services.publication.basis import further_words, window_words
from hospital_prepay.services.publication.posted_table import PostedRow, PostedTable, Version

SCHEMA_VERSION: Final = "1.0"
CasesBand = Literal["0-9", "10-29", "30-99", "100-299", "300-999", "1000+"]
_BANDS: Final[tuple[tuple[int, CasesBand], ...]] = (
    (1000, "1000+"),
    (300, "300-999"),
    (100, "100-299"),
    (30, "30-99"),
    (10, "10-29"),
    (0, "0-9"),
)


class InstitutionPart(TypedDict):
    """Who posts the table."""

    code: str
    name: str
    phone: str
    hours: str


WindowPart = TypedDict("WindowPart", {"from": str | None, "to": str | None})


class RowPart(TypedDict):
    """One disease. ``null`` in a class: no cap is posted for it."""

    disease_code: str
    disease_name: str
    catalogue: str
    employee_fen: int | None
    resident_fen: int | None
    self_pay_fen: int | None
    cases_band: CasesBand | None


class Document(TypedDict):
    """``/public/deposits.json``. ``digest`` is SHA-256 over the canonical document without it: UTF-8, keys sorted, no
    blanks between signs."""

    schema: Literal["1.0"]
    institution: InstitutionPart
    version: int
    published_at: str
    effective_on: str
    approved_by: str
    window: WindowPart
    basis: str
    rows: list[RowPart]
    digest: str
    previous: str | None


def document(table: PostedTable, url: str, previous: int | None) -> Document:
    """The table as a document; ``url`` is the address of ``deposits.json``, ``previous`` the version before."""
    hospital, version = table.hospital, table.version
    made: Document = {
        "schema": SCHEMA_VERSION,
        "institution": {
            "code": hospital.code,
            "name": hospital.name,
            "phone": hospital.phone,
            "hours": hospital.hours,
        },
        "version": version.number,
        "published_at": local(version.published_at).isoformat(timespec="seconds"),
        "effective_on": version.effective_on.isoformat(),
        "approved_by": version.approved_by,
        "window": _window(table),
        "basis": basis_words(table),
        "rows": [_row(row) for row in table.rows],
        "digest": "",
        "previous": None if previous is None else version_url(url, previous),
    }
    made["digest"] = digest_of(made)
    return made


def digest_of(made: Document) -> str:
    """``sha256:`` and the hash of everything but the digest itself."""
    rest = {name: value for name, value in made.items() if name != "digest"}
    return "sha256:" + hashlib.sha256(canonical_json(rest).encode()).hexdigest()


def version_url(url: str, number: int) -> str:
    """The address of one version; ``url`` may name an institution already."""
    path, _, query = url.partition("?")
    return f"{path}?version={number}" + (f"&{query}" if query else "")


def basis_words(table: PostedTable) -> str:
    """How the caps were computed, in one sentence."""
    if table.source:
        return f"照本院公示的表录入，来源：{table.source}"
    readings = table.readings
    share = "个人自付" if readings.get("burden_measure") == Burden.COPAYMENT else "个人负担"
    rolling = readings.get("past_three_years") == PastYears.ROLLING
    years = window_words(table.window, readings) if table.window and rolling else "近三年"
    further = "".join(f"{words}；" for words in further_words(readings))
    rounding = "" if table.round_down_to is None else f"，向下取整到 {_plain_yuan(table.round_down_to)} 元"
    return (
        f"{years}同病种、同参保类型出院病例的{share}平均数，与细则印发前的原标准比，取低的{rounding}；{further}"
        "依据 guizhou-deposit-2025/12、guizhou-deposit-2025/18"
    )


def cases_band(cases: int | None) -> CasesBand | None:
    """The band a number of cases falls in: no exact count of few patients leaves the hospital."""
    return None if cases is None else next(band for least, band in _BANDS if cases >= least)


class IndexVersion(TypedDict):
    """One version in the index. ``chain`` is SHA-256 over the chain before (empty for the first), version, day,
    moment of publication and table digest, joined by line breaks: no version can be slipped in or left out."""

    version: int
    effective_on: str
    published_at: str
    table_digest: str
    chain: str
    json: str
    csv: str


def index_versions(every: list[Version], url: str) -> list[IndexVersion]:
    """All versions, oldest first, each linked to the one before; ``url`` as in :func:`document`."""
    found: list[IndexVersion] = []
    chain = ""
    for one in reversed(every):
        day = one.effective_on.isoformat()
        moment = local(one.published_at).isoformat(timespec="seconds")
        text = "\n".join((chain, str(one.number), day, moment, one.digest))
        chain = hashlib.sha256(text.encode()).hexdigest()
        address = version_url(url, one.number)
        found.append(
            {
                "version": one.number,
                "effective_on": day,
                "published_at": moment,
                "table_digest": one.digest,
                "chain": chain,
                "json": address,
                "csv": address.replace("deposits.json?", "deposits.csv?"),
            }
        )
    return found


def table_csv(table: PostedTable) -> str:
    """The same table for a spreadsheet, amounts in yuan."""
    header = ("病种编码", "病种名称", "病种目录", "职工医保（元）", "城乡居民医保（元）", "自费（元）", "例数段")
    return csv_text(
        header,
        (
            (
                row.disease_code,
                row.disease_name,
                row.catalogue,
                _yuan(row.employee),
                _yuan(row.resident),
                _yuan(row.self_pay),
                # An en dash, so that no spreadsheet reads 10-29 as a day of October.
                (cases_band(row.cases) or "").replace("-", "–"),
            )
            for row in table.rows
        ),
    )


def institution_query(code: str, default_code: str) -> str:
    """What to add to an address of ours so that it speaks of this institution."""
    return "" if code == default_code else f"institution={quote(code)}"


def json_schema(identity: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of :class:`Document`, generated from it; ``identity`` is its own address."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identity,
        "title": "住院预交金额度公示表",
        **_schema_of(Document),
    }


def _row(row: PostedRow) -> RowPart:
    return {
        "disease_code": row.disease_code,
        "disease_name": row.disease_name,
        "catalogue": row.catalogue,
        "employee_fen": _fen(row.employee),
        "resident_fen": _fen(row.resident),
        "self_pay_fen": _fen(row.self_pay),
        "cases_band": cases_band(row.cases),
    }


def _window(table: PostedTable) -> WindowPart:
    if table.window is None:
        return {"from": None, "to": None}
    return {"from": table.window.first.isoformat(), "to": table.window.last.isoformat()}


def _fen(amount: Money | None) -> int | None:
    return None if amount is None else amount.fen


def _yuan(amount: Money | None) -> str | None:
    return None if amount is None else amount.plain()


def _plain_yuan(amount: Money) -> str:
    return amount.plain().removesuffix(".00")


def _schema_of(kind: Any) -> dict[str, Any]:
    """The schema of one type: objects closed, every key required."""
    if is_typeddict(kind):
        parts = {name: _schema_of(part) for name, part in get_type_hints(kind).items()}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is list:
        return {"type": "array", "items": _schema_of(get_args(kind)[0])}
    if get_origin(kind) in (types.UnionType, Union):
        return {"anyOf": [_schema_of(part) for part in get_args(kind)]}
    return {str: {"type": "string"}, int: {"type": "integer"}, types.NoneType: {"type": "null"}}[kind]
