"""The mark that joins a rule to its clause.

``@implements("guizhou-deposit-2025/17")`` on a pure function lets the rulebook find the code of a clause, and a
guard test fail on a clause without code or code without a clause.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

IMPLEMENTED: dict[str, list[str]] = {}
HOUSE_RULES: list[str] = []


def implements(*clauses: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register the decorated function as the code of ``clauses`` (ids as in the rulebook)."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        name = f"{function.__module__}.{function.__qualname__}"
        for clause in clauses:
            IMPLEMENTED.setdefault(clause, []).append(name)
        return function

    return mark


def house_rule(function: Callable[P, R]) -> Callable[P, R]:
    """Register the decorated function as a rule of the hospital's own (本院规定), never to be cited as law."""
    HOUSE_RULES.append(f"{function.__module__}.{function.__qualname__}")
    return function
