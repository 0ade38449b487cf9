"""The bank account on which the prepayments lie: another account of the hospital never covers what is unspent."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.clauses import house_rule
from hospital_prepay.domain.references import payment_reference


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """The account that holds the prepayments from ``from_on`` on, as a person named it."""

    account: str
    from_on: date


def account_key(text: str) -> str:
    """An account's number as it is compared, with its bank's name beside it or without: letters A to Z, digits and
    the stars of a masked one, narrow, in capitals. One that has none of them is compared by all its letters."""
    spelled = account_spelling(text)
    return "".join(sign for sign in spelled if sign.isascii()) if payment_reference(spelled) else spelled


def account_spelling(text: str) -> str:
    """An account as it was written, its bank's name included: narrow, in capitals, without blanks and dashes."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).upper() if sign.isalnum() or sign == "*")


@house_rule
def is_same_account(one: str, other: str) -> bool:
    """Whether two spellings name one account, with its bank's name beside it or without."""
    plain = payment_reference(one)
    return account_key(one) == account_key(other) or (plain != "" and plain == payment_reference(other))


@house_rule
def account_on(named: Sequence[NamedAccount], day: date) -> str | None:
    """The key of the account that holds the prepayments on ``day``, by the last word that reaches that day; ``None``
    while nobody named one."""
    found = [one for one in named if one.from_on <= day]
    return account_key(found[-1].account) if found else None


@house_rule
def is_of_prepayments(account: str, holds: str | None) -> bool:
    """Whether a statement of ``account`` is one of the account ``holds``. Statements from before accounts were asked
    for name none; they stand for the prepayments', as they did when they were taken in."""
    return not account or holds is None or account_key(account) == holds
