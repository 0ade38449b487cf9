"""Rules as pure functions of their facts, a folder per area.

``RULES`` finds a stored decision's rule again by its name: see ``hospital-prepay rules replay``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hospital_prepay.domain.decision import Decision

RULES: dict[str, Callable[[Mapping[str, Any], str], Decision]] = {}
"""Rule name -> function of (stored facts, rule version)."""
