"""``/public``: the posted table for patients and programs, open to everybody and the same for everybody.

The plain addresses are kept in memory by :mod:`hospital_prepay.http.public_cache`, so no page here may look at who
asks: no sign-in, no form, no words about what was just done.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from markupsafe import Markup

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.publication.scope import Binding, binding
from hospital_prepay.files.qr import qr_svg
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_context
from hospital_prepay.http.filters import whole_yuan
from hospital_prepay.http.permission import public
from hospital_prepay.http.public_cache import revalidated
from hospital_prepay.http.public_paths import public_path, public_question
from hospital_prepay.services.publication import posted_document as documents
from hospital_prepay.services.publication import posted_table as tables
from hospital_prepay.services.publication.basis import burden_words, further_words, leaves_out, window_words
from hospital_prepay.services.publication.deposit_rules import rules_in_force
from hospital_prepay.services.publication.institution import Hospital
from hospital_prepay.services.publication.posted_table import PostedRow, PostedTable, Version

blueprint = Blueprint("public", __name__)
_LEGAL: Final = "贵州省规范公立医疗机构预交金管理工作实施细则（试行）第十至十八条"
_CLASSES: Final = frozenset(InsuredClass)
_SCREEN_ROWS: Final = 12
_SCREEN_SECONDS: Final = 15
_SHEET_ROWS: Final = 80
_BINDINGS: Final = {
    Binding.BOUND: "公立医院和医保定点医院要按这份细则办，本院适用。",
    Binding.BY_REFERENCE: "本院不是公立医院，也不是医保定点，参照这份细则办。",
    Binding.APART: "本院由军队主办，按军队后勤部门的规定办，不适用这份细则。",
}


@blueprint.get("/public/deposits")
@public
def show_deposits() -> Response:
    """The posted table with how it was computed and how to pay and get back."""
    hospital = _hospital()
    table = _table(hospital)
    if table is None:
        return _page("pages/publication/no_table.html", hospital)
    asked = request.args.get("q", "").strip()[:40]
    only = request.args.get("class", "")
    return _page(
        "pages/publication/deposits.html",
        hospital,
        **_common(table),
        q=asked,
        only=only if only in _CLASSES else "",
        rows=[_row(row) for row in table.rows if _fits(row, asked)],
        any_missing=table.source is None and any(None in _row(row).values() for row in table.rows),
        reach=_reach(table),
        source=table.source,
        versions=[_version(one, hospital) for one in tables.versions(current_context(), hospital.code)],
        others=_others(hospital),
    )


@blueprint.get("/public/deposits.json")
@public
def deposits_json() -> Response:
    """The same for programs."""
    table = _require_table()
    every = tables.versions(current_context(), table.hospital.code)
    before = next((one.number for one in every if one.number < table.version.number), None)
    made = documents.document(table, _address("deposits.json", table.hospital), before)
    response = jsonify(made)
    schema = _address("deposits.schema.json")
    response.headers["Link"] = f'<{schema}>; rel="describedby"; type="application/schema+json"'
    return revalidated(response)


@blueprint.get("/public/deposits.schema.json")
@public
def deposits_schema() -> Response:
    """The JSON Schema of the document."""
    response = jsonify(documents.json_schema(_address("deposits.schema.json")))
    response.mimetype = "application/schema+json"
    return revalidated(response)


@blueprint.get("/public/deposits.csv")
@public
def deposits_csv() -> Response:
    """The same for a spreadsheet."""
    table = _require_table()
    response = Response(documents.table_csv(table), mimetype="text/csv")
    name = f"deposits-{table.hospital.code}-{table.version.number}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return revalidated(response)


@blueprint.get("/.well-known/deposit-table.json")
@public
def deposit_index() -> Response:
    """Every institution with every version, each linked to the one before."""
    context = current_context()
    found = []
    for code, name in tables.posting_institutions(context):
        hospital = tables.hospital_by_code(context, code)
        every = tables.versions(context, code)
        found.append(
            {
                "code": code,
                "name": name,
                "current": next((one.number for one in every if one.current), None),
                "page": _address("deposits", hospital),
                "versions": documents.index_versions(every, _address("deposits.json", hospital)),
            }
        )
    body = {
        "schema": documents.SCHEMA_VERSION,
        "document_schema": _address("deposits.schema.json"),
        "institutions": found,
    }
    return revalidated(jsonify(body))


@blueprint.get("/public/screen")
@public
def show_screen() -> Response:
    """The table for the lobby screen."""
    hospital = _hospital()
    table = _table(hospital)
    if table is None:
        return _page("pages/publication/no_table.html", hospital)
    rows = [_row(row) for row in table.rows]
    return _page(
        "pages/publication/screen.html",
        hospital,
        version=_shown(table.version, hospital),
        pages=[rows[at : at + _SCREEN_ROWS] for at in range(0, len(rows), _SCREEN_ROWS)],
        total=len(rows),
        qr_svg=_qr(_address("deposits", hospital)),
        seconds=_SCREEN_SECONDS,
    )


@blueprint.get("/public/deposits/poster")
@public
def show_poster() -> Response:
    """The table for the wall, on A3."""
    hospital = _hospital()
    table = _table(hospital)
    if table is None:
        return _page("pages/publication/no_table.html", hospital)
    rows = [_row(row) for row in table.rows]
    return _page(
        "print/poster.html",
        hospital,
        **_common(table),
        sheets=[_sheet(rows[at : at + _SHEET_ROWS], at) for at in range(0, max(len(rows), 1), _SHEET_ROWS)],
        printed_on=current_context().clock.today(),
        source=table.source,
    )


@blueprint.get("/public/deposits/qr.svg")
@public
def wall_qr() -> Response:
    """The code for the wall: it leads to the table that holds when it is read."""
    return revalidated(Response(qr_svg(_address("deposits", _hospital())), mimetype="image/svg+xml"))


@blueprint.get("/public/rules")
@public
def show_rules() -> Response:
    """Which rules bind the hospital (article 2), and its own deposit rules (article 4)."""
    hospital = _hospital()
    return _page(
        "pages/publication/rules.html",
        hospital,
        binding_words=_BINDINGS[binding(hospital.profile)],
        clauses={"scope": chip("guizhou-deposit-2025/2"), "own": chip("guizhou-deposit-2025/4")},
        rules=rules_in_force(current_context(), hospital.code),
        table_href=_path("deposits", hospital),
    )


def _hospital() -> Hospital:
    return tables.hospital_by_code(current_context(), request.args.get("institution"))


def _table(hospital: Hospital) -> PostedTable | None:
    number = request.args.get("version", "")
    if number and not (number.isascii() and number.isdigit() and len(number) < 7):
        raise NotFound("没有这一版额度表。请看现行的，或从版本清单里选。")
    return tables.posted_table(current_context(), hospital, int(number) if number else None)


def _require_table() -> PostedTable:
    table = _table(_hospital())
    if table is None:
        raise NotFound("额度表还没有发布。")
    return table


def _page(template: str, hospital: Hospital, **context: Any) -> Response:
    """A page that is the same for everybody: its frame knows the hospital and nobody's sign-in."""
    frame = {"hospital": hospital, "demo": current_context().settings.is_demo}
    return revalidated(make_response(render_template(template, frame=frame, **context)))


