"""The institutions of the demonstration and their people. Every name of a person is made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.access import Role
from hospital_prepay.domain.rules.publication.scope import Ownership
from hospital_prepay.services.access.demo import PEOPLE, DemoPerson
from hospital_prepay.services.publication.institution import ChangedInstitution, NewInstitution


@dataclass(frozen=True, slots=True)
class House:
    """One institution. ``remark`` says in a few words what a newcomer finds there."""

    institution: NewInstitution
    people: tuple[DemoPerson, ...]
    remark: str

    @property
    def code(self) -> str:
        """The institution's code."""
        return self.institution.code

    @property
    def name(self) -> str:
        """The institution's name."""
        return self.institution.details.name


def _house(
    code: str, name: str, people: tuple[DemoPerson, ...], remark: str, level: int, *, is_default: bool = False
) -> House:
    # 99 is no administrative division: none of these codes can be a real institution's.
    hours = "每天 8:00–18:00，夜间在急诊收费窗口办理"
    details = ChangedInstitution(
        name, "0859-1234567", hours, "门诊楼一楼住院收费处", Ownership.PUBLIC, designated=True
    )
    return House(NewInstitution(code, details, level=level, is_default=is_default), people, remark)


MAIN: Final = _house(
    "H52990000001",
    "黔岭市人民医院",
    (
        *PEOPLE,
        # Three reviews, the approval and the remittance of one batch are five people's.
        DemoPerson("caiwu2", "冯玲", Role.FINANCE_OFFICER),
        DemoPerson("caiwu3", "毛俊", Role.FINANCE_OFFICER),
        DemoPerson("shenpi2", "严波", Role.FINANCE_APPROVER),
    ),
    "虚构的医院：三年病例、已公布的额度表、在院患者、两万个门诊预交金账户",
    3,
    is_default=True,
)
SAMPLE: Final = _house(
    "H52990000004",
    "公开病例样例医院",
    (
        DemoPerson("yl.shoufei", "韦小兰", Role.CASHIER, "1 号窗口"),
        DemoPerson("yl.caiwu", "潘志强", Role.FINANCE_OFFICER),
        DemoPerson("yl.shenpi", "蒙丽华", Role.FINANCE_APPROVER),
    ),
    "真实的公开病例（纽约州 2024 年心力衰竭出院数据，美元当作元）：额度表已测算，等人批准",
    2,
)
HUZHOU: Final = _house(
    "H33990000002",
    "湖州市第三人民医院（公开数据）",
    (
        DemoPerson("hz.caiwu", "冉春燕", Role.FINANCE_OFFICER),
        DemoPerson("hz.shenpi", "田国平", Role.FINANCE_APPROVER),
    ),
    "该院 2025 年公示的预交金表",
    3,
)
LONGQUANYI: Final = _house(
    "H51990000003",
    "成都市龙泉驿区中医医院（公开数据）",
    (
        DemoPerson("lqy.caiwu", "覃文芳", Role.FINANCE_OFFICER),
        DemoPerson("lqy.shenpi", "仇建军", Role.FINANCE_APPROVER),
    ),
    "该院 2025 年公示的预交金表（前 24 行，没有自费一栏）",
    3,
)
LINXI: Final = _house(
    "H33990000005",
    "临溪市中心医院",
    (
        DemoPerson("lx.keshi1", "何敏", Role.DEPARTMENT_HEAD),
        DemoPerson("lx.keshi2", "方圆", Role.DEPARTMENT_HEAD),
        DemoPerson("lx.caiwu", "徐立", Role.FINANCE_OFFICER),
        DemoPerson("lx.shenpi", "沈国平", Role.FINANCE_APPROVER),
        DemoPerson("lx.shenji", "柳青", Role.AUDITOR),
    ),
    "虚构的浙江医院：一笔医保预付金在用，各步都有申请在等",
    3,
)


def _fund_house(
    code: str, name: str, logins: str, names: tuple[str, ...], remark: str, second_officer: str = ""
) -> House:
    roles = (Role.DEPARTMENT_HEAD, Role.DEPARTMENT_HEAD, Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR)
    ends = ("keshi1", "keshi2", "caiwu", "shenpi", "shenji")
    people = tuple(
        DemoPerson(f"{logins}.{end}", name, role) for end, name, role in zip(ends, names, roles, strict=True)
    )
    if second_officer:
        people = (*people, DemoPerson(f"{logins}.caiwu2", second_officer, Role.FINANCE_OFFICER))
    return _house(code, name, people, remark, 3)


WEIHAI: Final = _fund_house(
    "H37990000006",
    "文屿区人民医院",
    "wy",
    ("宋海燕", "丛培", "于静", "毕志刚", "姜文"),
    "虚构的威海牵头医院：2025 年的预付金，从申请到清零；其中一部分分给一家成员单位",
    second_officer="慕容丽",
)
XIZANG: Final = _fund_house(
    "H54990000007",
    "雪域县人民医院",
    "xy",
    ("次仁卓玛", "巴桑", "格桑", "旦增", "央金"),
    "虚构的西藏医院：2025 年的预付金，12 月 10 日前从结算中全额抵扣",
)
HENAN: Final = _fund_house(
    "H41990000008",
    "豫川市第二人民医院",
    "yc",
    ("郑丽", "牛建设", "马俊", "付敏", "常青"),
    "虚构的河南医院：2025 年的预拨，2026 年 1 月与当年预拨轧差；每月对账",
)
HOUSES: Final = (MAIN, SAMPLE, HUZHOU, LONGQUANYI, LINXI, WEIHAI, XIZANG, HENAN)
