"""The census of outpatient accounts (7): a file counted by one person, confirmed by another, booked part by part.

Every part of the booking is a transaction of its own with a key of its own, so that a booking that was cut short is
taken up where it stopped. Nobody can claim from an account before its import is booked whole.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound, NoUsableRow, PrepayError
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.money import Money
from hospital_prepay.files.tables import Table, open_table
from hospital_prepay.persistence import outpatient_accounts as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_accounts import AlreadyOpen, ImportState
from hospital_prepay.persistence.unit_of_work import UnitOfWork
from hospital_prepay.services.access.refusals import keep_refusal
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.account_rows import AccountReader
from hospital_prepay.services.outpatient.census_doubts import Doubted
from hospital_prepay.services.outpatient.census_intake import Intake, sealed_parts, spooled
from hospital_prepay.services.outpatient.census_parts import Asked, Part, reading_ahead
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.sealing import Sealed, Sealer

Progress = Callable[[int, int], None]

# Lines of one entry: one entry for the whole import couldn't be taken up again, one an account would be a million.
ACCOUNTS_AN_ENTRY: Final = 4_000
# Where the database lets more than one write: a third would only wait for the entry numbers.
PARTS_AT_ONCE: Final = 2
# At least, of a text file: to guess how many are coming before they were read.
_BYTES_AN_ACCOUNT: Final = 60


@dataclass(frozen=True, slots=True)
class CountedAccounts:
    """What a file of accounts held: taken in, set aside, in sum, how many were taken in whose day nobody could read,
    and what else of those that were taken somebody should look at."""

    import_no: int
    accepted: int
    rejected: int
    total: Money
    doubtful: int = 0
    doubts: tuple[Doubted, ...] = ()


def count_accounts(
    context: Context, actor: Actor, path: Path, file_name: str, balances_on: date, progress: Progress | None = None
) -> CountedAccounts:
    """Take in a file of accounts with their balances as of ``balances_on``; nothing is booked before another person
    confirms it. Rows that can't be read, and accounts that are there already, are set aside with their reason.

    Raises :class:`NoUsableRow` when no row can be taken, :class:`Conflict` for a file that was taken in before,
    :class:`MalformedInput` for a day ahead, and what reading a table raises; nothing but the refusal is stored then.
    """
    actor.require(Permission.OUTPATIENT_IMPORT)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prepay-census-")))
        try:
            if balances_on > context.clock.today():
                words = "余额日期在今天之后。请核对。"
                raise MalformedInput(words, code="date_ahead", details={"field": "balances_on"})
            table = stack.enter_context(open_table(path))
            sealer = Sealer(AccountReader(table, balances_on), context.settings, actor.institution_id)
            parts = stack.enter_context(closing(sealed_parts(sealer, table, progress)))
            if context.database.writers == 1:
                parts = stack.enter_context(closing(spooled(parts, folder / "parts.bin")))
        except PrepayError as error:
            told = {"code": error.reason, "message": error.message}
            keep_refusal(context, actor, "outpatient.count", mask_within(file_name), told)
            raise
        return _store(context, actor, table, parts, Intake(folder), file_name, balances_on)


def confirm_import(context: Context, actor: Actor, import_no: int, progress: Progress | None = None) -> Money:
    """Another person confirms what was counted, and the balances are opened in the books (借 1002 贷 23050102, or
    230502 for money that is no deposit). Returns the sum. A booking that was cut short goes on where it stopped.

    Raises :class:`NotFound`, :class:`SecondPersonRequired`, :class:`Conflict` for an import that was decided.
    """
    actor.require(Permission.OUTPATIENT_CONFIRM)
    with context.work(actor, "outpatient.confirm", f"outpatient_import:{import_no}") as work:
        found = _locked(work, import_no)
        if found.state == "counted":
            actor.require_other_than(found.imported_by, "核对确认")
            step = {"state": "confirmed", "decided_by": actor.actor_id, "decided_at": work.now}
            store.walk_import(work.connection, work.institution_id, import_no, **step)
            work.audit(detail={"accounts": found.accepted, "total_fen": found.total_fen})
        elif found.state != "confirmed":
            raise Conflict("这次导入已经入账或作废。请刷新后再看；本次没有改动。")
    done = 0 if found.state == "counted" else _opened(context, actor, found)
    _book(context, actor, found, done, progress or (lambda done, whole: None))
    return Money(found.total_fen)


def drop_import(context: Context, actor: Actor, import_no: int, ground: str) -> None:
    """Take back an import that nobody confirmed, with all its accounts. Raises :class:`Conflict` afterwards."""
    actor.require(Permission.OUTPATIENT_IMPORT)
    _drop(context, actor, import_no, required_ground(ground, "请写明为什么作废。"))


def refuse_import(context: Context, actor: Actor, import_no: int, ground: str) -> None:
    """Another person finds it wrong and turns it down instead of confirming it: all its accounts go, and the file can
    be put right and taken in again. Raises :class:`SecondPersonRequired`, and :class:`Conflict` once it is
    confirmed."""
    actor.require(Permission.OUTPATIENT_CONFIRM)
    ground = required_ground(ground, "请写明哪里不对，导入的人好改。")
    _drop(context, actor, import_no, ground, is_second=True)


def _drop(context: Context, actor: Actor, import_no: int, ground: str, *, is_second: bool = False) -> None:
    with context.work(actor, "outpatient.drop", f"outpatient_import:{import_no}") as work:
        found = _locked(work, import_no)
        if found.state != "counted":
            raise Conflict("这次导入已经确认，不能作废；数错的账户请走更正。本次没有改动。")
        if is_second:
            actor.require_other_than(found.imported_by, "退回")
        store.drop_accounts(work.connection, work.institution_id, import_no)
        store.walk_import(work.connection, work.institution_id, import_no, state="dropped")
        work.audit(detail={"ground": ground, "accounts": found.accepted})


def _store(
    context: Context,
    actor: Actor,
    table: Table,
    parts: Iterator[Sealed],
    intake: Intake,
    file_name: str,
    balances_on: date,
) -> CountedAccounts:
    with ExitStack() as stack:
        work = stack.enter_context(
            context.work(actor, "outpatient.count", mask_within(file_name[:120]), in_bulk=True)
        )
        lock_name(work.connection, f"outpatient_import:{work.institution_id}")
        imports = store.read_imports(work.connection, work.institution_id)
        if any(one.sha256 == table.sha256 and one.state != "dropped" for one in imports):
            raise Conflict("这个文件已经导入过。要重新导入，请先作废上一次；本次没有存。")
        if store.has_accounts(work.connection, work.institution_id):
            # Asked beside the transaction: while accounts are being added its connection is taken.
            beside = stack.enter_context(context.database.reading())
            intake.known = lambda numbers: store.known_accounts(beside, work.institution_id, numbers)
        import_no = 1 + max((one.import_no for one in imports), default=0)
        store.begin_import(
            work.connection,
            {
                "institution_id": work.institution_id,
                "import_no": import_no,
                "file_name": mask_within(file_name[:200]),
                "sha256": table.sha256,
                "balances_on": balances_on,
                "imported_by": actor.actor_id,
                "imported_at": work.now,
            },
        )
        coming = table.size // _BYTES_AN_ACCOUNT
        with store.adding_accounts(work.connection, work.institution_id, import_no, coming) as add:
            for part in parts:
                add(intake.take(part))
            for line in intake.rest():
                add(line)
        if not intake.accepted:
            lines = [f"第 {one.line} 行：{one.message}" for one in intake.rejected[:20]]
            raise NoUsableRow("没有一行可以导入。请改好后重新上传。", details={"lines": lines})
        return _tell(work, import_no, intake)


def _tell(work: UnitOfWork, import_no: int, intake: Intake) -> CountedAccounts:
    """Record with an import what its file held, and what of it is set aside or looks doubtful."""
    doubtful, doubts = intake.doubtful, intake.doubts
    told = CountedAccounts(
        import_no, intake.accepted, len(intake.rejected), Money(intake.total_fen), len(doubtful), tuple(doubts)
    )
    store.walk_import(
        work.connection,
        work.institution_id,
        import_no,
        accepted=told.accepted,
        rejected=told.rejected,
        total_fen=told.total.fen,
        doubts=[one.to_json() for one in doubts],
    )
    own = {"institution_id": work.institution_id, "import_no": import_no}
    aside = (*intake.rejected, *doubtful)
    store.add_rejections(
        work.connection, [{**own, "line": one.line, "code": one.code, "message": one.message} for one in aside]
    )
    counts = {"accounts": told.accepted, "total_fen": told.total.fen, "doubtful": told.doubtful}
    work.audit(detail={"import": import_no, **counts, "doubts": {one.kind.value: one.rows for one in doubts}})
    return told


def _opened(context: Context, actor: Actor, found: ImportState) -> int:
    with context.database.reading() as connection:
        return store.count_open(connection, actor.institution_id, found.import_no)


def _book(context: Context, actor: Actor, found: ImportState, done: int, progress: Progress) -> None:
    """Open every account that isn't open yet, part by part in the order of their numbers, then close the import;
    ``done`` are open already.
    While the database writes, the next part is read and put together beside it; where it can, it writes two at once:
    one opens its accounts while the other's lines are posted."""
    after, overtaken = "", ""
    at_once = min(PARTS_AT_ONCE, context.database.writers)
    asked = Asked(actor.institution_id, found, ACCOUNTS_AN_ENTRY, actor.actor_id, fresh=not done)
    with (
        reading_ahead(context.database, asked) as ahead,
        ThreadPoolExecutor(at_once, "census") as writers,
    ):
        ahead.read(after, context.clock.now())
        under_way: deque[tuple[Part, Future[bool]]] = deque()
        while under_way or ahead.part() is not None:
            while len(under_way) < at_once and (part := ahead.part()) is not None:
                under_way.append((part, writers.submit(_open_part, context, actor, found, part)))
                ahead.read(part.last, context.clock.now())
            part, opened = under_way.popleft()
            try:
                if not opened.result():
                    return  # somebody else ended it in the meantime
            except AlreadyOpen:
                if overtaken == part.first:
                    raise
                # Somebody else books the same import: what they opened is passed over.
                overtaken = part.first
                wait([one for _, one in under_way])
                under_way.clear()
                ahead.look_up()
                ahead.read(after, context.clock.now())
                continue
            after, done = part.last, done + part.accounts
            progress(done, found.accepted)
    with context.work(actor, "outpatient.open", f"outpatient_import:{found.import_no}") as work:
        if _locked(work, found.import_no).state == "confirmed":
            step = {"state": "booked", "booked_at": work.now}
            store.walk_import(work.connection, work.institution_id, found.import_no, **step)
            work.audit(detail={"import": found.import_no, "total_fen": found.total_fen})


def _open_part(context: Context, actor: Actor, found: ImportState, part: Part) -> bool:
    """Open one part in the books. ``False`` when the import was booked already; raises :class:`AlreadyOpen` when one
    of its accounts was."""
    with context.work(actor, "outpatient.open", f"outpatient_import:{found.import_no}", in_bulk=True) as work:
        if _locked(work, found.import_no, shared=True).state != "confirmed":
            return False
        store.open_in_books(work.connection, work.institution_id, found.import_no, part.first, part.last, work.now)
        if part.entry is not None:
            entry_no = work.ledger.post_ready(part.entry)
            if entry_no is None:
                words = "有账户已经入过账，这一段没有入账。请把编号报给信息科。"
                raise Conflict(words, details={"first": part.first})
            total, lines = sum(part.entry.debits), len(part.entry.account_ids) - 1
            work.audit(entry_no=entry_no, detail={"accounts": lines, "total_fen": total})
    return True


def _locked(work: UnitOfWork, import_no: int, *, shared: bool = False) -> ImportState:
    found = store.lock_import(work.connection, work.institution_id, import_no, shared=shared)
    if found is None:
        raise NotFound("没有这次导入。请回到清查页查看。")
    return found
