"""What all schemas share: Chinese messages, strict amounts and days, and frozen commands as their result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

from apiflask import Schema
from marshmallow import EXCLUDE, RAISE, ValidationError, fields
from marshmallow.types import UnknownOption

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import MAX_FEN, Money
from hospital_prepay.domain.numbers import LARGEST_NUMBER
from hospital_prepay.domain.plain_text import is_invisible

Command = TypeVar("Command")
_FIRST_YEAR: Final = 2000
_PLAIN_YUAN: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

# marshmallow speaks English; these are its own keys.
MESSAGES: Final = {
    "required": "请填写。",
    "null": "请填写。",
    "validator_failed": "填得不对，请核对。",
    "invalid": "填得不对，请核对。",
    "invalid_utf8": "文字读不出来，请重新输入。",
    "invalid_uuid": "号码不对，请核对。",
    "too_large": "数字太大，请核对。",
    "special": "请填写数字。",
    "format": "格式不对，请核对。",
    "type": "内容的格式不对。",
    "unknown": "没有这一项。",
}
_BY_TYPE: Final[dict[type[fields.Field[Any]], str]] = {
    fields.Integer: "请填整数，例如 3。",
    fields.Boolean: "请填是或否。",
    fields.DateTime: "请填日期和时间，例如 2025-10-10T14:30:00+08:00。",
    fields.String: "请填文字。",
}


class BaseSchema(Schema):
    """Root of all schemas; unknown fields are errors unless a form says otherwise."""

    class Meta(Schema.Meta):
        unknown: ClassVar[UnknownOption] = RAISE

    # marshmallow's own way to override messages; it copies them for each schema.
    error_messages = {"unknown": MESSAGES["unknown"], "type": MESSAGES["type"]}  # noqa: RUF012

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give a field Chinese words wherever it still has marshmallow's own."""
        english: dict[str, str] = {}
        for kind in reversed(type(field_obj).__mro__):
            if kind.__module__.startswith("marshmallow"):
                english |= getattr(kind, "default_error_messages", {})
        for key, words in field_obj.error_messages.items():
            if words == english.get(key):
                field_obj.error_messages[key] = _chinese(key, field_obj)


class CommandSchema(BaseSchema, Generic[Command]):
    """A schema whose result is a frozen command. Forms carry more than the fields (the CSRF proof): that is left."""

    class Meta(BaseSchema.Meta):
        unknown: ClassVar[UnknownOption] = EXCLUDE

    command: ClassVar[type[Any]]

    def read(self, given: Mapping[str, Any]) -> Command:
        """The command. Raises marshmallow's ``ValidationError``."""
        return cast(Command, self.command(**self.load(given)))


class Text(fields.String):
    """Text without surrounding blanks, of at most ``longest`` signs and no control characters."""

    def __init__(self, *, longest: int = 200, lines: bool = False, **options: Any) -> None:
        super().__init__(**described(options, maxLength=longest))
        self.longest = longest
        self.lines = lines

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options).replace("\r\n", "\n").strip()
        if not text and self.required:
            raise ValidationError(MESSAGES["required"])
        if len(text) > self.longest:
            raise ValidationError(f"最多 {self.longest} 个字。")
        allowed = "\n\t" if self.lines else ""
        if any(is_invisible(sign) and sign not in allowed for sign in text):
            raise ValidationError("有看不见的字符，请重新输入。")
        return text


class Secret(fields.String):
    """A password: taken exactly as typed."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if not text:
            raise ValidationError(MESSAGES["required"])
        return text


class Number(fields.Integer):
    """A whole number from ``least`` to ``most`` that a form or a program sends: no further than columns reach."""

    def __init__(self, *, least: int = 0, most: int = LARGEST_NUMBER, **options: Any) -> None:
        super().__init__(**described(options, minimum=least, maximum=most))
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        number = super()._deserialize(value, attr, data, **options)
        if number is None or number < self.least:
            raise self.make_error("invalid")
        if number > self.most:
            raise self.make_error("too_large")
        return number


class Yuan(fields.Field[Money]):
    """An amount of yuan as strict text (``1234.50``) into whole fen; ``12e3`` and full-width digits are none."""

    def __init__(self, *, separators: bool = True, **options: Any) -> None:
        super().__init__(**described(options, type="string", pattern=f"^{_PLAIN_YUAN.pattern}$", example="1200.00"))
        self.separators = separators

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Money:
        if not isinstance(value, str):
            raise ValidationError('金额要写成文字，例如 "120.00"。')
        if not value.strip():
            raise ValidationError(MESSAGES["required"])
        try:
            amount = Money.of_yuan(value)
        except MalformedInput as error:
            raise ValidationError(error.message) from error
        if not self.separators and not _PLAIN_YUAN.fullmatch(value):
            raise ValidationError("金额只写数字和小数点，例如 1200.00。")
        return amount

    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else value.plain()


class Fen(fields.Field[Money]):
    """An amount as JSON carries it: a whole number of fen, never negative, never text or with a decimal point."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**described(options, type="integer", minimum=0, maximum=MAX_FEN, example=120000))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Money:
        if type(value) is not int:
            raise ValidationError("金额以分为单位写成整数，例如 120000。")
        if not 0 <= value <= MAX_FEN:
            raise ValidationError("金额要大于或等于零，也不能太大。")
        return Money(value)

    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **options: Any) -> int | None:
        return None if value is None else value.fen


class Day(fields.Field[date]):
    """A day as ``2025-10-10``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**described(options, type="string", format="date", example="2025-10-10"))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date:
        if not isinstance(value, str) or not value:
            raise ValidationError(MESSAGES["required"])
        if not _ISO_DAY.fullmatch(value):
            raise ValidationError(f"“{value[:20]}”不是日期，请写成 2025-10-10 这样。")
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError(f"{value} 这一天不存在，请核对。") from None

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else value.isoformat()


class PerhapsDay(Day):
    """A day, or nothing: a form sends a field that was left empty as an empty text."""

    def __init__(self) -> None:
        super().__init__(load_default=None)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> date | None:  # type: ignore[override]
        return None if value == "" else super()._deserialize(value, attr, data, **options)


class Choice(fields.Field[Any]):
    """One of the members of an enumeration, by its value."""

    def __init__(self, choices: type[Any], **options: Any) -> None:
        super().__init__(**described(options, type="string", enum=[one.value for one in choices]))
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if value in ("", None):
            raise ValidationError("请选一个。")
        try:
            return self.choices(value)
        except ValueError:
            raise ValidationError("请从列出的选项里选。") from None

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else self.choices(value).value


class Ticked(fields.Field[bool]):
    """A checkbox: there when ticked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(load_default=False, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        return value in ("yes", "on", "true", True)


def of_this_century(moment: datetime) -> None:
    """Refuse an admission before 2000: a slip of the pen, for nobody has lain in that long."""
    if moment.year < _FIRST_YEAR:
        raise ValidationError(f"入院时间不能早于 {_FIRST_YEAR} 年。请核对年份。")


def messages_of(error: ValidationError) -> dict[str, Any]:
    """What is wrong, by field; ``_schema`` holds what concerns the whole."""
    told = error.messages
    return dict(told) if isinstance(told, dict) else {"_schema": told}


def described(options: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """What the OpenAPI document says of a field; what the schema says of it comes first."""
    return {**options, "metadata": {**metadata, **options.get("metadata", {})}}


def _chinese(key: str, field_obj: fields.Field[Any]) -> str:
    if key == "invalid":
        for kind, words in _BY_TYPE.items():
            if isinstance(field_obj, kind):
                return words
    return MESSAGES.get(key, MESSAGES["invalid"])
