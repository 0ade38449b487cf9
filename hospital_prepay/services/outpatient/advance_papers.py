"""A list of advances to hand in (8): the form to the health authority as DOCX and PDF, the list as XLSX."""

from __future__ import annotations

from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files.exports import Sheet, workbook_bytes
from hospital_prepay.files.papers import Cell, Grid, Line, Paper, docx_bytes, pdf_bytes
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.advance_review import AdvanceDetail, read_advance_list
from hospital_prepay.services.publication.institution import Hospital, hospital_of

_KINDS: Final = {"docx": docx_bytes, "pdf": pdf_bytes}
_HEADINGS: Final = (
    "序号",
    "退款单号",
    "账户号",
    "患者",
    "垫付日期",
    "退还患者（元）",
    "其中本院承担（元）",
    "申请（元）",
)


def advance_form(context: Context, actor: Actor, list_no: int, kind: str) -> bytes:
    """The form as ``docx`` or ``pdf``. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    if kind not in _KINDS:
        raise NotFound("没有这种文件。请从申请表下载。")
    found = read_advance_list(context, actor, list_no)
    return _KINDS[kind](_form(hospital_of(context, actor.institution_id), found))


def advance_workbook(context: Context, actor: Actor, list_no: int) -> bytes:
    """The list as XLSX, names masked as pages mask them. Needs ``outpatient.view``. Raises :class:`NotFound`."""
    found = read_advance_list(context, actor, list_no)
    rows: list[tuple[object, ...]] = [_HEADINGS]
    for number, one in enumerate(sorted(found.lines, key=lambda one: one.refund_no), 1):
        day = "" if one.paid_at is None else f"{local(one.paid_at):%Y-%m-%d}"
        applied = Money(one.applied_fen or 0)
        sums = (Money(one.amount_fen), Money(one.own_cost_fen), applied)
        rows.append((number, one.refund_no, one.account_no, one.holder_name, day, *sums))
    rows.append(("合计", *[None] * 6, Money(found.head.total_fen)))
    return workbook_bytes([Sheet("垫付清单", rows)])


def _form(hospital: Hospital, found: AdvanceDetail) -> Paper:
    head = found.head
    total = Money(head.total_fen)
    # A refused list doesn't count any more; of any other the sum holds its own amount already.
    before = Money(found.applied_fen - (0 if head.state == "refused" else head.total_fen))
    rows = (
        ("实际上缴财政的门诊预交金", Money(found.remitted_fen)),
        ("其他申请表已申请", before),
        ("本次申请", total),
        ("申请后还在规模内的余数", Money(found.remitted_fen) - before - total),
    )
    return Paper(
        f"垫付门诊预交金列入 {head.budget_year} 年度预算申请表",
        (
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
