"""Outpatient money over random histories: whatever people do in whatever order, it leaves once and adds up."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hospital_prepay.clock import SHANGHAI, FixedClock, local
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.errors import LedgerFault, PrepayError
from hospital_prepay.domain.rules.outpatient.claims import Route
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.ledger.balances import trial_balance
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.outpatient import (
    advances,
    claim_steps,
    contradictions,
    escheat,
    filing,
    payouts,
    proposals,
)
from hospital_prepay.services.outpatient.contradictions import Verdict
from hospital_prepay.services.outpatient.escheat import Part
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from hospital_prepay.services.outpatient.overpayments import RecoverOverpayment, recover_overpayment
from hospital_prepay.settings import Settings
from tests import servers
from tests.conftest import MOMENT
from tests.hospital import INSTITUTION, actor, open_hospital
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, Outpatients
from tests.told import tell_everybody

OPENING = {"M001": 6450, "M002": 10000, "M003": 3000, "M005": 1}
ROWS = tuple(
    (number, "吴甲", "", "", f"{fen / 100:.2f}", "2020-03-01", "门诊预交金", "微信" if number == "M002" else "现金")
    for number, fen in OPENING.items()
)
OFFICERS = (OFFICER, actor(Role.FINANCE_OFFICER, "2"), actor(Role.FINANCE_OFFICER, "3"))
APPROVERS = (APPROVER, actor(Role.FINANCE_APPROVER, "2"), actor(Role.FINANCE_APPROVER, "3"))
accounts = st.sampled_from(sorted(OPENING))
routes = st.sampled_from((Route.CASH, Route.BANK, Route.BANK))


class MoneyMachine(RuleBasedStateMachine):
    """Claims, payments, failures, bounces, marks, filings, batches, advances. ``out`` is what people were handed, net
    of what came back, counted from the answers of the services and from nothing else."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._made = make()
        self.database: Database = self._made.__enter__()
        self.clock = FixedClock(MOMENT)
        self.folder = tempfile.TemporaryDirectory()
        self.out = dict.fromkeys(OPENING, 0)
        self.reimbursed = self.overpaid = 0
        self.sent: list[tuple[str, str, str, str]] = []
        self.read: list[tuple[Path, list[tuple[int, str, str]]]] = []
        self.papers = 0
        self.done = 0

    @initialize()
    def open(self) -> None:
        environment = {"PREPAY_MODE": "demo", "PREPAY_DATA_DIR": self.folder.name}
        self.context = Context(Settings.from_environment(environment), self.database, self.clock)
        open_hospital(self.context)
        self.steps = Outpatients(self.context, Path(self.folder.name))
        self.steps.census(ROWS)
        tell_everybody(self.context)

    def attempt(self, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What an act answers, ``None`` when it is refused; a fault is no refusal."""
        try:
            found = act(*args, **options)
        except LedgerFault:
            raise
        except PrepayError:
            return None
        self.done += 1
        return found

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(sa.text(query), values))

    def number(self, query: str, **values: Any) -> int:
        return int(self.rows(query, **values)[0][0] or 0)

    def claim_of(self, account: str) -> str:
        """The newest claim of an account; one that isn't there where it has none."""
        query = "SELECT claim_id FROM outpatient_claim WHERE account_no = :account ORDER BY claim_id DESC"
        found = self.rows(query, account=account)
        return str(found[0][0]) if found else "none"

    @rule(
        account=accounts,
        route=routes,
        reviewer=st.sampled_from(OFFICERS),
        confirmer=st.sampled_from(APPROVERS),
        far=st.sampled_from((1, 2, 3, 3, 3)),
    )
    def claim(self, account: str, route: Route, reviewer: Any, confirmer: Any, far: int) -> None:
        self.refund(account, route, reviewer, confirmer, far)

    def refund(self, account: str, route: Route, reviewer: Any, confirmer: Any, far: int) -> None:
        """Take a claim, or go on with the one that is there, as far as it goes."""
        card = {"bank": "某银行", "card_no": f"621700000000{account[1:]}"} if route is Route.BANK else {}
        self.attempt(self.steps.accept, account, certno=OWN, route=route, **card)
        claim_id = self.claim_of(account)
        if far > 1:
            self.attempt(claim_steps.review_claim, self.context, reviewer, claim_id)
            self.attempt(claim_steps.confirm_claim, self.context, confirmer, claim_id, "核对过")
        if far > 2:
            self.pay(account)

    def paper(self, what: str) -> str:
        """A number that no other paper has."""
        self.papers += 1
        return f"{what}{self.papers}"

    def pay(self, account: str) -> None:
        """By whichever way it goes, twice: the second time finds nothing to pay."""
        for _ in range(2):
            done = self.attempt(payouts.pay_cash, self.context, PAYER, self.claim_of(account), self.paper("LK"))
            self.out[account] += done.amount_fen if done is not None else 0
        for _ in range(2):
            claim_id = self.claim_of(account)
            query = "SELECT count(*) FROM outpatient_payout WHERE claim_id = :claim"
            sender = (PAYER, CLERK)[self.number(query, claim=claim_id) % 2]
            made = self.attempt(payouts.make_bank_file, self.context, sender, Route.BANK, [claim_id])
            if made is not None:
                row = next(csv.DictReader(made.text.splitlines()))
                self.sent.append((account, row["退款单号"], row["金额"], row["文件号"]))

    @rule(account=accounts, how=st.sampled_from(("reject", "withdraw")))
    def end(self, account: str, how: str) -> None:
        act, who = {"reject": (claim_steps.reject_claim, OFFICER), "withdraw": (claim_steps.withdraw_claim, CLERK)}[
            how
        ]
        self.attempt(act, self.context, who, self.claim_of(account), "不办了")

    @rule(results=st.lists(st.sampled_from(("成功", "失败")), min_size=1, max_size=4), again=st.booleans())
    def bank_answers(self, results: list[str], again: bool) -> None:
        self.answer(results, again)

    def answer(self, results: list[str], again: bool) -> None:
        """The bank answers what it was ever sent, the newest first; old answers come again and again."""
        newest = list(enumerate(self.sent))[::-1]
        lines = [(*sent, result) for (_, sent), result in zip(newest, results, strict=False)]
        path = Path(self.folder.name) / f"answers-{len(self.read)}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            rows = [(number, amount, result, "Y1", file_no) for _, number, amount, file_no, result in lines]
            csv.writer(target).writerows([("退款单号", "金额", "结果", "银行流水号", "文件号"), *rows])
        self.read.append((path, [(at, sent[0], sent[2]) for at, sent in newest[: len(lines)]]))
        for _ in range(1 + again):
            self.take(*self.read[-1])
        self.done += 1

    def take(self, path: Path, lines: list[tuple[int, str, str]]) -> list[str]:
        """Read a file; what it says came of each line."""
        told = [line.outcome for line in payouts.take_answers(self.context, PAYER, path, path.name).told]
        for (_, account, amount), outcome in zip(lines, told, strict=True):
            self.out[account] += round(float(amount) * 100) * (outcome == "arrived")
        return told

    @precondition(lambda self: self.read)
    @rule(data=st.data())
    def an_old_file_is_read_again(self, data: st.DataObject) -> None:
        """It ends no attempt but those it names, and none of them twice."""
        path, lines = data.draw(st.sampled_from(self.read))
        query = "SELECT claim_id, attempt_no, file_no, state FROM outpatient_payout ORDER BY claim_id, attempt_no"
        before = self.rows(query)
        self.take(path, lines)
        named = {int(self.sent[at][3]) for at, _, _ in lines}
        for was, now in zip(before, self.rows(query), strict=True):
            assert was == now or (was.state == "sent" and was.file_no in named)

    @rule(account=accounts, verdict=st.sampled_from(Verdict), decider=st.sampled_from(APPROVERS))
    def decide_what_the_bank_meant(self, account: str, verdict: Verdict, decider: Any) -> None:
        """Nothing more is paid before; the one attempt that arrived after all counts once, of an ended claim too, and
        what was paid beside it is owed back."""
        query = (
            "SELECT o.claim_id, o.contradiction_no FROM outpatient_contradiction o JOIN outpatient_claim c"
            " ON c.claim_id = o.claim_id WHERE c.account_no = :account AND o.decision = ''"
        )
        for claim_id, number in self.rows(query, account=account):
            before = self.number("SELECT count(*) FROM outpatient_payout WHERE state = 'arrived'")
            owed = self.number("SELECT count(*) FROM outpatient_overpayment")
            done = self.attempt(
                contradictions.decide_contradiction, self.context, decider, claim_id, number, verdict, "问过银行"
            )
            after = self.number("SELECT count(*) FROM outpatient_payout WHERE state = 'arrived'")
            self.out[account] += done.amount_fen * (after - before) if done is not None else 0
            more = self.number("SELECT count(*) FROM outpatient_overpayment") - owed
            self.overpaid += done.amount_fen * more if done is not None else 0

    @rule(way=st.sampled_from((Route.CASH, Route.BANK)))
    def get_it_back(self, way: Route) -> None:
        """What was paid too often, each once."""
        for claim_id, attempt_no, fen in self.rows(
            "SELECT claim_id, attempt_no, amount_fen FROM outpatient_overpayment"
        ):
            command = RecoverOverpayment(claim_id, attempt_no, way, self.paper("SJ"), self.paper("key"))
            done = self.attempt(recover_overpayment, self.context, PAYER, command)
            self.overpaid -= fen if done is not None else 0

    @rule(account=accounts)
    def bounce(self, account: str) -> None:
        done = self.attempt(
            payouts.bounce_refund, self.context, PAYER, self.claim_of(account), "退汇", self.paper("TH")
        )
        if done is not None:
            self.out[account] -= done.amount_fen

    @rule(account=accounts, reviewer=st.sampled_from(OFFICERS))
    def pay_another_way(self, account: str, reviewer: Any) -> None:
        """A refund that failed, sent again or by another way."""
        self.attempt(claim_steps.redirect_claim, self.context, reviewer, self.claim_of(account), Route.CASH)
        self.attempt(claim_steps.confirm_claim, self.context, APPROVER, self.claim_of(account), "核对过")
        self.pay(account)

    @rule(account=accounts)
    def unmark(self, account: str) -> None:
        self.attempt(filing.unmark, self.context, OFFICER, account, "有人来电")

    @rule(chosen=st.sets(accounts, min_size=1), kept=st.sampled_from((True, True, False)))
    def mark_and_file(self, chosen: set[str], kept: bool) -> None:
        self.file_and_acknowledge(chosen, kept)

    def file_and_acknowledge(self, chosen: set[str], kept: bool) -> None:
        command = MarkUnclearable(Reason.NO_ANSWER, "短信、电话", account_nos=tuple(sorted(chosen)))
        self.attempt(filing.mark_unclearable, self.context, OFFICER, command)
        made = self.attempt(filing.make_filing, self.context, OFFICER, "随到随退")
        if made is None:
            return
        today = local(self.clock.now()).date()
        self.attempt(filing.submit_filing, self.context, OFFICER, made.filing_no, "某卫生健康局", today)
        if kept:
            self.attempt(filing.acknowledge_filing, self.context, APPROVER, made.filing_no, "备1", today)
        else:
            self.attempt(filing.withdraw_filing, self.context, OFFICER, made.filing_no, "重做")

    def next_year(self) -> None:
        self.clock.moment = datetime(local(self.clock.now()).year + 1, 1, 15, 10, tzinfo=SHANGHAI)

    @rule(far=st.sampled_from((1, 2, 3, 3, 3)), drop=st.booleans(), year=st.sampled_from((True, True, False)))
    def escheat(self, far: int, drop: bool, year: bool) -> None:
        if year:
            self.next_year()
        self.remit(far, drop)

    def remit(self, far: int, drop: bool) -> None:
        """A batch, or the one that is under way, as far as it goes; one that went no further may be dropped."""
        today = local(self.clock.now()).date()
        made = self.attempt(proposals.propose_batch, self.context, OFFICER, date(today.year - 1, 12, 31))
        batch_no = made.batch_no if made is not None else self.number("SELECT max(batch_no) FROM outpatient_batch")
        self.attempt(escheat.freeze_batch, self.context, OFFICER, batch_no)
        if far > 1:
            for part, who in zip(Part, (OFFICERS[1], OFFICERS[2], APPROVERS[1]), strict=True):
                self.attempt(escheat.review_batch, self.context, who, batch_no, part, "无误")
            self.attempt(escheat.approve_batch, self.context, APPROVER, batch_no)
        if far > 2:
            remittance = escheat.Remittance(f"缴款书{batch_no}", f"回单{batch_no}", today)
            self.attempt(escheat.remit_batch, self.context, APPROVERS[2], batch_no, remittance)
        elif drop:
            self.attempt(escheat.drop_batch, self.context, OFFICER, batch_no, "重做")

    @rule(chosen=st.sets(accounts, min_size=1), route=routes, granted=st.booleans(), late=st.booleans())
    def come_afterwards(self, chosen: set[str], route: Route, granted: bool, late: bool) -> None:
        """Owners who come when the treasury has their money, or at any other time, and what is applied for then."""
        if late:
            self.file_and_acknowledge(set(OPENING), kept=True)
            self.next_year()
            self.remit(far=3, drop=False)
        for account in sorted(chosen):
            self.refund(account, route, OFFICERS[1], APPROVERS[1], 3)
        self.answer(["成功"], again=True)
        self.apply_for_advances(granted)

    @rule(granted=st.booleans())
    def list_advances(self, granted: bool) -> None:
        self.apply_for_advances(granted)

    def apply_for_advances(self, granted: bool) -> None:
        today = local(self.clock.now()).date()
        made = self.attempt(advances.make_advance_list, self.context, OFFICER, today.year + 1)
        if made is None:
            return
        self.attempt(advances.submit_advance_list, self.context, APPROVER, made.list_no, self.paper("请"), today)
        if not granted:
            self.attempt(advances.refuse_advance_list, self.context, OFFICER, made.list_no, "退回")
            return
        paid = self.attempt(
            advances.reimburse_advance_list, self.context, OFFICER, made.list_no, self.paper("HD"), today
        )
        self.reimbursed += paid.total_fen if paid is not None else 0

    def treasury(self, account: str = "") -> int:
        query = (
            "SELECT sum(l.balance_fen) FROM outpatient_batch_line l JOIN outpatient_batch b"
            " ON b.institution_id = l.institution_id AND b.batch_no = l.batch_no"
            " WHERE b.state IN ('booked', 'remitted') AND (:account = '' OR l.account_no = :account)"
        )
        return self.number(query, account=account)

    @invariant()
    def no_owner_gets_more_than_the_account_held(self) -> None:
        assert all(0 <= self.out[account] <= fen for account, fen in OPENING.items())

    @invariant()
    def each_account_adds_up(self) -> None:
        """What is left, what was handed out of it and what the treasury took are what there was; money handed out
        after the treasury had it is the hospital's advance instead."""
        if not self.done:
            return
        for account, fen in OPENING.items():
            left = self.number(
                "SELECT balance_fen FROM ledger_account WHERE account_id = :id", id=f"23050102:{account}"
            )
            given = self.treasury(account)
            assert given in (0, fen)
            assert left + (given or self.out[account]) == fen
            assert left >= 0

    @invariant()
    def totals_equal_the_books(self) -> None:
        """Cash and bank fell by what people were handed, what they have too much and the treasury got, and by
        nothing else."""
        if not self.done:
            return
        money = self.number(
            "SELECT sum(debit_fen - credit_fen) FROM ledger_posting WHERE account_id IN ('1001', '1002', '1021')"
        )
        remitted = self.number("SELECT sum(total_fen) FROM outpatient_batch WHERE state = 'remitted'")
        assert money == sum(OPENING.values()) - sum(self.out.values()) - remitted + self.reimbursed - self.overpaid
        table = trial_balance(self.database, INSTITUTION)
        assert table.debit_fen == table.credit_fen

    @invariant()
    def what_is_applied_for_was_remitted(self) -> None:
        if not self.done:
            return
        query = (
            "SELECT account_no, sum(applied_fen) FROM outpatient_advance_line WHERE counts = :yes GROUP BY account_no"
        )
        applied = {account: int(fen) for account, fen in self.rows(query, yes=True)}
        assert all(fen <= self.treasury(account) for account, fen in applied.items())
        assert sum(applied.values()) <= self.treasury()

    @invariant()
    def what_came_back_is_owed_once(self) -> None:
        """All of a refund or nothing, and only of one that the treasury was asked for once."""
        if not self.done:
            return
        query = (
            "SELECT a.balance_fen, c.amount_fen, c.state FROM ledger_account a JOIN outpatient_claim c"
            " ON a.account_id = '2307:refund:' || c.claim_id"
        )
        for owed, whole, state in self.rows(query):
            assert owed == 0 or (owed == whole and state in ("failed", "reviewed", "confirmed", "sent"))
            assert owed == whole or state not in ("failed", "reviewed", "confirmed", "sent")

    @invariant()
    def one_payment_stands_for_a_claim_that_arrived(self) -> None:
        if not self.done:
            return
        query = (
            "SELECT count(*) FROM outpatient_claim c WHERE c.state = 'arrived' AND 1 <> (SELECT count(*)"
            " FROM outpatient_payout p WHERE p.claim_id = c.claim_id AND p.state = 'arrived')"
        )
        assert self.number(query) == 0

    def teardown(self) -> None:
        if self.done:
            assert verify_ledger(self.database, Path(self.folder.name), self.clock).findings == ()
        self._made.__exit__(None, None, None)
        self.folder.cleanup()


def run(make: Callable[[], Any], examples: int, steps: int) -> None:
    """Run the machine on databases that ``make`` hands out."""
    run_state_machine_as_test(
        partial(MoneyMachine, make),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_outpatient_money_leaves_once_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def fresh() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "books.sqlite3"
            shutil.copyfile(sqlite_template, path)
            database = Database(f"sqlite:///{path}")
            yield database
            database.close()

    run(fresh, 12, 40)


@pytest.mark.postgres
def test_outpatient_money_leaves_once_on_postgresql(postgres_server: str, postgres_template: tuple[str, str]) -> None:
    @contextmanager
    def fresh() -> Any:
        with servers.cloned_database(postgres_server, postgres_template) as urls:
            database = Database(urls[1])
            yield database
            database.close()

    run(fresh, 3, 25)
