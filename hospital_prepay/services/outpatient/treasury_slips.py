"""What shows that a batch's money is with the treasury (8), and from which day on it may go there.

The treasury's voucher and our bank's slip each stand for one movement of the institution, however they are spelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.references import slip_number
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.outpatient_escheat import BatchRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.fund.slips import require_new_slip
from hospital_prepay.services.outpatient.filing import require_past_day
from hospital_prepay.services.outpatient.grounds import plain_line, refuse_foreign_letter


@dataclass(frozen=True, slots=True)
class Remittance:
    """What shows that the money is with the treasury: its voucher, our bank's slip, and the day it went."""

    voucher_no: str
    bank_reference: str
    remitted_on: date


def stripped(remittance: Remittance) -> Remittance:
    """The evidence without blanks around it. Raises :class:`MalformedInput` where a number has nothing in it that can
    be compared."""
    found = Remittance(remittance.voucher_no.strip(), remittance.bank_reference.strip(), remittance.remitted_on)
    for field, given, missing, what in (
        ("voucher_no", found.voucher_no, "请填非税缴款书或财政回单的编号。", "缴款书编号"),
        ("bank_reference", found.bank_reference, "请填银行回单号。", "银行回单号"),
    ):
        if not given:
            raise MalformedInput(missing, code="missing_value", details={"field": field})
        plain_line(given, field, what)
        refuse_foreign_letter(given, field, what)
        if not slip_number(given):
            words = f"{what}里没有数字或字母，请照原件填写。"
            raise MalformedInput(words, details={"field": field})
    return found


def require_its_day(found: BatchRow, today: date, step: str) -> None:
    """Raise :class:`Conflict` before the 31 December that a batch is for."""
    if today < found.on_day:
        words = f"每年 12 月 31 日上缴，{found.on_day} 起才能{step}。名单可以先冻结、先复核；本次没有改动。"
        raise Conflict(words)


def require_unused(work: UnitOfWork, found: BatchRow, paid: Remittance) -> dict[str, str]:
    """Under which spelling the evidence of a batch is kept. Raises :class:`MalformedInput` for a day ahead or before
    the batch's, and for a number that stands for another movement."""
    require_past_day(paid.remitted_on, work.today, "remitted_on")
    if paid.remitted_on < found.on_day:
        words = f"{paid.remitted_on} 早于上缴日 {found.on_day}。请照缴款书填写缴款日期。"
        raise MalformedInput(words, code="day_too_early", details={"field": "remitted_on"})
    keys = {
        "voucher_key": slip_number(paid.voucher_no),
        "slip_key": slip_number(paid.bank_reference),
    }
    for column, field, what in (
        ("voucher_key", "voucher_no", "缴款书编号"),
        ("slip_key", "bank_reference", "银行回单号"),
    ):
        used = store.batch_with(work.connection, work.institution_id, column, keys[column])
        if used is not None:
            words = f"这个{what}已经登记在第 {used} 批，一个编号只能登记一次。请照原件核对。"
            raise MalformedInput(words, code="slip_used", details={"field": field})
    try:
        require_new_slip(work.connection, work.institution_id, paid.bank_reference)
    except Conflict as error:
        raise MalformedInput(str(error), code="slip_used", details={"field": "bank_reference"}) from error
    return keys
