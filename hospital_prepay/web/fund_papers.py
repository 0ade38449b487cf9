"""``/finance/fund/apply/…/papers``: the place's forms, filled, to be printed or written on."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import Blueprint, Response

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.services.fund.papers import make_paper, papers_of

blueprint = Blueprint("fund_papers", __name__, url_prefix="/finance/fund/apply")
_TYPES: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@blueprint.get("/<decision_id>/papers/<paper>.<kind>")
@requires(Permission.FUND_VIEW)
def show_paper(decision_id: str, paper: str, kind: str) -> Response:
    """One paper as a file."""
    made = make_paper(current_context(), current_actor(), decision_id, paper, kind)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(made.name)}"}
    return Response(made.content, mimetype=_TYPES[kind], headers=headers)


def paper_links(regime: str, decision_id: str) -> list[dict[str, Any]]:
    """The papers of an application with their addresses."""
    return [
        {
            "label": words,
            "files": [
                {"label": kind.upper(), "href": f"/finance/fund/apply/{decision_id}/papers/{name}.{kind}"}
                for kind in _TYPES
            ],
        }
        for name, words in papers_of(regime).items()
    ]
