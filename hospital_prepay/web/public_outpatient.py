"""``/public/outpatient``: the announcement of the refunds, how far they are, and what is still taken (6, 7).

Kept in memory like the posted table: nothing here may look at who asks.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from hospital_prepay.domain.rules.outpatient.claims import CLAIMANT_LABELS, NEEDED, Claimant, to_bring
from hospital_prepay.domain.rules.outpatient.gate import PLACES
from hospital_prepay.http.current import current_context
from hospital_prepay.http.permission import public
from hospital_prepay.http.public_cache import revalidated
from hospital_prepay.http.public_paths import public_path
from hospital_prepay.services.outpatient.notice import patients_page
from hospital_prepay.services.publication.institution import Hospital
from hospital_prepay.services.publication.posted_table import hospital_by_code

blueprint = Blueprint("public_outpatient", __name__)


@blueprint.get("/public/outpatient")
@public
def show_outpatient() -> Response:
    """The page for patients."""
    context = current_context()
    hospital = hospital_by_code(context, request.args.get("institution"))
    found = patients_page(context, hospital)
    frame = {"hospital": hospital, "demo": context.settings.is_demo}
    page = render_template(
        "pages/publication/outpatient.html",
        frame=frame,
        notice=found.notice,
        phone_href=phone_href(found.notice.phone),
        progress=found.progress,
        kept=None
        if found.kept is None
        else {
            "document": found.kept.document,
            "authority": found.kept.authority,
            "filed_on": found.kept.filed_on,
            "kinds": [f"{kind['label']}{'（限老年人）' if kind['for_elderly'] else ''}" for kind in found.kept.kinds],
            "postings": [{"label": PLACES[one.place], "posted_on": one.posted_on} for one in found.postings],
        },
        papers=papers_of_all(),
        today=context.clock.today(),
        links=links_of(hospital),
    )
    return revalidated(make_response(page))


def papers_of_all() -> list[dict[str, Any]]:
    """Who brings what."""
    return [
        {"label": CLAIMANT_LABELS[claimant], "papers": [to_bring(paper) for paper in NEEDED[claimant]]}
        for claimant in Claimant
    ]


def links_of(hospital: Hospital) -> dict[str, str]:
    """The pages for patients that belong together."""
    names = {"page": "outpatient", "claim": "claim", "another": "claim/for-another", "deposits": "deposits"}
    return {key: public_path(name, hospital.code) for key, name in names.items()}


def phone_href(phone: str) -> str:
    """The number to dial from a page."""
    return "tel:" + "".join(sign for sign in phone if sign.isdigit() or sign == "+")
