"""The insurance's results as they are kept: once, and what it sent is never written over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.decision import Reason
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.rules.settlement.result import AMOUNTS, OTHER_PATIENT, ResultAmounts, result_faults
from hospital_prepay.persistence import settlements as store
from hospital_prepay.persistence import stays
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.settlements import ResultRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.context import Context

BY_HAND: Final = "hand"


@dataclass(frozen=True, slots=True)
class InsuranceResult:
    """A result of interface 2304 as it came: who it is about, and its amounts."""

    setl_id: str
    setl_time: datetime
    amounts: ResultAmounts
    mdtrt_id: str = ""
    psn_no: str = ""
    certno: str = ""
    insutype: str = ""
    med_type: str = ""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result that is kept, why it can't be settled by, if anything, and whether it was kept before."""

    setl_id: str
    faults: tuple[Reason, ...]
    was_known: bool


def record_result(context: Context, actor: Actor, stay_no: str, result: InsuranceResult, source: str) -> KeptResult:
    """Keep a result as the insurance's interface gave it; one that doesn't tie is kept too, and said not to.

    Needs ``settlement.insurance``. Raises :class:`~hospital_prepay.domain.errors.NotFound` for an unknown stay and
    what :func:`take_result` raises.
    """
    actor.require(Permission.SETTLEMENT_INSURANCE)
    with context.work(actor, "settlement.result", stay_no) as work:
        stays.lock_stay(work.connection, work.institution_id, stay_no)
        was_known = not take_result(context, work, stay_no, result, source)
        faults = list(result_faults(result.amounts))
        row = store.find_result(work.connection, work.institution_id, result.setl_id)
        if row is not None and is_about_another(work.connection, work.institution_id, stay_no, row):
            faults.append(OTHER_PATIENT)
        work.audit(detail={"setl_id": result.setl_id, "ties": not faults})
        return KeptResult(result.setl_id, tuple(faults), was_known)


def take_result(context: Context, work: UnitOfWork, stay_no: str, result: InsuranceResult, source: str) -> bool:
    """Keep what the insurance answered, once; whether it was new.

    What was typed by hand, and no settlement that stands rests on, gives way to what is typed or sent later, and both
    are audited. Nothing else is written over: raises what :func:`require_same` raises.
    """
    connection, institution = work.connection, work.institution_id
    known = store.lock_result(connection, institution, result.setl_id)
    if known is not None and not gives_way(connection, institution, known):
        require_same(known, stay_no, result.amounts)
        return False
    told = {"stay_no": stay_no, "setl_time": result.setl_time, "source": source}
    told |= {f"{name}_fen": value for name, value in asdict(result.amounts).items()}
    before = {name: getattr(known, name) for name in told} if known is not None else None
    if before == told:
        return False
    digest = None
    if result.certno:
        digest = context.keyed_hash.digest(result.certno, institution=institution, field="certificate")
    keep = store.add_result if known is None else store.replace_result
    keep(
        connection,
        {
            "institution_id": institution,
            "setl_id": result.setl_id,
            "mdtrt_id": result.mdtrt_id,
            "psn_no": result.psn_no,
            "certificate_hash": digest,
            "insutype": result.insutype,
            "med_type": result.med_type,
            **told,
            "taken_by": work.act.actor.actor_id,
            "taken_at": work.now,
        },
    )
    if before is not None:
        both = {"replaced": _written(before), "result": _written(told)}
        work.audit(action="settlement.result_replaced", detail={"setl_id": result.setl_id, **both})
    return True


def _written(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "setl_time": told["setl_time"].isoformat()}


def gives_way(connection: Connection, institution_id: str, known: ResultRow) -> bool:
    """Whether another may take a result's place: it was typed by hand, and no settlement that stands rests on it."""
    return known.source == BY_HAND and not store.is_used(connection, institution_id, known.setl_id)


def require_same(known: ResultRow, stay_no: str, amounts: ResultAmounts) -> None:
    """Raise :class:`Conflict` unless a result that is kept is about this stay and has these amounts."""
    if known.stay_no != stay_no:
        raise Conflict(f"结算流水号 {known.setl_id} 是另一次住院的。请核对流水号，也核对患者。")
    if amounts_of(known) == amounts:
        return
    if known.source == BY_HAND:
        raise Conflict(
            f"结算流水号 {known.setl_id} 的结果已经结算，和这次的内容不一样。要改的，请先召回那张结算单，再重新结算。"
        )
    raise Conflict(
        f"结算流水号 {known.setl_id} 和医保传来的内容不一样。请照医保传来的；结果改过的，医保会给新的流水号。"
    )


def amounts_of(row: ResultRow) -> ResultAmounts:
    """The amounts of a result that is kept."""
    return ResultAmounts(**{name: getattr(row, f"{name}_fen") for name in AMOUNTS})


def is_about_another(connection: Connection, institution_id: str, stay_no: str, row: ResultRow) -> bool:
    """Whether a result is another stay's, or bears another certificate than the stay does."""
    own = store.certificate_hash_of(connection, institution_id, stay_no)
    return row.stay_no != stay_no or (None not in (own, row.certificate_hash) and own != row.certificate_hash)


def usable_results(connection: Connection, institution_id: str, stay_no: str) -> list[ResultRow]:
    """What the insurance sent about a stay and may be settled by, the newest first: it ties, is the patient's and
    isn't used. What was typed by hand isn't among it."""
    return [
        row
        for row in store.results_of(connection, institution_id, stay_no)
        if row.source != BY_HAND
        and not result_faults(amounts_of(row))
        and not is_about_another(connection, institution_id, stay_no, row)
        and not store.is_used(connection, institution_id, row.setl_id)
    ]
