"""What somebody searched for, as it may stand in an address.

Names, account numbers and the numbers of certificates and phones are typed into one field. None of them stands in an
address: addresses stay in histories and logs.
"""

from __future__ import annotations

from typing import Final

from hospital_prepay.crypto import FieldUnreadable
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.services.context import Context

SEARCH: Final = "outpatient.search"


def seal_search(context: Context, actor: Actor, text: str) -> str:
    """The text encrypted, to be carried by an address. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    return context.cipher.encrypt(text.strip(), institution=actor.institution_id, field=SEARCH)


def open_search(context: Context, actor: Actor, sealed: str) -> str:
    """The opposite of :func:`seal_search`; empty for what isn't one of this institution's."""
    if not sealed:
        return ""
    try:
        return context.cipher.decrypt(sealed, institution=actor.institution_id, field=SEARCH)
    except FieldUnreadable:
        return ""
