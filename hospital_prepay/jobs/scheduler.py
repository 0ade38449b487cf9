"""The scheduler: one process of its own, of which exactly one leads. No job moves money out of anything: the one that
posts gives reservations that ran out back to their grant. People do the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from apscheduler.schedulers.blocking import BlockingScheduler

from hospital_prepay.clock import SHANGHAI, Clock
from hospital_prepay.domain.errors import DatabaseFault
from hospital_prepay.domain.ledger.seal import WINDOW_SECONDS
from hospital_prepay.jobs.verify import HOUR
from hospital_prepay.persistence.database import Database
from hospital_prepay.persistence.leader import Leadership, leadership
from hospital_prepay.services.database import require_current
from hospital_prepay.settings import Settings

# Twice within the window that is promised, so that one late run doesn't break it.
SEAL_EVERY_SECONDS: Final = WINDOW_SECONDS // 2
# Runs that were missed (the machine slept) are made up by one run, if it isn't too late for it.
_MISSED: Final = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 600}
_LOOK_EVERY_SECONDS: Final = 5
STARTED: Final = (
    "定时任务已启动：每半分钟封存账本，每天凌晨核对一次，零点后提醒期限、退回到期预留、核对共用账户，"
    "每年 12 月 31 日提出上缴名单，每天早上 7 点催办快到期和逾期的出院结算。"
)


def schedule() -> BlockingScheduler:
    """Every job with its times. Jobs are named, take nothing and run one at a time each."""
    scheduler = BlockingScheduler(timezone=SHANGHAI)
    # The first run comes at once: what fell due while no scheduler ran isn't left for the next night.
    common = {"next_run_time": Clock().now(), **_MISSED}
    scheduler.add_job(
        "hospital_prepay.jobs.seal:seal_books", "interval", seconds=SEAL_EVERY_SECONDS, id="seal", **common
    )
    scheduler.add_job("hospital_prepay.jobs.verify:verify_books", "cron", hour=HOUR, minute=10, id="verify", **common)
    # A day begins at midnight: what ran out is given back first, so that nobody is reminded of it.
    for minute, name in ((1, "release_reservations"), (5, "remind_duties"), (15, "check_shared_account")):
        scheduler.add_job(f"hospital_prepay.jobs.fund:{name}", "cron", hour=0, minute=minute, id=name, **common)
    propose = "hospital_prepay.jobs.outpatient:propose_remittance"
    scheduler.add_job(propose, "cron", hour=0, minute=20, id="propose_remittance", **common)
    # Before the wards begin: whoever signs in finds what is pressing.
    escalate = "hospital_prepay.jobs.settlement:escalate_discharges"
    scheduler.add_job(escalate, "cron", hour=7, minute=0, id="escalate_discharges", **common)
    return scheduler


def run(settings: Settings, tell: Callable[[str], None]) -> None:
    """Lead, or stand by until the leader is gone; ends only by :class:`KeyboardInterrupt`.

    Raises :class:`~hospital_prepay.domain.errors.DatabaseFault` for a database of another version.
    """
    require_current(settings)
    database = Database(settings.direct_url, pool_size=1)
    told = ""
    try:
        while True:
            words = _lead(database, settings, tell)
            if words != told:
                tell(words)
            told = words
            time.sleep(_LOOK_EVERY_SECONDS)
    finally:
        database.close()


def _lead(database: Database, settings: Settings, tell: Callable[[str], None]) -> str:
    """Work for as long as this process leads; returns why it doesn't (any more)."""
    try:
        with leadership(database, settings.data_dir / "scheduler.lock") as leader:
            if leader is None:
                return "另一个定时任务进程正在工作；本进程等候接替。"
            tell(STARTED)
            _work(leader)
            return "与数据库的连接断了，定时任务已停下，等连上后接着办。"
    except DatabaseFault as error:
        return error.message


def _work(leader: Leadership) -> None:
    """Run the jobs until the leadership is lost or the process is told to stop; a job under way is waited for."""
    scheduler = schedule()

    def look() -> None:
        if not leader.is_held():
            scheduler.shutdown(wait=False)

    scheduler.add_job(look, "interval", seconds=_LOOK_EVERY_SECONDS, id="look", **_MISSED)
    try:
        scheduler.start()
    finally:
        if scheduler.running:
            scheduler.shutdown(wait=True)
