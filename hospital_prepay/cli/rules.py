"""``hospital-prepay rules``: the clauses, their code and tests, and the stored decisions computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hospital_prepay.cli.output import format_option, print_json, print_table, progress_bar
from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.collect import INDEX, collect_tests, load_index, render_index
from hospital_prepay.rulebook.coverage import Coverage, coverage, findings, implemented, unmarked_rules
from hospital_prepay.rulebook.document import document
from hospital_prepay.rulebook.loader import load_rulebook
from hospital_prepay.rulebook.model import Addressee, Status
from hospital_prepay.services.compliance.replay import Replay, RuleCount, replay_decisions, require_same
from hospital_prepay.services.ledger.opening import opened_books
from hospital_prepay.settings import Settings

_ADDRESSEES = {Addressee.HOSPITAL: "医院", Addressee.AUTHORITY: "主管部门", Addressee.BOTH: "双方"}
_STATUSES = {
    Status.ENFORCED: "已执行",
    Status.EVIDENCED: "留证据",
    Status.REPORTED: "列报表",
    Status.NOT_OURS: "非医院系统事项",
    Status.PLANNED: "待完成",
}
_IN_CHECKOUT = click.Path(file_okay=False, path_type=Path)


@click.group()
def rules() -> None:
    """五份文件的条款、代码和测试。"""


@rules.command("list")
@format_option
def list_clauses(form: str) -> None:
    """列出每一条每一项，和它的状态、代码、测试。"""
    covered = _covered()
    if form == "json":
        print_json([entry.as_json() for entry in covered])
    else:
        _print_table(covered)


@rules.command("check")
def check() -> None:
    """检查有没有漏掉的条款、没有测试的条款、没有条款的规则。"""
    found = findings(load_rulebook(), implemented(), load_index(), unmarked_rules())
    for finding in found:
        click.echo(f"{finding.code} {finding.subject} {finding.message}", err=True)
    if found:
        raise RulebookFault(
            f"规则库有{len(found)}处对不上。请逐条补齐后再检查。",
            details={"findings": [[finding.code, finding.subject] for finding in found]},
        )
    click.echo(f"规则库对得上，共{len(load_rulebook().clauses)}条。")


@rules.command("index")
@click.option("--root", type=_IN_CHECKOUT, default=Path(), help="源代码目录")
def index(root: Path) -> None:
    """读一遍测试，把每条的测试清单写进程序。"""
    found = collect_tests(root)
    INDEX.write_text(render_index(found), "utf-8")
    click.echo(f"{len(found)}条有测试，清单已更新。")


@rules.command("document")
@click.option("--root", type=_IN_CHECKOUT, default=Path(), help="源代码目录")
def write_document(root: Path) -> None:
    """重写条款一览 docs/clauses.md。"""
    page = root / "docs" / "clauses.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(document(load_rulebook(), _covered()), "utf-8")
    click.echo("条款一览已更新。")


@rules.command("replay")
@format_option
def replay(form: str) -> None:
    """用存下的事实把每个决定重算一遍；有不一样或读不出来的就指出一个，退出码 70。"""
    with opened_books(Settings.from_environment()) as database, progress_bar("重算决定") as progress:
        found = replay_decisions(database, progress)
    if form == "json":
        print_json(replay_as_json(found))
    else:
        _print_counts(found.counts)
        for one in found.unreadable:
            click.echo(f"读不出来  机构 {one.institution_id} 的决定 {one.decision_id}")
        click.echo(f"共 {found.decisions} 个决定，{found.different} 个重新计算后不一样。")
    require_same(found)


def replay_as_json(found: Replay) -> dict[str, Any]:
    """The result of a replay, for programs."""
    first = found.first
    return {
        "decisions": found.decisions,
        "different": found.different,
        "unreadable": [asdict(one) for one in found.unreadable],
        "rules": [asdict(one) for one in found.counts],
        "first_different": first
        and {
            "decision_id": first.decision_id,
            "institution_id": first.institution_id,
            "rule": first.rule,
            "rule_version": first.rule_version,
            "readings": first.readings,
            "decided_at": first.decided_at.isoformat(),
            "stored": first.stored,
            "computed": first.computed,
        },
    }


def _print_counts(counts: Sequence[RuleCount]) -> None:
    """The counts; sets of readings are numbered there and written out below."""
    sets: list[Mapping[str, str]] = []
    rows = []
    for one in counts:
        if one.readings and one.readings not in sets:
            sets.append(one.readings)
        unnumbered = "未知" if one.readings is None else "无"
        readings = f"读法{sets.index(one.readings) + 1}" if one.readings else unnumbered
        rows.append((one.rule, one.rule_version, readings, str(one.decisions), str(one.different)))
    print_table(("规则", "规则版本", "读法", "决定", "不一样"), rows, right=(3, 4))
    for number, kept in enumerate(sets, 1):
        click.echo(f"读法{number}")
        for question, answer in load_rulebook().answers(kept):
            click.echo(f"  {question}{answer}")


def _covered() -> tuple[Coverage, ...]:
    return coverage(load_rulebook(), implemented(), load_index())


def _print_table(covered: Sequence[Coverage]) -> None:
    rows = [
        (
            entry.clause.id,
            _ADDRESSEES[entry.clause.addressee],
            _STATUSES[entry.clause.status],
            str(len(entry.by)),
            str(len(entry.tests)),
            entry.clause.title,
        )
        for entry in covered
    ]
    print_table(("条款", "对象", "状态", "代码", "测试", "标题"), rows, right=(3, 4))
