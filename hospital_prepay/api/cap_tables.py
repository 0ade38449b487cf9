"""``/api/v1/cap-tables``: the published tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hospital_prepay.api.requests import part_of_api
from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.cap_tables import CapTableDetail, CapTableList
from hospital_prepay.services.publication import posted_table as tables

blueprint = part_of_api("cap_tables", "额度表")


@blueprint.get("/cap-tables")
@requires(Permission.DESK_VIEW)
@blueprint.output(CapTableList, description="已发布的各版")
@blueprint.doc(summary="查看有哪些额度表", description="已发布的每一版，新的在前；每一版都保留。")
def list_tables() -> Any:
    """List published tables."""
    return {"cap_tables": tables.versions(current_context(), current_actor().institution_id)}


@blueprint.get("/cap-tables/<int:version>")
@requires(Permission.DESK_VIEW)
@blueprint.output(CapTableDetail, description="这一版和它的每一行")
@blueprint.doc(summary="查看一版额度表", description="每个病种三类参保人的额度（分）。", responses=[404])
def show_table(version: int) -> Any:
    """Show one version."""
    context = current_context()
    hospital = tables.hospital_by_code(context, current_actor().institution_id)
    found = tables.published_table(context, hospital, version)
    return {**asdict(found.version), "rows": found.rows}
