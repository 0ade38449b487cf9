"""The bulk check and the reference check must never tell different things about a row."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.persistence import cases as cases_module
from hospital_prepay.persistence.case_bulk import PLAIN_SIGNS
from hospital_prepay.persistence.case_checks import RejectedCase, judge_row
from hospital_prepay.persistence.cases import read_cases, stream_cases

NAMES = (
    "case_no",
    "discharged_on",
    "disease_code",
    "disease_name",
    "insured_class",
    "total_cost",
    "burden",
    "copayment",
)
COLUMNS = {name: at for at, name in enumerate(NAMES)}

digits = st.integers(0, 10**14).map(str)
marked = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "¥", "￥", "¥¥", "¥￥", "¥ ", "-¥", "元"]),
    st.decimals(-1, 10**4, places=2).map(lambda amount: f"{amount:,}"),
    st.sampled_from(["", " "]),
    st.sampled_from(["", "元", "元元", "万元"]),
)
amounts = st.one_of(
    marked,
    st.decimals(0, 10**5, places=2).map(str),
    st.decimals(-10, 10**5, places=2).map(lambda amount: f"{amount:,}"),
    st.builds(
        "{}{}{}{}".format, st.sampled_from(["", "-", "+", " "]), digits, st.sampled_from(["", ".", ","]), digits
    ),
    st.text("0123456789.,-+eE ", max_size=12),
    st.sampled_from(
        ["", "0", "00.10", ".5", "5.", "1e3", "0x10", "inf", "NaN", "-0", "-0.00", "=1", "１", "10000000000000"]
    ),
)
days = st.one_of(
    st.dates().map(str),
    st.builds(
        "{}{}{}{}{}{}{}".format,
        st.sampled_from(["2024", "0000", "0999", "1900", "9999", "24"]),
        st.sampled_from(["-", "/", "年", ""]),
        st.sampled_from(["1", "01", "02", "12", "13", "00"]),
        st.sampled_from(["-", "/", "月", ""]),
        st.sampled_from(["1", "01", "28", "29", "30", "31", "32"]),
        st.sampled_from(["", "日"]),
        st.sampled_from(
            [
                "",
                " 10:00",
                "T10:00:00",
                " 1:00",
                " 24:00",
                " 9:05",
                " 09:05:07.0",
                "T09:05:07+08:00",
                " 00:00 +0800",
                "T23:00+09:00",
                "0959",
                "095960",
                " 23:59:60",
                "T23:30:00Z",
                " 10:00 +01:00",
                "100000",
            ]
        ),
    ),
    st.sampled_from(["", "x", "=TODAY()", "20240230", "20240101", "2024-01-02T"]),
)
# Around the 80 characters that a number or code may have and the 200 of a name; some of them take four bytes.
long_texts = st.builds(
    lambda sign, count, end: sign * count + end,
    st.sampled_from("a心𠮷"),
    st.one_of(st.integers(78, 82), st.integers(198, 202)),
    st.sampled_from(["", " "]),
)
INVISIBLE = "\u202e\u200b\ufeff\U000e0041\x07\x7f\xad\ue000\u2028"
texts = st.one_of(
    st.text("aB1 心=\u3000\t\xa0'", max_size=4),
    st.text("aＫⅡ①（、é\u0301" + INVISIBLE, max_size=4),
    st.just("D1"),
    long_texts,
)
classes = st.sampled_from(
    ["310", "390", "自费", "全公费", "340", " 商保", " 310", "Employee", "510", "999", "", "=1", "310\u3000"]
)
rows = st.tuples(texts, days, texts, texts, classes, amounts, amounts, amounts).map(list)
ragged = st.builds(
    lambda cells, cut, extra: cells[:cut] + extra, rows, st.integers(1, 8), st.lists(texts, max_size=2)
)
good = st.builds(
    lambda number, cost, share: [str(number), "2024-01-02", "D1", "心衰", "310", str(cost), str(share), ""],
    st.integers(0, 5),
    st.decimals(50, 99, places=2),
    st.decimals(0, 60, places=2),
)
# A sign that nobody sees in a cell that is sound without it.
hidden = st.builds(
    "{}{}{}".format,
    st.sampled_from(["D1", "310", "2024-01-02", "10"]),
    st.sampled_from(INVISIBLE),
    st.sampled_from(["", "0"]),
)
odd_cell = st.one_of(
    *(
        st.tuples(st.just(at), st.one_of(cells, hidden))
        for at, cells in enumerate((texts, days, texts, texts, classes, amounts, amounts, amounts))
    ),
    st.tuples(st.just(8), texts),
)
# One odd cell in a good row: the bulk check has nothing else to stumble over.
nearly = st.builds(lambda cells, odd: [*cells[: odd[0]], odd[1], *cells[odd[0] + 1 :]], good, odd_cell)
tables = st.lists(st.one_of(rows, ragged, good, nearly, nearly), min_size=1, max_size=60)


def by_reference(table, lines, burden, until=None):
    accepted, rejected, taken = [], [], set()
    for line, cells in zip(lines, table, strict=True):
        if not any(cell.strip() for cell in cells):
            continue
        case = judge_row(line, cells, COLUMNS, len(NAMES), burden, until)
        if isinstance(case, RejectedCase):
            rejected.append((line, case.code, case.message, case.field, case.original))
        elif case.case_no in taken:
            rejected.append((line, "duplicate_case", None, "case_no", case.case_no))
        else:
            taken.add(case.case_no)
            accepted.append(
                (
                    case.case_no,
                    case.discharged_on,
                    case.disease_code,
                    case.disease_name,
                    case.insured_class.value,
                    case.total_cost.fen,
                    case.burden.fen,
                    None if case.copayment is None else case.copayment.fen,
                    case.self_pay_by_choice,
                    line,
                )
            )
    return accepted, rejected


def in_bulk(table, burden, quoting, until=None):
    with TemporaryDirectory() as folder:
        path, snapshot = Path(folder) / "cases.csv", Path(folder) / "s.parquet"
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target, quoting=quoting, lineterminator="\n", quotechar='"').writerows([NAMES, *table])
        reading = read_cases(path, burden=burden, snapshot=snapshot, until=until)
        accepted = sorted((case for batch in stream_cases(snapshot) for case in batch), key=lambda case: case[-1])
    faults = [
        (
            fault.line,
            fault.code,
            None if fault.code == "duplicate_case" else fault.message,
            fault.field,
            fault.original,
        )
        for fault in reading.rejected
    ]
    return accepted, faults


@settings(max_examples=25)
@given(table=tables, burden=st.sampled_from(Burden), until=st.sampled_from([None, date(2024, 1, 1)]))
def test_quoted_rows_are_judged_as_the_reference_judges_them(table, burden, until):
    expected = by_reference(table, range(2, len(table) + 2), burden, until)
    assert in_bulk(table, burden, csv.QUOTE_ALL, until) == expected


@settings(max_examples=25)
@given(table=tables, burden=st.sampled_from(Burden))
def test_plain_rows_are_judged_as_the_reference_judges_them(table, burden):
    table = [[cell.replace(",", "") for cell in cells] for cells in table]
    assert in_bulk(table, burden, csv.QUOTE_MINIMAL) == by_reference(table, range(2, len(table) + 2), burden)


@settings(max_examples=20)
@given(st.lists(amounts, min_size=1, max_size=60))
def test_the_bulk_check_reads_amounts_as_money_does(texts):
    table = [[str(at), "2024-01-02", "D1", "心衰", "自费", text, "", ""] for at, text in enumerate(texts)]
    accepted, faults = in_bulk(table, Burden.WHOLE, csv.QUOTE_ALL)
    found = {case[-1]: case[5] for case in accepted} | {line: code for line, code, *_ in faults}
    for line, text in enumerate(texts, start=2):
        try:
            expected = Money.of_cell(text).fen
        except MalformedInput as error:
            expected = error.reason
        if not text.strip():
            expected = "missing_value"
        elif text.strip().startswith("="):
            expected = "formula"
        assert found[line] == expected


@pytest.mark.parametrize("sign", ["a", "心", "𠮷"])
def test_the_bulk_check_counts_signs_as_the_reference_does(sign):
    table = [[sign * 80, "2024-01-02", "D1", "心衰", "310", "120", "20", ""]]
    table += [[sign * 81, *table[0][1:]], ["1", "2024-01-02", sign * 80, *table[0][3:]]]
    table += [["2", "2024-01-02", sign * 81, *table[0][3:]]]
    table += [[str(count), "2024-01-02", "D1", sign * count, *table[0][4:]] for count in (200, 201)]
    found = in_bulk(table, Burden.WHOLE, csv.QUOTE_ALL)
    assert found == by_reference(table, range(2, 8), Burden.WHOLE)
    assert [(line, code) for line, code, *_ in found[1]] == [(3, "too_long"), (5, "too_long"), (7, "too_long")]


def test_every_sign_that_the_bulk_check_passes_is_to_be_seen():
    passed = (chr(sign) for first, last in PLAIN_SIGNS for sign in range(ord(first), ord(last) + 1))
    assert [sign for sign in passed if not sign.isprintable() or sign in "= "] == []


@pytest.mark.parametrize("sign", INVISIBLE)
@pytest.mark.parametrize("column", ["case_no", "disease_code", "disease_name", "insured_class", "total_cost"])
def test_a_sign_that_nobody_sees_sets_the_row_aside(sign, column):
    row = ["1", "2024-01-02", "D1", "心衰", "310", "120", "20", ""]
    row[COLUMNS[column]] = row[COLUMNS[column]][:1] + sign + row[COLUMNS[column]][1:] + "0"
    found = in_bulk([row], Burden.WHOLE, csv.QUOTE_ALL)
    assert found == by_reference([row], [2], Burden.WHOLE)
    ((line, code, message, field, original),) = found[1]
    assert (line, code, field) == (2, "invisible_character", column)
    assert f"U+{ord(sign):04X}" in message
    assert sign not in message + original


def test_plain_files_need_no_row_by_row_judging(monkeypatch):
    """The bulk check would be useless, and agree with the reference all the same, if it doubted everything."""

    def refuse(*_):
        pytest.fail("judged row by row")

    monkeypatch.setattr(cases_module, "judge_row", refuse)
    table = [
        ["1", "2024-01-02", "D1", "心衰", "310", "120.50", "20", ""],
        ["2", "2024/1/2 10:00", "D1", "心衰", "自费", "120", "", ""],
        ["3", "2024年1月2日", "D1", "心衰", "居民医保", "1,120.5", "20", "3.00"],
        ["4", "20240102", "D1", "心衰", "390", "1,234,120.50", "20", "0"],
        ["5", "20240102", "D1", "心衰", "390", "￥1,000.50", "50元", "¥0.5"],
        ["6", "2024-01-02", "K35.8+A", "急性阑尾炎（Ⅱ型）、伴 α=1", "390", "120.50", "20", "0"],
    ]
    accepted, faults = in_bulk(table, Burden.WHOLE, csv.QUOTE_ALL)
    assert (len(accepted), faults) == (6, [])
    assert accepted[-2][5:8] == (100050, 5000, 50)
