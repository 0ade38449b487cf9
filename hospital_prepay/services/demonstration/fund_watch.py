"""What stands beside the grants in the demonstration: where the hospital stands, what it bought on and off the
provincial platform, and what the agency published at the year's end."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.fund.duty_states import DutyState
from hospital_prepay.services.demonstration.fund import SUPPLIER
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.fund.disclosure import PUBLISHED_KIND, RecordDisclosure, held_against, record_disclosure
from hospital_prepay.services.fund.duties import read_duties
from hospital_prepay.services.fund.duty_closing import CloseDuty, record_closure
from hospital_prepay.services.fund.places import ProposePlace, decide_place, place_history, propose_place
from hospital_prepay.services.fund.purchases import take_in_purchases

_HEAD: Final = ("采购日期", "类别", "品名", "国家编码", "金额", "供应商", "平台订单号", "网下采购理由")
_OFF: Final = "临溪同康药业有限公司（演示）"


def say_where(stage: Stage, moment: datetime, regime: str, region: str, from_year: int) -> None:
    """One person writes down where the hospital stands, another confirms it; what stands already stays."""
    officer, approver = stage.actor(Role.FINANCE_OFFICER), stage.actor(Role.FINANCE_APPROVER)
    if not place_history(stage.context, officer).rows:
        propose_place(stage.at(moment), officer, ProposePlace(regime, region, from_year, stands=True))
    for row in place_history(stage.context, officer).rows:
        if row.state == "proposed":
            decide_place(stage.at(moment + timedelta(minutes=30)), approver, row.place_no, confirmed=True)


def say_what_is_not_applied_for(stage: Stage, moment: datetime) -> None:
    """Applying is voluntary: what the hospital left is said with a ground, so that no duty stays open for it."""
    officer, context = stage.actor(Role.FINANCE_OFFICER), stage.at(moment)
    for one in read_duties(context, officer).around():
        if one.item.name == "apply" and one.is_ours and one.state is DutyState.OVERDUE:
            record_closure(context, officer, CloseDuty(one.item.key, None, "院长办公会决定不申请（演示）"))


def take_in_a_quarter(stage: Stage, moment: datetime) -> None:
    """Ninety days of purchases, a few of them off the platform; the same file changes nothing."""
    first = local(moment).date() - timedelta(days=90)
    with TemporaryDirectory(dir=stage.context.settings.data_dir) as folder:
        path = Path(folder) / "采购明细（演示）.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([_HEAD, *(_line(first, number) for number in range(90))])
        take_in_purchases(stage.at(moment), stage.actor(Role.FINANCE_OFFICER), path, path.name)


def write_down_disclosure(stage: Stage, moment: datetime) -> None:
    """What the agency published for the year before: its figures are ours."""
    officer = stage.actor(Role.FINANCE_OFFICER)
    for held in held_against(stage.context, officer)[0]:
        ours = held.ours
        if ours.year < local(moment).year and ours.kind == PUBLISHED_KIND and held.theirs is None:
            command = RecordDisclosure(
                year=ours.year,
                fund=ours.fund,
                paid_out=Money(ours.paid_out_fen),
                recovered=Money(ours.recovered_fen),
                balance=Money(ours.balance_fen),
                published_on=date(ours.year, 12, 31),
                source="临溪市医疗保障局网站（演示）",
            )
            record_disclosure(stage.at(moment), officer, command)


def _line(first: date, number: int) -> tuple[str, ...]:
    day = first + timedelta(days=number)
    drug = number % 3 != 0
    off = number in (11, 38, 64)
    name, code = ("阿托伐他汀钙片", f"XC10AAA{number:016}") if drug else ("一次性使用采血针", f"C{number:026}")
    order = "" if off else f"ZJ2026{number:08}"
    reason = "急救药品，平台无货" if off else ""
    amount = f"{36800 + number * 417}.{number % 100:02}"
    kind = "药品" if drug else "耗材"
    return (day.isoformat(), kind, name, code, amount, _OFF if off else SUPPLIER[0], order, reason)
