"""``/finance/caps/<table>/diseases/<code>``: one disease of a cap table and what its caps rest on."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, render_template

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.rules.inpatient.standards import SINCE_EVER
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.services.inpatient.cap_changes import ReviewedRow
from hospital_prepay.services.inpatient.cap_review import BASIS_LABELS, ReviewedTable, mean, review_table

blueprint = Blueprint("cap_evidence_pages", __name__, url_prefix="/finance/caps")
_UNKNOWN_DAY: Final = "哪一天起的没有登记"


@blueprint.get("/<table_id>/diseases/<path:code>")
@requires(Permission.CAPS_VIEW)
def show_disease(table_id: str, code: str) -> str:
    """Every class of the disease: years, spread, earlier standard, similar disease."""
    table = review_table(current_context(), current_actor(), table_id)
    rows = [one for one in table.rows if one.row.disease_code == code]
    if not rows:
        raise NotFound("这张额度表没有这个病种。请回到额度表查找。")
    return render_template(
        "pages/inpatient/cap_evidence.html",
        table={"id": table.head.table_id, "title": table.title, "previous": table.compared_with},
        disease={"code": code, "name": rows[0].row.disease_name, "posted": rows[0].row.posted},
        window={"from": table.head.window_from, "to": table.head.window_to, "measured": table.source is None},
        classes=[_class(one, table) for one in rows],
    )


def _class(one: ReviewedRow, table: ReviewedTable) -> dict[str, Any]:
    row, evidence = one.row, one.row.evidence
    spread = dict(zip(("p10_fen", "median_fen", "p90_fen"), row.quantiles, strict=True)) if row.quantiles else None
    return {
        "id": row.insured_class,
        "label": InsuredClass(row.insured_class).label,
        "cases": row.cases,
        "few": one.few,
        "mean_cost_fen": mean(row.sum_cost_fen, row.cases),
        "mean_burden_fen": row.mean_burden_fen,
        "spread": spread,
        "years": None if evidence is None else _years(evidence["years"]),
        "legacy_fen": row.legacy_fen,
        "legacy_words": "" if evidence is None else _standard_words(evidence),
        "cap_fen": row.cap_fen,
        "basis_label": BASIS_LABELS[row.basis],
        "similar": None if evidence is None else _similar(evidence["similar_to"], row.insured_class, table),
        "previous_fen": one.previous,
        "warning": "高于自己的均值" if one.is_above_own_mean else one.warning,
        "clauses": [chip(clause) for clause in row.clauses],
    }


def _years(years: list[list[int]]) -> list[dict[str, int | None]]:
    return [{"year": year, "cases": cases, "mean_fen": mean(burden, cases)} for year, cases, burden in years]


def _standard_words(evidence: dict[str, Any]) -> str:
    since = evidence["standard_from"]
    if since is None:
        return ""
    words = _UNKNOWN_DAY if since == SINCE_EVER.isoformat() else f"{since} 起"
    return f"{words}，不分病种的统一标准" if evidence["standard_is_uniform"] else words


def _similar(code: str | None, insured_class: str, table: ReviewedTable) -> dict[str, Any] | None:
    """The disease referred to, as it stands in the same table."""
    for one in table.rows:
        if (one.row.disease_code, one.row.insured_class) == (code, insured_class):
            href = f"/finance/caps/{table.head.table_id}/diseases/{quote(one.row.disease_code)}"
            return {"code": code, "name": one.row.disease_name, "cap_fen": one.row.cap_fen, "href": href}
    return None
