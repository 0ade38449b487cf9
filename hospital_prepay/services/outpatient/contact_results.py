"""What the sending system, or the people who called, found out: read from a file, each result once.

A file that was taken in before changes nothing; half a file first and the whole later adds what the half lacked. Who
proposed the campaign doesn't tell what came of it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import NotADate, moment_of
from hospital_prepay.domain.errors import Conflict, MalformedInput, NoUsableRow, PrepayError
from hospital_prepay.domain.plain_text import LONGEST_CODE, check_text
from hospital_prepay.domain.rules.outpatient.contact import OUTCOME_LABELS, Outcome
from hospital_prepay.files.tables import Column, Table, open_table
from hospital_prepay.persistence import outpatient_campaigns as store
from hospital_prepay.persistence import outpatient_contacts as contacts
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_campaigns import CampaignRow, ImportRow, RejectedLine
from hospital_prepay.persistence.outpatient_contacts import ResultRow
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.campaigns import locked
from hospital_prepay.settings import private_file

COLUMNS: Final = {
    "number": Column("编号", ("编号", "业务编号", "任务编号", "自定义编号", "reference")),
    "result": Column("结果", ("结果", "发送结果", "状态", "通话结果", "状态报告", "result")),
    "at": Column("时间", ("时间", "发送时间", "回执时间", "通话时间", "完成时间", "time")),
    "receipt": Column("回执号", ("回执号", "回执编号", "流水号", "通话记录号", "录音编号", "消息编号", "receipt")),
}
MOST_TOLD: Final = 1_000
_PART: Final = 2_000
_REFERENCE: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})", re.ASCII)
_WORDS: Final = {
    **{label: outcome for outcome, label in OUTCOME_LABELS.items() if outcome is not Outcome.UNSUITED},
    **dict.fromkeys(("已发送", "发送成功", "成功", "sent"), Outcome.SENT),
    **dict.fromkeys(("送达", "已收到", "delivrd", "delivered"), Outcome.DELIVERED),
    **dict.fromkeys(("接通", "已接通", "联系上", "本人接听", "已读", "reached"), Outcome.REACHED),
    **dict.fromkeys(("无人接听", "没人接", "未接", "未接通", "占线", "关机", "no_answer"), Outcome.NO_ANSWER),
    **dict.fromkeys(("拒接", "拒绝", "拒收", "挂断", "refused"), Outcome.REFUSED),
    **dict.fromkeys(("错号", "号码错误", "不是本人", "非本人", "wrong_number"), Outcome.WRONG_NUMBER),
    **dict.fromkeys(("空号", "停机", "注销", "已注销", "dead_number"), Outcome.DEAD_NUMBER),
}
# Says that nobody was told, but not why: a number that is dead isn't tried again, one that was switched off is.
_FAILED: Final = frozenset({"失败", "发送失败", "未成功"})
RESULT_WORDS: Final = "、".join(OUTCOME_LABELS[one] for one in Outcome if one is not Outcome.UNSUITED)
# What a failure may have been; a phone that is switched off is one that nobody answers.
_NOT_REACHED: Final = "、".join(
    OUTCOME_LABELS[one] for one in (Outcome.DEAD_NUMBER, Outcome.WRONG_NUMBER, Outcome.NO_ANSWER, Outcome.REFUSED)
)
MOMENT_EXAMPLE: Final = "2026-01-05 09:30"
Progress = Callable[[int, int], None]


@dataclass
class _Read:
    """The lines of one file that can be read, in a file of their own, and those that can't."""

    path: Path
    campaign_no: int
    sha256: str = ""
    lines: int = 0
    wrong: int = 0
    told: list[RejectedLine] = field(default_factory=list)

    def refuse(self, line: int, words: str) -> None:
        """Set a line aside; the first thousand are told."""
        self.wrong += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(RejectedLine(line, words))

    def parts(self) -> Iterator[list[list[str]]]:
        """Line, number, outcome, moment and receipt, two thousand at a time."""
        with self.path.open(encoding="utf-8", newline="\n") as source:
            while part := [row.rstrip("\n").split("\t") for row in islice(source, _PART)]:
                yield part


@dataclass
class _Fresh:
    """What isn't there yet, spooled."""

    path: Path
    taken: int = 0
    known: int = 0

    def rows(self) -> Iterator[ResultRow]:
        """The results to add."""
        with self.path.open(encoding="utf-8", newline="\n") as source:
            for row in source:
                number, outcome, receipt, at = row.rstrip("\n").split("\t")
                yield ResultRow(number, outcome, receipt, datetime.fromisoformat(at))


def import_results(
    context: Context, actor: Actor, path: Path, file_name: str, campaign_no: int, progress: Progress | None = None
) -> ImportRow:
    """Take in a file of results of one campaign. Lines that can't be used are told and change nothing.

    Raises :class:`SecondPersonRequired` for who proposed the campaign, :class:`Conflict` for a file that was taken in
    before or a campaign without a file, :class:`NoUsableRow`, and what reading a table raises.
    """
    actor.require(Permission.OUTPATIENT_CONTACT)
    with tempfile.TemporaryDirectory(prefix="prepay-results-") as folder:
        read = _Read(private_file(Path(folder) / "read.txt"), campaign_no)
        try:
            with open_table(path) as table:
                read.sha256 = table.sha256
                _spool(context, table, read, progress)
        except PrepayError as error:
            detail = {"code": error.reason, "message": error.message, "campaign": campaign_no}
            keep_refusal(context, actor, "outpatient.contact_results", file_name[:120], detail)
            raise
        with context.work(actor, "outpatient.contact_results", f"outpatient_campaign:{campaign_no}") as work:
            found = locked(work, campaign_no, "released")
            actor.require_other_than(found.proposed_by, "导入结果")
            return _store(work, found, read, Path(folder), file_name)


