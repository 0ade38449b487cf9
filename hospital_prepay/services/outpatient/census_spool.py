"""A file of accounts on its way into the database: read once, personal data encrypted at once, kept as lines.

The lines are those that PostgreSQL's COPY takes. They lie in a file, so that memory stays flat however long the
register is; what stands twice is found over that file by DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.rules.outpatient.reach import channel_of, phone_number, reach
from hospital_prepay.files.tables import open_table
from hospital_prepay.persistence.outpatient_accounts import repeated_numbers
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.account_rows import AccountReader, AccountRow, RejectedAccount, duplicate

_PART: Final = 1_000
_TOLD: Final = 20_000
# How the owner's data are kept: one encrypted text, and a keyed hash each for what is looked up.
PERSONAL: Final = "outpatient_account.personal"
CERTNO: Final = "outpatient.certno"
PHONE: Final = "outpatient.phone"


@dataclass
class Spool:
    """The rows of one file. ``lines`` are those that go in: what stood twice or is known already is left out."""

    path: Path
    sha256: str = ""
    accepted: int = 0
    total_fen: int = 0
    rejected: list[RejectedAccount] = field(default_factory=list)
    _left_out: set[int] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        """The lines that go in, each with its number and fen cut off."""
        for line, _, text in self._rows():
            if line not in self._left_out:
                yield text

    def leave_out(self, refused: RejectedAccount, fen: int) -> None:
        """Set a row aside that was taken at first."""
        self._left_out.add(refused.line)
        self.rejected.append(refused)
        self.accepted -= 1
        self.total_fen -= fen

    def set_known_aside(self, known: Callable[[Sequence[str]], set[str]]) -> None:
        """Leave out every account that ``known`` says is there already."""
        part: list[tuple[int, int, str]] = []
        for line, fen, text in self._rows():
            if line not in self._left_out:
                part.append((line, fen, text.partition("\t")[0]))
            if len(part) == _PART:
                self._leave_known_out(part, known)
                part = []
        if part:
            self._leave_known_out(part, known)
        self.rejected.sort(key=lambda one: one.line)

    def _leave_known_out(self, part: list[tuple[int, int, str]], known: Callable[[Sequence[str]], set[str]]) -> None:
        there = known([number for _, _, number in part])
        for line, fen, number in part:
            if number in there:
                words = f"账户号“{number}”以前已经导入。数错了请走更正，不要重复导入。"
                self.leave_out(RejectedAccount(line, "known_account", words), fen)

    def _rows(self) -> Iterator[tuple[int, int, str]]:
        with self.path.open(encoding="utf-8", newline="\n") as rows:
            for row in rows:
                line, fen, text = row.split("\t", 2)
                yield int(line), int(fen), text


def spool_accounts(
    context: Context, institution_id: str, path: Path, folder: Path, progress: Callable[[int, int], None] | None
) -> Spool:
    """Read the file at ``path`` and keep its accounts as lines in ``folder``. Raises what reading a table raises."""
    spool = Spool(folder / "accounts.txt")
    seal = _Seal(context, institution_id)
    with open_table(path) as table, spool.path.open("w", encoding="utf-8", newline="\n") as target:
        spool.sha256 = table.sha256
        for row in AccountReader(table):
            if isinstance(row, RejectedAccount):
                spool.rejected.append(row)
                continue
            if row.balance.fen < 0:
                words = f"余额是 {row.balance} 元，小于零。欠费不是预交金，请从文件里去掉。"
                spool.rejected.append(RejectedAccount(row.line, "negative_amount", words))
                continue
            target.write(seal.line_of(row))
            spool.accepted += 1
            spool.total_fen += row.balance.fen
            if progress and spool.accepted % _TOLD == 0:
                progress(spool.accepted, 0)
    for line, number, first, fen in repeated_numbers(spool.path, folder):
        spool.leave_out(duplicate(line, number, first), fen)
    spool.rejected.sort(key=lambda one: one.line)
    return spool


class _Seal:
    """Turns a row into a line, with the owner's numbers encrypted and hashed."""

    def __init__(self, context: Context, institution_id: str) -> None:
        self._cipher = context.cipher
        self._hash = context.keyed_hash
        self._institution_id = institution_id

    def line_of(self, row: AccountRow) -> str:
        """Line number and fen first, then the columns of an account in the order of ``SPOOLED``."""
        own = self._institution_id
        certno, phone = same_person_number(row.certno) if row.certno else "", phone_number(row.phone)
        personal = ""
        if row.certno or row.phone:
            text = json.dumps({"certno": row.certno, "phone": row.phone}, ensure_ascii=False)
            personal = self._cipher.encrypt(text, institution=own, field=PERSONAL)
        cells = (
            str(row.line),
            str(row.balance.fen),
            row.account_no,
            row.kind.value,
            row.name,
            personal,
            self._hash.digest(certno, institution=own, field=CERTNO) if certno else "",
            self._hash.digest(phone, institution=own, field=PHONE) if phone else "",
            reach(row.name, row.certno, row.phone).value,
            channel_of(row.channel).value,
            row.patient_no,
            str(row.balance.fen),
        )
        day = row.last_movement_on.isoformat() if row.last_movement_on else "\\N"
        return "\t".join(cells).replace("\\", "\\\\") + f"\t{day}\n"
