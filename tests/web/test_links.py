"""No link leads to a closed door: every role follows every link of every page it can reach."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest

from hospital_prepay.domain.access import Role
from hospital_prepay.services.inpatient.slips import DecideRequest, RequestVoid, decide_request, request_void
from hospital_prepay.services.ledger.seals import seal_ledger
from tests.counter import Counter, collect
from tests.people import Browser

# Pages of one kind: a few of them stand for all.
_ENOUGH = 4
_MOST = 400


def links(base: str, page: str) -> list[str]:
    """Addresses of this site that a page links to, without fragments."""
    found = (html.unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', page))
    paths = (urljoin(base, href).partition("#")[0] for href in found if not re.match(r"[a-z]+:", href))
    return [path for path in paths if path.startswith("/") and not path.startswith("//")]


def kind(path: str) -> str:
    """The page a path is one of: numbers and clauses left out."""
    return re.sub(r"/(?=[^/]*\d)[^/]+", "/…", urlsplit(path).path)


@pytest.mark.parametrize("role", list(Role))
def test_every_link_a_role_can_reach_opens(counter: Counter, login_as: Callable[[Role], Browser], role: Role) -> None:
    cashier = login_as(Role.CASHIER)
    for amount in ("500", "100", "9000"):
        collect(cashier, amount)
    house = counter.house
    asked = request_void(house.context, house.actor(Role.CASHIER), RequestVoid("A01-000001", "录错"))
    decide_request(house.context, house.actor(Role.FINANCE_OFFICER), DecideRequest(asked.request_id, approve=True))
    seal_ledger(house.context.database, house.context.settings.data_dir, house.context.clock)
    browser = login_as(role)
    waiting, seen, opened = ["/"], {"/"}, dict[str, int]()
    while waiting and len(seen) < _MOST:
        path = waiting.pop(0)
        page = browser.get(path)
        assert page.status_code in (200, 303), f"{path} is {page.status_code} for {role.label}"
        opened[kind(path)] = opened.get(kind(path), 0) + 1
        if page.mimetype != "text/html":
            continue
        for link in links(path, page.text):
            if link not in seen and opened.get(kind(link), 0) < _ENOUGH:
                seen.add(link)
                waiting.append(link)
    assert len(opened) > 5
