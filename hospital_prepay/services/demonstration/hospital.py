"""Loading the demonstration: a synthetic hospital with its past, and beside it institutions with real public data.

Everything goes through the ordinary services, by people of the right roles, past acts dated to their day. Each step
looks first whether it was done, so a loading that was broken off is taken up where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.persistence.institutions import any_institution
from hospital_prepay.persistence.queries.access import last_done
from hospital_prepay.services.access.users import INSTALLER
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration import desk, fund_watch, groups, tables
from hospital_prepay.services.demonstration.discharges import lead_discharges
from hospital_prepay.services.demonstration.fund import lead_through_the_year
from hospital_prepay.services.demonstration.fund_years import lead_through_past_years
from hospital_prepay.services.demonstration.houses import LINXI, MAIN, SAMPLE
from hospital_prepay.services.demonstration.outpatient import lead_outpatients
from hospital_prepay.services.demonstration.outpatient_plan import OPENED
from hospital_prepay.services.demonstration.posted import open_posted_houses
from hospital_prepay.services.demonstration.stage import Stage, open_house
from hospital_prepay.services.ledger.seals import seal_ledger

Tell = Callable[[str], None]
_ACTION: Final = "demonstration.load"
_BEGUN, _FINISHED = "begun", "finished"
# When the cap table of the synthetic hospital came about; earlier where the clock stands before that.
_FOUNDED: Final = datetime(2026, 1, 15, 8, 0, tzinfo=SHANGHAI)
_AT_LEAST_AGO: Final = timedelta(days=30)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much to load. Tests take less of everything."""

    cases: int = 60_000
    dirty_of_each_kind: int = 150
    stays: int = 40
    min_cases: int = 10
    accounts: int = 20_000
    discharges: int = 72


SMALL: Final = Scale(3_000, 3, desk.FEWEST_STAYS, min_cases=1, accounts=2_000, discharges=24)


def require_demonstration(context: Context, *, or_empty: bool = False) -> None:
    """Raise :class:`Conflict` unless this is the demonstration's database, or ``or_empty`` one without institutions.

    Nobody gets a demonstration into a working hospital's books, or a second-factor code out of them, by forgetting
    to say which database is meant.
    """
    with context.database.reading() as connection:
        begun = last_done(connection, MAIN.code, _ACTION, _BEGUN)
        empty = not any_institution(connection)
    if not (context.settings.is_demo and (begun is not None or (or_empty and empty))):
        raise Conflict("这不是演示数据库，演示命令不在这里做任何事。请换一个数据目录或数据库地址；数据没有动。")


def is_loaded(context: Context) -> bool:
    """Whether the demonstration was loaded to its end."""
    with context.database.reading() as connection:
        return last_done(connection, MAIN.code, _ACTION, _FINISHED) is not None


def load_demonstration(context: Context, tell: Tell, scale: Scale) -> bool:
    """Load whatever isn't loaded yet; returns whether anything was. ``tell`` hears of each step before it begins.

    Raises :class:`Conflict` for a database that holds somebody else's institution.
    """
    require_demonstration(context, or_empty=True)
    if is_loaded(context):
        return False
    begun = _begin(context)
    founded = min(_FOUNDED, begun - _AT_LEAST_AGO)
    tell("建立虚构的医院和账号")
    stage = open_house(context, MAIN, min(OPENED, founded))
    tell(f"导入三年病例（{scale.cases:,} 例）、原标准和相似病种")
    tables.import_synthetic_cases(stage, founded + 2 * _HOUR, scale.cases, scale.dirty_of_each_kind)
    tell("测算、批准、公布第 1 版额度表，另测算一份草稿等人批准")
    tables.publish_first_table(stage, founded + 3 * _HOUR, scale.min_cases)
    tables.leave_second_draft(stage, begun - _DAY, scale.min_cases)
    tell(f"登记 {scale.stays} 位在院患者并收预交金；四类困难人群名单、在院费用")
    _fill_desk(stage, begun, scale.stays)
    tell(f"{scale.discharges} 位出院患者：跨长假的一周和最近几天，结算、退款、欠费")
    lead_discharges(stage, begun, scale.discharges * 3 // 4, scale.discharges // 4)
    tell(f"清查 {scale.accounts:,} 个门诊预交金账户：通知、退款、备案、上缴财政、垫付")
    lead_outpatients(stage, begun, scale.accounts)
    tell("导入公开的真实数据：样例病例和两家医院公示的表")
    _open_others(context, begun - _DAY)
    tell("四个地方各一年的医保预付金，从申请到清零")
    lead_through_past_years(context)
    tell("另一家虚构的医院：一笔医保预付金，到账、用款、等人办的申请")
    linxi = open_house(context, LINXI, founded)
    lead_through_the_year(linxi, founded + 4 * _HOUR, begun)
    fund_watch.take_in_a_quarter(linxi, begun - _HOUR)
    fund_watch.write_down_disclosure(linxi, begun - _HOUR)
    seal_ledger(context.database, context.settings.data_dir, context.clock)
    _write_down(context, _FINISHED)
    return True


def _fill_desk(stage: Stage, begun: datetime, stays: int) -> None:
    groups.recognise_groups(stage, begun - 16 * _DAY, begun, stays)
    desk.fill_desk(stage, begun, stays)
    groups.tell_costs(stage, begun, stays)
    desk.leave_void(stage, stage.context.clock, begun, stays)


def _open_others(context: Context, moment: datetime) -> None:
    sample = open_house(context, SAMPLE, moment)
    tables.import_sample_cases(sample, moment + 3 * _HOUR)
    tables.leave_sample_draft(sample, moment + 4 * _HOUR)
    open_posted_houses(context)


def _begin(context: Context) -> datetime:
    """When the loading began, this one or the one that was broken off: all past acts are dated from there."""
    with context.database.reading() as connection:
        begun = last_done(connection, MAIN.code, _ACTION, _BEGUN)
    return begun or _write_down(context, _BEGUN)


def _write_down(context: Context, subject: str) -> datetime:
    installer = Actor(MAIN.code, INSTALLER, "安装程序", frozenset())
    with context.work(installer, _ACTION, subject) as work:
        work.audit()
        return work.now
