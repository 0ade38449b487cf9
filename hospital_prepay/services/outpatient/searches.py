"""What somebody searched for, as it may stand in an address.

Names, account numbers and the numbers of certificates and phones are typed into one field. None of them stands in an
address: addresses stay in histories and logs. An address that was handed on, or found later, opens nothing: what is
sealed is its maker's, and a day's.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from hospital_prepay.crypto import FieldUnreadable
from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.services.context import Context

SEARCH: Final = "outpatient.search"
HOLDS_FOR: Final = timedelta(days=1)
OVER: Final = "这个查询打不开：只有查的人自己当天能打开。请重新查找。"


def seal_search(context: Context, actor: Actor, text: str) -> str:
    """The text encrypted, to be carried by an address. Needs ``outpatient.view``."""
    actor.require(Permission.OUTPATIENT_VIEW)
    until = (context.clock.now() + HOLDS_FOR).isoformat()
    sealed = json.dumps({"by": actor.actor_id, "until": until, "text": text.strip()}, ensure_ascii=False)
    return context.cipher.encrypt(sealed, institution=actor.institution_id, field=SEARCH)


def open_search(context: Context, actor: Actor, sealed: str) -> str:
    """The opposite of :func:`seal_search`, empty without anything. Raises :class:`MalformedInput` for what wasn't
    sealed here, is another person's, or is over a day old."""
    if not sealed:
        return ""
    try:
        found = json.loads(context.cipher.decrypt(sealed, institution=actor.institution_id, field=SEARCH))
        theirs, until = found["by"] == actor.actor_id, datetime.fromisoformat(found["until"])
    except (FieldUnreadable, ValueError, TypeError, KeyError) as error:
        raise MalformedInput(OVER, code="search_over") from error
    if not theirs or until < context.clock.now():
        raise MalformedInput(OVER, code="search_over")
    return str(found["text"])
