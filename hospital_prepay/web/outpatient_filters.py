"""What the register is narrowed by: read from the address, for its page and for the same list as a file.

What is looked for (``q``) is posted and stands in the address sealed alone (``s``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from urllib.parse import urlencode

from flask import request

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.numbers import number_of
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.life import LISTED_LABELS
from hospital_prepay.domain.rules.outpatient.reach import Channel, Reach, Way
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.services.outpatient import searches
from hospital_prepay.services.outpatient.list_papers import KINDS, printable
from hospital_prepay.services.outpatient.register import Narrowed
from hospital_prepay.web.outpatient_view import ROOT

FILTERS: Final = ("state", "year", "channel", "reach", "kind", "import", "told", "until")


def asked_filters(*, for_file: bool = False) -> dict[str, str]:
    """What the address of the register asks for, with what was looked for opened. A file isn't made of more than was
    asked for: raises :class:`MalformedInput` where it doesn't open."""
    sealed = request.args.get("s", "")
    text = searches.open_search(current_context(), current_actor(), sealed) if for_file else opened(sealed)
    given = {name: request.args.get(name, "").strip()[:80] for name in FILTERS}
    return {"q": text, **given, "s": sealed if text else ""}


def opened(sealed: str) -> str:
    """What was looked for; where the address doesn't open, the page says so and shows its form."""
    try:
        return searches.open_search(current_context(), current_actor(), sealed)
    except MalformedInput as error:
        say("info", error.message)
        return ""


def address_of_form() -> str:
    """Where the answer to the register's form stands: every filter as it was chosen, what is looked for sealed."""
    text = request.form.get("q", "").strip()[:80]
    chosen = {name: request.form.get(name, "").strip()[:80] for name in FILTERS}
    sealed = searches.seal_search(current_context(), current_actor(), text) if text else ""
    return _with_query(f"{ROOT}/accounts", {**chosen, "s": sealed})


def narrowed(given: Mapping[str, str]) -> Narrowed:
    """What the address asks for; a value that no list has lets all pass."""
    year = number_of(given["year"])
    return Narrowed(
        state=given["state"] if given["state"] in LISTED_LABELS else "",
        year=year if year is not None and year < 10_000 else None,
        channel=given["channel"] if given["channel"] in list(Channel) else "",
        reach=given["reach"] if given["reach"] in list(Reach) else "",
        told=given["told"] if given["told"] in [*Standing, *Way] else "",
        deposits={"deposit": True, "kept": True, "other": False}.get(given["kind"]),
        kept={"deposit": False, "kept": True}.get(given["kind"]),
        moved_until=_day(given["until"]),
        import_no=number_of(given["import"]),
        text=given["q"],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def register_files(given: Mapping[str, str], accounts: int) -> list[dict[str, str]]:
    """The register as files, narrowed like the page; a list that is too long to print isn't offered as PDF."""
    return [
        {"label": kind.upper(), "href": _with_query(f"{ROOT}/register.{kind}", given)}
        for kind in KINDS
        if kind != "pdf" or not printable(accounts)
    ]


def _with_query(path: str, given: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in given.items() if value and name != "q"})
    return f"{path}?{query}" if query else path
