"""The API's own description: ``/api/v1/openapi.json`` and the page ``/api/docs``."""

from __future__ import annotations

from typing import Any, Final, cast

from apiflask import APIFlask
from flask import Blueprint, render_template

from hospital_prepay.api.requests import WordConverter
from hospital_prepay.domain.access import Permission
from hospital_prepay.http.errors import PROBLEM_JSON
from hospital_prepay.http.permission import access_of, public
from hospital_prepay.schemas.decisions import ProblemOut

blueprint = Blueprint("api_docs", __name__)
SPEC_PATH: Final = "/api/v1/openapi.json"
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_WORDS: Final = {
    "400": "请求体不是完整的 JSON",
    "401": "没有令牌，或令牌已停用",
    "403": "这个系统的角色不能办这一步",
    "404": "没有找到",
    "409": "别人先改过、已经办过，或同一个编号用于内容不同的业务",
    "413": "请求体太大",
    "415": "请求体不是 JSON",
    "422": "内容要改，或规则不允许（附条款和决定编号）",
    "500": "系统故障，附编号",
}
_EXAMPLES: Final = {"stay_no": "2601140001", "receipt_no": "A03-000412"}
DESCRIPTION: Final = """给 HIS、自助机等系统用的接口。

- 金额一律是以分为单位的整数，字段名以 `_fen` 结尾；日期写成 `2026-01-14`，时间带时区。
- 每个请求带 `Authorization: Bearer …`，令牌由系统管理员发给，一个系统一个角色、一本自己的票据。
- 动钱的 POST 要带 `Idempotency-Key`：没收到答复就用同一个号、同样的内容重发，不会重复入账。
- 出错时按 RFC 9457 答复 `application/problem+json`：`code` 给程序判断，`detail` 给人看；
  规则不允许时附条款 `clauses` 和已存决定的编号 `decision_id`。
"""


def describe(app: APIFlask) -> None:
    """Complete the description of ``app``: what APIFlask leaves out or says too loosely."""
    app.url_map.converters["word"] = WordConverter
    app.description = DESCRIPTION
    app.servers = [{"url": "/", "description": "本院"}]
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer", "description": "系统管理员发给的令牌"}}
    app.config.update(AUTO_OPERATION_ID=True, HTTP_ERROR_SCHEMA=ProblemOut)
    app.schema_name_resolver = _schema_name
    app.spec_processor(lambda spec: _complete(app, cast("dict[str, Any]", spec)))


@blueprint.get("/api/docs")
@public
def show_docs() -> str:
    """The description as a page."""
    return render_template("pages/api/docs.html", spec_url=SPEC_PATH)


def _schema_name(schema: Any) -> str:
    name = type(schema).__name__ if not isinstance(schema, type) else schema.__name__
    return str(name.removesuffix("Out") or name)


def _complete(app: APIFlask, spec: dict[str, Any]) -> dict[str, Any]:
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
            _name_role(app, operation)
    return spec


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = {"401", "403", "500", *operation["responses"]}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        statuses |= {"400", "413", "415", "422"}
    if any(one["in"] == "query" for one in operation["parameters"]):
        statuses.add("422")
    if "{" in path:
        statuses.add("404")
    for status in sorted(statuses & _WORDS.keys()):
        content = {PROBLEM_JSON: {"schema": _PROBLEM}}
        operation["responses"][status] = {"description": _WORDS[status], "content": content}
    operation["security"] = [{"token": []}]
    for one in operation["parameters"]:
        if one["in"] == "path" and one["schema"]["type"] == "string":
            one["schema"] |= {"pattern": f"^{WordConverter.regex}$", "minLength": 1, "maxLength": 40}
            if one["name"] in _EXAMPLES:
                one["schema"]["example"] = _EXAMPLES[one["name"]]


def _name_role(app: APIFlask, operation: dict[str, Any]) -> None:
    """Say which permission the call needs, from the mark the door itself reads."""
    endpoint = operation["operationId"].partition("_")[2]
    view = next(view for name, view in app.view_functions.items() if name.replace(".", "_") == endpoint)
    access = access_of(view)
    permission: Permission | None = access.permission if access else None
    if permission is not None:
        operation["description"] += f"\n\n需要权限 `{permission.value}`。"
