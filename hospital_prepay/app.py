"""The composition root: puts settings, database, pages and API together."""

from __future__ import annotations

from typing import Final

from apiflask import APIFlask
from flask import Blueprint
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from hospital_prepay import __version__
from hospital_prepay.api import cap_tables as api_cap_tables
from hospital_prepay.api import deposits, document, fund_payments, stays
from hospital_prepay.api import slips as api_slips
from hospital_prepay.api import visits as api_visits
from hospital_prepay.crypto import derive
from hospital_prepay.http.addresses import bound_numbers
from hospital_prepay.http.csrf import keep_cookie
from hospital_prepay.http.current import EXTENSION
from hospital_prepay.http.errors import handle_errors
from hospital_prepay.http.filters import add_filters
from hospital_prepay.http.frame import add_frame
from hospital_prepay.http.metrics import measure_requests
from hospital_prepay.http.permission import guard, public
from hospital_prepay.http.public_cache import answer_in_front
from hospital_prepay.http.security import harden
from hospital_prepay.persistence.migrate import check_current
from hospital_prepay.services.context import Context
from hospital_prepay.services.processes import collect_seldom
from hospital_prepay.settings import Settings, resource
from hospital_prepay.web import (
    account,
    arrears,
    assessments,
    cap_evidence,
    cap_tables,
    caps,
    case_imports,
    clients,
    compliance,
    cost_risks,
    desk,
    fund,
    fund_apply,
    fund_assess,
    fund_distributions,
    fund_duties,
    fund_grants,
    fund_henan,
    fund_left_out,
    fund_lineage,
    fund_losses,
    fund_members,
    fund_papers,
    fund_purchases,
    fund_recall,
    fund_reconcile,
    fund_requests,
    fund_seconds,
    fund_settlements,
    fund_statements,
    fund_usage,
    hardship,
    holidays,
    home,
    identity,
    ledger,
    named_similar,
    operations,
    outpatient,
    outpatient_advances,
    outpatient_alarms,
    outpatient_batches,
    outpatient_campaigns,
    outpatient_claims,
    outpatient_corrections,
    outpatient_filings,
    outpatient_gate,
    outpatient_imports,
    outpatient_notice,
    outpatient_owners,
    outpatient_payments,
    outpatient_people,
    outpatient_reports,
    outpatient_requests,
    public_claim,
    public_outpatient,
    publication,
    relief,
    security,
    settlement,
    settlement_channels,
    settlement_late,
    settlement_messages,
    settlement_paper,
    settlement_pay,
    settlement_refunds,
    settlement_reports,
    settlement_tables,
    settlement_unclaimed,
    sign_in,
    slips,
    standards,
    users,
    verify,
)
from hospital_prepay.web import (
    public as public_pages,
)

# Every blueprint of the site: add yours here. A route that names no permission stops the application being built.
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    home.blueprint,
    sign_in.blueprint,
    desk.blueprint,
    slips.blueprint,
    identity.blueprint,
    settlement.blueprint,
    settlement_channels.blueprint,
    settlement_late.blueprint,
    settlement_messages.blueprint,
    settlement_pay.blueprint,
    settlement_paper.blueprint,
    settlement_tables.blueprint,
    settlement_refunds.blueprint,
    settlement_unclaimed.blueprint,
    settlement_reports.blueprint,
    arrears.blueprint,
    relief.blueprint,
    cost_risks.blueprint,
    assessments.blueprint,
    hardship.blueprint,
    ledger.blueprint,
    fund.blueprint,
    fund_assess.blueprint,
    fund_apply.blueprint,
    fund_papers.blueprint,
    fund_distributions.blueprint,
    fund_members.blueprint,
    compliance.blueprint,
    account.blueprint,
    users.blueprint,
    clients.blueprint,
    security.blueprint,
    publication.blueprint,
    holidays.blueprint,
    caps.blueprint,
    case_imports.blueprint,
    standards.blueprint,
    named_similar.blueprint,
    cap_evidence.blueprint,
    cap_tables.blueprint,
    fund_grants.blueprint,
    fund_requests.blueprint,
    fund_recall.blueprint,
    fund_losses.blueprint,
    fund_seconds.blueprint,
    fund_duties.blueprint,
    fund_usage.blueprint,
    fund_purchases.blueprint,
    fund_lineage.blueprint,
    fund_reconcile.blueprint,
    fund_left_out.blueprint,
    fund_statements.blueprint,
    fund_settlements.blueprint,
    fund_henan.blueprint,
    outpatient_requests.blueprint,
    outpatient_claims.blueprint,
    outpatient_payments.blueprint,
    outpatient_alarms.blueprint,
    outpatient.blueprint,
    outpatient_imports.blueprint,
    outpatient_corrections.blueprint,
    outpatient_owners.blueprint,
    outpatient_people.blueprint,
    outpatient_reports.blueprint,
    outpatient_filings.blueprint,
    outpatient_batches.blueprint,
    outpatient_advances.blueprint,
    outpatient_gate.blueprint,
    outpatient_notice.blueprint,
    public_outpatient.blueprint,
    public_claim.blueprint,
    outpatient_campaigns.blueprint,
    public_pages.blueprint,
    verify.blueprint,
    operations.blueprint,
    document.blueprint,
    stays.blueprint,
    deposits.blueprint,
    api_slips.blueprint,
    api_visits.blueprint,
    api_cap_tables.blueprint,
    fund_payments.blueprint,
)
_LARGEST_FORM: Final = 256 * 1024


def create_app(context: Context | None = None) -> APIFlask:
    """The application, on ``context`` or on what the environment says.

    Raises :class:`~hospital_prepay.settings.SettingMissing` for absent secrets in production and
    :class:`~hospital_prepay.domain.errors.DatabaseFault` for a database of another version.
    """
    collect_seldom()
    context = context or Context.of(Settings.from_environment())
    check_current(context.database)
    app = APIFlask(
        "hospital_prepay",
        title="医院预付金与住院预交金接口",
        version=__version__,
        spec_path=document.SPEC_PATH,
        docs_path=None,
        json_errors=False,
        template_folder=str(resource("templates")),
        static_folder=str(resource("static")),
    )
    app.extensions[EXTENSION] = context
    _configure(app, context.settings)
    add_filters(app)
    add_frame(app)
    document.describe(app)
    bound_numbers(app)
    register(app)
    handle_errors(app)
    harden(app)
    app.after_request(keep_cookie)
    guard(app)
    answer_in_front(app)
    measure_requests(app)
    if context.settings.proxies:
        # Only as many names are believed as proxies of ours wrote: whatever a visitor claims stands before them.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=context.settings.proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    return app


def register(app: APIFlask) -> None:
    """Add every page and every part of the API."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for endpoint in ("static", "openapi.spec"):
        public(app.view_functions[endpoint])


def _configure(app: APIFlask, settings: Settings) -> None:
    # The signed cookie carries only words about what was just done; the sign-in has a server-side session.
    app.secret_key = derive(settings.secret_key, "flash")
    app.config.update(
        SESSION_COOKIE_NAME="prepay_words" if settings.is_demo else "__Host-prepay_words",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=not settings.is_demo,
        MAX_CONTENT_LENGTH=_LARGEST_FORM,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    # A name the view forgot is an error, not an empty place on the page.
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
