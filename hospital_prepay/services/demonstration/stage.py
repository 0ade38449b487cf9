"""Acting in a demonstration institution: as one of its people, at any moment of its past."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.clock import FixedClock, local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.persistence import institutions, users
from hospital_prepay.services.access.demo import seed_demo_people
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.houses import House
from hospital_prepay.services.publication.deposit_rules import NewRules, approve_rules, list_rules, write_rules
from hospital_prepay.services.publication.institution import open_institution

_TITLE: Final = "住院预交金管理制度"
_TEXT: Final = """\
一、收多少：每个病种按参保类型定一个额度，取前三年同病种、同类型患者个人负担的平均数，并且不高于本院原来的标准。
二、怎么收：一次住院合计不超过额度，可以分次交；现金、银行卡、微信、支付宝、转账都可以。
三、身份没核实、涉及第三方责任、诊断不明、住院期间换病种的，先与患者沟通并记下来，再收。
四、没有公示的病种，参照相似的已公示病种，就低不就高，并向患者说明。
五、额度表由财务测算，另一个人批准后公布；每一版都保留，随时可查。
六、病种或参保类型变化后多收的部分，当时退回；出院结算后的余额按原来的付款方式退回。
七、作废和退款由收费员提出、另一个人复核；当天的票据可以作废，隔天的办退款。
八、特困、低保、易返贫致贫等按规定先诊疗后付费的患者，不收预交金。
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """One institution of the demonstration."""

    context: Context
    house: House

    def at(self, moment: datetime) -> Context:
        """The same context with its clock standing at ``moment``."""
        return replace(self.context, clock=FixedClock(moment))

    def actor(self, role: Role, number: int = 0) -> Actor:
        """The ``number``-th person with this role."""
        held = [person for person in self.house.people if person.role is role]
        login = held[number % len(held)].login
        with self.context.database.reading() as connection:
            user = users.by_login(connection, login)
        if user is None:
            raise NotFound(f"没有演示账号 {login}。请换一个数据目录重新启动演示。")
        return user.actor()


def open_house(context: Context, house: House, moment: datetime) -> Stage:
    """The institution with its people and its approved deposit rules (article 4); what exists already stays."""
    stage = Stage(context, house)
    with context.database.reading() as connection:
        known = institutions.by_id(connection, house.code)
    if known is None:
        open_institution(stage.at(moment), house.institution)
    seed_demo_people(stage.at(moment), house.code, house.people)
    _adopt_rules(stage, moment + timedelta(hours=1))
    return stage


def _adopt_rules(stage: Stage, moment: datetime) -> None:
    known = list_rules(stage.context, stage.house.code)
    if not known:
        rules = NewRules(f"{stage.house.name}{_TITLE}", _TEXT, local(moment).date())
        write_rules(stage.at(moment), stage.actor(Role.FINANCE_OFFICER), rules)
    if not any(version.approved_by for version in known):
        approve_rules(stage.at(moment + timedelta(hours=1)), stage.actor(Role.FINANCE_APPROVER), 1)
