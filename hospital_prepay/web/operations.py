"""``/healthz``, ``/readyz`` and ``/metrics``: what a supervisor and the monitoring ask of a server."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hospital_prepay.http.current import current_context
from hospital_prepay.http.metrics import request_registry
from hospital_prepay.http.permission import for_monitoring, public
from hospital_prepay.services.operations import Figures, read_figures
from hospital_prepay.services.readiness import obstacle

blueprint = Blueprint("operations", __name__)
_FRESH = {"Cache-Control": "no-store"}


@blueprint.get("/healthz")
@public
def show_health() -> Any:
    """The process answers; no database is asked."""
    return jsonify(status="ok"), 200, _FRESH


@blueprint.get("/readyz")
@public
def show_readiness() -> Any:
    """The database answers and is of the right version; otherwise 503 and what to do."""
    found = obstacle(current_context())
    if found is None:
        return jsonify(status="ready"), 200, _FRESH
    return jsonify(status="unavailable", detail=found), 503, _FRESH


@blueprint.get("/metrics")
@for_monitoring
def show_metrics() -> Response:
    """Requests as the server processes counted them, everything else as the database has it now."""
    context = current_context()
    business = _Business(read_figures(context), context.clock.now())
    return Response(generate_latest(request_registry()) + generate_latest(business), content_type=CONTENT_TYPE_LATEST)


class _Business(Collector):
    """The figures in the words of the exposition format."""

    def __init__(self, figures: list[Figures], now: datetime) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterable[Metric]:
        """One family after the other."""
        yield self._decisions()
        yield self._receipts()
        yield from self._seals()
        yield self._runs()
        yield self._import_rows()

    def _decisions(self) -> Metric:
        words = "Decisions since midnight in Shanghai, by rule and outcome."
        family = GaugeMetricFamily("prepay_decisions_today", words, labels=("institution", "rule", "outcome"))
        for one in self._figures:
            for rule, outcome, count in one.decisions:
                family.add_metric((one.institution_id, rule, outcome), count)
        return family

    def _receipts(self) -> Metric:
        words = "Receipts issued: deposits, refunds and voids."
        family = CounterMetricFamily("prepay_receipts", words, labels=("institution",))
        for one in self._figures:
            family.add_metric((one.institution_id,), one.receipts)
        return family

    def _seals(self) -> Iterable[Metric]:
        words = "Journal entries that no block holds yet."
        waiting = GaugeMetricFamily("prepay_unsealed_entries", words, labels=("institution",))
        words = (
            "Seconds since the newest block; it grows while nothing is posted, too: watch it with unsealed entries."
        )
        age = GaugeMetricFamily("prepay_last_seal_age_seconds", words, labels=("institution",))
        for one in self._figures:
            waiting.add_metric((one.institution_id,), one.unsealed_entries)
            if one.last_sealed_at is not None:
                age.add_metric((one.institution_id,), (self._now - one.last_sealed_at).total_seconds())
        return waiting, age

    def _runs(self) -> Metric:
        words = "When the newest run of a scheduled job ended; of one without an end, when it began."
        labels = ("institution", "job", "outcome")
        family = GaugeMetricFamily("prepay_job_last_run_timestamp_seconds", words, labels=labels)
        for one in self._figures:
            for run in one.runs:
                moment = run.finished_at or run.started_at
                family.add_metric((one.institution_id, run.job, run.outcome or "unfinished"), moment.timestamp())
        return family

    def _import_rows(self) -> Metric:
        words = "Rows of imported files of cases: accepted, known from an earlier file, rejected."
        family = CounterMetricFamily("prepay_import_rows", words, labels=("institution", "result"))
        for one in self._figures:
            for result, count in zip(("accepted", "known", "rejected"), one.import_rows, strict=True):
                family.add_metric((one.institution_id, result), count)
        return family
