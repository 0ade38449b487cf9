"""Results of interface 2304 from a table, for systems that can't send them: a row each, in yuan as it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import NotADate, moment_of
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.result import AMOUNT_LABELS, AMOUNTS, ResultAmounts
from hospital_prepay.files.tables import Column
from hospital_prepay.services.context import Context
from hospital_prepay.services.import_runs import Report
from hospital_prepay.services.settlement.results import InsuranceResult, record_result
from hospital_prepay.services.settlement.taken_file import TakenFile, TakenRow, take_rows, untold

_NOT_ALWAYS: Final = ("hosp_part_amt", "acct_mulaid_pay")
COLUMNS: Final[Mapping[str, Column]] = {
    "stay_no": Column("住院号", ("stay_no", "住院号")),
    "setl_id": Column("结算流水号", ("setl_id", "结算流水号", "结算ID")),
    "setl_time": Column("结算时间", ("setl_time", "结算时间")),
    **{name: Column(label, (name, label), required=name not in _NOT_ALWAYS) for name, label in AMOUNT_LABELS.items()},
    "mdtrt_id": Column("就诊流水号", ("mdtrt_id", "就诊流水号", "就诊ID"), required=False),
    "psn_no": Column("人员编号", ("psn_no", "人员编号"), required=False),
    "certno": Column("证件号码", ("certno", "证件号码", "证件号", "身份证号"), required=False),
    "insutype": Column("险种", ("insutype", "险种", "险种类型"), required=False),
    "med_type": Column("医疗类别", ("med_type", "医疗类别"), required=False),
}
_LONGEST: Final = {"stay_no": 40, "setl_id": 40, "mdtrt_id": 40, "psn_no": 40, "insutype": 6, "med_type": 6}


def take_result_file(context: Context, actor: Actor, path: Path, report: Report = untold) -> TakenFile:
    """Keep every result of a file, one that doesn't tie too. Needs ``settlement.insurance``; raises what reading a
    table raises."""
    actor.require(Permission.SETTLEMENT_INSURANCE)

    def take(cells: Sequence[str], places: Mapping[str, int]) -> TakenRow:
        stay_no, result = _result(cells, places)
        kept = record_result(context, actor, stay_no, result, "csv")
        faults = "；".join(one.message for one in kept.faults)
        return TakenRow(not kept.was_known, faults and f"已收下，但不能用来结算：{faults}")

    return take_rows(path, COLUMNS, take, report)


def _result(cells: Sequence[str], places: Mapping[str, int]) -> tuple[str, InsuranceResult]:
    said = {name: cells[place].strip() if place < len(cells) else "" for name, place in places.items()}
    for name in ("stay_no", "setl_id", "setl_time"):
        if not said[name]:
            raise MalformedInput(f"没有{COLUMNS[name].label}。请补上。")
    for name, longest in _LONGEST.items():
        if len(said.get(name, "")) > longest:
            raise MalformedInput(f"{COLUMNS[name].label}太长，最多 {longest} 个字。请核对。")
    try:
        setl_time = moment_of(said["setl_time"])
    except NotADate as error:
        words = f"结算时间“{said['setl_time'][:30]}”读不懂。请写 2025-10-10 09:30 这样的时间。"
        raise MalformedInput(words) from error
    fen = {name: _fen(name, said.get(name, "")) for name in AMOUNTS}
    result = InsuranceResult(
        setl_id=said["setl_id"],
        setl_time=setl_time,
        amounts=ResultAmounts(**fen),
        mdtrt_id=said.get("mdtrt_id", ""),
        psn_no=said.get("psn_no", ""),
        certno=said.get("certno", "").upper()[:32],
        insutype=said.get("insutype", ""),
        med_type=said.get("med_type", ""),
    )
    return said["stay_no"], result


def _fen(name: str, text: str) -> int:
    if not text and name in _NOT_ALWAYS:
        return 0
    try:
        return Money.of_yuan(text).fen
    except MalformedInput as error:
        raise MalformedInput(f"{AMOUNT_LABELS[name]}：{error.message}") from error
