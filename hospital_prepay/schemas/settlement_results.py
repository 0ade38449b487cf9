"""Results of interface 2304 as the insurance's interface sends them on: its own names, amounts in fen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from hospital_prepay.domain.rules.settlement.result import AMOUNT_LABELS, AMOUNTS, ResultAmounts
from hospital_prepay.schemas.base import BaseSchema, Fen, Text
from hospital_prepay.schemas.decisions import ReasonOut
from hospital_prepay.schemas.stays import Moment
from hospital_prepay.services.settlement.results import InsuranceResult

_CODES: Final = ("mdtrt_id", "psn_no", "insutype", "med_type")


def _amount(name: str, *, required: bool = True) -> Fen:
    options: dict[str, Any] = {"required": True} if required else {"load_default": None, "allow_none": True}
    return Fen(**options, metadata={"description": AMOUNT_LABELS[name]})


class ResultIn(BaseSchema):
    """One result. It is kept once: the same number with other amounts is refused."""

    setl_id = Text(required=True, longest=40, metadata={"description": "结算流水号", "minLength": 1})
    setl_time = Moment(required=True, metadata={"description": "结算时间"})
    mdtrt_id = Text(load_default="", longest=40, metadata={"description": "就诊流水号"})
    psn_no = Text(load_default="", longest=40, metadata={"description": "人员编号"})
    certno = Text(load_default="", longest=32, metadata={"description": "证件号码；只留加密的指纹"})
    insutype = Text(load_default="", longest=6, metadata={"description": "险种"})
    med_type = Text(load_default="", longest=6, metadata={"description": "医疗类别"})
    medfee_sumamt_fen = _amount("medfee_sumamt")
    fund_pay_sumamt_fen = _amount("fund_pay_sumamt")
    psn_part_amt_fen = _amount("psn_part_amt")
    acct_pay_fen = _amount("acct_pay")
    psn_cash_pay_fen = _amount("psn_cash_pay")
    hosp_part_amt_fen = _amount("hosp_part_amt", required=False)
    acct_mulaid_pay_fen = _amount("acct_mulaid_pay", required=False)

    @staticmethod
    def result(loaded: Mapping[str, Any]) -> InsuranceResult:
        """What the service takes."""
        fen = {name: loaded[f"{name}_fen"].fen if loaded[f"{name}_fen"] is not None else 0 for name in AMOUNTS}
        codes = {name: loaded[name] for name in _CODES}
        certno = loaded["certno"].upper()
        return InsuranceResult(loaded["setl_id"], loaded["setl_time"], ResultAmounts(**fen), certno=certno, **codes)


class ResultOut(BaseSchema):
    """That it is kept, and what keeps it from being settled by, if anything."""

    setl_id = fields.String(required=True)
    faults = fields.List(fields.Nested(ReasonOut), required=True, metadata={"description": "对不平的；空的就能结算"})
