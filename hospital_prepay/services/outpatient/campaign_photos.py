"""Photos of the notice board: what shows that a campaign on it was to be seen. Kept encrypted, given as they came."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import IO, Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.days import moment_of
from hospital_prepay.domain.errors import Conflict, MalformedInput, NotFound
from hospital_prepay.domain.rules.outpatient.reach import Way
from hospital_prepay.persistence import outpatient_campaigns as store
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.campaigns import locked
from hospital_prepay.services.outpatient.filing import require_past_day
from hospital_prepay.services.outpatient.grounds import plain_line

CONTENT: Final = "outpatient_contact_proof.content"
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_PHOTOS: Final = 20
_KINDS: Final = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"))


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it came."""

    content: bytes
    media_type: str


def prove_campaign(
    context: Context, actor: Actor, campaign_no: int, place: str, seen_on: date, upload: IO[bytes], file_name: str
) -> int:
    """Keep a photo of the board where the notice hangs; from then on the campaign counts as seen. Returns its number.

    Raises :class:`SecondPersonRequired` for who proposed it, :class:`MalformedInput` for what is no picture,
    too large, or of a day ahead, :class:`Conflict` for a campaign that isn't on the board.
    """
    actor.require(Permission.OUTPATIENT_CONTACT)
    plain_line(place, "place", "张贴的地方")
    content = upload.read(MOST_BYTES + 1)
    media_type = _media_type(content)
    digest = hashlib.sha256(content).hexdigest()
    with context.work(actor, "outpatient.prove_campaign", f"outpatient_campaign:{campaign_no}") as work:
        found = locked(work, campaign_no, "released")
        if found.channel != Way.BOARD:
            raise Conflict("照片只用于公告栏通知；这次通知的凭据在结果文件里。")
        actor.require_other_than(found.proposed_by, "交照片")
        require_past_day(seen_on, work.today, "seen_on")
        before = store.proofs_of(work.connection, work.institution_id, campaign_no)
        if len(before) >= MOST_PHOTOS:
            raise Conflict(f"一次通知最多 {MOST_PHOTOS} 张照片。")
        sealed = base64.b64encode(content).decode()
        values = {
            "institution_id": work.institution_id,
            "campaign_no": campaign_no,
            "proof_no": 1 + len(before),
            "place": place.strip(),
            "seen_at": moment_of(seen_on.isoformat()),
            "file_name": file_name[:200],
            "media_type": media_type,
            "size": len(content),
            "sha256": digest,
            "content": context.cipher.encrypt(sealed, institution=work.institution_id, field=CONTENT),
            "recorded_by": actor.actor_id,
            "recorded_at": work.now,
        }
        store.add_proof(work.connection, values)
        work.audit(detail={"campaign": campaign_no, "photo": 1 + len(before), "sha256": digest})
        return 1 + len(before)


def view_photo(context: Context, actor: Actor, campaign_no: int, proof_no: int) -> Photo:
    """One photo. Raises :class:`NotFound`."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        proofs = store.proofs_of(connection, own, campaign_no)
        found = next((one for one in proofs if one.proof_no == proof_no), None)
        if found is None:
            raise NotFound("没有这张照片。请从通知的页面里打开。")
        sealed = store.proof_content(connection, own, campaign_no, proof_no)
    text = context.cipher.decrypt(sealed, institution=own, field=CONTENT)
    return Photo(base64.b64decode(text), found.media_type)


def _media_type(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise MalformedInput("照片超过 8 MB。请压缩后再交。", code="too_large", details={"field": "file"})
    kind = next((kind for start, kind in _KINDS if content.startswith(start)), None)
    if kind is None:
        words = "这不是照片。请交 JPG、PNG 或 PDF。"
        raise MalformedInput(words, code="not_a_picture", details={"field": "file"})
    return kind
