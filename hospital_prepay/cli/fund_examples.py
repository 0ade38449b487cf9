"""What the two calculators of the fund want: a complete example for each place, and the fields with their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import click

from hospital_prepay.cli.output import print_json
from hospital_prepay.domain.rules.fund.regime import Absence, Fund, Regime
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.services.fund.words import CATEGORIES, FACTS, POOL_FACTS

F = TypeVar("F", bound=Callable[..., Any])
Example = Callable[[Regime], dict[str, Any]]

_DEFAULT: Final = "zhejiang-prepay-2025"
_VALUES: Final = {
    "level": "1、2、3",
    "full_years_settled": "0 到 100 的整数",
    "assessment": "excellent 优秀、qualified 合格、unqualified 不合格",
    "credit_grade": '"A" 到 "E"',
    "priority_work": "outstanding 表现突出、done 已经落实、not_done 没有落实",
}
_FUND: Final = ("fund", "基金：employee 职工医保、resident 居民医保")
_FEN: Final = "单位分，整数，例如 120000 是 1200 元"
_YES_NO: Final = "true 是、false 否"
_FACTS: Final = (
    ("regime", "哪里的规定，见下"),
    ("year", "申请哪一年的，例如 2026"),
    ("institution", "本院的情况"),
    ("pools", "统筹区各基金的情况"),
    ("paid", "各基金以前每年付给本院多少"),
    ("growth", '基金支出增长率，写成引号里的小数，例如 "0.043" 是 4.3%'),
)
_POOL: Final = (
    _FUND,
    ("months_payable", f'{POOL_FACTS["months"]}，写成引号里的小数，例如 "13.2"'),
    ("deficit_last_year", f"{POOL_FACTS['deficit_last_year']}：{_YES_NO}"),
    ("deficit_forecast", f"{POOL_FACTS['deficit_forecast']}：{_YES_NO}"),
)
_PAID: Final = (("year", "哪一年，例如 2025"), _FUND, ("amount_fen", f"全年付给本院的金额，{_FEN}"))
_REQUEST: Final = (
    ("regime", "哪里的规定，见下"),
    _FUND,
    ("payee", "收款方"),
    ("lines", "支出，至少一行"),
)
_PAYEE: Final = (("name", "名称"), ("credit_code", "统一社会信用代码，18 位"))
_LINE: Final = (
    ("category", "支出类别，见下"),
    ("code", "国家医保编码；药品、耗材没有就先不放行，其他可不写"),
    ("name", "名称"),
    ("amount_fen", f"金额，大于零，{_FEN}"),
    ("order_no", "平台订单号；药品、耗材没有就先不放行，其他可不写"),
)
_INSTITUTION: Final[dict[str, Any]] = {
    "level": 3,
    "public": True,
    "inpatient": True,
    "full_years_settled": 3,
    "assessment": "excellent",
    "credit_grade": "A",
    "priority_work": "outstanding",
    "sound_finance": True,
    "cooperates_with_inspections": True,
    "tracing_codes_complete": True,
    "convenience_services": True,
    "penalised_in_12_months": False,
    "referred_for_fraud_in_12_months": False,
    "debts_to_agency": False,
    "assets_preserved": False,
    "unperformed_judgment": False,
    "enforcement_pending": False,
    "repays_procurement_shortfall": True,
    "cleared_last_year": True,
}


def facts_example(regime: Regime) -> dict[str, Any]:
    """Made-up facts that ``fund assess`` takes: a hospital that meets every condition of the place."""
    year = max(regime.first_year, 2026)
    years = 1 if isinstance(regime.base, Absence) else regime.base.years
    return {
        "regime": regime.instrument,
        "year": year,
        "institution": dict(_INSTITUTION),
        "pools": [
            {"fund": fund.value, "months_payable": months, "deficit_last_year": False, "deficit_forecast": False}
            for fund, months in ((Fund.EMPLOYEE, "13.2"), (Fund.RESIDENT, "7.5"))
        ],
        "paid": [
            {"year": year - back, "fund": fund.value, "amount_fen": fen}
            for fund, fen in ((Fund.EMPLOYEE, 1_200_000_000_000), (Fund.RESIDENT, 600_000_000_000))
            for back in range(1, years + 1)
        ],
        "growth": "0.043",
    }


def request_example(regime: Regime) -> dict[str, Any]:
    """A made-up request that ``fund check-use`` takes: one line of drugs and one of consumables."""
    return {
        "regime": regime.instrument,
        "fund": Fund.EMPLOYEE.value,
        "payee": {"name": "示例医药有限公司", "credit_code": "91330000MA00000007"},
        "lines": [
            {
                "category": "drug",
                "code": "XJ01DDT067B002010100001",
                "name": "注射用头孢曲松钠",
                "amount_fen": 12_000_000,
                "order_no": "CG20260108001",
            },
            {
                "category": "consumable",
                "code": "C01010100100001000010000001",
                "name": "一次性使用输液器",
                "amount_fen": 3_500_000,
                "order_no": "CG20260108002",
            },
        ],
    }


def example_option(made: Example) -> Callable[[F], F]:
    """Add ``--example [REGIME]``: print a complete example input and end, whatever else was said."""

    def show(ctx: click.Context, _param: click.Parameter, regime: str | None) -> None:
        if regime is None or ctx.resilient_parsing:
            return
        print_json(made(load_rulebook().regime(regime)))
        ctx.exit()

    return click.option(
        "--example",
        metavar="[规定]",
        is_flag=False,
        flag_value=_DEFAULT,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=f"打印一份完整的示例（虚构的）后退出；不写哪里的规定就用 {_DEFAULT}",
    )


class AssessHelp(click.Command):
    """Lists the fields of ``FACTS.json`` under its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _list(formatter, "FACTS.json 是 UTF-8 编码的 JSON；不知道的写 null 或不写，都按未知算", _FACTS)
        _list(formatter, "institution 里面", [(name, _told(name)) for name in _INSTITUTION])
        _list(formatter, "pools 里面，每个基金一项", _POOL)
        _list(formatter, "paid 里面，每个基金每年一项", _PAID)
        _list(formatter, "regime 可以写", _places())


class CheckUseHelp(click.Command):
    """Lists the fields of ``REQUEST.json`` under its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _list(formatter, "REQUEST.json 是 UTF-8 编码的 JSON", _REQUEST)
        _list(formatter, "payee 里面", _PAYEE)
        _list(formatter, "lines 里面，每行支出一项", _LINE)
        _list(formatter, "category 可以写", list(CATEGORIES.items()))
        _list(formatter, "regime 可以写", _places())


def _list(formatter: click.HelpFormatter, heading: str, rows: Sequence[tuple[str, str]]) -> None:
    with formatter.section(heading):
        formatter.write_dl(rows)


def _told(name: str) -> str:
    return f"{FACTS.get(name, '公立医疗机构')}：{_VALUES.get(name, _YES_NO)}"


def _places() -> list[tuple[str, str]]:
    return [
        (name, f"{editions[-1].place} {editions[-1].number}") for name, editions in load_rulebook().regimes.items()
    ]
