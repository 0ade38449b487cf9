"""Arrears on paper: the list as XLSX, and a letter (催缴函) that says what is owed, how to pay and who helps.

The letter threatens with nothing: article 25 asks for pursuit, the hospital's own rule for friendly words.
"""

from __future__ import annotations

from typing import IO, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.masking import mask_name
from hospital_prepay.domain.money import Money
from hospital_prepay.files.papers import Cell, Grid, Line, Paper, pdf_bytes
from hospital_prepay.persistence import arrears as store
from hospital_prepay.persistence import stays
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.list_papers import (
    Column,
    ListPaper,
    head_facts,
    make_list,
    require_printable,
)
from hospital_prepay.services.publication.institution import Hospital, hospital_of
from hospital_prepay.services.settlement.arrears import WAYS, Chosen, Owing, list_arrears

_COLUMNS: Final = (
    Column("序号", 4, is_number=True),
    Column("住院号", 10),
    Column("姓名", 8),
    Column("病区", 10),
    Column("参保类型", 8),
    Column("结算日期", 8),
    Column("账龄", 9),
    Column("还款约定", 8),
    Column("最近联系", 9),
    Column("坏账准备（元）", 9, is_number=True),
    Column("欠费（元）", 9, is_number=True),
)


def arrears_file(context: Context, actor: Actor, chosen: Chosen, kind: str) -> IO[bytes]:
    """The list as narrowed, names as on the page. Needs ``settlement.view``; the audit trail keeps who took it."""
    found = list_arrears(context, actor, chosen, page=None)
    require_printable(found.number, kind, may_narrow=True)
    rows = (_row(actor, number, one) for number, one in enumerate(found.rows, 1))
    owed, provided = Money(found.owed_fen), Money(found.provided_fen)
    facts = (*head_facts(context, actor), ("住院（次）", found.number), ("欠费合计（元）", owed))
    sums = ("合计", *[None] * (len(_COLUMNS) - 3), provided, owed)
    notes = ("账龄从结算当天起算；账龄分段是院内设定。欠费不计利息。",)
    made = make_list(ListPaper("出院病人欠费清单", "欠费", facts, _COLUMNS, rows, found.number, sums, notes), kind)
    with context.work(actor, "arrears.export", "arrears") as work:
        work.audit(detail={"stays": found.number, "kind": kind})
    return made


def letter(context: Context, actor: Actor, stay_no: str, contact_no: int) -> bytes:
    """A letter that is on record, as PDF: what was owed on its day. Needs ``settlement.manage``. Raises
    :class:`NotFound` for one that isn't on record."""
    actor.require(Permission.SETTLEMENT_MANAGE)
    own = actor.institution_id
    with context.database.reading() as connection:
        state = stays.read_stay(connection, own, stay_no)
        contacts = store.contacts_of(connection, own, stay_no)
    found = next((one for one in contacts if one.contact_no == contact_no and one.way == "letter"), None)
    if found is None:
        raise NotFound("没有这封催缴函。请从欠费页打开。")
    return pdf_bytes(letter_paper(hospital_of(context, own), state.patient_name, found))


def letter_paper(hospital: Hospital, name: str, found: store.ContactRow) -> Paper:
    """The words of the letter."""
    owed, day = Money(found.owed_fen), local(found.made_at).date()
    phone = hospital.phone or "住院处"
    rows = (
        (Cell("住院号"), Cell(found.stay_no)),
        (Cell("还没有交的个人费用"), Cell(f"{owed} 元（大写：{owed.in_words()}）")),
        (Cell("截至"), Cell(f"{day.year} 年 {day.month} 月 {day.day} 日")),
    )
    lines: tuple[Line | Grid, ...] = (
        Line(f"{name}（或家属）："),
        Line(f"感谢您选择{hospital.name}。您的住院费用已经结算，还有一部分个人费用没有交清，现在请您核对："),
        Grid((2, 5), rows),
        Line("怎样交：", strong=True),
        Line(
            "带住院号到本院收费窗口，用现金、银行卡、微信或者支付宝都可以；不方便来的，请打下面的电话，我们告诉您怎样转账。"
            "一次交不了的，可以约定分几次交，不收利息。"
        ),
        Line("有困难的，我们帮您：", strong=True),
        Line(
            "脱贫人口、低保对象、特困人员、易返贫致贫人口，或者急救费用无力支付的，请告诉我们，"
            "我们协助您申请医疗救助或者疾病应急救助基金。对费用有疑问的，可以要求核对和解释。"
        ),
        *([Line(f"附言：{found.words}")] if found.words else []),
        Line(f"电话：{phone}{'　时间：' + hospital.hours if hospital.hours else ''}"),
        Line("您已经交清的，请不要理会这封信。"),
        Line(hospital.name, align="right"),
        Line(f"{day.year} 年 {day.month} 月 {day.day} 日", align="right"),
    )
    return Paper("住院费用提醒函", lines)


def _row(actor: Actor, number: int, one: Owing) -> tuple[object, ...]:
    row = one.row
    contact = one.contact
    return (
        number,
        row.stay_no,
        row.patient_name if actor.calls_patients else mask_name(row.patient_name),
        row.ward,
        InsuredClass(row.insured_class).label,
        one.settled_on.isoformat(),
        one.band.label,
        one.kept.label if one.kept else "没有",
        f"{local(contact.made_at):%Y-%m-%d} {WAYS[contact.way]}" if contact else "没有",
        Money(row.provided_fen),
        Money(row.owed_fen),
    )
