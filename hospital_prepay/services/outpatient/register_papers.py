"""The register (清退台账) as XLSX and PDF, narrowed like its page and masked like it. Every file is on record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, is_outpatient_deposit
from hospital_prepay.domain.rules.outpatient.life import LISTED_LABELS, listed_state
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach, Way
from hospital_prepay.persistence import outpatient_register as store
from hospital_prepay.persistence.outpatient_register import Narrowed, RegisterRow
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.list_papers import (
    Column,
    ListPaper,
    head_facts,
    make_list,
    require_printable,
)
from hospital_prepay.services.outpatient.register import hashed, masked_contact, shown_name

_COLUMNS: Final = (
    Column("序号", 5, is_number=True),
    Column("账户号", 10),
    Column("姓名", 8),
    Column("证件号码", 14),
    Column("手机", 9),
    Column("款项", 8),
    Column("缴纳途径", 7),
    Column("联系方式", 8),
    Column("最后变动", 8),
    Column("状态", 8),
    Column("余额（元）", 9, is_number=True),
)


def register_file(context: Context, actor: Actor, narrowed: Narrowed, kind: str) -> IO[bytes]:
    """The accounts that ``narrowed`` lets pass, as ``xlsx`` or ``pdf``. Names show as on pages, numbers masked.

    Raises :class:`MalformedInput` for a list too long to print. The audit trail keeps who took how many.
    """
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    words = narrowed_words(narrowed)
    looked = hashed(context, own, narrowed)
    with context.database.reading() as connection:
        count, fen = store.sum_accounts(connection, own, looked)
        require_printable(count, kind, may_narrow=True)
        rows = _rows(context, actor, store.every_account(connection, own, looked))
        made = make_list(_paper(context, actor, words, rows, count, fen), kind)
    with context.work(actor, "outpatient.export_register", "outpatient_register") as work:
        work.audit(detail={"accounts": count, "kind": kind, "narrowed": words, "names": actor.calls_patients})
    return made


def narrowed_words(narrowed: Narrowed) -> str:
    """What the list was narrowed by; what was searched for isn't told, for it may be somebody's number."""
    told = {one.value: one.label for one in (*Standing, *Way)}
    parts = (
        "按查找内容" if narrowed.text else "",
        LISTED_LABELS[narrowed.state] if narrowed.state else "",
        "" if narrowed.year is None else f"{narrowed.year} 年最后变动" if narrowed.year else "最后变动不详",
        Channel(narrowed.channel).label if narrowed.channel else "",
        Reach(narrowed.reach).label if narrowed.reach else "",
        {True: "门诊预交金", False: "不是预交金的款项", None: ""}[narrowed.deposits],
        {True: "保留的", False: "清查入账的", None: ""}[narrowed.kept],
        "" if narrowed.moved_until is None else f"最后变动不晚于 {narrowed.moved_until}",
        told.get(narrowed.told, ""),
        f"第 {narrowed.import_no} 次导入" if narrowed.import_no is not None else "",
    )
    return "，".join(part for part in parts if part) or "全部"


def _paper(
    context: Context, actor: Actor, words: str, rows: Iterator[tuple[object, ...]], count: int, fen: int
) -> ListPaper:
    total = Money(fen)
    facts = (
        *head_facts(context, actor),
        ("范围", words),
        ("账户（个）", count),
        ("账上余额（元）", total),
        ("个人信息", "姓名完整，证件和电话已遮盖" if actor.calls_patients else "已遮盖"),
    )
    sums = ("合计", *[None] * (len(_COLUMNS) - 2), total)
    return ListPaper("门诊预交金清退台账", "台账", facts, _COLUMNS, rows, count, sums)


def _rows(context: Context, actor: Actor, found: Iterator[RegisterRow]) -> Iterator[tuple[object, ...]]:
    for number, one in enumerate(found, 1):
        contact = masked_contact(context, actor.institution_id, one.personal)
        yield (
            number,
            one.account_no,
            shown_name(actor, one.holder_name),
            contact.certno,
            contact.phone,
            MoneyKind(one.kind).label,
            Channel(one.channel).label,
            Reach(one.reach).label,
            "不详" if one.last_movement_on is None else one.last_movement_on.isoformat(),
            LISTED_LABELS[_listed_state(one)],
            "待入账" if one.balance_fen is None else Money(one.balance_fen),
        )


def _listed_state(one: RegisterRow) -> str:
    deposit = is_outpatient_deposit(MoneyKind(one.kind))
    return listed_state(one.state, one.balance_fen, is_kept=one.import_no is None, is_deposit=deposit)
