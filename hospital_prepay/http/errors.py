"""The one table from a reason to an HTTP status, and how a problem is told to people and programs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from apiflask import HTTPError
from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from hospital_prepay.crypto import new_token
from hospital_prepay.domain.errors import (
    Conflict,
    DatabaseFault,
    InsufficientFund,
    MalformedInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PrepayError,
    RuleRefused,
    SecondPersonRequired,
)
from hospital_prepay.http.clauses import chip
from hospital_prepay.http.csrf import ForeignForm
from hospital_prepay.http.current import current_context, is_api, is_partial
from hospital_prepay.http.permission import lead_to, takes_file
from hospital_prepay.schemas.base import messages_of

STATUS: Final[dict[type[PrepayError], int]] = {
    MalformedInput: 422,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    RuleRefused: 422,
    InsufficientFund: 422,
    DatabaseFault: 503,
}
FAULT: Final = 500
_TITLES: Final = {
    400: "这张表单已经过期",
    401: "请先登录",
    403: "这一步要由另一个人做",
    404: "没有找到",
    405: "这个地址不能这样用",
    409: "情况已经变了",
    413: "文件太大",
    415: "这种内容读不了",
    422: "填写的内容要改一改",
    429: "请求太密",
    500: "系统出了故障",
    503: "数据库现在用不了",
}
_MESSAGES: Final = {
    400: "请求不完整，没有办成。请刷新后重填。",
    404: "没有这一页。请从首页进去找。",
    405: "请回到上一页，用页面上的按钮办理。",
    413: "请换小一些的文件，或分成几份。",
    415: "请按接口说明的格式发送。",
    429: "请稍等一会儿再试。",
}
# The same for programs: nobody there has a page to reload or a button to press.
_FORM_TITLE: Final = {413: "填写的内容太多"}
_FORM_MESSAGE: Final = {413: "一次最多提交 256 KB，没有办成，也没有入账。请删短后再交。"}
_API_TITLES: Final = {400: "请求读不出来", 413: "内容太大", 415: "内容要用 JSON"}
_API_MESSAGES: Final = {
    400: "请求体不是完整的 JSON（UTF-8），没有办成，也没有入账。请改正后重发。",
    404: "没有这个地址。请对照接口说明。",
    405: "这个地址不接受这种方法。请对照接口说明。",
    413: "请求体最大 64 KB，没有办成，也没有入账。",
    415: "请求体要用 JSON 发送（Content-Type: application/json）。没有办成，也没有入账。",
}
# Nobody else does a step in one's place here: the page is another post's.
_NOT_YOURS: Final = "您的岗位没有这一项"
_OWN_PAGE: Final = frozenset({403, 404, 409})
PROBLEM_JSON: Final = "application/problem+json"
_log = logging.getLogger("hospital_prepay.http")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, ready to be told."""

    status: int
    code: str
    title: str
    message: str
    lines: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    links: tuple[Mapping[str, str], ...] = ()
    number: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def handle_errors(app: Flask) -> None:
    """Tell every failure of ``app`` in words: a page, a part of one, or RFC 9457 under ``/api/``."""
    app.register_error_handler(PrepayError, _expected)
    app.register_error_handler(ValidationError, _wrong_input)
    app.register_error_handler(HTTPError, _wrong_api_input)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: PrepayError) -> int:
    """The HTTP status of an error's family; what belongs to no family is a fault of ours."""
    return next((STATUS[family] for family in type(error).__mro__ if family in STATUS), FAULT)


def _expected(error: PrepayError) -> AnyResponse:
    status = status_of(error)
    if status >= FAULT:
        number = _logged(error)
        return _tell(Problem(status, error.reason, _TITLES[status], error.message, number=number))
    if status == 401 and not is_api():
        return lead_to("/login")
    title = "规则不允许" if isinstance(error, RuleRefused | InsufficientFund) else _TITLES[status]
    if isinstance(error, NotPermitted) and not isinstance(error, SecondPersonRequired):
        title = _NOT_YOURS
    clauses = tuple(error.details.get("clauses", ()))
    return _tell(Problem(status, error.reason, title, error.message, clauses=clauses, details=error.details))


