"""Accounts: opened, changed and closed by another person; one's own password and second factor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
import sqlalchemy as sa

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Permission, Role
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotAuthenticated, NotPermitted
from hospital_prepay.persistence import users as rows
from hospital_prepay.services.access import account, api_clients, login, second_factor, sessions, users
from hospital_prepay.services.access.account import NewPassword, WrongCode, WrongPassword
from hospital_prepay.services.access.api_clients import NewClient
from hospital_prepay.services.access.demo import PASSWORD as DEMO_PASSWORD
from hospital_prepay.services.access.demo import PEOPLE, seed_demo_people
from hospital_prepay.services.access.login import Outcome, SignIn
from hospital_prepay.services.access.passwords import WeakPassword, check_password
from hospital_prepay.services.access.sessions import Lapse, Origin, SignedIn, Stage
from hospital_prepay.services.access.users import ChangedUser, NewUser
from hospital_prepay.services.context import Context
from hospital_prepay.services.demonstration.logins import house_logins
from hospital_prepay.settings import SettingMissing, Settings
from tests.people import INSTITUTION, PASSWORD, House, settings_for

HERE = Origin("10.1.2.3", "test browser")
APPROVER = frozenset({Role.FINANCE_APPROVER})


def signed_in(house: House, token: str | None) -> SignedIn:
    assert token is not None
    found = sessions.resume(house.context, token)
    assert isinstance(found, SignedIn)
    return found


def first_sign_in(house: House, role: Role = Role.FINANCE_APPROVER) -> SignedIn:
    """Open an account and sign in with the password that was handed out."""
    command = NewUser("A0312", "吴涛", frozenset({role}))
    given = users.create_user(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), command)
    attempt = login.sign_in(house.context, SignIn(given.login, given.password), HERE)
    assert attempt.outcome is Outcome.DONE
    return signed_in(house, attempt.token)


def enrol(house: House, at: SignedIn) -> tuple[str, SignedIn]:
    """Set up the second factor; the secret, and the session after it."""
    shown = account.begin_enrolment(house.context, at, "医院")
    secret = shown.secret.replace(" ", "")
    code = pyotp.TOTP(secret).at(house.context.clock.now())
    return secret, signed_in(house, account.confirm_enrolment(house.context, at, shown.sealed, code, HERE))


def test_a_new_account_must_set_up_password_and_second_factor_before_anything_else(
    house: House, clock: FixedClock
) -> None:
    at = first_sign_in(house)
    assert at.stage is Stage.ACCOUNT
    _, at = enrol(house, at)
    assert at.stage is Stage.ACCOUNT, "the handed-out password still stands"
    current = users.reset_password(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), at.user.user_id).password
    clock.moment += timedelta(seconds=60)
    again = login.sign_in(house.context, SignIn("a0312", current), HERE)
    at = signed_in(house, again.token)
    assert at.stage is Stage.CODE


def test_own_choice_of_password_ends_the_waiting(house: House) -> None:
    command = NewUser("a0313", "周晓梅", frozenset({Role.CASHIER}))
    given = users.create_user(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), command)
    at = signed_in(house, login.sign_in(house.context, SignIn("a0313", given.password), HERE).token)
    assert at.stage is Stage.ACCOUNT
    new = account.change_password(house.context, at, NewPassword(given.password, "窗外的雨下了一整夜呢"), HERE)
    assert signed_in(house, new).stage is Stage.FULL


def test_a_new_password_ends_every_other_session(house: House) -> None:
    elsewhere = house.session(Role.CASHIER)
    at = signed_in(house, house.session(Role.CASHIER))
    new = account.change_password(house.context, at, NewPassword(PASSWORD, "another long sentence"), HERE)
    assert sessions.resume(house.context, elsewhere) is Lapse.ENDED
    assert signed_in(house, new).stage is Stage.FULL
    assert login.sign_in(house.context, SignIn("cashier", PASSWORD), HERE).outcome is Outcome.WRONG


def test_a_stolen_session_cannot_try_passwords_out(house: House) -> None:
    at = signed_in(house, house.session(Role.CASHIER))
    for _ in range(5):
        with pytest.raises(WrongPassword):
            account.change_password(house.context, at, NewPassword("guess", "another long sentence"), HERE)
    assert login.sign_in(house.context, SignIn("cashier", PASSWORD), HERE).outcome is Outcome.LOCKED
    assert sessions.list_open(house.context, house.actor(Role.SECURITY_ADMINISTRATOR)) == []


def test_a_second_factor_is_in_force_only_after_its_first_code(house: House) -> None:
    at = first_sign_in(house)
    shown = account.begin_enrolment(house.context, at, "医院")
    with pytest.raises(WrongCode):
        account.confirm_enrolment(house.context, at, shown.sealed, "000000", HERE)
    assert not signed_in_again(house, at).user.is_enrolled
    again = account.resume_enrolment(house.context, at, "医院", shown.sealed)
    assert again is not None
    assert again.secret == shown.secret


def signed_in_again(house: House, at: SignedIn) -> SignedIn:
    with house.context.database.reading() as connection:
        user = rows.by_id(connection, INSTITUTION, at.user.user_id)
    assert user is not None
    return replace(at, user=user)


def test_a_secret_shown_to_one_session_cannot_be_confirmed_by_another(house: House) -> None:
    at = first_sign_in(house)
    shown = account.begin_enrolment(house.context, signed_in(house, house.session(Role.AUDITOR)), "医院")
    code = pyotp.TOTP(shown.secret.replace(" ", "")).at(house.context.clock.now())
    with pytest.raises(WrongCode):
        account.confirm_enrolment(house.context, at, shown.sealed, code, HERE)


def test_a_secret_waits_ten_minutes_for_its_first_code(house: House, clock: FixedClock) -> None:
    at = first_sign_in(house)
    shown = account.begin_enrolment(house.context, at, "医院")
    clock.moment += timedelta(minutes=10, seconds=1)
    code = pyotp.TOTP(shown.secret.replace(" ", "")).at(clock.now())
    with pytest.raises(WrongCode):
        account.confirm_enrolment(house.context, at, shown.sealed, code, HERE)


def test_the_second_factors_secret_is_stored_encrypted(house: House) -> None:
    secret, at = enrol(house, first_sign_in(house))
    stored = signed_in_again(house, at).user.totp_secret
    assert stored is not None
    assert secret not in stored
    assert second_factor.unseal(house.context, INSTITUTION, stored) == secret


def test_the_code_of_the_enrolment_is_not_good_for_a_sign_in(house: House) -> None:
    secret, at = enrol(house, first_sign_in(house))
    given = users.reset_password(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), at.user.user_id)
    again = signed_in(house, login.sign_in(house.context, SignIn("a0312", given.password), HERE).token)
    code = pyotp.TOTP(secret).at(house.context.clock.now())
    assert login.confirm_code(house.context, again, code, HERE).outcome is Outcome.WRONG


def test_nobody_changes_their_own_roles_or_closes_their_own_account(house: House) -> None:
    actor = house.actor(Role.SYSTEM_ADMINISTRATOR)
    with pytest.raises(NotPermitted):
        users.change_user(house.context, actor, actor.actor_id, ChangedUser("龙飞", APPROVER))
    with pytest.raises(NotPermitted):
        users.disable_user(house.context, actor, actor.actor_id)
    with pytest.raises(NotPermitted):
        users.reset_password(house.context, actor, actor.actor_id)


def test_administrators_stay_apart_from_money(house: House) -> None:
    actor = house.actor(Role.SYSTEM_ADMINISTRATOR)
    mixed = frozenset({Role.SECURITY_ADMINISTRATOR, Role.CASHIER})
    with pytest.raises(NotPermitted):
        users.create_user(house.context, actor, NewUser("a0314", "石磊", mixed))
    with pytest.raises(NotPermitted):
        users.change_user(house.context, actor, house.ids[Role.CASHIER], ChangedUser("周晓梅", mixed))


def test_a_changed_role_counts_at_once_and_ends_the_sessions(house: House) -> None:
    token = house.session(Role.CASHIER)
    officer = frozenset({Role.FINANCE_OFFICER})
    command = ChangedUser("周晓梅", officer)
    users.change_user(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), house.ids[Role.CASHIER], command)
    assert sessions.resume(house.context, token) is Lapse.ENDED
    at = signed_in(house, login.sign_in(house.context, SignIn("cashier", PASSWORD), HERE).token)
    assert (at.actor.roles, at.stage) == (officer, Stage.ACCOUNT)


def test_the_last_system_administrator_keeps_the_role(house: House) -> None:
    other = frozenset({Role.SYSTEM_ADMINISTRATOR})
    actor = house.actor(Role.SYSTEM_ADMINISTRATOR)
    second = users.create_user(house.context, actor, NewUser("a0315", "龙云", other))
    users.disable_user(house.context, actor, second.user_id)
    users.enable_user(house.context, actor, second.user_id)
    deputy = replace(actor, actor_id=second.user_id)
    users.disable_user(house.context, deputy, actor.actor_id)
    third = replace(actor, actor_id="somebody-else")
    with pytest.raises(Conflict):
        users.disable_user(house.context, third, second.user_id)
    with pytest.raises(Conflict):
        users.change_user(house.context, third, second.user_id, ChangedUser("龙云", APPROVER))


def test_a_user_name_is_given_once(house: House) -> None:
    with pytest.raises(Conflict):
        users.create_user(
            house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), NewUser("CASHIER", "另一人", APPROVER)
        )


@pytest.mark.parametrize("name", ["", "a", "有名字", "a b", "a" * 41, "-a1"])
def test_user_names_are_plain(house: House, name: str) -> None:
    with pytest.raises(MalformedInput):
        users.create_user(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), NewUser(name, "吴涛", APPROVER))


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SYSTEM_ADMINISTRATOR}))
def test_only_the_system_administrator_opens_accounts_and_attempts_are_kept(house: House, role: Role) -> None:
    with pytest.raises(NotPermitted):
        users.create_user(house.context, house.actor(role), NewUser("a0316", "吴涛", APPROVER))
    with house.context.database.reading() as connection:
        query = sa.text("SELECT outcome FROM audit_event WHERE action = 'user.create' AND actor = :actor")
        assert connection.scalars(query, {"actor": house.ids[role]}).all() == ["refused"]


def test_a_lost_phone_is_reset_by_the_security_administrator_and_enrolled_anew(house: House) -> None:
    token = house.session(Role.AUDITOR)
    users.reset_second_factor(house.context, house.actor(Role.SECURITY_ADMINISTRATOR), "auditor")
    assert sessions.resume(house.context, token) is Lapse.ENDED
    at = signed_in(house, login.sign_in(house.context, SignIn("auditor", PASSWORD), HERE).token)
    assert at.stage is Stage.ACCOUNT
    with pytest.raises(NotPermitted):
        users.reset_second_factor(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), "cashier")


def test_a_first_password_is_kept_nowhere_in_the_clear(house: House) -> None:
    given = users.create_user(
        house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), NewUser("a0317", "吴涛", APPROVER)
    )
    with house.context.database.reading() as connection:
        kept = [
            connection.execute(sa.text(f"SELECT * FROM {table}")).all() for table in ("staff_user", "audit_event")
        ]
    assert given.password not in str(kept)


@pytest.mark.parametrize(
    "password",
    ["short-one", "a" * 257, "password123", "PASSWORD123", "aaaaaaaaaaaa", "1212121212", "zhouxm12345", "1234567890"],
)
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, "zhouxm")


@pytest.mark.parametrize("password", ["ten-signs!", "窗外的雨下了一整夜呢", "zhouxm has a long dog", "x y z 1 2 3 4"])
def test_long_and_personal_passwords_are_taken(password: str) -> None:
    check_password(password, "zhouxm")


def test_a_token_of_a_system_is_shown_once_and_stored_as_a_hash(house: House) -> None:
    administrator = house.actor(Role.SYSTEM_ADMINISTRATOR)
    issued = api_clients.create_client(house.context, administrator, NewClient("HIS", Role.CASHIER))
    actor = api_clients.authenticate(house.context, issued.token, "10.9.9.9")
    assert (actor.name, actor.roles) == ("HIS", {Role.CASHIER})
    with house.context.database.reading() as connection:
        kept = [
            connection.execute(sa.text(f"SELECT * FROM {table}")).all() for table in ("api_client", "audit_event")
        ]
    assert issued.token not in str(kept)
    api_clients.disable_client(house.context, administrator, issued.client_id)
    with pytest.raises(NotAuthenticated):
        api_clients.authenticate(house.context, issued.token, "10.9.9.9")
    with pytest.raises(Conflict):
        api_clients.disable_client(house.context, administrator, issued.client_id)


@pytest.mark.parametrize("role", sorted(set(Role) - set(api_clients.ROLES)))
def test_approving_and_administering_is_never_given_to_a_system(house: House, role: Role) -> None:
    with pytest.raises(NotPermitted):
        api_clients.create_client(house.context, house.actor(Role.SYSTEM_ADMINISTRATOR), NewClient("HIS", role))


def test_production_refuses_default_secrets_and_everything_of_the_demonstration(house: House) -> None:
    context = house.context
    production = Context(
        settings_for("sqlite://", context.settings.data_dir, "production"), context.database, context.clock
    )
    with pytest.raises(NotPermitted):
        second_factor.current_code(production, "auditor")
    with pytest.raises(Conflict):
        seed_demo_people(production, INSTITUTION)
    assert house_logins(production) == []
    demo = Settings.from_environment({"PREPAY_MODE": "demo"})
    for secret in ("", "short", demo.secret_key[:8] * 4 if len(set(demo.secret_key[:8])) < 8 else "a" * 40):
        with pytest.raises(SettingMissing):
            Settings.from_environment({"PREPAY_SECRET_KEY": secret, "PREPAY_FIELD_KEY": "x" + demo.field_key})


def test_the_people_of_the_demonstration_can_sign_in(house: House) -> None:
    seed_demo_people(house.context, INSTITUTION)
    assert {person.role for person in PEOPLE} == set(Role)
    at = signed_in(house, login.sign_in(house.context, SignIn("shenpi", DEMO_PASSWORD), HERE).token)
    done = login.confirm_code(house.context, at, second_factor.current_code(house.context, "shenpi"), HERE)
    assert signed_in(house, done.token).actor.may(Permission.CAPS_APPROVE)
