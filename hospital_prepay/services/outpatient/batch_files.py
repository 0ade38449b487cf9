"""The list of a batch to hand to the treasury: byte for byte what its SHA-256 was made of, and the same to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.contact import Outcome
from hospital_prepay.domain.rules.outpatient.life import AccountState
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence import outpatient_escheat as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_escheat import BatchRow
from hospital_prepay.persistence.outpatient_treasury import REMITTED
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_batch_lines import LastTried, every_line
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.batch_review import batch_of
from hospital_prepay.services.outpatient.ended import NOT_APPROVED, ended_words
from hospital_prepay.services.outpatient.filing import digest_line
from hospital_prepay.services.outpatient.list_papers import XLSX_ROWS, Column, ListPaper, head_facts, make_list

_COLUMNS: Final = (
    Column("序号", 3, is_number=True),
    Column("账户号", 8),
    Column("余额（元）", 5, is_number=True),
    Column("最后变动日期", 5),
)
# What the reviewers look at, beside it: too wide for paper.
_REVIEWED: Final = (
    *_COLUMNS,
    Column("现在", 4),
    Column("备案号", 3, is_number=True),
    Column("备案回执", 5),
    Column("备案日期", 5),
    Column("退不了的原因", 8),
    Column("通知次数", 3, is_number=True),
    Column("最后一次通知", 5),
    Column("什么时候", 5),
    Column("结果", 4),
)
_DROPPED: Final = "已作废"
_SAME: Final = "对 CSV 名单文件直接计算 SHA-256，与上面的摘要值一致，就是同一份名单。"
_TOO_LONG: Final = (
    f"名单超过 {XLSX_ROWS:,} 行，备案、原因和通知记录没有写进这个文件。请在这一批的页面上按原因看，或抽查。"
)
_NOT_FROZEN: Final = "名单还没有冻结，没有可以下载的名单。请先冻结名单。"
_NEVER_FROZEN: Final = "这一批没有冻结名单就作废了，没有可以下载的名单。请打开重新提出的那一批。"


def batch_list(context: Context, actor: Actor, batch_no: int) -> Iterator[bytes]:
    """The lines ``account,yuan`` by number, UTF-8, line feeds, no heading: their SHA-256 is the batch's. Needs
    ``outpatient.view``. Raises :class:`Conflict` before the list is frozen, before the first line is asked for."""
    _require_frozen(context, actor, batch_no)

    def lines() -> Iterator[bytes]:
        with context.database.reading() as connection:
            for one in store.every_batch_line(connection, actor.institution_id, batch_no):
                yield digest_line(one)

    return lines()


def batch_paper(context: Context, actor: Actor, batch_no: int, kind: str) -> IO[bytes]:
    """The same list as ``xlsx`` or ``pdf``, with headings, last movements, count, sum, voucher and digest; no patient
    is named in it. A list that was dropped or isn't approved says so at its head. The workbook also says how each
    account was filed, why, and what was tried last, unless somebody would wait too long for it.

    Raises :class:`MalformedInput` for a list too long to print.
    """
    _require_frozen(context, actor, batch_no)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = batch_of(connection, own, batch_no)
        total = Money(found.total_fen)
        is_wide = kind == "xlsx" and found.accounts <= XLSX_ROWS
        paper = ListPaper(
            title="无法清退且超过三年的门诊预交金上缴清单",
            sheet="名单",
            facts=(
                *head_facts(context, actor),
                ("上缴日", found.on_day.isoformat()),
                ("批次", str(found.batch_no)),
                ("账户（个）", found.accounts),
                ("金额（元）", total),
                ("缴款", _paid(found)),
                ("名单摘要值（SHA-256）", found.sha256),
            ),
            columns=_REVIEWED if is_wide else _COLUMNS,
            rows=_reviewed(connection, own, batch_no) if is_wide else _short(connection, own, batch_no),
            count=found.accounts,
            sums=("合计", None, total, *[None] * (len(_REVIEWED if is_wide else _COLUMNS) - 3)),
            notes=(_SAME, *(() if is_wide or kind != "xlsx" else (_TOO_LONG,))),
            stamp=_stamp(connection, own, found),
        )
        return make_list(paper, kind)


def _short(connection: Connection, institution_id: str, batch_no: int) -> Iterator[tuple[object, ...]]:
    for number, one in enumerate(store.every_batch_line(connection, institution_id, batch_no), 1):
        yield number, one.account_no, Money(one.balance_fen), one.last_movement_on


def _reviewed(connection: Connection, institution_id: str, batch_no: int) -> Iterator[tuple[object, ...]]:
    for number, one in enumerate(every_line(connection, institution_id, batch_no), 1):
        tried = one.tried
        yield (
            *(number, one.account_no, Money(one.balance_fen), one.last_movement_on),
            AccountState(one.state).label,
            *(one.filing_no, one.acknowledgement_no, one.filed_on, one.reason, one.attempts),
            Way(tried.channel).label if tried else "没有通知过",
            local(tried.at).date() if tried and tried.at else None,
            outcome_words(tried) if tried else None,
        )


def outcome_words(tried: LastTried) -> str:
    """What came of an attempt, in words."""
    return Outcome(tried.outcome).label if tried.outcome else "还没有结果"


def list_mark(context: Context, actor: Actor, batch_no: int) -> str:
    """已作废, 未批准 or nothing, for the name of a file that can carry no more. Needs ``outpatient.view``. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = batch_of(connection, actor.institution_id, batch_no)
    return _DROPPED if found.state == "dropped" else "" if found.state in REMITTED else NOT_APPROVED.split("，")[0]


def _stamp(connection: Connection, institution_id: str, found: BatchRow) -> str:
    if found.state != "dropped":
        return "" if found.state in REMITTED else NOT_APPROVED
    names = people.names(connection, institution_id)
    return ended_words(_DROPPED, found.ended_by, found.ended_at, found.ended_ground, names)


def _paid(found: BatchRow) -> str:
    if found.state == "dropped":
        return "已作废，不缴款"
    if found.remitted_on is None:
        return "还没有缴款"
    return f"{found.remitted_on}，缴款书 {found.voucher_no}，银行回单 {found.bank_reference}"


def _require_frozen(context: Context, actor: Actor, batch_no: int) -> None:
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        found = batch_of(connection, actor.institution_id, batch_no)
        if not found.sha256:
            raise Conflict(_NEVER_FROZEN if found.state == "dropped" else _NOT_FROZEN)
