"""Looking for the owners: by SMS, by phone where no answer came, by WeChat, and on the notice board for everybody.

What came of each attempt is read from a file, as the sending system would give it.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.files.papers import Line, Paper, pdf_bytes
from hospital_prepay.services.demonstration.outpatient_claims import Act
from hospital_prepay.services.demonstration.outpatient_plan import at, call_result, sms_result, wechat_result
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.outpatient import campaigns
from hospital_prepay.services.outpatient.campaign_file import Form, export_campaign, fetch_campaign_file
from hospital_prepay.services.outpatient.campaign_photos import prove_campaign
from hospital_prepay.services.outpatient.campaigns import ProposeCampaign, Who
from hospital_prepay.services.outpatient.contact_results import import_results

_BOARD: Final = (
    "{医院}正在清退门诊预交金。就诊卡里还有余额的患者，什么时候来都可以办；本人、代办、继承都受理。咨询{电话}。"
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A campaign: proposed on a day, released and sent on the next, its results in so many days later."""

    number: int
    title: str
    way: Way
    text: str
    day: date
    least: Money = Money(0)  # noqa: RUF009 - Money is frozen
    results_after: int = 3


CAMPAIGNS: Final = (
    Planned(
        1,
        "第一轮短信",
        Way.SMS,
        "{医院}：{称呼}您好，您的就诊卡（尾号{尾号}）还有余额，什么时候来都可以退。咨询{电话}。",
        date(2025, 9, 16),
    ),
    Planned(
        2,
        "智能外呼",
        Way.PHONE,
        "您好，这里是{医院}。请问是{称呼}本人吗？核对身份后：您的账户余额是{余额}元，随时可以退，咨询{电话}。",
        date(2025, 9, 22),
        results_after=8,
    ),
    Planned(
        3,
        "公众号消息",
        Way.WECHAT,
        "{医院}：您的就诊卡（尾号{尾号}）还有余额，可在网上申请退还，什么时候都可以。咨询{电话}。",
        date(2025, 10, 9),
    ),
    Planned(4, "门诊大厅公告栏", Way.BOARD, _BOARD, date(2025, 10, 15)),
)
_HEADER: Final = ("编号", "结果", "时间", "回执号")
_DAY: Final = timedelta(days=1)


@dataclass
class Contacts:
    """The campaigns of one hospital."""

    stage: Stage
    now: datetime

    def acts(self) -> Iterator[Act]:
        """Propose, release, send, take in what came of it; the newest waits for its release."""
        for one in CAMPAIGNS:
            day = one.day
            who = Who.UNTRIED if one.way is Way.BOARD else Who.NEXT
            yield at(day), partial(self.propose, planned=one, who=who)
            yield at(day + _DAY), partial(self.release, planned=one)
            if one.way is Way.BOARD:
                yield at(day + 2 * _DAY), partial(self.photograph, planned=one)
                continue
            yield at(day + _DAY, 10), partial(self.export, planned=one)
            yield at(day + one.results_after * _DAY, 16), partial(self.hear, planned=one)
        text = "{医院}：您的就诊卡（尾号{尾号}）还有余额，随时可以退。咨询{电话}。"
        newest = Planned(5, "第二轮短信", Way.SMS, text, local(self.now).date(), Money(5_000))
        yield self.now - _DAY, partial(self.propose, planned=newest, who=Who.UNREACHED)

    def propose(self, moment: datetime, planned: Planned, who: Who) -> None:
        """Write it down."""
        key = f"demonstration:campaign:{planned.number}"
        command = ProposeCampaign(
            planned.title, planned.way, planned.text, who, planned.least, None, idempotency_key=key
        )
        campaigns.propose_campaign(self.stage.at(moment), self._officer(), command)

    def release(self, moment: datetime, planned: Planned) -> None:
        """Another person releases it."""
        if self._view(planned).head.state == "proposed":
            approver = self.stage.actor(Role.FINANCE_APPROVER)
            campaigns.release_campaign(self.stage.at(moment), approver, planned.number)

    def export(self, moment: datetime, planned: Planned) -> None:
        """The file for the sending system."""
        export_campaign(self.stage.at(moment), self._officer(), planned.number, Form.CSV)

    def hear(self, moment: datetime, planned: Planned) -> None:
        """What came of each attempt."""
        if self._view(planned).imports:
            return
        context = self.stage.at(moment)
        _, content = fetch_campaign_file(context, self._officer(1), planned.number)
        with content, tempfile.TemporaryDirectory(prefix="prepay-demo-") as folder:
            lines = csv.reader(io.TextIOWrapper(content, "utf-8-sig", newline=""))
            next(lines)
            path = Path(folder) / "results.csv"
            with path.open("w", encoding="gb18030", newline="") as target:
                writer = csv.writer(target)
                writer.writerow(_HEADER)
                writer.writerows(_results(planned, lines, moment - 5 * timedelta(hours=1)))
            name = f"{planned.title}回执（演示）.csv"
            import_results(context, self._officer(1), path, name, planned.number)

    def photograph(self, moment: datetime, planned: Planned) -> None:
        """What hung on the board, by another person than proposed it."""
        if self._view(planned).proofs:
            return
        hospital = self.stage.house.institution.details
        words = planned.text.replace("{医院}", hospital.name).replace("{电话}", hospital.phone)
        paper = Paper("门诊预交金清退公告（演示）", (Line(words), Line("演示数据：虚构的医院，没有真实患者。")))
        day, file = local(moment).date(), io.BytesIO(pdf_bytes(paper))
        context, who = self.stage.at(moment), self._officer(1)
        prove_campaign(context, who, planned.number, "门诊大厅一楼公告栏", day, file, "公告栏（演示）.pdf")

    def _view(self, planned: Planned) -> campaigns.CampaignView:
        return campaigns.show_campaign(self.stage.context, self._officer(), planned.number)

    def _officer(self, number: int = 0) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER, number)


def _results(planned: Planned, lines: Iterator[list[str]], moment: datetime) -> Iterator[tuple[str, ...]]:
    when = f"{local(moment):%Y-%m-%d %H:%M}"
    outcome = _OUTCOMES[planned.way]
    for cells in lines:
        if words := outcome(cells):
            yield cells[0], words, when, f"DEMO-{cells[0]}"


def _by_sms(cells: list[str]) -> str:
    return sms_result(cells[1])


def _by_call(cells: list[str]) -> str:
    return call_result(cells[2])


def _by_wechat(cells: list[str]) -> str:
    return wechat_result(cells[1])


_OUTCOMES: Final[dict[Way, Callable[[list[str]], str]]] = {
    Way.SMS: _by_sms,
    Way.PHONE: _by_call,
    Way.WECHAT: _by_wechat,
}
