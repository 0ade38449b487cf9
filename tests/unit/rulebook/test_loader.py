from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from hospital_prepay.domain.errors import MalformedInput, NoRuleInForce, RulebookFault
from hospital_prepay.rulebook.loader import HERE, build_rulebook, digest, load_rulebook, read_rulebook, rule_files
from hospital_prepay.rulebook.model import Addressee, DatedValue, Status
from hospital_prepay.rulebook.strict_yaml import read_text

FILES = rule_files(HERE)
DOCUMENTS: dict[str, Any] = {path: read_text(text, path) for path, text in FILES.items()}
VALUES = "guizhou_deposit_2025/values.yaml"
KEY = "guizhou-deposit-2025/window_years"


def test_the_rulebook_loads_and_is_read_once() -> None:
    assert load_rulebook() is load_rulebook()
    assert load_rulebook().version == digest(FILES)
    assert len(load_rulebook().instruments) == 5


# -- lesson: a misplaced key was silently ignored ---------------------------------------------------------------

Path = tuple[str | int, ...]


def keys(tree: object, at: Path = ()) -> Iterator[Path]:
    """The path of every key of every mapping in the tree."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*at, key)
            yield from keys(value, (*at, key))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from keys(item, (*at, index))


def moves(tree: object, path: Path) -> Iterator[tuple[str, object]]:
    """The tree with the key at ``path`` one level up, one level down in each neighbour, and down alone."""
    above = [at for at in (path[:end] for end in range(len(path) - 1)) if isinstance(inside(tree, at), dict)]
    if above:
        yield "up", moved(tree, path, above[-1])
    holder = inside(tree, path[:-1])
    for neighbour in neighbours(holder, path[-1]):
        yield f"into {neighbour}", moved(tree, path, (*path[:-1], *neighbour))
    for name in ("moved", str(path[-1])):
        yield f"under {name}", rebuilt(tree, path, {name: {path[-1]: inside(tree, path)}})


def neighbours(holder: dict[str, Any], key: str | int) -> Iterator[Path]:
    """Mappings one level down beside ``key``; of a long row of like things only the next."""
    found: list[Path] = [(name,) for name, value in holder.items() if isinstance(value, dict) and name != key]
    for name, value in holder.items():
        if isinstance(value, list) and name != key:
            found += [(name, index) for index, item in enumerate(value) if isinstance(item, dict)]
    later = [path for path in found if list(holder).index(str(path[0])) > list(holder).index(str(key))]
    yield from found if len(found) <= 5 else (later or found)[:1]


def inside(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def rebuilt(tree: object, path: Path, replacement: dict[str | int, object], into: Path | None = None) -> object:
    """A copy with the key at ``path`` taken out and ``replacement`` merged into the mapping at ``into``."""
    into = path[:-1] if into is None else into

    def copy(node: object, at: Path) -> object:
        if isinstance(node, list):
            return [copy(item, (*at, index)) for index, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        kept = {key: copy(value, (*at, key)) for key, value in node.items() if (*at, key) != path}
        return kept | replacement if at == into else kept

    return copy(tree, ())


def moved(tree: object, path: Path, into: Path) -> object:
    return rebuilt(tree, path, {path[-1]: inside(tree, path)}, into)


@pytest.mark.parametrize("file", FILES)
def test_moving_any_key_one_level_stops_loading(file: str) -> None:
    tried = 0
    for path in keys(DOCUMENTS[file]):
        for how, tree in moves(DOCUMENTS[file], path):
            tried += 1
            must_fail(file, tree, f"{path} moved {how}")
    assert tried > 0


@pytest.mark.parametrize("file", FILES)
def test_renaming_any_key_stops_loading(file: str) -> None:
    names = [path for path in keys(DOCUMENTS[file]) if not is_free_name(path)]
    for path in names:
        tree = rebuilt(DOCUMENTS[file], path, {f"{path[-1]}x": inside(DOCUMENTS[file], path)})
        must_fail(file, tree, f"{path} renamed")
    assert names


@pytest.mark.parametrize("file", FILES)
def test_taking_out_any_field_stops_loading(file: str) -> None:
    for path in keys(DOCUMENTS[file]):
        if not is_free_name(path) and path[:-1] != ("clauses",):
            must_fail(file, rebuilt(DOCUMENTS[file], path, {}), f"{path} taken out")


def is_free_name(path: Path) -> bool:
    """The name of a value or reading is its author's choice; what refers to it is checked apart."""
    return len(path) == 2 and path[0] in ("values", "readings")


def must_fail(file: str, tree: object, change: str) -> None:
    try:
        build_rulebook(alone(file) | {file: tree}, "changed")
    except RulebookFault:
        return
    pytest.fail(f"{file}: {change}, and it still loads")


