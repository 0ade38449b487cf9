"""What the rule of settling looks at."""

from __future__ import annotations

from dataclasses import asdict

from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import Rest, SettleFacts, SettlementKind
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.stays import StayState


def settle_facts(
    connection: Connection,
    institution_id: str,
    kind: SettlementKind,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, ResultAmounts],
    *,
    has_other_patient: bool = False,
    rest: Rest = Rest.BACK,
) -> SettleFacts:
    """What the rule looks at: the stay, its discharge (none for an interim settlement), and the number and amounts of
    the result."""
    setl_id, amounts = by
    known = [one for one in store.of_stay(connection, institution_id, state.stay_no) if one.recalled_at is None]
    settled = [one.discharged_at for one in known if one.discharged_at is not None]
    is_settled = row is not None and row.discharged_at in settled
    return SettleFacts(
        kind=kind.value,
        is_discharged=state.discharged_at is not None,
        is_settled=is_settled,
        is_cancelled=state.cancelled_at is not None,
        stage=row.stage if row else "",
        held_fen=state.collected_fen,
        has_other_patient=has_other_patient,
        is_result_used=setl_id is not None and store.is_used(connection, institution_id, setl_id),
        has_earlier_settlement=bool(settled) and not is_settled,
        rest=rest.value,
        **asdict(amounts),
    )
