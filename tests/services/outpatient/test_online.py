"""A patient on-line: what shows to whom, how often, and that staff still take every step."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Actor
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotPermitted, SecondPersonRequired
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.domain.rules.outpatient.notice import lapsing_words
from hospital_prepay.domain.rules.outpatient.online import told_number
from hospital_prepay.services.outpatient import attempts, notice, online, payouts, requests
from hospital_prepay.services.outpatient.claim_review import read_claim
from hospital_prepay.services.outpatient.claim_steps import confirm_claim, review_claim
from hospital_prepay.services.outpatient.claims import ShownPaper
from hospital_prepay.services.outpatient.notice import WriteNotice
from hospital_prepay.services.outpatient.online import AskForAnother, AskOwn, Identity
from hospital_prepay.services.outpatient.requests import TakeUp
from hospital_prepay.services.publication.institution import hospital_of
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, CLERK, OFFICER, OWN, PAYER, Outpatients

PUBLIC = Actor(INSTITUTION, "anonymous", "", frozenset(), "192.0.2.7")
TRUE = Identity("吴甲", OWN, "13800000001")
BANK = AskOwn(0, Route.BANK, bank="某银行", card_no="6217000000000000001")
TAKE = TakeUp("M001", (ShownPaper(Paper.OWN_ID, "电话回访核对"),), Route.BANK, "take-up-1")
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7")


@pytest.fixture(autouse=True)
def counted(outpatients: Outpatients) -> None:
    outpatients.census()


def look(outpatients: Outpatients, told: Identity = TRUE, address: str = "192.0.2.7") -> online.Looked:
    return online.look_up(outpatients.context, replace(PUBLIC, address=address), told, "proof")


def asked(outpatients: Outpatients, command: AskOwn = BANK) -> online.Booked:
    return online.ask_own(outpatients.context, PUBLIC, look(outpatients).sealed, "proof", command)


def waiting(outpatients: Outpatients) -> str:
    found, _ = requests.list_requests(outpatients.context, CLERK, requests.WAITING)
    return found[0].request.request_id


def count(outpatients: Outpatients, table: str) -> int:
    with outpatients.context.database.reading() as connection:
        return int(connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) or 0)


@pytest.mark.parametrize(
    "told",
    [
        TRUE,
        Identity(" 吴 甲", OWN.lower(), "+86 138-0000-0001"),
        Identity("吴甲", "１１０１０５１９４９１２３１００２Ｘ", "", "m001"),
        Identity("吴甲", OWN, "13800000001", "M001"),
    ],
)
def test_who_tells_everything_on_record_sees_the_balance(outpatients: Outpatients, told: Identity) -> None:
    assert [(one.tail, one.due_fen) for one in look(outpatients, told).deposits] == [("M001", 6450)]


@pytest.mark.parametrize(
    "told",
    [
        Identity("吴乙", OWN, "13800000001"),
        Identity("吴甲", "110105200001010016", "13800000001"),
        Identity("吴甲", OWN, "13800000002"),
        Identity("吴甲", OWN, "13800000001", "M002"),
        Identity("吴甲", OWN, "1380000", "M001"),
        Identity("吴甲", OWN, "", "M00"),
        Identity("吴", OWN, "13800000001"),
        Identity("李乙", "", "", "M002"),
        Identity("·", OWN, "13800000001"),
    ],
)
def test_one_thing_that_differs_is_every_no_alike(outpatients: Outpatients, told: Identity) -> None:
    if not told.certno:
        with pytest.raises(MalformedInput):
            look(outpatients, told)
        return
    assert look(outpatients, told) == online.Looked(allowed=True)


def test_what_is_not_on_record_agrees_with_nothing(outpatients: Outpatients) -> None:
    """M002 has neither certificate nor phone: nobody sees it on-line."""
    for told in (
        Identity("李乙", OWN, "", "M002"),
        Identity("李乙", "x", "13800000001"),
        Identity("李乙", " ", "", "M002"),
    ):
        try:
            assert not look(outpatients, told).deposits
        except MalformedInput:
            assert not told.certno.strip()


def test_nobody_wrong_details_and_nothing_left_cost_the_same_statements(outpatients: Outpatients) -> None:
    claim_id = outpatients.confirmed()
    payouts.pay_cash(outpatients.context, PAYER, claim_id, "R1", idempotency_key="pay-1")
    seen: list[list[str]] = []
    engine = outpatients.context.database.engine

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen[-1].append(statement.split("(")[0].split(" WHERE")[0][:60])

    sa.event.listen(engine, "before_cursor_execute", note)
    # The first of each number writes its counters anew; addresses differ so that theirs are new as well.
    numbers = (TRUE, replace(TRUE, certno="110105194912310046"), replace(TRUE, name="王五", certno="nobody"))
    answers = []
    for told in numbers:
        seen.append([])
        answers.append(look(outpatients, told, address=f"198.51.100.{len(seen)}"))
    sa.event.remove(engine, "before_cursor_execute", note)
    assert answers == [online.Looked(allowed=True)] * 3
    assert seen[0] == seen[1] == seen[2]


def test_a_number_is_tried_five_times_an_hour_wherever_from_and_whether_it_exists(
    outpatients: Outpatients, clock: FixedClock
) -> None:
    for told in (TRUE, replace(TRUE, certno="nobody")):
        wrong = replace(told, name="错")
        for attempt in range(attempts.BY_NUMBER.most):
            assert look(outpatients, wrong, f"198.51.100.{attempt}").allowed
        assert look(outpatients, told, "203.0.113.9") == online.Looked(allowed=False)
    clock.moment += timedelta(hours=1, minutes=1)
    assert look(outpatients).deposits


def test_a_day_has_its_own_limit(outpatients: Outpatients, clock: FixedClock) -> None:
    allowed = 0
    for attempt in range(15):
        if attempt % 5 == 0:
            clock.moment += timedelta(hours=2)
        allowed += look(outpatients, address=f"198.51.100.{attempt}").allowed
    assert allowed == attempts.BY_NUMBER_A_DAY.most


def test_an_address_is_limited_over_all_numbers_and_ipv6_by_its_line(outpatients: Outpatients) -> None:
    tried = [look(outpatients, replace(TRUE, certno=f"n{n}"), f"2001:db8::{n + 1:x}").allowed for n in range(31)]
    assert tried == [True] * 30 + [False]
    assert look(outpatients, TRUE, "2001:db8:0:1::1").allowed


def test_old_counters_are_forgotten_and_none_names_anybody(outpatients: Outpatients, clock: FixedClock) -> None:
    look(outpatients)
    with outpatients.context.database.reading() as connection:
        kept = str(connection.execute(sa.text("SELECT * FROM outpatient_attempt")).all())
        told = str(connection.execute(sa.text("SELECT detail FROM audit_event WHERE action LIKE '%online'")).all())
    assert OWN not in kept + told
    assert "192.0.2.7" not in kept
    assert "吴甲" not in told
    assert "13800000001" not in told
    clock.moment += timedelta(days=3)
    look(outpatients, replace(TRUE, certno="other"), "198.51.100.1")
    assert count(outpatients, "outpatient_attempt") == 3


def test_two_at_once_are_both_counted(outpatients: Outpatients) -> None:
    barrier, answers = threading.Barrier(8), []

    def tries(number: int) -> None:
        barrier.wait()
        answers.append(look(outpatients, replace(TRUE, name="错"), f"198.51.100.{number}").allowed)

    threads = [threading.Thread(target=tries, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False] * 3 + [True] * 5


def test_an_application_is_no_step_and_three_people_follow(outpatients: Outpatients) -> None:
    booked = asked(outpatients)
    assert booked.papers == ()
    assert count(outpatients, "outpatient_claim") == 0
    assert outpatients.account("M001").balance_fen == 6450
    answer = requests.take_up(outpatients.context, CLERK, waiting(outpatients), TAKE)
    assert answer.claim_id is not None
    claim = outpatients.claim(answer.claim_id)
    assert (claim.taken_at, claim.accepted_by, claim.route) == ("online", CLERK.actor_id, "bank")
    with pytest.raises((SecondPersonRequired, NotPermitted)):
        review_claim(outpatients.context, CLERK, answer.claim_id)
    review_claim(outpatients.context, OFFICER, answer.claim_id)
    confirm_claim(outpatients.context, APPROVER, answer.claim_id)


def test_the_same_page_sent_twice_and_taken_up_twice_counts_once(outpatients: Outpatients) -> None:
    sealed = look(outpatients).sealed
    first = online.ask_own(outpatients.context, PUBLIC, sealed, "proof", BANK)
    assert online.ask_own(outpatients.context, PUBLIC, sealed, "proof", BANK) == first
    with pytest.raises(Conflict):
        online.ask_own(outpatients.context, PUBLIC, sealed, "proof", replace(BANK, bank="别的"))
    with pytest.raises(Conflict, match="等医院受理"):
        asked(outpatients)
    request_id = waiting(outpatients)
    taken = requests.take_up(outpatients.context, CLERK, request_id, TAKE)
    assert requests.take_up(outpatients.context, CLERK, request_id, TAKE).claim_id == taken.claim_id
    with pytest.raises(Conflict):
        requests.take_up(outpatients.context, CLERK, request_id, replace(TAKE, idempotency_key="take-up-2"))
    assert (count(outpatients, "outpatient_request"), count(outpatients, "outpatient_claim")) == (1, 1)


def test_two_pages_at_once_book_once(outpatients: Outpatients) -> None:
    pages, answers = [look(outpatients).sealed for _ in range(4)], []
    barrier = threading.Barrier(4)

    def asks(sealed: str) -> None:
        barrier.wait()
        try:
            answers.append(online.ask_own(outpatients.context, PUBLIC, sealed, "proof", BANK).request_no)
        except Conflict:
            answers.append("")

    threads = [threading.Thread(target=asks, args=(sealed,)) for sealed in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, answers)) == [False, False, False, True]
    assert count(outpatients, "outpatient_request") == 1


def test_the_page_is_this_browsers_and_a_quarter_of_an_hours(outpatients: Outpatients, clock: FixedClock) -> None:
    sealed = look(outpatients).sealed
    assert OWN not in sealed
    forged = sealed[:-4] + ("AAAA" if sealed[-4:] != "AAAA" else "BBBB")
    for page, proof in (
        (sealed, "another"),
        (forged, "proof"),
        ("", "proof"),
        ("吴", "proof"),
        ("x" * 90_000, "proof"),
    ):
        with pytest.raises(MalformedInput, match="过期"):
            online.ask_own(outpatients.context, PUBLIC, page, proof, BANK)
    with pytest.raises(MalformedInput):
        online.ask_own(outpatients.context, PUBLIC, sealed, "proof", replace(BANK, place=1))
    with pytest.raises(MalformedInput):
        online.ask_own(outpatients.context, PUBLIC, sealed, "proof", replace(BANK, place=-1))
    clock.moment += timedelta(minutes=16)
    with pytest.raises(MalformedInput, match="过期"):
        online.ask_own(outpatients.context, PUBLIC, sealed, "proof", BANK)
    assert count(outpatients, "outpatient_request") == 0


@pytest.mark.parametrize(
    "changes", [{"route": Route.ORIGINAL}, {"bank": ""}, {"card_no": "12"}, {"card_no": "六" * 16}]
)
def test_a_way_that_is_not_open_is_refused(outpatients: Outpatients, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedInput):
        asked(outpatients, replace(BANK, **changes))


def test_the_rule_refuses_at_the_counter_and_the_application_waits_on(outpatients: Outpatients) -> None:
    asked(outpatients)
    answer = requests.take_up(outpatients.context, CLERK, waiting(outpatients), replace(TAKE, papers=()))
    assert answer.claim_id is None
    assert [one.code for one in answer.decision.reasons] == ["missing_own_id"]
    assert requests.read_request(outpatients.context, CLERK, waiting(outpatients)).request.state == "asked"
    with pytest.raises(Conflict):
        requests.take_up(outpatients.context, CLERK, waiting(outpatients), replace(TAKE, account_no="M003"))
    with pytest.raises(NotPermitted):
        requests.take_up(outpatients.context, APPROVER, waiting(outpatients), TAKE)


def test_a_declined_owner_reads_why_and_asks_again(outpatients: Outpatients) -> None:
    asked(outpatients)
    with pytest.raises(MalformedInput, match="第八条"):
        requests.decline(outpatients.context, CLERK, waiting(outpatients), "逾期作废")
    requests.decline(outpatients.context, CLERK, waiting(outpatients), "请带身份证原件来")
    (deposit,) = look(outpatients).deposits
    assert "请带身份证原件来" in deposit.told
    assert not deposit.waits
    assert asked(outpatients).request_no.endswith("000002")


def test_a_lost_card_and_cash_ask_for_originals(outpatients: Outpatients) -> None:
    assert asked(outpatients, replace(BANK, card_lost=True)).papers == (Paper.OWN_ID, Paper.LOST_CARD)


@pytest.mark.parametrize("certno", [OWN, "nobody", ""])
def test_a_proxy_books_and_is_told_nothing(outpatients: Outpatients, certno: str) -> None:
    patient = replace(TRUE, certno=certno)
    command = AskForAnother(Claimant.HEIR, patient, "吴乙", "H1", "13900000000", "visit-key-1")
    booked = online.ask_for_another(outpatients.context, PUBLIC, command)
    assert booked is not None
    assert booked.papers == (Paper.HEIR_ID, Paper.DEATH, Paper.KINSHIP)
    assert online.ask_for_another(outpatients.context, PUBLIC, command) == booked
    detail = requests.read_request(outpatients.context, OFFICER, waiting(outpatients))
    assert detail.request.account_no == ("M001" if certno == OWN else None)
    assert detail.people.patient_name == "吴＊"
    assert OWN not in repr(detail.people)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (Identity("吴甲", OWN), ["M001"]),
        (Identity(" 吴 甲", OWN, "13800000009", "no such card"), ["M001"]),
        (Identity("吴乙", OWN, "13800000001"), []),
        (Identity("吴甲", "nobody", "13800000001", "M001"), []),
        (Identity("吴甲", "", "", "M001"), ["M001"]),
        (Identity("罗丙之子", "nobody", "", "M003"), ["M003"]),
        (Identity("罗丙", "", "", "M003"), []),
        (Identity("··", OWN), []),
    ],
)
def test_the_counter_sees_the_accounts_of_the_patients_name_and_number(
    outpatients: Outpatients, told: Identity, found: list[str]
) -> None:
    """Too little was told, or more than is on record: nothing on-line, but the counter has the papers before it."""
    command = AskForAnother(Claimant.HEIR, told, "吴乙", "H1", "13900000000", "visit-key-1")
    online.ask_for_another(outpatients.context, PUBLIC, command)
    detail = requests.read_request(outpatients.context, OFFICER, waiting(outpatients))
    assert detail.request.account_no is None
    assert [one.account.account_no for one in detail.alike] == found
    assert "吴甲" not in repr(detail.alike)


def test_visits_of_one_address_are_limited(outpatients: Outpatients) -> None:
    def book(number: int) -> object:
        patient = Identity(f"某{number}", f"n{number}")
        command = AskForAnother(Claimant.PROXY, patient, "吴乙", "H1", "13900000000", f"visit-key-{number}")
        return online.ask_for_another(outpatients.context, PUBLIC, command)

    answers = [book(number) for number in range(attempts.BOOKINGS.most + 1)]
    assert [answer is None for answer in answers] == [False] * attempts.BOOKINGS.most + [True]


def test_a_visit_that_fits_no_account_is_taken_up_with_the_one_the_papers_show(outpatients: Outpatients) -> None:
    command = AskForAnother(Claimant.HEIR, Identity("罗丙", ""), "罗丁", "H1", "13900000000", "visit-key-1")
    online.ask_for_another(outpatients.context, PUBLIC, command)
    kinds = (Paper.HEIR_ID, Paper.DEATH, Paper.KINSHIP, Paper.SLIP)
    papers = tuple(ShownPaper(one, "原件 31") for one in kinds)
    request_id = waiting(outpatients)
    take = TakeUp("M003", papers, Route.CASH, "take-up-1")
    refused = requests.take_up(outpatients.context, CLERK, request_id, take)
    assert [one.code for one in refused.decision.reasons] == ["another_name"]
    take = TakeUp("M003", papers, Route.CASH, "take-up-2", "罗丙之子")
    answer = requests.take_up(outpatients.context, CLERK, request_id, take)
    assert answer.claim_id is not None
    found = requests.read_request(outpatients.context, CLERK, request_id).request
    assert (found.state, found.account_no, found.claim_id) == ("taken", "M003", answer.claim_id)


def test_the_counter_names_the_bank_card_where_the_application_has_none(outpatients: Outpatients) -> None:
    """An heir is never asked for one on-line, nor who wished for cash; a card that was written stays."""
    asked(outpatients, AskOwn(0, Route.CASH))
    request_id = waiting(outpatients)
    with pytest.raises(MalformedInput) as refused:
        requests.take_up(outpatients.context, CLERK, request_id, TAKE)
    assert set(refused.value.details["fields"]) == {"bank", "card_no"}
    card = replace(TAKE, bank="某银行", card_no="6217 0000 0000 0000 001")
    answer = requests.take_up(outpatients.context, CLERK, request_id, card)
    assert answer.claim_id is not None
    assert outpatients.claim(answer.claim_id).card_hash


def test_a_card_typed_at_the_counter_stands_before_that_of_the_application(outpatients: Outpatients) -> None:
    asked(outpatients)
    other = replace(TAKE, card_no="6217000000000000002")
    with pytest.raises(MalformedInput, match="开户银行"):
        requests.take_up(outpatients.context, CLERK, waiting(outpatients), other)
    request_id = waiting(outpatients)
    answer = requests.take_up(outpatients.context, CLERK, request_id, replace(other, bank="另一银行"))
    assert answer.claim_id is not None
    assert read_claim(outpatients.context, CLERK, answer.claim_id).personal.bank == "另一银行"


def test_a_paper_counts_once_somebody_says_how_it_was_seen(outpatients: Outpatients) -> None:
    asked(outpatients)
    request_id = waiting(outpatients)
    unseen = replace(TAKE, papers=(ShownPaper(Paper.OWN_ID, " "),))
    with pytest.raises(MalformedInput, match="本人有效证件是怎么看的"):
        requests.take_up(outpatients.context, CLERK, request_id, unseen)
    assert waiting(outpatients) == request_id
    assert requests.take_up(outpatients.context, CLERK, request_id, TAKE).claim_id


@pytest.mark.clause("guizhou-deposit-2025/8")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("逾期作废", "逾期作废"),
        ("逾 期 不 退", "逾期不退"),
        ("过期视为放弃。", "过期视为"),
        ("什么时候来都退", ""),
        ("集中办理到年底，以后照样退", ""),
    ],
)
def test_no_announcement_says_that_a_claim_lapses(outpatients: Outpatients, text: str, found: str) -> None:
    assert lapsing_words(text) == found
    command = WriteNotice(0, text, "一楼 3 号窗口", "每天", "0855-1")
    if found:
        with pytest.raises(MalformedInput, match="第八条"):
            notice.write_notice(outpatients.context, OFFICER, command)
        return
    assert notice.write_notice(outpatients.context, OFFICER, command) == 1
    with pytest.raises(Conflict):
        notice.write_notice(outpatients.context, OFFICER, command)
    assert notice.write_notice(outpatients.context, OFFICER, replace(command, version_no=1)) == 2
    with pytest.raises(NotPermitted):
        notice.write_notice(outpatients.context, CLERK, replace(command, version_no=2))


def test_progress_is_sums_of_deposits(outpatients: Outpatients) -> None:
    hospital = hospital_of(outpatients.context, INSTITUTION)
    before = notice.patients_page(outpatients.context, hospital).progress
    assert (before.refunded, before.left, before.left_fen) == (0, 3, 19450)
    payouts.pay_cash(outpatients.context, PAYER, outpatients.confirmed(), "R1", idempotency_key="pay-1")
    after = notice.patients_page(outpatients.context, hospital).progress
    assert (after.refunded, after.refunded_fen, after.left, after.left_fen) == (1, 6450, 2, 13000)


def test_behind_a_proxy_that_names_nobody_one_address_is_everybody(outpatients: Outpatients) -> None:
    tried = [look(outpatients, replace(TRUE, certno=f"n{n}"), "127.0.0.1").allowed for n in range(31)]
    assert all(tried)


@pytest.mark.parametrize("typed", [f"{OWN}\u200b", f" {OWN[:6]}\u00ad{OWN[6:]}", OWN.lower()])
def test_a_number_is_found_without_what_nobody_sees(typed: str) -> None:
    assert told_number(typed) == OWN
