"""What every call must be before a view sees it: JSON, whole, and of a bounded size."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from typing import Any, Final

from apiflask import APIBlueprint
from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.routing import BaseConverter

from hospital_prepay.domain.access import Permission
from hospital_prepay.http.current import current_actor
from hospital_prepay.http.permission import requires
from hospital_prepay.schemas.base import BaseSchema
from hospital_prepay.schemas.deposits import KeyHeader

LARGEST_BODY: Final = 64 * 1024


class WordConverter(BaseConverter):
    """A stay's, receipt's or request's number in an address; anything else is an address that isn't there."""

    regex = r"[0-9A-Za-z-]{1,40}"


def part_of_api(name: str, tag: str) -> APIBlueprint:
    """A blueprint under ``/api/v1`` whose bodies are checked after the caller was let in."""
    blueprint = APIBlueprint(name, f"hospital_prepay.api.{name}", url_prefix="/api/v1", tag=tag)
    blueprint.before_request(_check_body)
    return blueprint


def keyed_post(
    blueprint: APIBlueprint,
    path: str,
    permission: Permission,
    takes: type[BaseSchema],
    gives: type[BaseSchema],
    *,
    status: int = 201,
    answer: str,
    summary: str,
    description: str,
) -> Callable[[Callable[..., Any]], Any]:
    """The head of a call that moves money, or asks for it: posted under a key, so that it is done once."""
    steps: tuple[Callable[[Any], Any], ...] = (
        blueprint.doc(summary=summary, description=description, responses=[404, 409]),
        blueprint.output(gives, status_code=status, description=answer),
        blueprint.input(takes),
        blueprint.input(KeyHeader, location="headers"),
        requires(permission),
        blueprint.post(path),
    )
    return lambda view: reduce(lambda dressed, step: step(dressed), steps, view)


def namespaced(key: str) -> str:
    """The caller's idempotency key, so that another system's equal key is another key."""
    return f"api:{current_actor().actor_id}:{key}"


def _check_body() -> None:
    if request.method != "POST":
        return
    request.max_content_length = LARGEST_BODY
    if request.mimetype != "application/json":
        raise UnsupportedMediaType()
    try:
        json.loads(request.get_data().decode())
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise BadRequest() from error
