"""People come for their money: accepted, reviewed, confirmed and paid by different people, in cash or by the bank.

Every step looks at where its claim stands, so that what was done stays done.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.persistence import outpatient_claims as store
from hospital_prepay.persistence.outpatient_claims import ClaimRow
from hospital_prepay.persistence.outpatient_contradictions import contradictions_of
from hospital_prepay.services.demonstration.outpatient_plan import (
    BANK_RUNS,
    DOUBTED,
    HEIR_OF_OWED,
    LATER,
    PAPERS,
    VISITS,
    BankRun,
    Doubted,
    Visit,
)
from hospital_prepay.services.demonstration.outpatient_rows import Legacy
from hospital_prepay.services.demonstration.stage import Stage
from hospital_prepay.services.outpatient import payouts
from hospital_prepay.services.outpatient.claim_steps import (
    confirm_claim,
    redirect_claim,
    reject_claim,
    review_claim,
    withdraw_claim,
)
from hospital_prepay.services.outpatient.claims import AcceptClaim, ShownPaper, accept_claim
from hospital_prepay.services.outpatient.contradictions import Verdict, decide_contradiction
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment

Act = tuple[datetime, Callable[[datetime], object]]
BANK: Final = "黔岭市农商银行（演示）"
_ALARMS: Final = "已电话核实：两位患者是一家人，同意收到同一张卡；受理时间晚是因为患者下班后赶来。"
_BEYOND: Final = "已核对患者 2019 年的凭条和当年的收费记录，清查时少计 20 元，由本院承担。"
_UNPROVEN: Final = "已核对来办的人的证件和预交金凭条、登记的手机号，与当年的收费记录一致。"
_DOUBTED: Final = "已电话联系银行：补发的回单是串行出错，款项没有付出，有银行邮件为证。"
_PAID: Final = "已电话联系银行：第一次的款项也付到了患者的卡上，有银行回函为证。"
_HOUR: Final = timedelta(hours=1)


@dataclass
class Counter:
    """The counter for refunds; ``owners`` are the accounts of those who come, ``claims`` their claims by key."""

    stage: Stage
    owners: dict[str, Legacy]
    now: datetime
    claims: dict[str, str] = field(default_factory=dict)

    def acts(self) -> Iterator[Act]:
        """Every visit with its steps, and every file for the bank with its answer."""
        for number, visit in enumerate(VISITS):
            moment = visit.moment(self.now)
            yield moment, partial(self.accept, visit=visit, number=number)
            for step, hours in visit.steps:
                yield moment + hours * _HOUR, partial(self.step, key=visit.key, step=step, number=number)
        for number, (key, step, moment) in enumerate(LATER):
            yield moment, partial(self.step, key=key, step=step, number=number)
        for run in BANK_RUNS:
            made_at = run.made_at or self.now - timedelta(days=run.days_ago)
            yield made_at, partial(self.send, run=run)
            yield run.answered_at or made_at + timedelta(days=2), partial(self.hear, run=run)
        for doubted in DOUBTED:
            yield doubted.heard_at, partial(self.hear_otherwise, key=doubted.key)
            yield doubted.decided_at, partial(self.decide, doubted=doubted)

    def accept(self, moment: datetime, visit: Visit, number: int = 0) -> None:
        """Take the claim down at the window."""
        owner, own = self.owners[visit.key], visit.claimant is Claimant.SELF
        papers = [ShownPaper(paper, words) for paper, words in PAPERS[visit.claimant]]
        if visit.card_lost:
            papers.append(ShownPaper(Paper.LOST_CARD, "本人书面说明"))
        if visit.beyond or not (owner.certno or owner.phone):
            papers.append(ShownPaper(Paper.SLIP, f"凭条 2019-{number:04}（演示）"))
        command = AcceptClaim(
            account_no=owner.account_no,
            claimant=visit.claimant,
            claimant_name=owner.name if own else visit.name,
            certno=owner.certno if own else same_person_number(f"5299007001010{number:02}"),
            phone=owner.phone or f"1540000{number:04}",
            papers=tuple(papers),
            route=visit.route,
            idempotency_key=f"demonstration:claim:{visit.key}:{visit.claimant.value}",
            card_lost=visit.card_lost,
            bank=BANK if visit.route is Route.BANK else "",
            card_no=visit.card_no,
            beyond=visit.beyond,
            ground=visit.ground,
            patient_name="" if own else owner.name,
            patient_certno="" if own else owner.certno,
        )
        accepted = accept_claim(self.stage.at(moment), self._cashier(number), command)
        if accepted.claim_id is None:
            raise AssertionError(f"{visit.key}: {accepted.decision.reasons}")
        self.claims[visit.key] = accepted.claim_id

    def step(self, moment: datetime, key: str, step: str, number: int = 0) -> None:
        """Take a claim its next step, when it stands before it."""
        context, claim_id, found = self.stage.at(moment), self.claims[key], self._found(key)
        if step == "review" and found.state == "accepted":
            review_claim(context, self._reviewer(number), claim_id)
        elif step == "confirm" and found.state == "reviewed":
            ground = _ALARMS if key.startswith(("same-card", "late")) else ""
            ground = _BEYOND if key.startswith("beyond") else ground
            if not ground and not self.owners[key].certno:
                ground = _UNPROVEN
            confirm_claim(context, self._confirmer(found), claim_id, ground)
        elif step == "cash" and found.state == "confirmed":
            receipt = f"领款单 {found.refund_no}"
            payouts.pay_cash(context, self._cashier(number + 1), claim_id, receipt)
        elif step == "reject" and found.state in ("accepted", "reviewed"):
            reject_claim(
                context, self._confirmer(found), claim_id, "来办的人说不清账户的情况，请带齐证件再来，随时可以办。"
            )
        elif step == "withdraw" and found.state in ("accepted", "confirmed", "failed"):
            withdraw_claim(context, self._cashier(number), claim_id, "患者说先不退，改天再来办。")
        elif step == "redirect" and found.state == "failed":
            redirect_claim(context, self._reviewer(number), claim_id, Route.CASH)
        elif step == "bounce" and found.state == "arrived" and len(self._attempts(key)) == 1:
            payouts.bounce_refund(
                context, self._cashier(number), claim_id, "用户零钱账户受限，款项退回", f"TH{found.refund_no}"
            )

        elif step == "take over" and found.state == "failed" and found.claimant == Claimant.SELF:
            self.accept(moment, HEIR_OF_OWED, number)
        elif step == "recover":
            receipt = f"YS{found.refund_no}"
            command = RecoverOverpayment(claim_id, 1, Route.CASH, receipt, f"demonstration:recover:{key}")
            recover_overpayment(context, self._cashier(number), command)

    def send(self, moment: datetime, run: BankRun) -> None:
        """Make the file for the bank; what failed is sent again by another cashier than before."""
        sender = self._cashier(run.sender)
        key, claims = f"demonstration:bank:{run.name}", [self.claims[key] for key in run.keys]
        payouts.make_bank_file(self.stage.at(moment), sender, run.route, claims, idempotency_key=key)

    def hear(self, moment: datetime, run: BankRun) -> None:
        """Read the bank's answer; of the newest file only what failed was answered so far."""
        answered = run.keys if run.answered_at else tuple(run.failed)
        self._read(moment, run.name, [self._answer(run, key) for key in answered])

    def hear_otherwise(self, moment: datetime, key: str) -> None:
        """Another file of the bank says that what failed arrived after all."""
        found, file_no = self._found(key), str(self._attempts(key)[0].file_no)
        line = (found.refund_no, Money(found.amount_fen).plain(), "成功", f"DEMO9{found.refund_no[-6:]}", "", file_no)
        self._read(moment, f"补发-{key}", [line])

    def decide(self, moment: datetime, doubted: Doubted) -> None:
        """Somebody who neither sent nor read says what the bank meant."""
        claim_id = self.claims[doubted.key]
        verdict, ground = (Verdict.PAID, _PAID) if doubted.is_paid else (Verdict.UNPAID, _DOUBTED)
        with self.stage.context.database.reading() as connection:
            there = contradictions_of(connection, self.stage.house.code, claim_id)
        for one in there:
            if not one.decision:
                context, actor = self.stage.at(moment), self.stage.actor(Role.FINANCE_APPROVER)
                decide_contradiction(context, actor, claim_id, one.contradiction_no, verdict, ground)

    def _read(self, moment: datetime, label: str, lines: list[tuple[str, ...]]) -> None:
        name, context = f"银行回盘-{label}（演示）.csv", self.stage.at(moment)
        known = payouts.list_payments(context, self._cashier(0)).answers
        if any(one.file_name == name for one in known):
            return
        with tempfile.TemporaryDirectory(prefix="prepay-demo-") as folder:
            path = Path(folder) / "answers.csv"
            with path.open("w", encoding="gb18030", newline="") as target:
                writer = csv.writer(target)
                writer.writerow(("退款单号", "金额", "结果", "银行流水号", "失败原因", "文件号"))
                writer.writerows(lines)
            payouts.take_answers(context, self._cashier(0), path, name)

    def _answer(self, run: BankRun, key: str) -> tuple[str, ...]:
        found, reason = self._found(key), run.failed.get(key, "")
        result, reference = ("失败", "") if reason else ("成功", f"DEMO{run.name}{found.refund_no[-6:]}")
        file_no = str(self._attempts(key)[-1].file_no)
        return found.refund_no, Money(found.amount_fen).plain(), result, reference, reason, file_no

    def _found(self, key: str) -> ClaimRow:
        with self.stage.context.database.reading() as connection:
            return store.read_claim(connection, self.stage.house.code, self.claims[key])

    def _attempts(self, key: str) -> list[store.PayoutRow]:
        with self.stage.context.database.reading() as connection:
            return store.payouts_of(connection, self.stage.house.code, self.claims[key])

    def _cashier(self, number: int) -> Actor:
        return self.stage.actor(Role.CASHIER, number)

    def _reviewer(self, number: int) -> Actor:
        return self.stage.actor(Role.FINANCE_OFFICER, number)

    def _confirmer(self, found: ClaimRow) -> Actor:
        return self.stage.actor(Role.FINANCE_APPROVER, int(found.refund_no[-1]))
