"""What patients read and ask on-line, and the gate: what the filing keeps is taken, what it doesn't is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.domain.rules.outpatient.gate import PLACES
from hospital_prepay.persistence.outpatient_public import RequestRow
from hospital_prepay.services.access.login import NOBODY
from hospital_prepay.services.demonstration.outpatient_claims import BANK, Act
from hospital_prepay.services.demonstration.outpatient_plan import at
from hospital_prepay.services.demonstration.outpatient_rows import Legacy
from hospital_prepay.services.demonstration.outpatient_treasury import AUTHORITY
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.outpatient import alarms, gate, notice, online, requests
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.gate_review import other_kinds, read_gate
from hospital_prepay.services.outpatient.notice import WriteNotice
from hospital_prepay.services.outpatient.online import AskForAnother, AskOwn, Identity
from hospital_prepay.services.outpatient.requests import TakeUp

_KEPT: Final = (
    gate.KeptKind("emergency", "急诊留观"),
    gate.KeptKind("elderly", "不用手机支付的患者", for_elderly=True),
)
_NOTICES: Final = (
    (date(2025, 9, 10), "周一至周五 8:00–12:00、14:30–17:30"),
    (date(2025, 10, 8), "每天 8:00–18:00"),
)
_OTHER_KINDS: Final = (
    ("轮椅、康复器材租用押金", "租用协议约定归还器材时退还，不是看病的预交金", True),
    ("就诊卡工本费", "卡片成本，退卡即退", False),
    ("互助献血押金", "", None),
)
_SHOWN: Final = "演示截图"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Deposit:
    """Asked for at the window; the last two are refused."""

    key: str
    holder: str
    short: str
    kind: str
    yuan: int
    tender: Tender
    consent: str
    on: date


_DEPOSITS: Final = (
    _Deposit("1", "安国福", "529900420311001", "elderly", 300, Tender.CASH, "TY-0001", date(2025, 10, 20)),
    _Deposit("2", "田春兰", "529900880607022", "emergency", 500, Tender.WECHAT, "TY-0002", date(2025, 11, 4)),
    _Deposit("3", "陆桂芳", "529900390120064", "elderly", 200, Tender.CASH, "TY-0003", date(2025, 12, 15)),
    _Deposit("4", "杜建军", "529900790915011", "emergency", 800, Tender.CARD, "TY-0004", date(2026, 2, 10)),
    _Deposit("5", "姚敏", "529900910203046", "surgery", 1_000, Tender.ALIPAY, "TY-0005", date(2026, 2, 11)),
    _Deposit("6", "解林", "529900850704015", "elderly", 300, Tender.CASH, "", date(2026, 3, 5)),
)


@dataclass
class Front:
    """What the hospital shows and takes; ``owners`` are those who ask on-line, by key."""

    stage: Stage
    owners: dict[str, Legacy]
    now: datetime

    def acts(self) -> Iterator[Act]:
        """The announcement, the kept filing with its postings, deposits, kinds of article 9, applications on-line."""
        for version, (day, hours) in enumerate(_NOTICES):
            yield at(day), partial(self.announce, version=version, hours=hours)
        yield at(date(2025, 9, 18)), self.keep
        yield at(date(2025, 9, 19)), self.post
        for number, deposit in enumerate(_DEPOSITS):
            yield at(deposit.on, 10 + number), partial(self.take, deposit=deposit)
        yield at(date(2025, 9, 25)), self.widen
        yield at(date(2025, 10, 10)), self.enter_staff_card
        for number, days in ((1, 6), (2, 5), (3, 2)):
            yield self.now - days * _DAY, partial(self.ask, number=number)
        yield self.now - 4 * _DAY, self.take_up
        yield self.now - 4 * _DAY, self.decline
        yield self.now - _DAY, self.ask_for_another

    def announce(self, moment: datetime, version: int, hours: str) -> None:
        """Write the next version of the announcement."""
        details = self.stage.house.institution.details
        if len(notice.list_notices(self.stage.context, self._officer)[0]) > version:
            return
        windows = f"{details.place}\n新区门诊一楼 3 号窗口"
        command = WriteNotice(version, "\n".join(notice.USUAL_STEPS), windows, hours, details.phone)
        notice.write_notice(self.stage.at(moment), self._officer, command)

    def keep(self, moment: datetime) -> None:
        """The filing of what is kept, compared with the authority's paper by another person."""
        if not read_gate(self.stage.context, self._officer).filings:
            filed_on = date(2025, 9, 12)
            command = gate.ProposeKept("黔岭卫健备〔2025〕9号（演示）", AUTHORITY, filed_on, _KEPT)
            gate.propose_kept(self.stage.at(moment), self._officer, command)
        [found] = read_gate(self.stage.context, self._officer).filings
        if found.state == "proposed":
            later = self.stage.at(moment + timedelta(hours=3))
            gate.decide_kept(later, self._approver, found.filing_id, approved=True)

    def post(self, moment: datetime) -> None:
        """It stands in the three places."""
        found = read_gate(self.stage.context, self._officer)
        [filing] = found.filings
        there = {one.place for one in found.postings[filing.filing_id]}
        for number, place in enumerate(PLACES):
            if place not in there:
                day, proof = local(moment).date(), f"{_SHOWN} {number + 1}"
                gate.record_posting(self.stage.at(moment), self._officer, filing.filing_id, place, day, proof)

    def take(self, moment: datetime, deposit: _Deposit) -> None:
        """Ask for a deposit at the window; a rule's "no" is kept as well."""
        command = gate.TakeDeposit(
            f"BL{int(deposit.key):06}",
            deposit.holder,
            same_person_number(deposit.short),
            f"1541{int(deposit.key):07}",
            deposit.kind,
            Money(100 * deposit.yuan),
            deposit.tender,
            deposit.consent,
            f"demonstration:deposit:{deposit.key}",
        )
        gate.take_deposit(self.stage.at(moment), self._cashier, command)

    def widen(self, moment: datetime) -> None:
        """Kinds of money that are no deposit: one held to be none, one turned down, one undecided."""
        known = {one.label: one for one in other_kinds(self.stage.context, self._officer)[0]}
        for label, ground, approved in _OTHER_KINDS:
            if label not in known:
                words = ground or "献血后退还，依据待补"
                kind_id = gate.propose_other_kind(self.stage.at(moment), self._officer, label, words)
            elif known[label].state == "proposed":
                kind_id = known[label].kind_id
            else:
                continue
            if approved is not None:
                later = self.stage.at(moment + timedelta(hours=2))
                gate.decide_other_kind(later, self._approver, kind_id, approved=approved)

    def enter_staff_card(self, moment: datetime) -> None:
        """No refund goes to this card."""
        if not alarms.list_staff_cards(self.stage.context, self._approver)[0]:
            alarms.add_staff_card(self.stage.at(moment), self._approver, "周晓梅", "9900000000000099")

    def ask(self, moment: datetime, number: int) -> None:
        """An owner applies from home."""
        owner = self.owners[f"online-{number}"]
        if self._requests.get(owner.account_no):
            return
        context, public = self.stage.at(moment), self._public(number)
        told = Identity(owner.name, owner.certno, owner.phone)
        proof = f"demonstration-{number}"
        looked = online.look_up(context, public, told, proof)
        place = next(one.place for one in looked.deposits if one.tail == owner.account_no[-4:])
        card = f"990000000000002{number}"
        command = AskOwn(place, Route.BANK, phone=owner.phone, bank=BANK, card_no=card)
        online.ask_own(context, public, looked.sealed, proof, command)

    def ask_for_another(self, moment: datetime) -> None:
        """A daughter books a visit."""
        owner = self.owners["online-4"]
        patient = Identity(owner.name, owner.certno, owner.phone)
        certno, phone = same_person_number("529900720518046"), "15420000004"
        command = AskForAnother(Claimant.PROXY, patient, "何春艳", certno, phone, "demonstration:online:4")
        online.ask_for_another(self.stage.at(moment), self._public(4), command)

    def take_up(self, moment: datetime) -> None:
        """The counter accepts the first application as a claim."""
        found = self._requests[self.owners["online-1"].account_no]
        papers = (ShownPaper(Paper.OWN_ID, "电话回访核对"),)
        command = TakeUp(found.account_no or "", papers, Route.BANK, "demonstration:take-up:1")
        if found.state == "asked":
            requests.take_up(self.stage.at(moment), self._cashier, found.request_id, command)

    def decline(self, moment: datetime) -> None:
        """The second is declined with a word on what to do."""
        found = self._requests[self.owners["online-2"].account_no]
        if found.state == "asked":
            ground = "电话打不通，没有核对到本人。请保持手机畅通后再申请，或带证件到窗口。"
            requests.decline(self.stage.at(moment), self._cashier, found.request_id, ground)

    @property
    def _requests(self) -> dict[str, RequestRow]:
        states = (*requests.WAITING, *requests.ENDED)
        listed, _ = requests.list_requests(self.stage.context, self._cashier, states)
        return {one.request.account_no: one.request for one in listed if one.request.account_no}

    def _public(self, number: int) -> Actor:
        return Actor(self.stage.house.code, NOBODY, "", frozenset(), f"192.0.2.{number}")

    @property
    def _cashier(self) -> Actor:
        return self.stage.actor(Role.CASHIER)

    @property
    def _officer(self) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER)

    @property
    def _approver(self) -> Actor:
        return self.stage.actor(Role.FINANCE_APPROVER)
