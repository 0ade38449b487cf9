"""Daily cost lists in Henan: inpatients of a day, lists uploaded for it, typed in or from a file; all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from hospital_prepay.clock import SHANGHAI, local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import day_of
from hospital_prepay.domain.errors import MalformedInput, NoUsableRow
from hospital_prepay.files.tables import Column, open_table
from hospital_prepay.persistence import fund_reconciliation as store
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund.henan import require_henan, wrong
from hospital_prepay.services.fund.slips import require_past

_COLUMNS: Final = {
    "day": Column("日期", ("日期", "day")),
    "in_house": Column("在院人数", ("在院人数", "在院", "in_house")),
    "uploaded": Column("已上传份数", ("已上传份数", "已上传", "上传份数", "uploaded")),
    "last_upload": Column("最后上传时间", ("最后上传时间", "最后上传", "last_upload")),
}
_MOST_IN_HOUSE: Final = 100_000
# House rule: patients discharged that day have lists, too, but never as many again as are in the house.
_LISTS_A_PATIENT: Final = 2
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Uploads:
    """The cost lists of one day."""

    day: date
    in_house: int
    uploaded: int
    last_upload_at: datetime | None


def record_uploads(context: Context, actor: Actor, rows: Sequence[Uploads]) -> int:
    """Keep the counts of days, all or none; a day counted before is counted anew. Returns how many."""
    actor.require(Permission.FUND_RECONCILE)
    with context.work(actor, "fund.uploads", "fund:uploads") as work:
        store.lock_reconciliation(work.connection, work.institution_id)
        require_henan(work)
        for row in rows:
            _check_uploads(row, work.today, work.now)
        values = [
            {
                "institution_id": work.institution_id,
                "on_day": row.day,
                "in_house": row.in_house,
                "uploaded": row.uploaded,
                "last_upload_at": row.last_upload_at,
                "recorded_by": work.act.actor.actor_id,
                "recorded_at": work.now,
            }
            for row in rows
        ]
        store.add_upload_days(work.connection, values)
        work.audit(detail={"days": len(rows)})
        return len(rows)


def read_uploads(path: Path) -> list[Uploads]:
    """The days of a file. Raises :class:`MalformedInput` naming the first line at fault: it is typed by people, and
    nothing of it may be passed over."""
    with open_table(path) as table:
        columns = table.columns(_COLUMNS)
        rows = [
            _upload_of(line, {key: _cell(cells, at) for key, at in columns.items()}) for line, cells in table.rows
        ]
    if not rows:
        raise NoUsableRow("表头下面没有内容。请核对文件。")
    seen: set[date] = set()
    for row in rows:
        if row.day in seen:
            raise MalformedInput(f"{row.day} 有两行。请只保留一行。", details={"field": "file"})
        seen.add(row.day)
    return rows


def _upload_of(line: int, values: dict[str, str]) -> Uploads:
    try:
        day = day_of(values["day"])
        counts = [_number(values[name]) for name in ("in_house", "uploaded")]
        return Uploads(day, counts[0], counts[1], _moment(values["last_upload"]))
    except MalformedInput as error:
        words = f"第 {line} 行：{error.message}"
        raise MalformedInput(words, code=error.reason, details={"field": "file", "line": line}) from error


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise MalformedInput(f"“{text[:20]}”不是人数。请写成数字，例如 320。", code="not_a_number")
    return int(text)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("/", "-")).replace(tzinfo=SHANGHAI)
    except ValueError:
        words = f"“{text[:30]}”不是时间。请写成 2026-03-01 18:30 这样。"
        raise MalformedInput(words, code="not_a_time") from None


def _check_uploads(row: Uploads, today: date, now: datetime) -> None:
    require_past(row.day, today, "day")
    if not (0 <= row.in_house <= _MOST_IN_HOUSE and 0 <= row.uploaded <= _MOST_IN_HOUSE):
        raise wrong("in_house", "人数太大，请核对。")
    if row.uploaded > _LISTS_A_PATIENT * max(row.in_house, _FEW):
        words = f"{row.day} 在院 {row.in_house} 人，已上传 {row.uploaded} 份，多得不会对。请核对这一天的两个数。"
        raise wrong("uploaded", words)
    if row.uploaded and row.last_upload_at is None:
        raise wrong("last_upload_at", f"{row.day} 上传过，请填最后一次上传的时间。")
    if row.last_upload_at is not None and row.last_upload_at > now:
        raise wrong("last_upload_at", f"{row.day} 的上传时间在将来。请核对。")
    if row.last_upload_at is not None and local(row.last_upload_at).date() < row.day:
        raise wrong("last_upload_at", f"{row.day} 的上传时间早于这一天。请核对。")


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at].strip() if at < len(cells) else ""
