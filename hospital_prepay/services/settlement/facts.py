"""What the rule of settling looks at."""

from __future__ import annotations

from dataclasses import asdict

from hospital_prepay.domain.rules.settlement.result import ResultAmounts
from hospital_prepay.domain.rules.settlement.settling import Rest, SettleFacts, SettlementKind
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.discharges import DischargeRow
from hospital_prepay.persistence.stays import StayState
from hospital_prepay.services.settlement.results import BY_HAND, gives_way, is_about_another, usable_results


def settle_facts(
    connection: Connection,
    institution_id: str,
    kind: SettlementKind,
    state: StayState,
    row: DischargeRow | None,
    by: tuple[str | None, ResultAmounts],
    *,
    rest: Rest = Rest.BACK,
    is_typed: bool = False,
) -> SettleFacts:
    """What the rule looks at: the stay, its discharge (none for an interim settlement), and the number and amounts of
    the result. Of one that ``is_typed`` and not kept yet, not what it would take the place of."""
    setl_id, amounts = by
    known = [one for one in store.of_stay(connection, institution_id, state.stay_no) if one.recalled_at is None]
    settled = [one.discharged_at for one in known if one.discharged_at is not None]
    is_settled = row is not None and row.discharged_at in settled
    chosen = store.find_result(connection, institution_id, setl_id) if setl_id else None
    if is_typed and chosen is not None and gives_way(connection, institution_id, chosen):
        chosen = None
    is_sent = chosen is not None and chosen.source != BY_HAND
    sent = (
        []
        if is_sent or kind is SettlementKind.NO_CHARGE
        else usable_results(connection, institution_id, state.stay_no)
    )
    return SettleFacts(
        kind=kind.value,
        is_discharged=state.discharged_at is not None,
        is_settled=is_settled,
        is_cancelled=state.cancelled_at is not None,
        stage=row.stage if row else "",
        held_fen=state.collected_fen,
        has_other_patient=chosen is not None and is_about_another(connection, institution_id, state.stay_no, chosen),
        is_result_used=setl_id is not None and store.is_used(connection, institution_id, setl_id),
        has_earlier_settlement=bool(settled) and not is_settled,
        rest=rest.value,
        disposition=row.disposition if row else "",
        is_by_hand=setl_id is not None and not is_sent,
        other_result=sent[0].setl_id if sent else "",
        **asdict(amounts),
    )
