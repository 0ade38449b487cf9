"""Money around settlements over random histories: it leaves once a slip, and the stay's accounts end where the
documents say."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
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

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor, Role
from hospital_prepay.domain.errors import LedgerFault, PrepayError
from hospital_prepay.domain.ledger.chart import Tender
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.settlement.refunds import Claimant
from hospital_prepay.domain.rules.settlement.settling import Channel, Rest, SettlementKind
from hospital_prepay.domain.visits import VisitEventKind
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.context import Context
from hospital_prepay.services.inpatient.deposits import CollectDeposit, collect_deposit
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.ledger.seals import verify_ledger
from hospital_prepay.services.settlement.arrivals import (
    AskAgain,
    Awaited,
    BankAccount,
    ask_again,
    decide_again,
    mark_arrived,
    mark_failed,
)
from hospital_prepay.services.settlement.by_hand import WrittenDown, write_down
from hospital_prepay.services.settlement.progress import Seen, pass_on
from hospital_prepay.services.settlement.recalls import ask_recall, decide_recall
from hospital_prepay.services.settlement.settling import SettleStay, settle_stay
from hospital_prepay.services.settlement.slips import PayArrears, TopUp, pay_arrears
from hospital_prepay.services.settlement.unclaimed import PAPERS, Claim, Papers, claim, decide_claim
from hospital_prepay.settings import Settings
from tests import servers
from tests.conftest import MOMENT
from tests.hospital import CASHIER, OFFICER, actor, open_hospital
from tests.services.settlement.test_settling import AT, AUDIT, INSURANCE, NO, WARD

OFFICER_2 = actor(Role.FINANCE_OFFICER, "2")
CARD = BankAccount("贵阳银行", "6228480402564890018")
whole = st.sampled_from((50_000, 170_000, 200_000, 260_000))
pick = st.integers(0, 5)


class SettlementMachine(RuleBasedStateMachine):
    """Settle, fail, send again, arrive, void, fetch, recall, pay later, in any order that people try."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()
        self._made = make()
        self.database: Database = self._made.__enter__()
        self.clock = FixedClock(MOMENT)
        self.folder = tempfile.TemporaryDirectory()
        self.count = 0

    @initialize(fen=whole, rest=st.sampled_from(list(Rest)))
    def admitted(self, fen: int, rest: Rest) -> None:
        context = Context(Settings.from_environment({"PREPAY_MODE": "demo"}), self.database, self.clock)
        self.hospital = open_hospital(context)
        self.context = self.hospital.context
        self.hospital.admit()
        for fen, tender, reference in (
            (120_000, Tender.CASH, ""),
            (50_000, Tender.WECHAT, "WX1"),
            (30_000, Tender.CARD, "P1"),
        ):
            collect_deposit(self.context, CASHIER, CollectDeposit(NO, Money(fen), tender, f"c{fen}", reference))
        write_down(self.context, CASHIER, WrittenDown(NO, VisitEventKind.DISCHARGE, AT))
        for step, who in enumerate((WARD, AUDIT, INSURANCE)):
            pass_on(self.context, who, Seen(NO, step))
        self.settles(fen=fen, rest=rest, again=False)

    def trying(self, act: Callable[[], object]) -> None:
        """What isn't the turn of an act is refused in words; the books never break."""
        self.count += 1
        try:
            act()
        except LedgerFault:
            raise
        except PrepayError:
            pass

    def rows(self, query: str) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(sa.text(query)))

    def awaited(self, number: int) -> Awaited:
        found = self.rows("SELECT book, serial, attempt_no FROM refund_arrival ORDER BY book, serial, attempt_no")
        if not found:
            return Awaited("A01-000001", 1)
        book, serial, attempt_no = found[-1 - number % len(found)]
        return Awaited(f"{book}-{serial:06d}", attempt_no)

    @rule(fen=whole, rest=st.sampled_from(list(Rest)), again=st.booleans())
    def settles_anew(self, fen: int, rest: Rest, again: bool) -> None:
        self.settles(fen=fen, rest=rest, again=again)

    def settles(self, *, fen: int, rest: Rest, again: bool) -> None:
        command = SettleStay(
            NO, SettlementKind.DISCHARGE, Channel.WINDOW, f"settle-{self.count}", self_pay_total=Money(fen), rest=rest
        )
        for _ in range(1 + again):
            self.trying(lambda: settle_stay(self.context, CASHIER, command))

    @rule(fen=st.sampled_from((1, 10_000, 60_000)), tender=st.sampled_from((Tender.CASH, Tender.WECHAT)))
    def pays_later(self, fen: int, tender: Tender) -> None:
        top_up = TopUp(Money(fen), tender, "" if tender is Tender.CASH else f"T{self.count}")
        self.trying(lambda: pay_arrears(self.context, CASHIER, PayArrears(NO, top_up, f"pay-{self.count}")))

    @rule(number=pick)
    def arrives(self, number: int) -> None:
        self.trying(lambda: mark_arrived(self.context, OFFICER, self.awaited(number), f"E{self.count}"))

    @rule(number=pick)
    def fails(self, number: int) -> None:
        self.trying(lambda: mark_failed(self.context, OFFICER, self.awaited(number), f"退回 {self.count}"))

    @rule(number=pick, route=st.sampled_from((Tender.WECHAT, Tender.CARD, Tender.TRANSFER, Tender.CASH)))
    def asks_again(self, number: int, route: Tender) -> None:
        self.trying(lambda: ask_again(self.context, CASHIER, AskAgain(self.awaited(number), route, CARD)))

    @rule(number=pick, approve=st.booleans(), who=st.sampled_from((OFFICER, OFFICER_2)))
    def decides_again(self, number: int, approve: bool, who: Actor) -> None:
        self.trying(lambda: decide_again(self.context, who, self.awaited(number), approve=approve, ground="不行"))

    @rule(approve=st.booleans())
    @precondition(lambda self: self.count % 3 == 0)
    def recalls(self, approve: bool) -> None:
        numbers = [row[0] for row in self.rows("SELECT settlement_no FROM settlement WHERE recalled_at IS NULL")]
        for number in numbers:
            self.trying(lambda number=number: ask_recall(self.context, CASHIER, NO, number, "改项目"))
            self.trying(lambda number=number: decide_recall(self.context, OFFICER, NO, number, approve=approve))

    @rule(number=pick)
    def voids(self, number: int) -> None:
        slips = self.rows("SELECT book, serial FROM receipt WHERE kind <> 'deposit' ORDER BY book, serial")
        if not slips:
            return
        book, serial = slips[-1 - number % len(slips)]

        def act() -> None:
            asked = request_void(self.context, CASHIER, RequestVoid(f"{book}-{serial:06d}", "录错"))
            if asked.request_id:
                decide_request(self.context, OFFICER, DecideRequest(asked.request_id, True))

        self.trying(act)

    @rule(claimant=st.sampled_from(list(Claimant)), tender=st.sampled_from((Tender.CASH, Tender.TRANSFER)))
    def fetches(self, claimant: Claimant, tender: Tender) -> None:
        papers = Papers("吴小明", PAPERS[4], f"P{self.count}")
        command = Claim(NO, claimant, "亲属", papers, tender, f"claim-{self.count:05}", CARD)
        self.trying(lambda: claim(self.context, CASHIER, command))

    @rule(approve=st.booleans())
    def decides_claim(self, approve: bool) -> None:
        turns = self.rows("SELECT max(turn_no) FROM unclaimed_deposit")[0][0] or 1
        self.trying(lambda: decide_claim(self.context, OFFICER, NO, turns, approve=approve, ground="证件不全"))

    @invariant()
    def accounts_end_where_the_documents_say(self) -> None:
        def sum_of(query: str) -> int:
            return int(self.rows(query)[0][0] or 0)

        def slips(kind: str) -> int:
            return sum_of(
                f"SELECT sum(amount_fen) FROM receipt r WHERE kind = '{kind}' AND NOT EXISTS (SELECT 1 FROM receipt v"
                " WHERE v.cancels_book = r.book AND v.cancels_serial = r.serial)"
            )

        def balance(account: str) -> int:
            return sum_of(f"SELECT sum(balance_fen) FROM ledger_account WHERE account_id = '{account}'")

        standing = "FROM settlement WHERE recalled_at IS NULL"
        applied, owed = sum_of(f"SELECT sum(applied_fen) {standing}"), sum_of(f"SELECT sum(shortfall_fen) {standing}")
        paid_in, topped, returned = slips("deposit"), slips("topup"), slips("return")
        assert balance(f"23050103:{NO}") == paid_in - applied - returned
        assert balance(f"12120203:{NO}") == owed - topped
        # Owed on 2307: every slip whose newest attempt that counts came back.
        back = sum_of(
            "SELECT sum(r.amount_fen) FROM refund_arrival a JOIN receipt r ON r.book = a.book AND r.serial = a.serial"
            " WHERE a.state = 'failed' AND NOT EXISTS (SELECT 1 FROM refund_arrival n WHERE n.book = a.book"
            " AND n.serial = a.serial AND n.attempt_no > a.attempt_no AND n.state NOT IN ('asked', 'dropped'))"
        )
        assert balance(f"2307:stay:{NO}") == back
        # What lies in drawer, bank and platforms is what came in less what left and stayed away.
        lies = sum_of(
            "SELECT sum(debit_fen - credit_fen) FROM ledger_posting WHERE account_id IN ('1001', '1002', '1021')"
        )
        assert lies == paid_in + topped - returned + back

    @invariant()
    def a_slips_money_leaves_once(self) -> None:
        twice = (
            "SELECT count(*) FROM (SELECT book, serial FROM refund_arrival WHERE state NOT IN ('failed', 'dropped')"
            " GROUP BY book, serial HAVING count(*) > 1) t"
        )
        assert self.rows(twice) == [(0,)]
        one_document = "SELECT count(*) FROM settlement WHERE recalled_at IS NULL"
        assert self.rows(one_document)[0][0] <= 1

    def teardown(self) -> None:
        try:
            if self.count:
                assert verify_ledger(self.database, Path(self.folder.name), self.clock).findings == ()
        finally:
            self._made.__exit__(None, None, None)
            self.folder.cleanup()


def run(make: Callable[[], Any], examples: int, steps: int) -> None:
    """Run the machine on databases that ``make`` hands out."""
    run_state_machine_as_test(
        partial(SettlementMachine, make),
        settings=settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=list(HealthCheck)),
    )


def test_settled_money_leaves_once_on_sqlite(sqlite_template: Path) -> None:
    @contextmanager
    def fresh() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "books.sqlite3"
            shutil.copyfile(sqlite_template, path)
            database = Database(f"sqlite:///{path}")
            yield database
            database.close()

    run(fresh, 3, 20)


@pytest.mark.postgres
def test_settled_money_leaves_once_on_postgresql(postgres_server: str, postgres_template: tuple[str, str]) -> None:
    @contextmanager
    def fresh() -> Any:
        with servers.cloned_database(postgres_server, postgres_template) as urls:
            database = Database(urls[1])
            yield database
            database.close()

    run(fresh, 1, 12)
