"""The program ``hospital-prepay``: gathers the commands of every room and turns problems into exit codes."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hospital_prepay import __version__
from hospital_prepay.cli.calendar import calendar
from hospital_prepay.cli.chinese import in_chinese
from hospital_prepay.cli.db import db
from hospital_prepay.cli.demo import demo
from hospital_prepay.cli.errors import EXIT_CODES_EXPLAINED, report, report_usage
from hospital_prepay.cli.fund import fund
from hospital_prepay.cli.inpatient import inpatient
from hospital_prepay.cli.ledger import ledger
from hospital_prepay.cli.outpatient import outpatient
from hospital_prepay.cli.rules import rules
from hospital_prepay.cli.serve import serve
from hospital_prepay.cli.settlement import settlement
from hospital_prepay.domain.errors import PrepayError
from hospital_prepay.hl7.command import hl7
from hospital_prepay.jobs.command import scheduler
from hospital_prepay.services.processes import collect_seldom

COMMANDS: tuple[click.Command, ...] = (
    calendar,
    db,
    demo,
    fund,
    hl7,
    inpatient,
    ledger,
    outpatient,
    rules,
    scheduler,
    serve,
    settlement,
)


@click.group("hospital-prepay", no_args_is_help=True, epilog=EXIT_CODES_EXPLAINED)
@click.version_option(
    __version__, prog_name="hospital-prepay", message="%(prog)s %(version)s", help="显示版本后退出。"
)
def program() -> None:
    """医院预付金与住院预交金管理。"""


for command in COMMANDS:
    program.add_command(command)
in_chinese(program)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 2 bad input, 3 not permitted, 4 not found, 5 conflict,
    6 refused by a rule, 70 a fault of ours."""
    collect_seldom()
    try:
        result = program.main(args=arguments, prog_name="hospital-prepay", standalone_mode=False)
    except PrepayError as error:
        return report(error)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return report_usage(error)
    except (click.Abort, KeyboardInterrupt):
        return 130
    return result if isinstance(result, int) else 0  # the code given to ctx.exit(), which main() hands back
