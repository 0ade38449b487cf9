"""The scheduler's daily step for discharges."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from hospital_prepay.clock import SHANGHAI, FixedClock
from hospital_prepay.jobs import daily
from hospital_prepay.jobs.settlement import escalate_discharges
from tests.hospital import INSTITUTION, Hospital
from tests.settled import discharged


@pytest.mark.parametrize("database_urls", ["sqlite"], indirect=True)
def test_discharges_are_escalated_once_a_day_of_shanghai(
    hospital: Hospital, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREPAY_MODE", "demo")
    monkeypatch.setenv("PREPAY_DATABASE_URL", hospital.context.database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("PREPAY_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setattr(daily, "Clock", lambda: clock)
    discharged(hospital.context, clock, "Z1", datetime(2026, 1, 15, 9, tzinfo=SHANGHAI))
    clock.moment = datetime(2026, 1, 20, 7, tzinfo=SHANGHAI)
    assert escalate_discharges() == {INSTITUTION: "escalated"}
    assert escalate_discharges() == {}
    clock.moment = datetime(2026, 1, 20, 23, tzinfo=SHANGHAI)
    assert escalate_discharges() == {}
    assert hospital.count("audit_event", "action = 'job.settlement_escalate' AND outcome = 'done'") == 1
