"""Campaigns, their files, imports and photos: written once, read as frozen rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient_contact import (
    OutpatientCampaign,
    OutpatientContactFile,
    OutpatientContactImport,
    OutpatientContactPart,
    OutpatientContactProof,
    OutpatientContactRejection,
)
from hospital_prepay.persistence.rows import refusing, rows_of


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as it stands."""

    campaign_no: int
    title: str
    channel: str
    text: str
    criteria: dict[str, Any]
    state: str
    chosen: int
    total_fen: int
    proposed_by: str
    proposed_at: datetime
    released_by: str | None
    released_at: datetime | None
    dropped_by: str | None
    dropped_at: datetime | None
    dropped_ground: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """The head of a campaign's file."""

    campaign_no: int
    form: str
    lines: int
    left_out: int
    size: int
    parts: int
    sha256: str
    made_by: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A file of results that was taken in."""

    import_no: int
    campaign_no: int
    file_name: str
    sha256: str
    taken: int
    known: int
    rejected: int
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A photo, without its content."""

    proof_no: int
    place: str
    seen_at: datetime
    file_name: str
    media_type: str
    size: int
    sha256: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line of a file of results that couldn't be taken."""

    line: int
    message: str


def campaigns(connection: sa.Connection, institution_id: str, campaign_no: int | None = None) -> list[CampaignRow]:
    """Every campaign, the newest first, or the one asked for."""
    where = () if campaign_no is None else (OutpatientCampaign.campaign_no == campaign_no,)
    order = (OutpatientCampaign.campaign_no.desc(),)
    return rows_of(connection, OutpatientCampaign, CampaignRow, institution_id, *where, order=order)


def lock_campaign(connection: sa.Connection, institution_id: str, campaign_no: int) -> CampaignRow | None:
    """The campaign, held until the transaction ends."""
    connection.execute(
        sa.select(OutpatientCampaign.campaign_no)
        .where(OutpatientCampaign.institution_id == institution_id, OutpatientCampaign.campaign_no == campaign_no)
        .with_for_update()
    )
    return next(iter(campaigns(connection, institution_id, campaign_no)), None)


def add_campaign(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write a proposal down."""
    connection.execute(sa.insert(OutpatientCampaign).values(**values))


def walk_campaign(connection: sa.Connection, institution_id: str, campaign_no: int, **values: Any) -> None:
    """Let a campaign go its next step; the database refuses any other."""
    with refusing("这次通知刚被别人办了。请刷新后再看；本次没有改动。"):
        connection.execute(
            sa.update(OutpatientCampaign)
            .where(OutpatientCampaign.institution_id == institution_id, OutpatientCampaign.campaign_no == campaign_no)
            .values(**values)
        )


def find_file(connection: sa.Connection, institution_id: str, campaign_no: int) -> FileRow | None:
    """The head of the campaign's file, ``None`` before it is made."""
    where = OutpatientContactFile.campaign_no == campaign_no
    return next(iter(rows_of(connection, OutpatientContactFile, FileRow, institution_id, where)), None)


def add_file(connection: sa.Connection, values: dict[str, Any], parts: Iterator[str]) -> None:
    """Keep a file: its head, then its encrypted parts one by one."""
    connection.execute(sa.insert(OutpatientContactFile).values(**values))
    own = {"institution_id": values["institution_id"], "campaign_no": values["campaign_no"]}
    for number, content in enumerate(parts, 1):
        connection.execute(sa.insert(OutpatientContactPart).values(**own, part_no=number, content=content))


def file_part(connection: sa.Connection, institution_id: str, campaign_no: int, part_no: int) -> str:
    """One encrypted part of a file."""
    query = sa.select(OutpatientContactPart.content).where(
        OutpatientContactPart.institution_id == institution_id,
        OutpatientContactPart.campaign_no == campaign_no,
        OutpatientContactPart.part_no == part_no,
    )
    return str(connection.scalar(query) or "")


def imports_of(connection: sa.Connection, institution_id: str, campaign_no: int) -> list[ImportRow]:
    """The files of results of a campaign, the newest first."""
    where = OutpatientContactImport.campaign_no == campaign_no
    order = (OutpatientContactImport.import_no.desc(),)
    return rows_of(connection, OutpatientContactImport, ImportRow, institution_id, where, order=order)


def next_import_no(connection: sa.Connection, institution_id: str) -> int:
    """The number of the next import; the caller holds the name."""
    query = sa.select(sa.func.coalesce(sa.func.max(OutpatientContactImport.import_no), 0))
    return 1 + int(connection.scalar(query.where(OutpatientContactImport.institution_id == institution_id)) or 0)


def add_import(connection: sa.Connection, values: dict[str, Any], rejected: Sequence[RejectedLine]) -> None:
    """Record a file of results with the lines that couldn't be taken; its results come after it."""
    with refusing("这个结果文件刚被导入过，或现在不能导入。请刷新后再看；本次没有改动。"):
        connection.execute(sa.insert(OutpatientContactImport).values(**values))
    own = {"institution_id": values["institution_id"], "import_no": values["import_no"]}
    if rejected:
        rows = [{**own, "line": one.line, "message": one.message} for one in rejected]
        connection.execute(sa.insert(OutpatientContactRejection), rows)


def rejected_lines(connection: sa.Connection, institution_id: str, import_no: int) -> list[RejectedLine]:
    """The lines of an import that couldn't be taken and were kept, by line."""
    where = OutpatientContactRejection.import_no == import_no
    order = (OutpatientContactRejection.line,)
    return rows_of(connection, OutpatientContactRejection, RejectedLine, institution_id, where, order=order)


def proofs_of(connection: sa.Connection, institution_id: str, campaign_no: int) -> list[ProofRow]:
    """The photos of a campaign, in their order."""
    where = OutpatientContactProof.campaign_no == campaign_no
    order = (OutpatientContactProof.proof_no,)
    return rows_of(connection, OutpatientContactProof, ProofRow, institution_id, where, order=order)


def proof_content(connection: sa.Connection, institution_id: str, campaign_no: int, proof_no: int) -> str:
    """The encrypted content of a photo."""
    query = sa.select(OutpatientContactProof.content).where(
        OutpatientContactProof.institution_id == institution_id,
        OutpatientContactProof.campaign_no == campaign_no,
        OutpatientContactProof.proof_no == proof_no,
    )
    return str(connection.scalar(query) or "")


def add_proof(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Keep a photo."""
    with refusing("这张照片已经交过，或现在不能交。请刷新后再看；本次没有改动。"):
        connection.execute(sa.insert(OutpatientContactProof).values(**values))
