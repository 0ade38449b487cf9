"""A mapping read key by key: every expected key must be there, and no other may be."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from types import TracebackType

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.strict_yaml import Node

NONE = "none"


class Fields:
    """Reads one mapping inside ``with``; leaving the block refuses the keys that nobody asked for.

    All readers raise :class:`RulebookFault` naming the place (``where``) and the key.
    """

    def __init__(self, node: Node | None, where: str) -> None:
        if not isinstance(node, dict):
            raise fault(where, "这里应当是一组键值")
        self._left: dict[str, Node] = dict(node)
        self.where = where

    def __enter__(self) -> Fields:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if kind is None and self._left:
            raise fault(self.where, f"不认识或放错位置的键“{next(iter(self._left))}”")

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def says(self, key: str, words: Collection[str]) -> bool:
        """Whether one of ``words`` stands under ``key``, which is still to be read."""
        return self._left.get(key) in words

    def node(self, key: str) -> Node:
        """Whatever stands under ``key``."""
        if key not in self._left:
            raise fault(self.where, f"缺少键“{key}”")
        return self._left.pop(key)

    def text(self, key: str) -> str:
        """Text that isn't empty."""
        node = self.node(key)
        if not isinstance(node, str) or not node.strip():
            raise fault(self.where, f"键“{key}”应当是文字")
        return node

    def text_or_none(self, key: str) -> str | None:
        """Text, or ``None`` where the file says ``none``."""
        text = self.text(key)
        return None if text == NONE else text

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, perhaps an empty one."""
        node = self.node(key)
        if not isinstance(node, list) or not all(isinstance(item, str) and item.strip() for item in node):
            raise fault(self.where, f"键“{key}”应当是一列文字")
        return tuple(str(item) for item in node)

    def word(self, key: str, allowed: Collection[str]) -> str:
        """One of the ``allowed`` words."""
        text = self.text(key)
        if text not in allowed:
            raise fault(self.where, f"键“{key}”不能是“{text}”")
        return text

    def day(self, key: str) -> date:
        """A date written as ``2025-06-30``."""
        return as_day(self.text(key), f"{self.where} {key}")

    def flag(self, key: str) -> bool:
        """``true`` or ``false``."""
        return self.word(key, ("true", "false")) == "true"

    def items(self, key: str) -> Iterator[tuple[str, Node]]:
        """The pairs of an open mapping (its keys are names of things), at least one."""
        node = self.node(key)
        if not isinstance(node, dict):
            raise fault(self.where, f"键“{key}”下应当是一组键值")
        return iter(node.items())

    def members(self, key: str) -> Iterator[Node]:
        """The members of a list, at least one."""
        node = self.node(key)
        if not isinstance(node, list) or not node:
            raise fault(self.where, f"键“{key}”下应当是一个列表")
        return iter(node)


def as_day(text: str, where: str) -> date:
    """A date written as ``2025-06-30`` and in no other way."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise fault(where, f"“{text}”不是日期") from None
    if day.isoformat() != text:
        raise fault(where, f"“{text}”不是日期")
    return day


def fault(where: str, problem: str) -> RulebookFault:
    """The error of a rule file: where, what, and what to do."""
    return RulebookFault(f"规则文件“{where}”有误：{problem}。请改正后重试。", details={"where": where})