def _common(table: PostedTable) -> dict[str, Any]:
    """What page and poster share."""
    hospital, version = table.hospital, table.version
    step = table.round_down_to
    verify = f"{current_context().settings.public_url}/r/{version.serial}"
    return {
        "version": _shown(version, hospital),
        "total": len(table.rows),
        "window_words": table.window and window_words(table.window, table.readings),
        "burden_words": burden_words(table.readings),
        "further_words": further_words(table.readings),
        "leaves_out": leaves_out(table.readings),
        "rounding_words": f"向下取整到 {whole_yuan(step)} 元" if step else "不往上凑整",
        "example": _example(table),
        "instalments_words": None,
        "priority_groups": True,
        "verify_href": f"/r/{version.serial}",
        "qr_svg": _qr(verify),
        "legal_words": _LEGAL,
        "links": {
            "page": _path("deposits", hospital),
            "csv": _path("deposits.csv", hospital, version),
            "json": _path("deposits.json", hospital, version),
            "poster": _path("deposits/poster", hospital, version),
            "rules": _path("rules", hospital),
        },
        "kept": _kept(hospital, None if version.current else version),
    }


def _shown(version: Version, hospital: Hospital) -> dict[str, Any]:
    return {
        "number": version.number,
        "effective_on": version.effective_on,
        "published_at": version.published_at,
        "approved_by": version.approved_by,
        "current": version.current,
        "coming": version.effective_on > current_context().clock.today(),
        "current_href": _path("deposits", hospital),
        "replaced_on": version.replaced_on,
        "serial": version.serial,
    }


