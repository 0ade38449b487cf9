"""Whether somebody on-line is the owner of an account (7)."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.references import plain_name as seen_alone

# Between the parts of a name people type any of these, or none.
_BETWEEN: Final = dict.fromkeys(map(ord, "·•・‧∙･.．"))


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What an account that was found by its certificate number has of its owner."""

    holder_name: str
    phone_hash: str
    patient_no: str
    account_no: str


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody typed; ``phone_hashes`` are those under which the phone may be stored, none without a phone."""

    name: str
    phone_hashes: Sequence[str]
    card: str


@implements("guizhou-deposit-2025/7")
def is_owner(record: OnRecord, told: Told) -> bool:
    """Whether everything told agrees with the record, and enough was told: the name, and the phone or the number of
    the card. The certificate number agreed before. What isn't on record agrees with nothing.

    Every part is compared whichever failed before, each in constant time.
    """
    name = _same(plain_name(record.holder_name), plain_name(told.name)) and bool(plain_name(told.name))
    phone = _one_of(told.phone_hashes, record.phone_hash)
    typed = _plain_number(told.card)
    card = _one_of((_plain_number(record.patient_no), _plain_number(record.account_no)), typed)
    phone_told, card_told = bool(told.phone_hashes), bool(typed)
    enough = phone_told or card_told
    return name and enough and (phone or not phone_told) and (card or not card_told)


def plain_name(text: str) -> str:
    """A name as it is compared: one width, no blanks, dots and what isn't seen, no case."""
    return seen_alone(text).translate(_BETWEEN).casefold()


def names_somebody(text: str) -> bool:
    """Whether a name has a letter or digit to be seen: of signs alone (``··``) it compares as any other such name."""
    return any(sign.isalnum() for sign in plain_name(text))


def told_number(text: str) -> str:
    """A certificate number as it is looked for and counted: one width, without blanks and what isn't seen, 15 and 18
    digits alike."""
    return same_person_number(seen_alone(text))


def _plain_number(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", text) if sign.isalnum()).casefold()


def _one_of(possible: Sequence[str], wanted: str) -> bool:
    """Whether one agrees, none passed over for an earlier one."""
    agreed = [_same(one, wanted) for one in possible]
    return any(agreed) and bool(wanted)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
