"""The announcement of the refunds (7): written by the finance officer, every version kept, and what stands beside it
on the patients' page: the kept filing (6) and how far giving back is, in sums alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.outpatient.notice import lapsing_words
from hospital_prepay.persistence import outpatient_gate as gate
from hospital_prepay.persistence import outpatient_public as store
from hospital_prepay.persistence.outpatient_gate import KeptRow, PostingRow
from hospital_prepay.persistence.outpatient_public import NoticeRow
from hospital_prepay.persistence.queries import outpatient_public as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.queries.outpatient_public import Progress
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.publication.announcement import announce
from hospital_prepay.services.publication.institution import Hospital

# What stands there until the hospital writes its own.
_LONGEST: Final = 2_000
USUAL_STEPS: Final = (
    "查一查：在网上查余额，或带证件到窗口查。",
    "提申请：本人在网上或窗口申请；代办、继承的带原件到窗口。",
    "医院核对：受理、审核、确认由三个人分别办。",
    "收到钱：优先原路退回，也可以转到本人银行卡，或在窗口领现金。",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """The announcement as patients read it; ``version_no`` is 0 while the hospital's own isn't written."""

    version_no: int
    steps: tuple[str, ...]
    windows: tuple[str, ...]
    hours: str
    phone: str
    written_on: date | None = None


@dataclass(frozen=True, slots=True)
class WriteNotice:
    """A version to write; steps and windows a line each. ``version_no`` is the one it was made from."""

    version_no: int
    steps: str
    windows: str
    hours: str
    phone: str


@dataclass(frozen=True, slots=True)
class PatientsPage:
    """Everything on the page for patients. ``kept`` is ``None`` where nothing is kept: deposits have stopped."""

    notice: Notice
    progress: Progress
    kept: KeptRow | None
    postings: tuple[PostingRow, ...]


def patients_page(context: Context, hospital: Hospital) -> PatientsPage:
    """What everybody may read of an institution."""
    own = hospital.code
    with context.database.reading() as connection:
        latest = store.latest_notice(connection, own)
        kept = gate.kept_in_force(connection, own)
        postings = tuple(gate.postings(connection, own, kept.filing_id)) if kept else ()
        progress = queries.progress(connection, own)
    return PatientsPage(_notice(latest, hospital), progress, kept, postings)


def notice_of(context: Context, hospital: Hospital) -> Notice:
    """The announcement alone."""
    with context.database.reading() as connection:
        return _notice(store.latest_notice(connection, hospital.code), hospital)


def list_notices(context: Context, actor: Actor) -> tuple[list[NoticeRow], dict[str, str]]:
    """Every version, the newest first, and the names of people."""
    actor.require(Permission.OUTPATIENT_VIEW)
    with context.database.reading() as connection:
        return store.notices(connection, actor.institution_id), people.names(connection, actor.institution_id)


def write_notice(context: Context, actor: Actor, command: WriteNotice) -> int:
    """Write the next version; patients read it at once. Returns its number.

    Raises :class:`MalformedInput` for a part that is missing, or words by which a claim would lapse (8);
    :class:`Conflict` when another version came in between.
    """
    actor.require(Permission.OUTPATIENT_FILE)
    with context.work(actor, "outpatient.notice", f"outpatient_notice:{command.version_no + 1}") as work:
        _check(command)
        values = {
            "institution_id": work.institution_id,
            "version_no": command.version_no + 1,
            "steps": "\n".join(_lines(command.steps)),
            "windows": "\n".join(_lines(command.windows)),
            "hours": command.hours.strip(),
            "phone": command.phone.strip(),
            "written_by": actor.actor_id,
            "written_at": work.now,
        }
        store.add_notice(work.connection, values)
        kept = ("steps", "windows", "hours", "phone")
        work.audit(detail={name: values[name] for name in kept})
    announce(context.settings.data_dir, actor.institution_id, f"outpatient notice {command.version_no + 1}")
    return command.version_no + 1


def _check(command: WriteNotice) -> None:
    for field in ("steps", "windows", "hours", "phone"):
        text = getattr(command, field)
        required_ground(text, "请填写，患者要看。", field, longest=_LONGEST)
        if found := lapsing_words(text):
            words = f"“{found}”要改掉：细则第八条没有规定期限，什么时候来都退。"
            raise MalformedInput(words, code="lapsing_words", details={"field": field})


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _notice(row: NoticeRow | None, hospital: Hospital) -> Notice:
    if row is None:
        windows = (hospital.place,) if hospital.place else ()
        return Notice(0, USUAL_STEPS, windows, hospital.hours, hospital.phone)
    return Notice(row.version_no, _lines(row.steps), _lines(row.windows), row.hours, row.phone, row.written_at.date())
