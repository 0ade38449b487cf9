"""Documents of an emergency: what the authorities agreed to ease, recorded by somebody other than the applicant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.fund.application import ADJUSTED
from hospital_prepay.persistence import fund_applications as kept
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.context import Context


@dataclass(frozen=True, slots=True)
class RecordEmergency:
    """The document by number and name, its day, and which of conditions, size and time it adjusts."""

    regime: str
    year: int
    document: str
    issued_on: date
    adjusts: tuple[str, ...]


def record_emergency(context: Context, actor: Actor, command: RecordEmergency) -> str:
    """Write the document down as it is, also where the notice lets less be adjusted: the decision tells them apart.

    Needs ``fund.record``. Raises :class:`MalformedInput` without a document, with nothing adjusted or a day ahead of
    today, :class:`NoRuleInForce` for a year before the notice.
    """
    actor.require(Permission.FUND_RECORD)
    load_rulebook().regime(command.regime, command.year)
    if not command.document.strip():
        raise MalformedInput("请填文件名和文号。", code="missing_value", details={"field": "document"})
    if not command.adjusts or not set(command.adjusts) <= set(ADJUSTED):
        raise MalformedInput("请勾选文件调整了哪一项。", details={"field": "adjusts_conditions"})
    with context.work(actor, "fund.record_emergency", f"regime:{command.regime}:{command.year}") as work:
        if command.issued_on > work.today:
            raise MalformedInput("日期不能晚于今天，请核对。", details={"field": "issued_on"})
        emergency_id = work.new_id()
        values = {
            "institution_id": work.institution_id,
            "emergency_id": emergency_id,
            "regime": command.regime,
            "year": command.year,
            "document": command.document.strip(),
            "issued_on": command.issued_on,
            "adjusts": list(command.adjusts),
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        kept.add_emergency(work.connection, values)
        work.audit(detail={"document": command.document, "adjusts": list(command.adjusts)})
        return emergency_id
