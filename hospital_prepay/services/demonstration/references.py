"""What stands beside the cases: the earlier standards, the similar diseases, and other hospitals' posted tables."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from hospital_prepay.domain.access import Permission, Role
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.inpatient.standards import read_similar, read_standards


def import_standards(stage: Stage, moment: datetime, path: Path) -> None:
    """The hospital's own amounts from before the rules, unless it has some."""
    officer = stage.actor(Role.FINANCE_OFFICER)
    officer.require(Permission.CASES_IMPORT)
    found = read_standards(path)
    with stage.at(moment).work(officer, "caps.standards", path.name) as work:
        if store.standards(work.connection, work.institution_id):
            return
        rows = [
            {
                "institution_id": work.institution_id,
                "disease_code": code,
                "insured_class": insured.value,
                "standard_fen": standard.fen,
                "source": path.name,
                "recorded_by": officer.actor_id,
                "recorded_at": work.now,
            }
            for (code, insured), standard in found.items()
        ]
        store.add_standards(work.connection, rows)
        work.audit(detail={"rows": len(rows)})


def import_similar(stage: Stage, moment: datetime, path: Path) -> None:
    """The hospital's table of similar diseases, unless it has one."""
    officer = stage.actor(Role.FINANCE_OFFICER)
    found = read_similar(path)
    with stage.at(moment).work(officer, "caps.similar", path.name) as work:
        if store.similar(work.connection, work.institution_id):
            return
        rows = [
            {"institution_id": work.institution_id, "disease_code": code, "similar_to": other}
            for code, others in found.items()
            for other in others
        ]
        store.add_similar(work.connection, rows)
        work.audit(detail={"rows": len(rows)})
