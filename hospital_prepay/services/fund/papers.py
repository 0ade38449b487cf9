"""The papers of an application, filled from what was filed: the place's own forms, or a letter where it has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.money import Money
from hospital_prepay.files.papers import Paper, docx_bytes, pdf_bytes
from hospital_prepay.persistence import institutions
from hospital_prepay.services.context import Context
from hospital_prepay.services.fund import paper_weihai, paper_xizang, paper_zhejiang
from hospital_prepay.services.fund.application_review import ApplicationDetail, read_application
from hospital_prepay.services.fund.grants import FUND_NAMES
from hospital_prepay.services.fund.paper_facts import Known

_Makes = Callable[[Known], Paper]
_PAPERS: Final[Mapping[str, Mapping[str, tuple[str, _Makes]]]] = {
    "zhejiang-prepay-2025": {
        "application": ("附件1 使用申请表", paper_zhejiang.application),
        "assessment": ("附件2 核定表（医保部门填）", paper_zhejiang.assessment),
    },
    "xizang-prepay-2024": {
        "application": ("附件1 预付申请", paper_xizang.application),
        "assessment": ("附件2 核定表（经办机构填）", paper_xizang.assessment),
    },
    "weihai-prepay-2025": {"application": ("申请书", paper_weihai.application)},
}
_KINDS: Final[Mapping[str, Callable[[Paper], bytes]]] = {"docx": docx_bytes, "pdf": pdf_bytes}


@dataclass(frozen=True, slots=True)
class MadePaper:
    """A paper as a file."""

    name: str
    content: bytes


def papers_of(regime: str) -> dict[str, str]:
    """Which papers a place has, by name with their Chinese words; none where it asks for no application."""
    return {name: words for name, (words, _) in _PAPERS.get(regime, {}).items()}


def make_paper(context: Context, actor: Actor, decision_id: str, paper: str, kind: str) -> MadePaper:
    """A paper of an application as ``docx`` or ``pdf``. Needs ``fund.view``. Raises :class:`NotFound`."""
    found = read_application(context, actor, decision_id)
    made = _PAPERS.get(found.application.regime, {}).get(paper)
    if made is None or kind not in _KINDS:
        raise NotFound("这个地方没有这份表。请回到申请查看有哪些。")
    words, make = made
    known = _known(context, actor, found)
    name = f"{found.application.year} 年{FUND_NAMES[found.application.fund]} {words}.{kind}"
    return MadePaper(name, _KINDS[kind](make(known)))


def _known(context: Context, actor: Actor, found: ApplicationDetail) -> Known:
    with context.database.reading() as connection:
        own = institutions.by_id(connection, actor.institution_id)
    if own is None:
        raise NotFound("没有这家机构。请联系系统管理。")
    application, facts = found.application, found.application.facts
    return Known(
        hospital=own.name,
        code=own.institution_id,
        level=own.level,
        region=application.pool_region,
        year=application.year,
        fund=FUND_NAMES[application.fund],
        amount=Money(application.amount_fen),
        institution=facts["institution"],
        pools={one["fund"]: one for one in facts["pools"]},
        notified=facts.get("notified"),
        growth=facts.get("growth"),
    )
