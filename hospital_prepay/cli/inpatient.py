"""``hospital-prepay inpatient``: what inpatients may be asked to deposit."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import click

from hospital_prepay.cli.output import format_option, print_json, print_table, progress_bar
from hospital_prepay.cli.parameters import Day, InputFile, Yuan
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.services.inpatient.cap_review import BASIS_LABELS
from hospital_prepay.services.inpatient.measure import MeasuredRow, Measurement, measure_cases
from hospital_prepay.services.inpatient.measuring_readings import offered_readings, readings_of_calculator

_SHOWN_REJECTED: Final = 20


class _Measure(click.Command):
    """Lists under its help what ``--reading`` takes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for name, question, answers in offered_readings():
            with formatter.section(f"{name}  {question}"):
                formatter.write_dl([(value, words or " ") for value, words in answers])


@click.group("inpatient")
def inpatient() -> None:
    """住院预交金。"""


@inpatient.command("measure", cls=_Measure)
@click.argument("cases", type=InputFile(), metavar="病例文件")
@click.option("--as-of", type=Day(), required=True, help="测算日期，例如 2026-01-15")
@click.option("--legacy", type=InputFile(), help="本院原标准表：病种编码、参保类型、原标准")
@click.option("--similar", type=InputFile(), help="相似病种表：病种编码、相似病种")
@click.option("--min-cases", type=click.IntRange(min=0), default=0, help="少于多少例就算例数不足，默认不限")
@click.option("--round-down-to", type=Yuan(), default=Money(100), help="向下取整到多少元，默认 1")
@click.option(
    "--burden",
    type=click.Choice([burden.value for burden in Burden]),
    default=Burden.WHOLE.value,
    show_default=True,
    help="个人负担的口径：全部个人负担，或只算个人自付",
)
@click.option(
    "--reading",
    "given",
    metavar="读法=取值",
    multiple=True,
    help="改用下面列出的另一种读法，可以写多次，例如 mean_over_years=mean_of_yearly_means",
)
@format_option
def measure(
    cases: Path,
    as_of: date,
    legacy: Path | None,
    similar: Path | None,
    min_cases: int,
    round_down_to: Money,
    burden: str,
    given: tuple[str, ...],
    form: str,
) -> None:
    """按既往三年病例测算住院预交金额度。病例文件是 CSV 或 XLSX。"""
    readings = readings_of_calculator(Burden(burden), given)
    with progress_bar("读取病例") as progress:
        answer = measure_cases(
            cases,
            as_of=as_of,
            legacy=legacy,
            similar=similar,
            min_cases=min_cases,
            round_down_to=round_down_to,
            readings=readings,
            progress=progress,
        )
    if form == "json":
        print_json(answer.to_json())
    else:
        _print(answer)


def _print(answer: Measurement) -> None:
    measured = answer.measured
    click.echo(f"测算日期 {answer.as_of}，病例期间 {measured.window.first} 至 {measured.window.last}")
    click.echo(
        f"读取 {answer.cases_read:,} 行，采用 {measured.cases_used:,} 例，"
        f"期间外 {answer.outside_window:,} 例，未采用 {len(answer.rejected):,} 行"
    )
    headings = ("公示", "病种编码", "病种名称", "参保类型", "例数", "个人负担均值", "原标准", "额度（元）", "取值")
    posted = set(measured.posted)
    print_table(headings, [_cells(row, posted) for row in measured.rows], right=(4, 5, 6, 7))
    if answer.rejected:
        click.echo(f"\n未采用的行（{len(answer.rejected):,}）：")
    for rejected in answer.rejected[:_SHOWN_REJECTED]:
        click.echo(f"第 {rejected.line} 行  {rejected.message}")
    if len(answer.rejected) > _SHOWN_REJECTED:
        click.echo(f"……还有 {len(answer.rejected) - _SHOWN_REJECTED:,} 行，加 --format json 可看全部。")


def _cells(row: MeasuredRow, posted: set[str]) -> tuple[str, ...]:
    statistics = row.statistics
    return (
        "是" if statistics.disease_code in posted else "",
        statistics.disease_code,
        row.disease_name or "–",
        statistics.insured_class.label,
        f"{statistics.cases:,}",
        "–" if row.mean is None else str(row.mean),
        "–" if row.legacy is None else str(row.legacy),
        "–" if row.cap.amount is None else str(row.cap.amount),
        BASIS_LABELS[row.cap.basis.value],
    )
