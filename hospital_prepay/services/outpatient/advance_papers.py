"""A list of advances to hand in (8): the form to the health authority as DOCX and PDF, the list as XLSX and PDF.

Their sums are those of the form's own time, whenever they are downloaded; what was taken back or turned down says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files.papers import Cell, Grid, Line, Paper, docx_bytes, pdf_bytes
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.advance_review import (
    Advance,
    AdvanceDetail,
    AdvanceListRow,
    list_advances,
    read_advance_list,
)
from hospital_prepay.services.outpatient.ended import ended_words
from hospital_prepay.services.outpatient.list_papers import Column, ListPaper, head_facts, make_list
from hospital_prepay.services.publication.institution import Hospital, hospital_of

_KINDS: Final = {"docx": docx_bytes, "pdf": pdf_bytes}
_COLUMNS: Final = (
    Column("序号", 4, is_number=True),
    Column("退款单号", 10),
    Column("账户号", 9),
    Column("患者", 7),
    Column("垫付日期", 7),
    Column("退还患者（元）", 8, is_number=True),
    Column("其中本院承担（元）", 8, is_number=True),
    Column("申请（元）", 8, is_number=True),
)


def advance_form(context: Context, actor: Actor, list_no: int, kind: str) -> bytes:
    """The form as ``docx`` or ``pdf``, with the sums of when it was made. Needs ``outpatient.view``.

    Raises :class:`NotFound`.
    """
    if kind not in _KINDS:
        raise NotFound("没有这种文件。请从申请表下载。")
    found = read_advance_list(context, actor, list_no)
    return _KINDS[kind](_form(hospital_of(context, actor.institution_id), found))


def advance_list(context: Context, actor: Actor, list_no: int, kind: str = "xlsx") -> IO[bytes]:
    """The claims of a list as ``xlsx`` or ``pdf``, names masked as pages mask them. Needs ``outpatient.view``.

    Raises :class:`NotFound`, :class:`MalformedInput` for a list too long to print.
    """
    found = read_advance_list(context, actor, list_no)
    total = Money(found.head.total_fen)
    lines = sorted(found.lines, key=lambda one: one.refund_no)
    owed = [one for one in lines if one.owed_fen]
    back = (("银行退回、待再付患者（元）", Money(sum(one.owed_fen for one in owed))),) if owed else ()
    paper = ListPaper(
        title=f"垫付门诊预交金清单（{found.head.budget_year} 年度预算）",
        sheet="垫付清单",
        facts=(
            *head_facts(context, actor),
            ("本院申请表序号", str(found.head.list_no)),
            ("笔数", found.head.claims),
            ("申请（元）", total),
            *back,
        ),
        columns=_COLUMNS,
        rows=((number, *_line(one), Money(one.applied_fen or 0)) for number, one in enumerate(lines, 1)),
        count=len(lines),
        sums=("合计", *[None] * 4, *_paid_and_own(lines), total),
        notes=(f"银行退了回来、待再付患者的：{'、'.join(one.refund_no for one in owed)}。",) if owed else (),
        stamp=_stamp(found),
    )
    return make_list(paper, kind)


def advances_file(context: Context, actor: Actor, kind: str) -> IO[bytes]:
    """Everything that was paid ahead (先垫后补), each with the list that it stands on, as ``xlsx`` or ``pdf``; names
    masked as pages mask them. Needs ``outpatient.view``."""
    found = list_advances(context, actor)
    heads = {one.list_no: one for one in found.lists}
    paid, own = _paid_and_own(found.advances)
    paper = ListPaper(
        title="门诊预交金先垫后补台账",
        sheet="先垫后补",
        facts=(
            *head_facts(context, actor),
            ("垫付（笔）", len(found.advances)),
            ("垫付（元）", paid),
            ("实际上缴财政（元）", Money(found.remitted_fen)),
            ("已申请（元）", Money(found.applied_fen)),
            ("银行退回、待再付患者（元）", Money(sum(one.owed_fen for one in found.owed))),
        ),
        columns=(*_COLUMNS[:-1], Column("能申请（元）", 7, is_number=True), Column("申请表", 12)),
        rows=(
            (number, *_line(one), Money(one.may_apply_fen), _standing(one, heads.get(one.list_no or 0)))
            for number, one in enumerate(sorted(found.advances, key=lambda one: one.refund_no), 1)
        ),
        count=len(found.advances),
        sums=("合计", *[None] * 4, paid, own, Money(sum(one.may_apply_fen for one in found.advances)), None),
        notes=("申请总额在本院实际上缴财政的门诊预交金总规模内；因本院少计而多退的部分由本院承担，不在申请之列。",),
    )
    return make_list(paper, kind)


def _paid_and_own(lines: Sequence[Advance]) -> tuple[Money, Money]:
    return Money(sum(one.amount_fen for one in lines)), Money(sum(one.own_cost_fen for one in lines))


def _line(one: Advance) -> tuple[object, ...]:
    day = "" if one.advanced_at is None else f"{local(one.advanced_at):%Y-%m-%d}"
    return (one.refund_no, one.account_no, one.holder_name, day, Money(one.amount_fen), Money(one.own_cost_fen))


def _standing(one: Advance, head: AdvanceListRow | None) -> str:
    if one.owed_fen:
        return "银行退回，待再付患者" + ("" if head is None else f"；{_list_words(head)}")
    return "等列入" if head is None else _list_words(head)


def _list_words(head: AdvanceListRow) -> str:
    words = {"made": "待报送", "submitted": f"{head.submitted_on} 报送", "reimbursed": f"{head.reimbursed_on} 补回"}
    return f"第 {head.list_no} 号（{head.budget_year} 年度），{words[head.state]}"


def _stamp(found: AdvanceDetail) -> str:
    head = found.head
    if head.state != "refused":
        return ""
    word = "已撤回" if head.is_withdrawn else "已退回"
    return ended_words(word, head.ended_by, head.ended_at, head.ground, found.names)


def _form(hospital: Hospital, found: AdvanceDetail) -> Paper:
    head = found.head
    total, before, remitted = Money(head.total_fen), Money(found.others_fen), Money(found.remitted_then_fen)
    stamp = _stamp(found)
    rows = (
        ("实际上缴财政的门诊预交金", remitted),
        ("其他申请表已申请", before),
        ("本次申请", total),
        ("申请后还在规模内的余数", remitted - before - total),
    )
    return Paper(
        f"垫付门诊预交金列入 {head.budget_year} 年度预算申请表",
        (
            *((Line(stamp, "center", strong=True),) if stamp else ()),
            Line("（属地卫生健康行政部门全称）："),
            Line(
                f"按照《贵州省规范公立医疗机构预交金管理工作实施细则（试行）》第八条，{hospital.name}"
                f"（机构编码 {hospital.code}）对已上缴财政的门诊预交金先行垫付退还患者 "
                f"{head.claims:,} 笔，申请将垫付资金 {total} 元（大写：{total.in_words()}）"
                f"列入 {head.budget_year} 年度预算安排。清单另附。"
            ),
            Grid(
                (3, 2),
                (
                    (Cell("项目"), Cell("金额（元）")),
                    *((Cell(words, align="left"), Cell(str(amount), align="right")) for words, amount in rows),
                ),
            ),
            Line("申请总额在本院实际上缴财政的门诊预交金总规模内；因本院少计而多退的部分由本院承担，不在申请之列。"),
            Line(f"本院申请表序号：第 {head.list_no} 号。" + (f"文号：{head.document}。" if head.document else "")),
            Line("经办人：            复核人：            联系电话："),
            Line("医疗机构（盖章）：", "right"),
            Line("年    月    日", "right"),
        ),
    )
