"""The register of outpatient accounts (清退台账): totals that open their lists, a search, one account's whole life.

Names show in full only to people who call patients; certificate and phone show in full to nobody but on a written
reason that the audit trail keeps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.masking import mask_certificate, mask_name, mask_phone
from hospital_prepay.domain.rules.outpatient.life import LISTED_LABELS
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach, phone_number
from hospital_prepay.files.exports import csv_text, xlsx_bytes
from hospital_prepay.persistence import outpatient_accounts as imports
from hospital_prepay.persistence import outpatient_claims as claims
from hospital_prepay.persistence import outpatient_corrections as miscounts
from hospital_prepay.persistence import outpatient_owners as owners
from hospital_prepay.persistence import outpatient_register as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.outpatient_accounts import ImportState
from hospital_prepay.persistence.outpatient_claims import AccountState, ClaimRow
from hospital_prepay.persistence.outpatient_corrections import ListedCorrection
from hospital_prepay.persistence.outpatient_overpayments import overpayments_of
from hospital_prepay.persistence.outpatient_owners import OwnerChangeRow
from hospital_prepay.persistence.outpatient_register import (
    Cell,
    Movement,
    Narrowed,
    RegisterRow,
    RejectionRow,
)
from hospital_prepay.persistence.queries import outpatient_claims as of_claims
from hospital_prepay.persistence.queries import outpatient_record as record
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_claims import FoundAccount
from hospital_prepay.persistence.queries.outpatient_escheat import FiledIn, filings_of_account
from hospital_prepay.persistence.queries.outpatient_record import RecordEvent
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.census_doubts import Doubted
from hospital_prepay.services.outpatient.claim_review import accounts_beside
from hospital_prepay.services.outpatient.sealing import CERTNO, PERSONAL, PHONE
from hospital_prepay.services.outpatient.turns import able_to

PAGE: Final = 50
_SET_ASIDE: Final = ("行号", "为什么，怎么改")
# As many as a sheet has rows, but for its headings.
_MOST_SET_ASIDE: Final = 1_000_000
__all__ = [
    "PAGE",
    "AccountCard",
    "Contact",
    "Figure",
    "FiledIn",
    "Listed",
    "Narrowed",
    "Overview",
    "RecordEvent",
    "ReviewedImport",
]


@dataclass(frozen=True, slots=True)
class Figure:
    """Accounts and what the books have of them, in fen, under one heading."""

    key: str
    label: str
    accounts: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The register added up; the deposits of the census alone in the four tables, what article 6 lets the hospital
    keep in ``kept``, other money of article 9 in ``others``."""

    whole: Figure
    kept: Figure
    others: Figure
    by_state: tuple[Figure, ...]
    by_year: tuple[Figure, ...]
    by_channel: tuple[Figure, ...]
    by_reach: tuple[Figure, ...]
    waiting: tuple[ImportState, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Certificate number and phone: masked, or in full when they were revealed."""

    certno: str
    phone: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the register, with count and sum of all pages."""

    rows: tuple[tuple[RegisterRow, Contact], ...]
    accounts: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class HolderChange:
    """That something of the holder was asked to be corrected, without what it was: its own page shows that."""

    change_no: int
    fields: tuple[str, ...]
    ground: str
    state: str
    asked_by: str
    decided_by: str | None
    answer: str


@dataclass(frozen=True, slots=True)
class AccountCard:
    """One account: what it has, every line on it, its claims, its corrections and those of its holder, who people are
    by id, and in ``others`` the same person's other accounts. ``filings`` are the packs that it stands in, and
    ``unmarks`` the times that its mark was taken back. ``owed_fen`` came back from the bank after the treasury
    gave it, or was asked for it; ``overpaid_fen`` is what the bank paid too often and nobody has got back;
    ``paid_fen`` was given back of the account itself."""

    account: AccountState
    contact: Contact
    movements: tuple[Movement, ...]
    claims: tuple[ClaimRow, ...]
    corrections: tuple[ListedCorrection, ...]
    owner_changes: tuple[HolderChange, ...]
    filings: tuple[FiledIn, ...]
    unmarks: tuple[RecordEvent, ...]
    names: Mapping[str, str]
    others: tuple[FoundAccount, ...]
    owed_fen: int
    overpaid_fen: int
    paid_fen: int


@dataclass(frozen=True, slots=True)
class ReviewedImport:
    """One import with a page of the rows that were set aside, and one of those that were taken with something to look
    at, of which there are ``doubts``; ``doubted`` are the kinds of what else doesn't look right of what was taken;
    ``confirmers`` may confirm it, by name; ``dropped_for`` is why it was taken back or turned down."""

    head: ImportState
    rejected: tuple[RejectionRow, ...]
    doubtful: tuple[RejectionRow, ...]
    doubts: int
    doubted: tuple[Doubted, ...]
    confirmers: tuple[str, ...]
    names: Mapping[str, str]
    dropped_for: str


def overview(context: Context, actor: Actor) -> Overview:
    """The register added up. Every figure is the sum of the list it opens."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        cells = store.read_cells(connection, actor.institution_id)
        found = imports.read_imports(connection, actor.institution_id)
    deposits = [cell for cell in cells if cell.is_deposit and not cell.is_kept]
    kept = [cell for cell in cells if cell.is_deposit and cell.is_kept]
    years = sorted({cell.year for cell in deposits}, reverse=True)
    return Overview(
        whole=_sum("", "门诊预交金", deposits),
        kept=_sum("", "保留的预交金", kept),
        others=_sum("", "不是预交金的款项", [cell for cell in cells if not cell.is_deposit]),
        by_state=_by(deposits, lambda cell: cell.state, LISTED_LABELS),
        by_year=_by(
            deposits, lambda cell: str(cell.year), {str(one): f"{one} 年" if one else "不详" for one in years}
        ),
        by_channel=_by(deposits, lambda cell: cell.channel, {one.value: one.label for one in Channel}),
        by_reach=_by(deposits, lambda cell: cell.reach, {one.value: one.label for one in Reach}),
        waiting=tuple(one for one in found if one.state in ("counted", "confirmed")),
    )


def search(context: Context, actor: Actor, narrowed: Narrowed, page: int) -> Listed:
    """A page of the accounts that ``narrowed`` lets pass. Its text may be an account's number, a name, a patient's
    number, a certificate's number (15 or 18 digits alike) or a phone number."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    narrowed = hashed(context, own, narrowed)
    with context.database.reading() as connection:
        rows = store.list_accounts(connection, own, narrowed, (page - 1) * PAGE, PAGE)
        count, fen = store.sum_accounts(connection, own, narrowed)
    shown = (
        (replace(row, holder_name=shown_name(actor, row.holder_name)), masked_contact(context, own, row.personal))
        for row in rows
    )
    return Listed(tuple(shown), count, fen)


def hashed(context: Context, institution_id: str, narrowed: Narrowed) -> Narrowed:
    """With the keyed hashes under which what was typed may stand."""
    if not narrowed.text:
        return narrowed
    digest = context.keyed_hash.candidates
    phone = phone_number(narrowed.text)
    return replace(
        narrowed,
        certno_hashes=digest(same_person_number(narrowed.text), institution=institution_id, field=CERTNO),
        phone_hashes=digest(phone, institution=institution_id, field=PHONE) if phone else (),
    )


def account_card(context: Context, actor: Actor, account_no: str) -> AccountCard:
    """One account, masked as the viewer may see it. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        account = claims.find_account(connection, own, account_no)
        if account is None:
            raise NotFound("没有这个账户。请核对账户号。")
        of_account = claims.claims_of_account(connection, own, account_no)
        paid = of_claims.arrived_routes(connection, own, [one.claim_id for one in of_account])
        ids = (f"23050102:{account_no}", f"230502:{account_no}")
        return AccountCard(
            replace(account, holder_name=shown_name(actor, account.holder_name)),
            masked_contact(context, own, account.personal),
            tuple(store.movements_of(connection, own, ids)),
            tuple(
                replace(
                    one,
                    claimant_name=shown_name(actor, one.claimant_name),
                    route=paid.get(one.claim_id, one.route),
                )
                for one in of_account
            ),
            tuple(miscounts.with_balances(connection, own, miscounts.corrections_of(connection, own, account_no))),
            tuple(_holder_change(one) for one in owners.changes_of(connection, own, account_no)),
            tuple(filings_of_account(connection, own, account_no)),
            tuple(record.unmarks_of(connection, own, account_no)),
            people.names(connection, own),
            accounts_beside(actor, connection, account),
            claims.owed_of(connection, own, of_account),
            sum(
                one.amount_fen
                for claim in of_account
                for one in overpayments_of(connection, own, claim.claim_id)
                if one.state == "owed"
            ),
            miscounts.paid_fen(connection, own, account_no),
        )


def reveal(context: Context, actor: Actor, account_no: str, ground: str) -> tuple[str, Contact]:
    """Name, certificate number and phone in full, for a written reason that the audit trail keeps."""
    actor.require(Permission.REVEAL_IDENTITY)
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.work(actor, "outpatient.reveal", "outpatient_account") as work:
        account = claims.find_account(work.connection, work.institution_id, account_no)
        if account is None:
            raise NotFound("没有这个账户。请核对账户号。")
        work.about(f"outpatient_account:{account.account_no}")
        work.audit(detail={"ground": ground})
    return account.holder_name, clear_contact(context, actor.institution_id, account.personal)


def list_imports(context: Context, actor: Actor) -> tuple[list[ImportState], Mapping[str, str]]:
    """Every import, the newest first, and who people are by id; who took one back decided on it."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        return _imports(connection, actor.institution_id), people.names(connection, actor.institution_id)


def _imports(connection: Connection, institution_id: str) -> list[ImportState]:
    found, dropped = (
        imports.read_imports(connection, institution_id),
        record.dropped_imports(connection, institution_id),
    )
    for at, one in enumerate(found):
        if one.import_no in dropped:
            who, when, _ = dropped[one.import_no]
            found[at] = replace(one, decided_by=who, decided_at=when)
    return found


def review_import(context: Context, actor: Actor, import_no: int, page: int, look: int = 1) -> ReviewedImport:
    """One import with a page of what was set aside, and page ``look`` of what to look at. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        head = next((one for one in _imports(connection, own) if one.import_no == import_no), None)
        if head is None:
            raise NotFound("没有这次导入。请回到清查导入页查看。")
        rejected = store.rejections_of(connection, own, import_no, (page - 1) * PAGE, PAGE)
        doubtful = store.rejections_of(connection, own, import_no, (look - 1) * PAGE, PAGE, taken=True)
        doubts = store.count_doubtful(connection, own, import_no)
        doubted = tuple(Doubted.of_json(one) for one in head.doubts)
        able = able_to(connection, own, Permission.OUTPATIENT_CONFIRM)
        confirmers = tuple(name for key, name in able.items() if key != head.imported_by)
        names = people.names(connection, own)
        *_, why = record.dropped_imports(connection, own).get(import_no, ("",))
        return ReviewedImport(head, tuple(rejected), tuple(doubtful), doubts, doubted, confirmers, names, why)


def rejected_file(context: Context, actor: Actor, import_no: int, kind: str) -> str | bytes:
    """Every row of an import that was set aside, for who puts it right, as ``csv`` or ``xlsx``. Raises
    :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = store.rejections_of(connection, own, import_no, 0, _MOST_SET_ASIDE)
    if not found or kind not in ("csv", "xlsx"):
        raise NotFound("没有这份文件。请从清查导入页下载。")
    rows = [(one.line, one.message) for one in found]
    return csv_text(_SET_ASIDE, rows) if kind == "csv" else xlsx_bytes("另放的行", _SET_ASIDE, rows)


def _sum(key: str, label: str, cells: Iterable[Cell]) -> Figure:
    kept = list(cells)
    return Figure(key, label, sum(cell.accounts for cell in kept), sum(cell.balance_fen for cell in kept))


def _holder_change(one: OwnerChangeRow) -> HolderChange:
    what = tuple(owners.fields_of(one))
    return HolderChange(one.change_no, what, one.ground, one.state, one.asked_by, one.decided_by, one.answer)


def _by(cells: list[Cell], key: Callable[[Cell], str], labels: Mapping[str, str]) -> tuple[Figure, ...]:
    figures = (_sum(one, label, [cell for cell in cells if key(cell) == one]) for one, label in labels.items())
    return tuple(figure for figure in figures if figure.accounts)


def shown_name(actor: Actor, name: str) -> str:
    """The name as the viewer may see it: in full to people who call patients."""
    return name if actor.calls_patients else mask_name(name)


def masked_contact(context: Context, institution_id: str, personal: str) -> Contact:
    """Certificate number and phone of an account, masked."""
    clear = clear_contact(context, institution_id, personal)
    return Contact(mask_certificate(clear.certno), mask_phone(clear.phone))


def clear_contact(context: Context, institution_id: str, personal: str) -> Contact:
    """The same in full: only for a written reason that the audit trail keeps."""
    if not personal:
        return Contact("", "")
    kept = json.loads(context.cipher.decrypt(personal, institution=institution_id, field=PERSONAL))
    return Contact(kept.get("certno", ""), kept.get("phone", ""))
