"""``/settlement/channels``: what is done in the ward, online and at windows (article 20)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request

from hospital_prepay.domain.access import Permission
from hospital_prepay.domain.errors import Conflict, MalformedInput
from hospital_prepay.domain.rules.settlement.channels import REPORTED, Service
from hospital_prepay.domain.rules.settlement.settling import Channel
from hospital_prepay.http.current import current_actor, current_context
from hospital_prepay.http.flash import say
from hospital_prepay.http.forms import Form, WrongForm, read_form, typed
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.settlement_watch import CountFileSchema, CountSchema
from hospital_prepay.services.settlement import channels as service
from hospital_prepay.services.settlement.channels import Count
from hospital_prepay.web.fund_words import keyed

ROOT: Final = "/settlement/channels"
blueprint = Blueprint("settlement_channels", __name__, url_prefix=ROOT)


@blueprint.get("")
@requires(Permission.SETTLEMENT_VIEW)
def show_channels() -> Any:
    """The five services by channel."""
    first, last = (request.args.get(name, "").strip()[:7] for name in ("first", "last"))
    try:
        return _page(Form(), first, last)
    except MalformedInput as error:
        return _page(Form({"first": first, "last": last}).with_error(error, "first")), 422


@blueprint.post("")
@requires(Permission.SETTLEMENT_MANAGE)
def write_counts() -> Any:
    """Write down a month's counts of one service."""
    try:
        said = read_form(CountSchema())
        counts = [Count(said.period, said.service, one, getattr(said, one.value)) for one in Channel]
        service.write_counts(current_context(), current_actor(), counts, said.source, said.idempotency_key)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, str(error.details.get("field", "")))), 422
    except Conflict as error:
        return _page(typed("idempotency_key").with_error(error)), 409
    say("ok", f"已登记 {said.period} {said.service.label}。")
    return redirect(ROOT, 303)


@blueprint.post("/file")
@requires(Permission.SETTLEMENT_MANAGE, takes_file=True)
def take_file() -> Any:
    """Take in a table of counts."""
    given = request.files.get("file")
    try:
        said = read_form(CountFileSchema())
        if given is None or not given.filename:
            raise MalformedInput("请选一个 CSV 或 XLSX 文件。", details={"field": "file"})
        with tempfile.TemporaryDirectory(prefix="prepay-upload-") as folder:
            path = Path(folder) / "counts"
            given.save(path)
            context, actor = current_context(), current_actor()
            written = service.take_channel_file(context, actor, path, said.source, said.idempotency_key)
    except WrongForm as wrong:
        return _page(wrong.form), 422
    except MalformedInput as error:
        return _page(typed().with_error(error, "file")), 422
    except Conflict as error:
        return _page(typed("idempotency_key").with_error(error)), 409
    say("ok", f"已登记 {written} 个数字，和原来一样的没有再记。")
    return redirect(ROOT, 303)


def _page(form: Form, first: str = "", last: str = "") -> str:
    found = service.read_channels(current_context(), current_actor(), first, last)
    form = keyed(form if form.entered or form.errors else None, first=found.first, last=found.last, period=found.last)
    return render_template(
        "pages/settlement/channels.html",
        found=found,
        form=form,
        lines=[
            {
                "service": one.service.label,
                "numbers": [one.numbers[channel] for channel in Channel],
                "share": one.share,
                "from": "本程序" if one.months is None else f"其他系统报来，{one.months} 个月有数",
                "lacks": one.months is not None and one.months < found.months,
            }
            for one in found.lines
        ],
        channels=[one.label for one in Channel],
        counts=[
            {
                "one": one,
                "service": Service(one.service).label,
                "channel": Channel(one.channel).label,
                "by": found.names.get(one.written_by, one.written_by),
            }
            for one in found.counts
        ],
        services=[{"value": one.value, "label": one.label} for one in REPORTED],
        may_write=current_actor().may(Permission.SETTLEMENT_MANAGE),
        definitions=service.DEFINITIONS,
    )
