"""Finds the tests of every clause by reading them, without running any.

A Python test names its clauses with ``@pytest.mark.clause("guizhou-deposit-2025/12")``, on the function, on its
class, or for a whole module as ``pytestmark``. A file of situations under ``tests/rules/<instrument>/`` names them
under ``clauses``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from hospital_prepay.domain.errors import NotFound, RulebookFault
from hospital_prepay.rulebook.fields import fault
from hospital_prepay.rulebook.situations import read_situations

INDEX = Path(__file__).parent / "tests_by_clause.json"


def load_index(path: Path = INDEX) -> dict[str, list[str]]:
    """The tests of each clause as generated into the package; :class:`RulebookFault` when they aren't there."""
    try:
        index: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RulebookFault("测试清单缺失或损坏。请在源代码目录运行 hospital-prepay rules index。") from error
    return index


def render_index(index: dict[str, list[str]]) -> str:
    """The index as the package carries it."""
    return json.dumps(index, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def collect_tests(root: Path) -> dict[str, list[str]]:
    """The tests of each clause in ``root/tests``, as ``path::name``, sorted.

    Raises :class:`NotFound` where there are no tests, :class:`RulebookFault` for a mark that can't be read.
    """
    tests = root / "tests"
    if not tests.is_dir():
        raise NotFound("这里没有测试目录。请在源代码目录里运行。")
    found: dict[str, set[str]] = {}
    for clause, test in _all(root, tests):
        found.setdefault(clause, set()).add(test)
    return {clause: sorted(names) for clause, names in sorted(found.items())}


def _all(root: Path, tests: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(tests.rglob("test_*.py")):
        place = path.relative_to(root).as_posix()
        for clause, name in marked(path.read_text("utf-8"), place):
            yield clause, f"{place}::{name}"
    for path in sorted((tests / "rules").glob("*/*.yaml")):
        place = path.relative_to(root).as_posix()
        file = read_situations(path.read_text("utf-8"), place)
        for clause in file.clauses:
            for situation in file.situations:
                yield clause, f"{place}::{situation.name}"


def marked(source: str, place: str) -> Iterator[tuple[str, str]]:
    """Pairs of clause and test name for every test in ``source`` that is marked."""
    tree = ast.parse(source, place)
    read: list[ast.Call] = []
    yield from _in_body(tree.body, "", _pytestmark(tree.body, read), read)
    # A mark where this reader doesn't look would be a test that silently isn't counted.
    if any(_is_mark(node) and node not in read for node in ast.walk(tree)):
        raise fault(place, "条款标记只能直接写在测试、测试类或模块上")


def _in_body(
    body: list[ast.stmt], prefix: str, inherited: tuple[ast.Call, ...], read: list[ast.Call]
) -> Iterator[tuple[str, str]]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        own = tuple(call for call in node.decorator_list if isinstance(call, ast.Call) and _is_mark(call))
        read.extend(own)
        if isinstance(node, ast.ClassDef):
            yield from _in_body(node.body, f"{prefix}{node.name}::", inherited + own, read)
        elif node.name.startswith("test"):
            for call in inherited + own:
                yield from ((clause, prefix + node.name) for clause in _clauses(call))


def _pytestmark(body: list[ast.stmt], read: list[ast.Call]) -> tuple[ast.Call, ...]:
    calls: list[ast.Call] = []
    for node in body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            calls += [call for call in ast.walk(node.value) if isinstance(call, ast.Call) and _is_mark(call)]
    read.extend(calls)
    return tuple(calls)


def _is_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.mark.clause", "mark.clause")


def _clauses(call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise fault(f"第{call.lineno}行", "条款标记要直接写编号")
        yield argument.value
