"""A filing to hand in: the list as XLSX, the letter with its figures as DOCX and PDF.

The list shows masked what pages show masked. In full, as article 8 asks the hospital to record it, it leaves only for
a written reason that the audit trail keeps. Letter and list of a filing that was withdrawn say so at their head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.reach import Channel
from hospital_prepay.files.papers import Cell, Grid, Line, Paper, docx_bytes, pdf_bytes
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_escheat import FilingRow
from hospital_prepay.persistence.queries import outpatient_escheat as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.ended import ended_words
from hospital_prepay.services.outpatient.filing_review import filing_of, reasons_of
from hospital_prepay.services.outpatient.list_papers import Column, ListPaper, head_facts, make_list
from hospital_prepay.services.outpatient.register import clear_contact, masked_contact, shown_name
from hospital_prepay.services.publication.institution import Hospital, hospital_of

_KINDS: Final = {"docx": docx_bytes, "pdf": pdf_bytes}
_COLUMNS: Final = (
    Column("序号", 4, is_number=True),
    Column("账户号", 9),
    Column("姓名", 8),
    Column("证件号码", 14),
    Column("联系电话", 9),
    Column("缴纳途径", 7),
    Column("最后变动日期", 8),
    Column("余额（元）", 8, is_number=True),
    Column("原因和依据", 16),
)


def filing_list(context: Context, actor: Actor, filing_no: int, kind: str = "xlsx") -> IO[bytes]:
    """The list as ``xlsx`` or ``pdf``, masked as pages mask it. Needs ``outpatient.view``. Raises :class:`NotFound`,
    :class:`MalformedInput` for a list too long to print."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        return _list(context, actor, connection, filing_no, kind, False)


def reveal_filing(context: Context, actor: Actor, filing_no: int, ground: str) -> IO[bytes]:
    """The list as XLSX with names and numbers in full, for a written reason that the audit trail keeps."""
    actor.require(Permission.REVEAL_IDENTITY)
    actor.require(Permission.OUTPATIENT_FILE)
    with context.work(actor, "outpatient.reveal_filing", f"outpatient_filing:{filing_no}") as work:
        made = _list(context, actor, work.connection, filing_no, "xlsx", True)
        work.audit(detail={"filing": filing_no, "ground": ground})
    return made


def filing_letter(context: Context, actor: Actor, filing_no: int, kind: str) -> bytes:
    """The letter to the health authority as ``docx`` or ``pdf``: figures and risk note, no patient. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    if kind not in _KINDS:
        raise NotFound("没有这种文件。请从备案页下载。")
    with context.database.reading() as connection:
        found = filing_of(connection, actor.institution_id, filing_no)
        reasons = reasons_of(connection, actor.institution_id, filing_no)
        stamp = _stamp(connection, actor.institution_id, found)
    return _KINDS[kind](_letter(hospital_of(context, actor.institution_id), found, reasons, stamp))


def _letter(hospital: Hospital, found: FilingRow, reasons: tuple[tuple[str, int, int], ...], stamp: str) -> Paper:
    total = Money(found.total_fen)
    rows = [
        (Cell("退不了的原因"), Cell("账户（个）"), Cell("余额（元）")),
        *((Cell(kind, align="left"), Cell(f"{count:,}"), Cell(str(Money(fen)))) for kind, count, fen in reasons),
        (Cell("合计"), Cell(f"{found.accounts:,}"), Cell(str(total))),
    ]
    return Paper(
        "无法及时清退的门诊预交金备案",
        (
            *((Line(stamp, "center", strong=True),) if stamp else ()),
            Line(f"{found.authority or '（属地卫生健康行政部门全称）'}："),
            Line(
                f"按照《贵州省规范公立医疗机构预交金管理工作实施细则（试行）》第八条，{hospital.name}"
                f"（机构编码 {hospital.code}）将确因客观原因无法及时清退的门诊预交金报请备案：账户 "
                f"{found.accounts:,} 个，余额 {total} 元（大写：{total.in_words()}）。名单另附。"
            ),
            Grid((3, 1, 2), tuple(rows)),
            Line("风险排查：", strong=True),
            *(Line(text) for text in found.risk_note.splitlines() if text.strip()),
            Line("患者或者继承人什么时候来办，本院都受理、核对后退还；备案不影响患者领取。"),
            Line(f"本院备案序号：第 {found.filing_no} 号。名单摘要值（SHA-256）：{found.sha256}"),
            Line("联系人和电话："),
            Line("医疗机构（盖章）：", "right"),
            Line("年    月    日", "right"),
        ),
    )


def _list(
    context: Context, actor: Actor, connection: Connection, filing_no: int, kind: str, in_full: bool
) -> IO[bytes]:
    found = filing_of(connection, actor.institution_id, filing_no)
    total = Money(found.total_fen)
    facts = (
        *head_facts(context, actor),
        ("本院备案序号", str(found.filing_no)),
        ("报送部门", found.authority or "还没有报送"),
        ("账户（个）", found.accounts),
        ("余额（元）", total),
        ("名单摘要值", found.sha256),
        ("个人信息", "完整" if in_full else "已遮盖"),
    )
    paper = ListPaper(
        title="无法及时清退的门诊预交金备案表",
        sheet="名单",
        facts=facts,
        columns=_COLUMNS,
        rows=_rows(context, actor, connection, filing_no, in_full=in_full),
        count=found.accounts,
        sums=("合计", *[None] * 6, total, None),
        notes=("患者或者继承人什么时候来办，本院都受理、核对后退还；备案不影响患者领取。",),
        stamp=_stamp(connection, actor.institution_id, found),
    )
    return make_list(paper, kind)


def _stamp(connection: Connection, institution_id: str, found: FilingRow) -> str:
    if found.state != "withdrawn":
        return ""
    names = people.names(connection, institution_id)
    return ended_words("已撤回", found.ended_by, found.ended_at, found.ended_ground, names)


def _rows(
    context: Context, actor: Actor, connection: Connection, filing_no: int, *, in_full: bool
) -> Iterator[tuple[object, ...]]:
    own = actor.institution_id
    contact_of = clear_contact if in_full else masked_contact
    for number, one in enumerate(queries.filing_lines(connection, own, filing_no), 1):
        contact = contact_of(context, own, one.personal)
        name = one.holder_name if in_full else shown_name(actor, one.holder_name)
        day = "不详" if one.last_movement_on is None else one.last_movement_on.isoformat()
        channel, balance = Channel(one.channel).label, Money(one.balance_fen)
        yield (number, one.account_no, name, contact.certno, contact.phone, channel, day, balance, one.reason)
