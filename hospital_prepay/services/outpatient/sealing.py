"""Rows of a census turned into lines that are ready to be stored, personal data encrypted and hashed at once.

Nothing of the database is needed for it, so that a process which helps with a long file is there in a moment.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from zlib import crc32

from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.masking import mask_within
from hospital_prepay.domain.rules.outpatient.reach import Channel, Doubt, best_known, channel_of, doubts, phone_number
from hospital_prepay.files.tables import PlainLines
from hospital_prepay.services.keys import field_cipher, keyed_hash
from hospital_prepay.services.outpatient.account_rows import (
    UNREADABLE_DAY,
    AccountReader,
    AccountRow,
    RejectedAccount,
    unreadable_day,
)
from hospital_prepay.services.outpatient.census_doubts import Doubts
from hospital_prepay.services.processes import begin_helping
from hospital_prepay.settings import Settings

_quoted = json.JSONEncoder(ensure_ascii=False).encode
TAB: Final = "\t"
_SLASH: Final = "\\"
_SLASHES: Final = "\\\\"
# So many checksums of account numbers are told apart, a byte each: of a million two in a hundred share theirs.
CHECKSUMS: Final = 1 << 25
# How the owner's data are kept: one encrypted text, and a keyed hash each for what is looked up.
PERSONAL: Final = "outpatient_account.personal"
CERTNO: Final = "outpatient.certno"
PHONE: Final = "outpatient.phone"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What some rows came to: the lines of the accounts that can be taken, for each of them a mark (line of the file,
    fen and number) and the checksum of its number, how many and how much, the rows that can't be taken, and what of
    the others doesn't look right."""

    lines: bytes
    marks: bytes
    checksums: array[int]
    accepted: int
    fen: int
    rejected: list[RejectedAccount]
    doubtful: list[RejectedAccount]
    doubts: Doubts


class Sealer:
    """Turns rows into lines, with the owner's numbers encrypted and hashed."""

    def __init__(self, reader: AccountReader, settings: Settings, institution_id: str) -> None:
        self._reader = reader
        self._settings = settings
        self._institution_id = institution_id

    @cached_property
    def _encrypt(self) -> Callable[[str], str]:
        return field_cipher(self._settings).sealing(self._institution_id, PERSONAL)

    @cached_property
    def _certno_hash(self) -> Callable[[str], str]:
        return keyed_hash(self._settings).digesting(self._institution_id, CERTNO)

    @cached_property
    def _phone_hash(self) -> Callable[[str], str]:
        return keyed_hash(self._settings).digesting(self._institution_id, PHONE)

    def seal(self, rows: Iterable[tuple[int, Sequence[str]]]) -> Sealed:
        """Judge and seal some rows of the file."""
        lines: list[str] = []
        marks: list[str] = []
        checksums = array("L")
        rejected: list[RejectedAccount] = []
        doubtful: list[RejectedAccount] = []
        noted = Doubts()
        total = 0
        for line, cells in rows:
            row = self._reader.read(line, cells)
            if isinstance(row, RejectedAccount):
                rejected.append(row)
                continue
            fen = row.balance.fen
            if fen < 0:
                words = f"账户 {row.account_no}：余额是 {row.balance} 元，小于零。欠费不是预交金，请从文件里去掉。"
                rejected.append(RejectedAccount(line, "negative_amount", mask_within(words)))
                continue
            lines.append(self._line_of(row, fen, noted))
            marks.append(f"{line}\t{fen}\t{_escaped(row.account_no)}\n")
            checksums.append(crc32(row.account_no.encode()) % CHECKSUMS)
            total += fen
            if row.unread:
                # The day of filing isn't stored: filings are made here.
                doubtful += [
                    RejectedAccount(line, UNREADABLE_DAY, unreadable_day(key, text))
                    for key, text in row.unread
                    if key == "last_movement_on"
                ]
        told = ("".join(lines).encode(), "".join(marks).encode(), checksums)
        return Sealed(*told, len(lines), total, rejected, doubtful, noted)

    def _line_of(self, row: AccountRow, fen: int, noted: Doubts) -> str:
        """The columns of an account in the order of ``SPOOLED``, in the text form of PostgreSQL's COPY."""
        number = same_person_number(row.certno) if row.certno else ""
        phone = phone_number(row.phone) if row.phone else ""
        channel = channel_of(row.channel)
        # What is known to be right isn't looked at again.
        if kinds := doubts(number, "" if phone else row.phone, row.channel if channel is Channel.UNKNOWN else ""):
            noted.note(row, kinds)
        if row.last_movement_on is None and all(key != "last_movement_on" for key, _ in row.unread):
            noted.note(row, (Doubt.NO_DAY,))
        personal = ""
        if row.certno or row.phone:
            personal = self._encrypt(f'{{"certno": {_quoted(row.certno)}, "phone": {_quoted(row.phone)}}}')
        cells = (
            row.account_no,  # its person, until two are joined
            row.account_no,
            row.kind,
            row.name,
            personal,
            self._certno_hash(number) if number else "",
            self._phone_hash(phone) if phone else "",
            best_known(row.name, row.certno, phone),
            channel,
            row.patient_no,
            str(fen),
        )
        day = row.last_movement_on.isoformat() if row.last_movement_on else "\\N"
        return f"{_escaped(TAB.join(cells))}\t{day}\n"


def unescaped(cell: str) -> str:
    """A cell of a line as it was before it was written down."""
    return cell.replace(_SLASHES, _SLASH) if _SLASH in cell else cell


def _escaped(cells: str) -> str:
    return cells.replace(_SLASH, _SLASHES) if _SLASH in cells else cells


# The sealer of a process that was started to help, and how the blocks are split that it is given.
_employed: list[tuple[Sealer, PlainLines | None]] = []


def employ(sealer: Sealer, plain: PlainLines | None) -> None:
    """Make this process one that seals parts of a file."""
    _employed[:] = [(sealer, plain)]
    begin_helping()


def seal(part: list[tuple[int, list[str]]] | tuple[int, str]) -> Sealed:
    """Seal one part in a process that was employed: rows, or a block of lines as they stand in the file."""
    sealer, plain = _employed[0]
    if isinstance(part, list):
        return sealer.seal(part)
    assert plain is not None, "blocks come from plain lines"
    return sealer.seal(plain.rows_of(*part))
