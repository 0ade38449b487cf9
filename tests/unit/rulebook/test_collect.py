from __future__ import annotations

from pathlib import Path

import pytest

from hospital_prepay.domain.errors import NotFound, RulebookFault
from hospital_prepay.rulebook.collect import collect_tests, load_index, marked, render_index

MARKED = """
import pytest
pytestmark = [pytest.mark.browser, pytest.mark.clause("z/1")]

@pytest.mark.clause("a/1", "a/2")
@pytest.mark.parametrize("x", [1])
def test_one(x): ...

@pytest.mark.clause("b/1")
class TestMany:
    @pytest.mark.clause("b/2")
    def test_two(self): ...
    def test_three(self): ...
    def helper(self): ...

def test_four(): ...
"""


def test_marks_on_tests_classes_and_modules_are_read() -> None:
    assert sorted(marked(MARKED, "f")) == [
        ("a/1", "test_one"),
        ("a/2", "test_one"),
        ("b/1", "TestMany::test_three"),
        ("b/1", "TestMany::test_two"),
        ("b/2", "TestMany::test_two"),
        ("z/1", "TestMany::test_three"),
        ("z/1", "TestMany::test_two"),
        ("z/1", "test_four"),
        ("z/1", "test_one"),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\nIDS = 'a/1'\n@pytest.mark.clause(IDS)\ndef test_x(): ...",
        "import pytest\nCASE = pytest.param(1, marks=pytest.mark.clause('a/1'))",
        "import pytest\nmine = pytest.mark.clause('a/1')\n@mine\ndef test_x(): ...",
    ],
    ids=["not literal", "on a parameter", "under another name"],
)
def test_a_mark_that_cannot_be_read_is_refused_and_never_skipped(source: str) -> None:
    with pytest.raises(RulebookFault):
        list(marked(source, "f"))


def test_python_tests_and_situations_are_collected(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "rules" / "a_b"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "test_x.py").write_text(MARKED)
    (folder / "y.yaml").write_text(
        "rule: r\nclauses: [a/1]\nsituations:\n  - {name: n, date: 2025-06-30, outcome: {a: 1}}\n"
    )
    found = collect_tests(tmp_path)
    assert found["a/1"] == ["tests/rules/a_b/y.yaml::n", "tests/test_x.py::test_one"]
    assert found["b/2"] == ["tests/test_x.py::TestMany::test_two"]


def test_where_there_are_no_tests_there_is_nothing_to_collect(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        collect_tests(tmp_path)


def test_an_index_reads_back_as_written_and_a_lost_one_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    path.write_text(render_index({"b/1": ["t"], "a/1": ["u"]}), "utf-8")
    assert load_index(path) == {"a/1": ["u"], "b/1": ["t"]}
    for text in ("", "{"):
        path.write_text(text)
        with pytest.raises(RulebookFault):
            load_index(path)
    with pytest.raises(RulebookFault):
        load_index(tmp_path / "nothing.json")
