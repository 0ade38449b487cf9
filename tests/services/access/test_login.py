"""Signing in: what is counted, what is locked, what a session may do and when it ends."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.persistence.database import Database
from hospital_prepay.services.access import login, sessions, users
from hospital_prepay.services.access.login import Attempt, Outcome, SignIn
from hospital_prepay.services.access.sessions import Lapse, Origin, SignedIn, Stage
from tests.people import PASSWORD, House

HERE = Origin("10.1.2.3", "test browser")


@pytest.fixture
def house(database: Database, clock: FixedClock, tmp_path: Path) -> House:
    """One person of each role, on SQLite and on PostgreSQL: attempts are counted under locks."""
    return House.built(database, clock, tmp_path)


def sign_in(house: House, name: str, password: str = PASSWORD) -> Attempt:
    return login.sign_in(house.context, SignIn(name, password), HERE)


def signed_in(house: House, token: str | None) -> SignedIn:
    assert token is not None
    found = sessions.resume(house.context, token)
    assert isinstance(found, SignedIn)
    return found


def confirm(house: House, at: SignedIn, code: str) -> Attempt:
    return login.confirm_code(house.context, at, code, HERE)


def test_a_cashier_is_in_after_the_password(house: House) -> None:
    found = signed_in(house, sign_in(house, "cashier").token)
    assert found.stage is Stage.FULL
    assert found.actor.roles == {Role.CASHIER}


def test_everybody_else_still_owes_a_code(house: House) -> None:
    for role in set(Role) - {Role.CASHIER}:
        assert signed_in(house, sign_in(house, house.login(role)).token).stage is Stage.CODE


def test_the_code_opens_a_new_session_and_ends_the_first(house: House) -> None:
    first = sign_in(house, "auditor")
    assert first.token is not None
    second = confirm(house, signed_in(house, first.token), house.code(Role.AUDITOR))
    assert signed_in(house, second.token).stage is Stage.FULL
    assert second.token != first.token
    assert sessions.resume(house.context, first.token) is Lapse.ENDED


def test_only_the_hash_of_a_token_is_stored(house: House) -> None:
    token = sign_in(house, "cashier").token
    with house.context.database.reading() as connection:
        stored = connection.execute(sa.text("SELECT * FROM staff_session")).all()
    assert len(stored) == 1
    assert token is not None
    assert token not in str(stored)


def test_user_names_are_read_without_regard_to_case_and_blanks(house: House) -> None:
    assert sign_in(house, "  Cashier ").outcome is Outcome.DONE


@pytest.mark.parametrize("name", ["cashier", "nobody-at-all"])
def test_the_fifth_wrong_password_locks_for_a_quarter_of_an_hour(house: House, clock: FixedClock, name: str) -> None:
    outcomes = [sign_in(house, name, "wrong").outcome for _ in range(5)]
    assert outcomes == [Outcome.WRONG] * 4 + [Outcome.LOCKED]
    locked = sign_in(house, name)
    assert locked.outcome is Outcome.LOCKED
    assert locked.locked_until == clock.now() + timedelta(minutes=15)
    clock.moment += timedelta(minutes=14, seconds=59)
    assert sign_in(house, name, "wrong").outcome is Outcome.LOCKED
    clock.moment += timedelta(seconds=1)
    assert sign_in(house, name, "wrong").outcome is Outcome.WRONG, "after the lock, counting begins anew"


def test_after_the_lock_the_right_password_opens_again(house: House, clock: FixedClock) -> None:
    for _ in range(5):
        sign_in(house, "cashier", "wrong")
    clock.moment += timedelta(minutes=15)
    assert sign_in(house, "cashier").outcome is Outcome.DONE
    assert [sign_in(house, "cashier", "wrong").outcome for _ in range(4)] == [Outcome.WRONG] * 4


def test_a_complete_sign_in_forgets_earlier_slips(house: House) -> None:
    for _ in range(4):
        sign_in(house, "cashier", "wrong")
    assert sign_in(house, "cashier").outcome is Outcome.DONE
    assert sign_in(house, "cashier", "wrong").outcome is Outcome.WRONG


def test_a_known_password_buys_no_fresh_guesses_at_the_code(house: House) -> None:
    outcomes = []
    for _ in range(5):
        at = signed_in(house, sign_in(house, "auditor").token)
        outcomes.append(confirm(house, at, "000000").outcome)
    assert outcomes == [Outcome.WRONG] * 4 + [Outcome.LOCKED]
    assert sign_in(house, "auditor").outcome is Outcome.LOCKED
    assert confirm(house, at, house.code(Role.AUDITOR)).outcome is Outcome.LOCKED


def test_eight_wrong_guesses_at_once_get_no_more_than_five_tries(house: House) -> None:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(sign_in(house, "cashier", "wrong").outcome)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [Outcome.LOCKED] * 4 + [Outcome.WRONG] * 4


def test_a_code_is_good_for_one_sign_in(house: House, clock: FixedClock) -> None:
    code = house.code(Role.AUDITOR)
    assert confirm(house, signed_in(house, sign_in(house, "auditor").token), code).outcome is Outcome.DONE
    again = signed_in(house, sign_in(house, "auditor").token)
    assert confirm(house, again, code).outcome is Outcome.WRONG
    clock.moment += timedelta(seconds=30)
    assert confirm(house, again, code).outcome is Outcome.WRONG, "a clock that lags doesn't revive it"
    assert confirm(house, again, house.code(Role.AUDITOR)).outcome is Outcome.DONE


def test_a_code_of_before_the_last_one_used_is_refused(house: House, clock: FixedClock) -> None:
    earlier = house.code(Role.AUDITOR)
    clock.moment += timedelta(seconds=30)
    done = confirm(house, signed_in(house, sign_in(house, "auditor").token), house.code(Role.AUDITOR))
    assert done.outcome is Outcome.DONE
    again = signed_in(house, sign_in(house, "auditor").token)
    assert confirm(house, again, earlier).outcome is Outcome.WRONG


@pytest.mark.parametrize(("seconds", "outcome"), [(-60, "wrong"), (-30, "done"), (30, "done"), (60, "wrong")])
def test_a_phone_may_be_half_a_minute_off(house: House, clock: FixedClock, seconds: int, outcome: str) -> None:
    clock.moment += timedelta(seconds=seconds)
    code = house.code(Role.AUDITOR)
    clock.moment -= timedelta(seconds=seconds)
    at = signed_in(house, sign_in(house, "auditor").token)
    assert confirm(house, at, code).outcome == outcome


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "abcdef"])
def test_only_six_plain_digits_are_a_code(house: House, code: str) -> None:
    at = signed_in(house, sign_in(house, "auditor").token)
    assert confirm(house, at, code).outcome is Outcome.WRONG


def test_a_closed_account_answers_like_a_wrong_password(house: House) -> None:
    users.disable_user(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), house.ids[Role.CASHIER])
    assert sign_in(house, "cashier").outcome is Outcome.WRONG


def test_a_session_lapses_after_fifteen_idle_minutes(house: House, clock: FixedClock) -> None:
    token = sign_in(house, "cashier").token
    assert token is not None
    clock.moment += timedelta(minutes=14, seconds=59)
    signed_in(house, token)
    clock.moment += timedelta(minutes=14, seconds=59)
    signed_in(house, token)
    clock.moment += timedelta(minutes=15)
    assert sessions.resume(house.context, token) is Lapse.IDLE


def test_a_session_lapses_after_twelve_hours_however_busy(house: House, clock: FixedClock) -> None:
    token = sign_in(house, "cashier").token
    assert token is not None
    for _ in range(71):
        clock.moment += timedelta(minutes=10)
        signed_in(house, token)
    clock.moment += timedelta(minutes=10)
    assert sessions.resume(house.context, token) is Lapse.TOO_LONG


def test_a_session_that_somebody_ended_opens_nothing(house: House) -> None:
    token = sign_in(house, "cashier").token
    found = signed_in(house, token)
    security = house.actor(Role.SECURITY_ADMINISTRATOR)
    assert [one.login for one in sessions.list_open(house.context, security)] == ["cashier"]
    sessions.end_session(house.context, security, found.session.session_id)
    assert token is not None
    assert sessions.resume(house.context, token) is Lapse.ENDED
    assert sessions.list_open(house.context, security) == []


def test_signing_out_ends_the_session(house: House) -> None:
    token = sign_in(house, "cashier").token
    sessions.sign_out(house.context, signed_in(house, token))
    assert token is not None
    assert sessions.resume(house.context, token) is Lapse.ENDED


def test_a_made_up_token_is_nobody(house: House) -> None:
    assert sessions.resume(house.context, "x" * 43) is Lapse.UNKNOWN


def test_no_password_or_code_reaches_the_audit_trail(house: House) -> None:
    sign_in(house, "cashier", "my-secret-guess")
    sign_in(house, "my-secret-guess", PASSWORD)
    at = signed_in(house, sign_in(house, "auditor").token)
    confirm(house, at, "914263")
    with house.context.database.reading() as connection:
        rows = connection.execute(sa.text("SELECT * FROM audit_event WHERE action LIKE 'login.%'")).all()
    assert len(rows) == 4
    for secret in ("my-secret-guess", PASSWORD, "914263"):
        assert secret not in str(rows)


def test_an_account_unlocked_by_the_security_administrator_opens_at_once(house: House) -> None:
    for _ in range(5):
        sign_in(house, "cashier", "wrong")
    security = house.actor(Role.SECURITY_ADMINISTRATOR)
    (locked,) = users.list_lockouts(house.context, security)
    assert (locked.user.login, locked.address) == ("cashier", "10.1.2.3")
    users.unlock(house.context, security, "cashier")
    assert sign_in(house, "cashier").outcome is Outcome.DONE