def _version(version: Version, hospital: Hospital) -> dict[str, Any]:
    return {**_shown(version, hospital), "href": _path("deposits", hospital, version)}


def _row(row: PostedRow) -> dict[str, Any]:
    return {
        "disease_code": row.disease_code if row.disease_code != row.disease_name else "",
        "disease_name": row.disease_name,
        "initials": row.initials,
        "employee_fen": row.employee,
        "resident_fen": row.resident,
        "self_pay_fen": row.self_pay,
    }


def _fits(row: PostedRow, asked: str) -> bool:
    """As the script does it: anywhere in name, code or initials."""
    return asked.lower() in f"{row.disease_name} {row.disease_code} {row.initials}".lower()


def _reach(table: PostedTable) -> dict[str, Any] | None:
    reach = table.reach
    if reach is None:
        return None
    return {
        "cost_percent": percent(reach.cost_permille),
        "admissions_percent": percent(reach.admissions_permille),
        "diseases": reach.diseases,
        "year": reach.year,
    }


def percent(permille: int) -> str:
    """``51.8`` from 518."""
    return f"{permille // 10}.{permille % 10}"


def _example(table: PostedTable) -> dict[str, Any] | None:
    example = table.example
    if example is None:
        return None
    return {
        "disease_name": example.disease_name,
        "class_label": example.insured_class.label,
        "cases": example.cases,
        "mean_fen": example.mean,
        "legacy_fen": example.legacy,
        "cap_fen": example.cap,
        "words": "没有原来的标准，就用平均" if example.legacy is None else "比，取低的",
    }


def _sheet(rows: list[dict[str, Any]], at: int) -> dict[str, Any]:
    half = (len(rows) + 1) // 2
    return {"number": at // _SHEET_ROWS + 1, "left": rows[:half], "right": rows[half:]}


def _others(hospital: Hospital) -> list[dict[str, Any]]:
    every = tables.posting_institutions(current_context())
    return [
        {"name": name, "href": _path("deposits", tables.hospital_by_code(current_context(), code))}
        for code, name in every
        if code != hospital.code
    ]


def _qr(address: str) -> Markup:
    # The library draws it from numbers; nothing a person typed stands in it as text.
    return Markup(qr_svg(address))


def _kept(hospital: Hospital, version: Version | None) -> dict[str, str]:
    """What an address must say besides its own question."""
    return public_question(hospital.code, None if version is None else version.number)


def _path(name: str, hospital: Hospital, version: Version | None = None) -> str:
    return public_path(name, hospital.code, None if version is None else version.number)


def _address(name: str, hospital: Hospital | None = None) -> str:
    """The whole address, as other programs and papers need it."""
    path = f"/public/{name}" if hospital is None else _path(name, hospital)
    return current_context().settings.public_url + path