def alone(file: str) -> dict[str, Any]:
    """As few documents as make a whole rulebook with ``file`` in it, so that thousands of loads stay quick."""
    folder, slash, _ = file.partition("/")
    if not slash:
        return {path: tree for path, tree in DOCUMENTS.items() if not path.endswith("values.yaml")}
    instrument = folder.replace("_", "-")
    readings = DOCUMENTS["readings.yaml"]["readings"]
    own = {n: r for n, r in readings.items() if all(c.startswith(f"{instrument}/") for c in r["clauses"])}
    return {path: tree for path, tree in DOCUMENTS.items() if path.startswith(f"{folder}/")} | {
        "readings.yaml": {"readings": own}
    }


@pytest.mark.parametrize("file", FILES)
def test_the_small_rulebooks_of_these_tests_load_unchanged(file: str) -> None:
    assert build_rulebook(alone(file), "same").version == "same"


def test_a_reading_that_a_value_names_must_be_there() -> None:
    readings = {n: r for n, r in DOCUMENTS["readings.yaml"]["readings"].items() if n != "past_three_years"}
    with pytest.raises(RulebookFault, match="past_three_years"):
        build_rulebook(DOCUMENTS | {"readings.yaml": {"readings": readings}}, "changed")


# -- references, dates, values ----------------------------------------------------------------------------------


def replaced(file: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[file], "the test has lost its ground"
    return FILES | {file: FILES[file].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (VALUES, "clause: guizhou-deposit-2025/12", "clause: guizhou-deposit-2025/28"),
        (VALUES, "clause: guizhou-deposit-2025/12", "clause: xizang-prepay-2024/16"),
        (VALUES, "reading: past_three_years", "reading: past_four_years"),
        (VALUES, "unit: years", "unit: fortnights"),
        (VALUES, "value: 3", "value: three"),
        (VALUES, "value: 3", "value: -3"),
        (VALUES, "value: 3", "value: 3.0"),
        (VALUES, "value: 1/2", "value: 1/0/2"),
        (VALUES, "value: true", "value: yes"),
        (VALUES, "from: 2025-06-30", "from: 2025-06-31"),
        (VALUES, "from: 2025-06-30", "from: 20250630"),
        (VALUES, "from: 2025-06-30", "from: 2025-06-29"),
        (VALUES, "named_by: notice", "named_by: hearsay"),
        ("guizhou_deposit_2025/clauses.yaml", "status: enforced", "status: done"),
        ("guizhou_deposit_2025/clauses.yaml", "addressee: hospital", "addressee: patient"),
        ("guizhou_deposit_2025/clauses.yaml", "guizhou-deposit-2025/17.1:", "henan-settlement-2023/17.1:"),
        ("guizhou_deposit_2025/clauses.yaml", "guizhou-deposit-2025/17.1:", "guizhou-deposit-2025/17.01:"),
        ("guizhou_deposit_2025/clauses.yaml", "guizhou-deposit-2025/17:", "guizhou-deposit-2025/77:"),
        ("guizhou_deposit_2025/clauses.yaml", "guizhou-deposit-2025/17.2:", "guizhou-deposit-2025/17.1:"),
        ("guizhou_deposit_2025/instrument.yaml", "guizhou-deposit-2025/27", "guizhou-deposit-2025/28"),
        ("guizhou_deposit_2025/instrument.yaml", "numbered_by: articles", "numbered_by: pages"),
        ("guizhou_deposit_2025/instrument.yaml", "instrument: guizhou-deposit-2025", "instrument: guizhou-2025"),
        ("readings.yaml", "guizhou-deposit-2025/17.2", "guizhou-deposit-2025/17.4"),
        ("readings.yaml", "used_in: [inpatient.measure]", "used_in: [somewhere.else]"),
        ("readings.yaml", "used_in: [inpatient.measure]", "used_in: []"),
        ("readings.yaml", "default: psn_part_amt", "default: psn_cash_pay"),
        ("readings.yaml", "code: psn_selfpay", "code: psn_part_amt"),
        ("readings.yaml", "default: 10", "default: 1001"),
        ("readings.yaml", "default: 10", "default: ten"),
        ("readings.yaml", "default: 2025-06-30", "default: 2025-07-01"),
    ],
)
def test_a_wrong_reference_or_word_stops_loading(file: str, old: str, new: str) -> None:
    with pytest.raises(RulebookFault):
        read_rulebook(replaced(file, old, new))


@pytest.mark.parametrize(
    "files",
    [
        {path: text for path, text in FILES.items() if path != "readings.yaml"},
        {path: text for path, text in FILES.items() if path != "henan_settlement_2023/clauses.yaml"},
        FILES | {"henan_settlement_2023/value.yaml": FILES[VALUES]},
        FILES | {"more.yaml": FILES[VALUES]},
        FILES | {"henan_settlement_2023/old/values.yaml": FILES[VALUES]},
        FILES | {"henan_settlement_2023/values.yaml": FILES[VALUES]},
    ],
    ids=["no readings", "no clauses", "unknown name", "at the top", "too deep", "another's values"],
)
def test_a_file_missing_or_out_of_place_stops_loading(files: dict[str, str]) -> None:
    with pytest.raises(RulebookFault):
        read_rulebook(files)


