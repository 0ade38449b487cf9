"""What a file of cases may look like, and what is said about each row that can't be used."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import date

import duckdb
import pytest
import xlsxwriter

from hospital_prepay.domain.errors import MissingColumn, NotATable
from hospital_prepay.domain.rules.inpatient.readings import Burden
from hospital_prepay.files.tables import RepeatedColumn
from hospital_prepay.persistence import bulk
from hospital_prepay.persistence.cases import read_cases, stream_cases

HEADER = "case_no,discharged_on,disease_code,disease_name,insured_class,total_cost,burden"
GOOD = "{},2024-01-02,D1,心衰,310,120.50,20.5"


def row(number="1", **other):
    names = HEADER.split(",")
    cells = dict(zip(names, GOOD.format(number).split(","), strict=True)) | other
    return ",".join(cells[name] for name in names)


@pytest.fixture
def read(tmp_path):
    def call(content, *, burden=Burden.WHOLE, encoding="utf-8", name="cases.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return read_cases(path, burden=burden, snapshot=tmp_path / "cases.parquet")

    return call


def accepted(reading):
    return sorted((case for batch in stream_cases(reading.snapshot) for case in batch), key=lambda case: case[-1])


def rejected(reading):
    return [(fault.line, fault.code) for fault in reading.rejected]


def test_a_good_row_is_stored_in_fen(read):
    reading = read(f"{HEADER}\n{row()}\n")
    assert accepted(reading) == [("1", date(2024, 1, 2), "D1", "心衰", "employee", 12050, 2050, None, False, 2)]
    assert (reading.cases_read, reading.accepted, reading.rejected) == (1, 1, ())


def test_the_digest_is_that_of_the_file(read, tmp_path):
    reading = read(f"{HEADER}\n{row()}\n".encode("gb18030"))
    assert reading.sha256 == hashlib.sha256((tmp_path / "cases.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_encodings_line_ends_and_separators_do_not_matter(read, encoding, ending, separator):
    text = ending.join((HEADER, row(), row("2", insured_class="城乡居民医保"))).replace(",", separator)
    assert [case[3:5] for case in accepted(read(text, encoding=encoding))] == [
        ("心衰", "employee"),
        ("心衰", "resident"),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "setl_id,dscg_time,diag_code,diag_name,insutype,medfee_sumamt,psn_part_amt",
        "结算流水号,出院日期,病种编码,病种名称,参保类型,住院总费用,个人负担",
        "病案号,出院时间,病种编码,病种名称,险种,住院总费用（元）,个人负担(元)",
        " CASE_NO ,Discharged_On,disease_code,disease_name,insured_class,total_cost,burden",
    ],
)
def test_columns_go_by_every_usual_name(read, header):
    assert read(f"{header}\n{row()}\n").accepted == 1


def test_columns_stand_in_any_order_among_others(read):
    header = "备注,burden,total_cost,insured_class,disease_name,disease_code,discharged_on,case_no,医生"
    reading = read(f"{header}\n=1+1,20.5,120.50,310,心衰,D1,2024-01-02,1,\n")
    assert accepted(reading) == [("1", date(2024, 1, 2), "D1", "心衰", "employee", 12050, 2050, None, False, 2)]


def test_a_settlement_number_goes_before_a_record_number(read):
    reading = read(f"病案号,{HEADER.replace('case_no', '结算流水号')}\nP,{row('1')}\nP,{row('2')}\n")
    assert [case[0] for case in accepted(reading)] == ["1", "2"]


def test_a_heading_that_stands_twice_is_refused(read):
    with pytest.raises(RepeatedColumn):
        read(f"{HEADER},burden\n{row()},1\n")


@pytest.mark.parametrize("missing", HEADER.split(","))
def test_every_column_but_the_copayment_must_be_there(read, missing):
    names = [name for name in HEADER.split(",") if name != missing]
    with pytest.raises(MissingColumn):
        read(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"%PDF-1.7 \x00\x01",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"hello world\n",
        b"PK\x03\x04 no archive",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old workbook",
        HEADER.encode("utf-16"),
        HEADER.encode() + b"\n\xff\xfe\xff",
        (HEADER + '\n"1,2024-01-02,D1').encode(),
        (HEADER + '\n"1"x,2024-01-02,D1,a,310,1,1').encode(),
    ],
)
def test_what_is_no_table_is_refused_whole(read, content, tmp_path):
    with pytest.raises(NotATable):
        read(content)
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


def test_an_unclosed_quote_names_the_line_where_it_opens(read):
    with pytest.raises(NotATable, match="第 3 行") as caught:
        read(f'{HEADER}\n{row()}\n"2,2024-01-02,D1\nmore\n')
    assert caught.value.details == {"line": 3}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"case_no": ""}, "missing_value"),
        ({"disease_name": " \u3000"}, "missing_value"),
        ({"burden": ""}, "missing_value"),
        ({"discharged_on": "2024-02-30"}, "not_a_date"),
        ({"discharged_on": "2024-01-02 24:00"}, "not_a_date"),
        ({"total_cost": "12e3"}, "not_an_amount"),
        ({"total_cost": "１２０"}, "not_an_amount"),
        ({"total_cost": "nan"}, "not_an_amount"),
        ({"burden": "-0.01"}, "negative_amount"),
        ({"total_cost": "120.505"}, "too_many_decimals"),
        ({"insured_class": "农保"}, "unknown_class"),
        ({"burden": "120.51"}, "burden_above_cost"),
        ({"total_cost": "=60+60"}, "formula"),
        ({"case_no": "=A1"}, "formula"),
        ({"disease_name": "=A1", "total_cost": "x", "case_no": ""}, "formula"),
        ({"discharged_on": "x", "total_cost": "y", "insured_class": "z"}, "not_a_date"),
        ({"total_cost": "-5", "burden": "y"}, "not_an_amount"),
        ({"total_cost": "5", "burden": "6", "insured_class": "z"}, "unknown_class"),
    ],
)
def test_a_bad_row_is_named_with_its_first_fault(read, other, code):
    reading = read("\n".join((HEADER, row("1"), row("2", **other), row("3"))) + "\n")
    assert rejected(reading) == [(3, code)]
    assert [case[0] for case in accepted(reading)] == ["1", "3"]
    assert reading.rejected[0].message.endswith("。")


def test_the_first_of_equal_case_numbers_counts(read):
    reading = read("\n".join((HEADER, row("1"), row("2"), row("1", burden="1"), row(" 1 "))))
    assert rejected(reading) == [(4, "duplicate_case"), (5, "duplicate_case")]
    assert "第 2 行" in reading.rejected[0].message
    assert [case[0] for case in accepted(reading)] == ["1", "2"]


def test_an_unusable_row_takes_no_number_from_a_good_one(read):
    reading = read("\n".join((HEADER, row("1", burden="999"), row("1"))))
    assert rejected(reading) == [(2, "burden_above_cost")]
    assert [case[-1] for case in accepted(reading)] == [3]


def test_a_self_pay_patient_bears_the_whole_cost_whatever_stands_there(read):
    rows = [row(str(at), insured_class="自费", burden=text) for at, text in enumerate(("", "abc", "-1", "999", "=1"))]
    reading = read("\n".join((HEADER, *rows)))
    assert [case[5:8] for case in accepted(reading)] == [(12050, 12050, 12050)] * 5


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_count_through_blank_lines_and_line_breaks_in_quotes(read, ending):
    name = f'"心衰{ending}重度, 旧"'
    lines = (
        HEADER,
        row("1"),
        "",
        row("2", disease_name=name),
        ",,,,,,",
        row("3", burden="x"),
        " ",
        row("4", burden="y"),
    )
    reading = read(ending.join(lines) + ending * 3)
    assert rejected(reading) == [(7, "not_an_amount"), (9, "not_an_amount")]
    assert [(case[0], case[3], case[-1]) for case in accepted(reading)] == [
        ("1", "心衰", 2),
        ("2", "心衰 重度, 旧", 4),
    ]
    assert reading.cases_read == 4


def test_thousands_separators_are_read(read):
    reading = read(f"{HEADER}\n{row(total_cost=chr(34) + '1,234,567.80' + chr(34))}\n")
    assert accepted(reading)[0][5] == 123456780


def test_a_row_that_is_too_short_misses_a_value(read):
    assert rejected(read(f"{HEADER}\n1,2024-01-02,D1,心衰,310,120.50\n")) == [(2, "missing_value")]


def test_a_row_that_is_too_long_is_no_amount_unless_the_rest_is_empty(read):
    reading = read(f"{HEADER}\n{row('1', total_cost='1,234.50')}\n{row('2')},,\n{row('3')}\n{row('4')},x\n")
    assert rejected(reading) == [(2, "not_an_amount"), (5, "not_an_amount")]
    assert [case[0] for case in accepted(reading)] == ["2", "3"]


def test_an_unreadable_copayment_is_unknown_unless_it_is_the_burden(read):
    rows = [f"{row(str(at))},{text}" for at, text in enumerate(("5.5", "", "x", "999"))]
    text = "\n".join((f"{HEADER},copayment", *rows))
    assert [case[7] for case in accepted(read(text))] == [550, None, None, None]
    strict = read(text, burden=Burden.COPAYMENT)
    assert rejected(strict) == [(3, "missing_value"), (4, "not_an_amount"), (5, "burden_above_cost")]


@pytest.mark.parametrize("name", ["a[1].csv", "a*.csv", "it's.csv", "数据 (1).xlsx", "cases.gz", "cases"])
def test_the_name_of_the_file_does_not_matter(read, name):
    assert read(f"{HEADER}\n{row()}\n", name=name).accepted == 1


def test_progress_runs_to_its_end_and_never_back(tmp_path, monkeypatch):
    monkeypatch.setattr(bulk, "_GLANCE", 0.001)
    rows = "\n".join(row(str(number)) for number in range(20_000))
    (tmp_path / "cases.csv").write_text(f"{HEADER}\n{rows}\n", encoding="utf-8")
    told = []
    read_cases(
        tmp_path / "cases.csv", snapshot=tmp_path / "s", progress=lambda done, whole: told.append(done / whole)
    )
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(set(told)) > 4


def test_the_snapshot_has_typed_columns(read):
    reading = read(f"{HEADER}\n{row()}\n")
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(reading.snapshot)]).fetchall()
    assert [(column[0], column[1]) for column in described] == [
        ("case_no", "VARCHAR"),
        ("discharged_on", "DATE"),
        ("disease_code", "VARCHAR"),
        ("disease_name", "VARCHAR"),
        ("insured_class", "VARCHAR"),
        ("total_cost_fen", "BIGINT"),
        ("burden_fen", "BIGINT"),
        ("copayment_fen", "BIGINT"),
        ("self_pay_by_choice", "BOOLEAN"),
        ("line", "BIGINT"),
    ]


@pytest.fixture
def workbook(tmp_path):
    path = tmp_path / "cases.xlsx"
    book = xlsxwriter.Workbook(path)
    hidden, sheet = book.add_worksheet("说明"), book.add_worksheet("病例")
    sheet.activate()
    sheet.set_first_sheet()
    hidden.hide()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, HEADER.split(","))
    for at, number in enumerate(range(1, 4)):
        line = at + 1 + at  # an empty row after each
        sheet.write_number(line, 0, number)
        sheet.write_datetime(line, 1, date(2024, 1, 2), day)
        sheet.write_row(line, 2, ["D1", "心衰", 310, 120.5, 20.5])
    return path, book, sheet


def test_a_workbook_is_read_by_its_first_visible_sheet(workbook, tmp_path):
    path, book, _ = workbook
    book.close()
    reading = read_cases(path, snapshot=tmp_path / "s")
    assert reading.rejected == ()
    assert accepted(reading)[1] == ("2", date(2024, 1, 2), "D1", "心衰", "employee", 12050, 2050, None, False, 4)


def test_formulas_of_a_workbook_are_named_by_their_row(workbook, tmp_path):
    path, book, sheet = workbook
    sheet.write_formula("F2", "=100+20.5", None, 120.5)
    sheet.write_array_formula("G6:G7", "{=F6:F7}", None, 20.5)
    sheet.write_formula("J4", "=1+1", None, 2)
    book.close()
    reading = read_cases(path, snapshot=tmp_path / "s")
    assert rejected(reading) == [(2, "formula"), (6, "formula"), (7, "formula")]
    assert [case[0] for case in accepted(reading)] == ["2"]


def test_amounts_of_a_workbook_keep_their_cents(workbook, tmp_path):
    path, book, sheet = workbook
    for line, amount in ((1, 7082.03), (3, 0.125), (5, 1e16)):
        sheet.write_number(line, 5, amount)
        sheet.write_number(line, 6, 0)
    book.close()
    reading = read_cases(path, snapshot=tmp_path / "s")
    assert [case[5] for case in accepted(reading)] == [708203]
    assert rejected(reading) == [(4, "too_many_decimals"), (6, "not_an_amount")]


def test_a_workbook_that_starts_below_and_beside_the_corner_keeps_its_rows(tmp_path):
    book = xlsxwriter.Workbook(tmp_path / "cases.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(2, 3, HEADER.split(","))
    sheet.write_row(4, 3, row("1").split(","))
    sheet.write_row(5, 3, row("2").split(","))
    sheet.write_formula(5, 8, "=1", None, 1)
    book.close()
    reading = read_cases(tmp_path / "cases.xlsx", snapshot=tmp_path / "s")
    assert [case[-1] for case in accepted(reading)] == [5]
    assert rejected(reading) == [(6, "formula")]


@pytest.mark.parametrize("corner", [(1_048_575, 16_383), (1_048_575, 30), (999_998, 40)])
def test_a_cell_in_the_far_corner_of_a_workbook_is_refused_before_room_is_made_for_it(workbook, tmp_path, corner):
    path, book, sheet = workbook
    sheet.write_number(*corner, 1)
    book.close()
    with pytest.raises(NotATable, match=r"太大.*请只留要导入的行和列"):
        read_cases(path, snapshot=tmp_path / "s")


def test_a_workbook_with_many_columns_or_a_late_row_is_read(workbook, tmp_path):
    path, book, sheet = workbook
    sheet.write_string(3, 40, "备注")
    sheet.write_string(0, 40, "其他")
    book.close()
    assert len(accepted(read_cases(path, snapshot=tmp_path / "s"))) == 3


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        (b'<row r="2"', b'<row r="two"'),
        (b' r:id="rId2"', b""),
        (b' r:id="rId2"', b' id="rId2"'),
        (b' r:id="rId2"', b' r:id="rId99"'),
        ('<sheet name="病例"'.encode(), b"<sheet"),
        (b' Target="worksheets/sheet2.xml"', b""),
        (b"worksheets/sheet2.xml", b"worksheets/none.xml"),
    ],
)
def test_a_workbook_whose_parts_lack_what_joins_them_is_no_table(workbook, tmp_path, sound, damaged):
    path, book, sheet = workbook
    sheet.write_formula("F2", "=1")
    book.close()
    broken, met = tmp_path / "broken.xlsx", 0
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            met += source.read(name).count(sound)
            target.writestr(name, source.read(name).replace(sound, damaged))
    assert met
    with pytest.raises(NotATable):
        read_cases(broken, snapshot=tmp_path / "s")


def test_a_workbook_that_was_damaged_or_locked_is_no_table(workbook, tmp_path):
    path, book, _ = workbook
    book.close()
    content = path.read_bytes()
    with zipfile.ZipFile(path) as source:
        sheet = source.getinfo("xl/worksheets/sheet2.xml")
    damaged = bytearray(content)
    start = sheet.header_offset + 30 + len(sheet.filename)
    damaged[start : start + 40] = b"\xff" * 40
    locked = bytearray(content)
    at = content.index(b"PK\x01\x02")
    while at >= 0:
        locked[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    for number, one in enumerate((damaged, locked)):
        broken = tmp_path / f"broken-{number}.xlsx"
        broken.write_bytes(one)
        with pytest.raises(NotATable):
            read_cases(broken, snapshot=tmp_path / "s")
