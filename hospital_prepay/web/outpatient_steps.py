"""What the pages of filings, batches and advances share: forms sent back, whose step it is, entries, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Final
from urllib.parse import quote

from flask import Response, redirect

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, typed
from hospital_prepay.services.fund.review import Turn
from hospital_prepay.services.outpatient.batch_review import SourceEntry
from hospital_prepay.web.fund_words import keyed, turn_lines, why_not_mine
from hospital_prepay.web.ledger_outpatient import OUTPATIENT_KINDS

_BLOCK: Final = 1 << 18
FILE_TYPES: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}


def act(
    do: Callable[[], tuple[str, str]], page: Callable[[Form], str], fields: Mapping[str, str] | None = None
) -> Any:
    """Do a step and lead on to where ``do`` says, with its words; what is wrong comes back on ``page``.

    ``fields`` are the form's names for those of the service.
    """
    try:
        href, words = do()
    except WrongForm as wrong:
        return page(wrong.form), 422
    except MalformedInput as error:
        name = str(error.details.get("field", ""))
        return page(typed().with_error(error, (fields or {}).get(name, name))), 422
    except Conflict as error:
        return page(typed("idempotency_key").with_error(error)), 409
    say("ok", words)
    return redirect(href, 303)


def forms_of(names: Sequence[str], opened: str, form: Form | None, **defaults: Mapping[str, str]) -> dict[str, Form]:
    """A form for each step on the page; the one that came back as it was typed."""
    return {
        name: keyed(form if name == opened else None, **defaults.get(name, {})) for name in (*names, opened) if name
    }


def turn(found: Turn | None, names: Mapping[str, str]) -> dict[str, Any]:
    """Whose step is next, who may not, and why the viewer may not."""
    return {"lines": turn_lines(found, names), "why_not": why_not_mine(found)}


def entry(one: SourceEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """An entry behind a batch or list; it opens to its postings for who may see the books."""
    kind, word = OUTPATIENT_KINDS.get(one.kind, ("idle", "其他"))
    sees = current_actor().may(Permission.LEDGER_VIEW)
    return {
        "entry_no": one.entry_no,
        "href": f"/finance/ledger/{one.entry_no}" if sees else None,
        "kind": {"kind": kind, "word": word},
        "summary": one.summary,
        "at": one.posted_at,
        "by": names.get(one.posted_by, one.posted_by),
        "lines": one.lines,
        "amount_fen": one.amount_fen,
    }


def papers(href: str) -> list[dict[str, str]]:
    """A paper to write on further, and the same to print."""
    return [{"label": kind.upper(), "href": f"{href}.{kind}"} for kind in ("docx", "pdf")]


def attachment(content: Any, name: str, kind: str) -> Response:
    """A file to keep: bytes, parts of it, or an open file, which is closed once it was sent."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}.{kind}",
        "Cache-Control": "no-store",
    }
    if not hasattr(content, "read"):
        return Response(content, mimetype=FILE_TYPES[kind], headers=headers)
    response = Response(_parts(content), mimetype=FILE_TYPES[kind], headers=headers)
    response.call_on_close(content.close)  # who asks for the head alone reads no part
    return response


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
