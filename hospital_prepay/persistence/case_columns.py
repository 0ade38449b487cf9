"""The columns of a file of cases, by every name that files give them: ours, the settlement list's interface name,
and the headings hospitals use.

Where a file has several names of one column the earlier counts: a record number (病案号) repeats with each stay of
the patient, a settlement number doesn't.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.files.tables import Column

BURDEN_COLUMNS: Final = {Burden.WHOLE: "burden_fen", Burden.COPAYMENT: "copayment_fen"}

COLUMNS: Final[Mapping[str, Column]] = {
    "case_no": Column("结算流水号", ("case_no", "setl_id", "结算流水号", "病案号")),
    "discharged_on": Column("出院日期", ("discharged_on", "dscg_time", "出院日期", "出院时间")),
    "disease_code": Column("病种编码", ("disease_code", "diag_code", "病种编码", "病组编码", "诊断编码")),
    "disease_name": Column("病种名称", ("disease_name", "diag_name", "病种名称", "病组名称", "诊断名称")),
    "insured_class": Column("参保类型", ("insured_class", "insutype", "参保类型", "险种", "险种类型")),
    "total_cost": Column("住院总费用", ("total_cost", "medfee_sumamt", "住院总费用", "医疗费总额")),
    "burden": Column("个人负担", ("burden", "psn_part_amt", "个人负担", "个人负担总金额")),
    "copayment": Column("个人自付", ("copayment", "psn_selfpay", "个人自付", "个人自付金额"), required=False),
}


def wanted_columns(burden: Burden) -> dict[str, Column]:
    """The columns to look for; the copayment is required when it is the burden."""
    copayment = replace(COLUMNS["copayment"], required=burden is Burden.COPAYMENT)
    return {**COLUMNS, "copayment": copayment}
