"""The tables that two real hospitals posted, each read by its own columns."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.houses import HUZHOU, LONGQUANYI
from hospital_prepay.services.demonstration.stage import open_house
from hospital_prepay.services.demonstration.tables import publish_posted_table
from hospital_prepay.services.inpatient.posted_sheet import ColumnMapping

# Both took effect, or were posted, on a day that their files name.
_HUZHOU_FROM: Final = datetime(2025, 6, 30, 8, 0, tzinfo=SHANGHAI)
_LONGQUANYI_FROM: Final = datetime(2025, 7, 1, 8, 0, tzinfo=SHANGHAI)
_HUZHOU_COLUMNS: Final = ColumnMapping(
    "病组名称",
    {
        InsuredClass.EMPLOYEE: "在职城镇职工医保",
        InsuredClass.RESIDENT: "城乡居民医保",
        InsuredClass.SELF_PAY: "自费患者",
    },
)
_LONGQUANYI_COLUMNS: Final = ColumnMapping(
    "诊断名称",
    {InsuredClass.EMPLOYEE: "城职预交金", InsuredClass.RESIDENT: "城乡预交金"},
    "诊断编码",
)


def open_posted_houses(context: Context) -> None:
    """Open both institutions with their tables as earlier standards and as posted tables, dated to their days."""
    publish_posted_table(
        open_house(context, HUZHOU, _HUZHOU_FROM),
        _HUZHOU_FROM,
        "posted_table_huzhou_2025.csv",
        _HUZHOU_COLUMNS,
        "湖州市第三人民医院 2025 年公示 https://www.hzsy.com/hzssy/front/view-22-2058.html",
    )
    publish_posted_table(
        open_house(context, LONGQUANYI, _LONGQUANYI_FROM),
        _LONGQUANYI_FROM,
        "posted_table_longquanyi_2025.csv",
        _LONGQUANYI_COLUMNS,
        "成都市龙泉驿区中医医院 2025 年公示 https://www.lqzyy.com/notice_meet/2025/olejm5dj.html",
    )