def _spool(context: Context, table: Table, read: _Read, progress: Progress | None) -> None:
    places = table.columns(COLUMNS)
    now = context.clock.now()
    with read.path.open("w", encoding="utf-8", newline="\n") as target:
        for count, (line, cells) in enumerate(table.rows, 1):
            values = {key: cells[at].strip() if at < len(cells) else "" for key, at in places.items()}
            try:
                target.write("\t".join((str(line), *_judge(values, read.campaign_no, now))) + "\n")
                read.lines += 1
            except MalformedInput as error:
                read.refuse(line, error.message)
            if progress and count % _PART == 0:
                progress(count, 0)


def _judge(values: dict[str, str], campaign_no: int, now: datetime) -> tuple[str, str, str, str]:
    """Number, outcome, moment, receipt. Raises :class:`MalformedInput`."""
    named = _REFERENCE.fullmatch(values["number"])
    if named is None:
        raise MalformedInput(f"编号“{values['number'][:20]}”看不懂。请照导出的名单填写。")
    if int(named[1]) != campaign_no:
        raise MalformedInput(f"编号“{values['number'][:20]}”是另一次通知的。请到那一次里导入。")
    outcome = _WORDS.get(values["result"].casefold())
    if outcome is None and values["result"] in _FAILED:
        raise MalformedInput(f"结果“{values['result']}”没说是哪一种。请写：{_NOT_REACHED}。")
    if outcome is None:
        raise MalformedInput(f"结果“{values['result'][:20]}”看不懂。请写：{RESULT_WORDS}。")
    try:
        at = moment_of(values["at"])
    except NotADate:
        raise MalformedInput(f"时间“{values['at'][:20]}”看不懂。请写成 {MOMENT_EXAMPLE}。") from None
    if at > now:
        raise MalformedInput(f"时间“{values['at'][:20]}”还没有到。请核对。")
    if not values["receipt"]:
        raise MalformedInput("没有回执号或通话记录号。没有凭据的不算，请补上。")
    try:
        check_text(values["receipt"], LONGEST_CODE)
    except MalformedInput as error:
        raise MalformedInput(f"回执号{error.message}") from error
    return named[2], outcome.value, at.isoformat(), values["receipt"]


def _store(work: UnitOfWork, found: CampaignRow, read: _Read, folder: Path, file_name: str) -> ImportRow:
    own, campaign_no = work.institution_id, found.campaign_no
    lock_name(work.connection, f"outpatient_contact_import:{own}")
    before = store.imports_of(work.connection, own, campaign_no)
    if any(one.sha256 == read.sha256 for one in before):
        raise Conflict("这个结果文件已经导入过，不用再导。本次没有改动。")
    if store.find_file(work.connection, own, campaign_no) is None:
        raise Conflict("这次通知还没有导出名单，不会有结果。请先导出；本次没有存。")
    with private_file(folder / "fresh.txt").open("w", encoding="utf-8", newline="\n") as target:
        fresh = _sift(work, found, read, target)
    if not fresh.taken and not fresh.known:
        lines = [f"第 {one.line} 行：{one.message}" for one in read.told[:20]]
        raise NoUsableRow("没有一行结果可以导入。请改好后重新上传。", details={"lines": lines})
    values = {
        "institution_id": own,
        "import_no": store.next_import_no(work.connection, own),
        "campaign_no": campaign_no,
        "file_name": file_name[:200],
        "sha256": read.sha256,
        "taken": fresh.taken,
        "known": fresh.known,
        "rejected": read.wrong,
        "imported_by": work.act.actor.actor_id,
        "imported_at": work.now,
    }
    store.add_import(work.connection, values, sorted(read.told, key=lambda one: one.line))
    import_no = int(str(values["import_no"]))
    contacts.add_results(work.connection, own, campaign_no, import_no, fresh.rows())
    counts = {"taken": fresh.taken, "known": fresh.known, "rejected": read.wrong, "sha256": read.sha256}
    work.audit(detail={"campaign": campaign_no, "import": import_no, **counts})
    return ImportRow(**{name: values[name] for name in ImportRow.__dataclass_fields__})  # type: ignore[arg-type]


def _sift(work: UnitOfWork, found: CampaignRow, read: _Read, target: IO[str]) -> _Fresh:
    """Part by part: what the campaign doesn't know is told, what is there already counted, the rest spooled."""
    fresh, seen = _Fresh(Path(target.name)), set[int]()
    for part in read.parts():
        accounts = contacts.accounts_of(
            work.connection, work.institution_id, found.campaign_no, _numbers(part, found.chosen)
        )
        there = contacts.known_results(
            work.connection, work.institution_id, found.campaign_no, list(accounts.values())
        )
        for line, number, outcome, at, receipt in part:
            account_no = accounts.get(int(number))
            if account_no is None:
                read.refuse(int(line), f"这次通知里没有第 {number} 号。请核对是不是这次的名单。")
                continue
            # The hash of what stood in this file already: few bytes a line, for a file may repeat any of them.
            mark = hash((account_no, outcome, receipt))
            if (account_no, outcome, receipt) in there or mark in seen:
                fresh.known += 1
                continue
            seen.add(mark)
            fresh.taken += 1
            target.write(f"{account_no}\t{outcome}\t{receipt}\t{at}\n")
    return fresh


def _numbers(part: Sequence[Sequence[str]], most: int) -> list[int]:
    return sorted({int(row[1]) for row in part if int(row[1]) <= most})
