"""Numbers in addresses: one that nothing can have is an address that doesn't exist."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import IntegerConverter, ValidationError

from hospital_prepay.domain.numbers import number_of


class BoundNumber(IntegerConverter):
    """``<int:…>``, as far as the database's columns reach."""

    def to_python(self, value: str) -> Any:
        """The number. Raises werkzeug's ``ValidationError``, which makes it "not found"."""
        if number_of(value) is None:
            raise ValidationError
        return super().to_python(value)


def bound_numbers(app: Flask) -> None:
    """Make every ``<int:…>`` of routes added from now on a bound one."""
    app.url_map.converters["int"] = BoundNumber