def dated(*items: dict[str, str]) -> tuple[DatedValue, ...]:
    """The window's values as if the file said ``items``."""
    common = {"value": "3", "named_by": "notice", "in_principle": "false"}
    heading = DOCUMENTS[VALUES]["values"]["window_years"] | {"dated": [common | item for item in items]}
    tree = {"instrument": "guizhou-deposit-2025", "values": {"window_years": heading}}
    return build_rulebook(alone(VALUES) | {VALUES: tree}, "dated").values[KEY]


@pytest.mark.parametrize(
    "items",
    [
        [{"from": "2025-06-30"}, {"from": "2025-06-30"}],
        [{"from": "2026-01-01"}, {"from": "2025-06-30"}],
        [{"from": "2025-06-30", "until": "2026-01-01"}, {"from": "2026-01-01"}],
        [{"from": "2025-06-30", "until": "2025-06-29"}],
        [{"from": "2025-06-30", "until": "none"}],
        [],
    ],
    ids=["same day", "out of order", "until meets from", "ends before it begins", "no date", "none at all"],
)
def test_dates_that_overlap_stop_loading(items: list[dict[str, str]]) -> None:
    with pytest.raises(RulebookFault):
        dated(*items)


def test_a_value_may_end_the_day_before_the_next_begins() -> None:
    first, second = dated({"from": "2025-06-30", "until": "2025-12-31"}, {"from": "2026-01-01", "value": "5"})
    assert (first.until_on, second.effective_on) == (date(2025, 12, 31), date(2026, 1, 1))
    assert (first.whole(), second.whole()) == (3, 5)


def test_a_value_tells_its_clause_unit_and_source() -> None:
    value = load_rulebook().value_on("guizhou-deposit-2025/posted_share", date(2025, 6, 30))
    assert (value.share(), value.unit, value.clause) == (Fraction(1, 2), "share", "guizhou-deposit-2025/18")
    assert (value.named_by, value.in_principle, value.reading) == ("notice", False, "posted_half")


def test_a_value_is_read_as_what_it_is_only() -> None:
    day = date(2026, 1, 1)
    years, share, binds = (
        load_rulebook().value_on(f"guizhou-deposit-2025/{name}", day)
        for name in ("window_years", "posted_share", "earlier_standard_binds")
    )
    assert binds.flag() is True
    for wrong in (years.share, years.flag, share.whole, share.flag, binds.whole, binds.share):
        with pytest.raises(RulebookFault):
            wrong()


def test_the_day_before_the_first_value_has_no_rule() -> None:
    with pytest.raises(NoRuleInForce):
        load_rulebook().value_on(KEY, date(2025, 6, 29))


def test_an_unknown_name_is_a_fault_and_not_a_zero() -> None:
    book = load_rulebook()
    for ask in (
        lambda: book.value_on("guizhou-deposit-2025/window_month", date(2026, 1, 1)),
        lambda: book.clause("guizhou-deposit-2025/28"),
        lambda: book.reading("burden"),
        lambda: book.instrument_on("liaoning-prepay-2025", date(2026, 1, 1)),
    ):
        with pytest.raises(RulebookFault):
            ask()


def test_a_clause_has_title_meaning_addressee_status_and_a_name_for_people() -> None:
    clause = load_rulebook().clause("guizhou-deposit-2025/27")
    assert (clause.addressee, clause.status, clause.number) == (Addressee.BOTH, Status.ENFORCED, "27")
    assert load_rulebook().cite("guizhou-deposit-2025/17.2") == "《贵州预交金细则》第十七条第（二）项"


# -- readings ---------------------------------------------------------------------------------------------------


def test_a_reading_gives_its_default_or_an_allowed_choice() -> None:
    reading = load_rulebook().reading("burden_measure")
    assert reading.chosen(None) == "psn_part_amt"
    assert reading.chosen("psn_selfpay") == "psn_selfpay"
    with pytest.raises(MalformedInput):
        reading.chosen("psn_cash_pay")


def test_a_bounded_reading_takes_what_lies_within() -> None:
    cases, day = (load_rulebook().reading(name) for name in ("minimum_cases", "earlier_standard_day"))
    assert [cases.allows(value) for value in (0, 1000, 1001, -1, True, "10")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert day.allows(date(2025, 6, 30))
    assert not day.allows(date(2025, 7, 1))
    assert not day.allows(20250630)


# -- the version ------------------------------------------------------------------------------------------------


def test_the_version_changes_with_any_file() -> None:
    version = digest(FILES)
    assert all(digest(FILES | {path: text + "# x\n"}) != version for path, text in FILES.items())
    assert len(version) == 12


def test_a_checkout_with_other_line_ends_has_the_same_version(tmp_path: Any) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text.replace("\n", "\r\n").encode())
    assert digest(rule_files(tmp_path)) == digest(FILES)