def _wrong_input(error: ValidationError) -> AnyResponse:
    return _tell(_of_messages(messages_of(error)))


def _wrong_api_input(error: HTTPError) -> AnyResponse:
    if error.status_code != 422 or not isinstance(error.detail, dict):
        return _tell(_plain(error.status_code))
    # apiflask sorts messages by where they stood: json, query, headers.
    return _tell(_of_messages({name: told for part in error.detail.values() for name, told in _items(part)}))


def _http(error: HTTPException) -> AnyResponse:
    if isinstance(error, ForeignForm):
        message = "页面开得太久，或登录已经换过。没有办成，也没有入账；请刷新页面再填一次。"
        return _tell(Problem(400, "foreign_form", _TITLES[400], message))
    if error.code is not None and 300 <= error.code < 400:
        return error.get_response()
    response = _tell(_plain(error.code or FAULT))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _unexpected(error: Exception) -> AnyResponse:
    if current_app.config["PROPAGATE_EXCEPTIONS"]:
        raise error  # Flask's own switch, for tests that want to see what went wrong
    return _tell(Problem(FAULT, "fault", _TITLES[FAULT], "系统出了故障，请稍后重试。", number=_logged(error)))


def _plain(status: int) -> Problem:
    titles, messages = _TITLES, _MESSAGES
    if is_api():
        titles, messages = titles | _API_TITLES, messages | _API_MESSAGES
    elif not takes_file():
        titles, messages = titles | _FORM_TITLE, messages | _FORM_MESSAGE
    title = titles.get(status, "没有办成")
    return Problem(status, f"http_{status}", title, messages.get(status, "请回到上一页再试。"))


def _of_messages(messages: Mapping[str, Any]) -> Problem:
    errors = {name: _words(told) for name, told in messages.items()}
    lines = tuple(f"{name}：{words}" if name != "_schema" else words for name, words in errors.items())
    message = f"有 {len(errors)} 处要改，没有办成，也没有入账。"
    return Problem(422, "malformed_input", _TITLES[422], message, lines=lines, details={"errors": errors})


def _words(told: Any) -> str:
    if isinstance(told, dict):
        return "；".join(_words(one) for one in told.values())
    return "；".join(str(one) for one in told) if isinstance(told, list) else str(told)


def _items(part: Any) -> Any:
    return part.items() if isinstance(part, dict) else [("_schema", part)]


def _logged(error: Exception) -> str:
    """Write the fault to the log under a number that the person can quote."""
    number = "F" + new_token().replace("-", "").replace("_", "")[:8].upper()
    _log.error("%s %s %s", number, request.method, request.path, exc_info=error)
    return number


def _tell(problem: Problem) -> Response:
    if is_api():
        return _json(problem)
    response = make_response(_part(problem) if is_partial() else _page(problem), problem.status)
    if is_partial():
        # Beside the form, never in its place: what was typed must stay.
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _json(problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": f"{current_context().settings.public_url}/api/docs#{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.message,
        "code": problem.code,
    }
    extras = {"clauses": list(problem.clauses) or None, "number": problem.number, **problem.details}
    body |= {name: value for name, value in extras.items() if value is not None and name not in body}
    response = jsonify(body)
    response.status_code = problem.status
    response.mimetype = PROBLEM_JSON
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hospital-prepay"'
    return response


def _part(problem: Problem) -> str:
    if problem.status == FAULT:
        return render_template("partials/errors/_fault.html", number=problem.number, support=None)
    return render_template("partials/errors/_problem.html", problem=_shown(problem))


def _page(problem: Problem) -> str:
    if problem.status == 503:
        return render_template("errors/database.html", message=problem.message, number=problem.number)
    if problem.status >= FAULT:
        return render_template("errors/500.html", number=problem.number)
    name = problem.status if problem.status in _OWN_PAGE else 422
    return render_template(f"errors/{name}.html", problem=_shown(problem))


def _shown(problem: Problem) -> dict[str, Any]:
    return {
        "title": problem.title,
        "message": problem.message,
        "lines": problem.lines,
        "clauses": [chip(clause_id) for clause_id in problem.clauses],
        "links": problem.links,
        "number": problem.number,
        "kind": "hold" if problem.status == 403 else "refuse",
    }
