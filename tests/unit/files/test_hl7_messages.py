from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from datetime import datetime, timedelta, timezone

import pytest

from hospital_prepay.domain.days import NotADate
from hospital_prepay.domain.visits import PatientMerge, VisitEvent, VisitEventKind, VisitFacts
from hospital_prepay.files.hl7_charset import WrongCharset, decode, named_charset
from hospital_prepay.files.hl7_messages import (
    MessageIncomplete,
    NotForUs,
    UnreadableMessage,
    read_header,
    read_message,
)
from tests.admissions import adt, merge, raw

SHANGHAI = timezone(timedelta(hours=8))


def event(message: bytes) -> VisitEvent:
    said = read_message(message).said
    assert isinstance(said, VisitEvent)
    return said


def test_a_discharge_says_all_it_knows() -> None:
    said = event(raw("A03", at="20251001093000", discharged="20251001091500", disposition="1"))
    assert (said.kind, said.visit_no) == (VisitEventKind.DISCHARGE, "Z2509001")
    assert said.occurred_at == datetime(2025, 10, 1, 9, 30, tzinfo=SHANGHAI)
    assert said.facts == VisitFacts(
        patient_no="P1001",
        name="石敏",
        sex="M",
        certificate="11010519491231002X",
        phone="13800006620",
        ward="骨二病区",
        bed="12",
        insured="310",
        disease_code="J15.900",
        disease_name="细菌性肺炎",
        admitted_at=datetime(2025, 9, 20, 10, tzinfo=SHANGHAI),
        discharged_at=datetime(2025, 10, 1, 9, 15, tzinfo=SHANGHAI),
        disposition="1",
    )


@pytest.mark.parametrize(
    ("trigger", "kind"),
    [
        ("A01", "admit"),
        ("A02", "transfer"),
        ("A03", "discharge"),
        ("A08", "update"),
        ("A11", "cancel_admit"),
        ("A13", "cancel_discharge"),
    ],
)
def test_each_event_is_known(trigger: str, kind: str) -> None:
    assert event(raw(trigger)).kind == kind


def test_two_patients_that_are_one() -> None:
    said = read_message(merge("P7", "P1").encode()).said
    assert isinstance(said, PatientMerge)
    assert (said.from_no, said.into_no) == ("P7", "P1")


# In GBK the second byte of each of these is a delimiter of HL7: | ^ ~ \ &-less, as 464 characters have.
@pytest.mark.parametrize("name", ["攟", "乗", "亅", "丱", "亇", "亊", "睚眦", "眧", "眫"])
def test_names_whose_bytes_hold_delimiters_are_read_whole(name: str) -> None:
    assert event(raw("A01", name=name, charset="GB 18030-2000")).facts.name == name


def test_every_character_with_a_delimiter_in_its_second_byte() -> None:
    held = [bytes((lead, trail)) for lead in range(0x81, 0xFF) for trail in b"|^~\\"]
    names = {text for pair in held if len(text := pair.decode("gbk", "ignore")) == 1 and not text.isascii()}
    assert len(names) > 400
    for name in sorted(names):
        assert event(raw("A01", name=f"王{name}", charset="GB 18030-2000")).facts.name == f"王{name}"


@pytest.mark.parametrize("charset", ["GBK", "gb2312", "GB 18030-2000", "GB18030"])
def test_the_gb_family_reads_as_its_largest_member(charset: str) -> None:
    assert event(adt("A01", name="㐱𠮷", charset=charset).encode("gb18030")).facts.name == "㐱𠮷"


def test_a_message_without_a_charset_is_read_as_what_it_is() -> None:
    for encoding in ("utf-8", "gb18030"):
        assert event(adt("A01", charset="").encode(encoding)).facts.name == "石敏"


@pytest.mark.parametrize(("says", "is_in"), [("UNICODE UTF-8", "gb18030"), ("GB 18030-2000", "utf-8")])
def test_a_charset_that_lies_is_found_out(says: str, is_in: str) -> None:
    with pytest.raises(WrongCharset):
        read_message(adt("A01", charset=says).encode(is_in))


def test_bytes_of_no_charset_are_refused() -> None:
    with pytest.raises(WrongCharset):
        decode(b"MSH|^~\\&|\xff\xfe\xff")
    assert named_charset(b"MSH|^~\\&|HIS") is None


def test_line_ends_of_any_kind_are_read() -> None:
    for end in ("\r", "\n", "\r\n"):
        assert event(adt("A01", end=end).encode()).facts.ward == "骨二病区"


def test_the_delimiters_are_the_messages_own() -> None:
    text = adt("A01").translate(str.maketrans("|^~\\&", "#@!$%"))
    assert event(text.encode()).facts.disease_code == "J15.900"


def test_escaped_delimiters_come_back() -> None:
    assert event(raw("A01", ward="骨二\\T\\三\\S\\病区")).facts.ward == "骨二&三^病区"


def test_a_name_in_two_parts_and_two_scripts_is_called_in_ideographs() -> None:
    assert event(raw("A01", name="SHI^MIN^^^^^^A~石^敏^^^^^^I")).facts.name == "石敏"


def test_an_explicit_null_says_that_there_is_no_discharge() -> None:
    assert event(raw("A08", discharged='""')).facts.no_discharge
    assert not event(raw("A08")).facts.no_discharge
    assert event(raw("A08", phone='""')).facts.phone is None


def test_the_final_diagnosis_counts_before_that_of_admission() -> None:
    message = adt("A03").replace("DG1|1||J15.900^细菌性肺炎|||F", "DG1|1||R50^发热|||A\rDG1|2||J18.900^肺炎|||F")
    assert event(message.encode()).facts.disease_code == "J18.900"


def test_a_message_without_a_diagnosis_or_insurance_says_so() -> None:
    kept = [line for line in adt("A01").split("\r") if not line.startswith(("DG1", "IN1"))]
    facts = event("\r".join(kept).encode()).facts
    assert (facts.disease_code, facts.insured) == (None, None)


@pytest.mark.parametrize("moment", ["20251001", "202510010930", "20251001093000.123", "20251001013000+0000"])
def test_moments_of_every_length_are_read(moment: str) -> None:
    found = event(raw("A03", discharged=moment)).facts.discharged_at
    assert found is not None
    assert found.date().isoformat() == "2025-10-01"


@pytest.mark.parametrize("moment", ["20251301", "2025", "20251001250000", "昨天"])
def test_a_moment_that_is_none_names_its_field(moment: str) -> None:
    with pytest.raises(NotADate, match="PV1-45"):
        read_message(raw("A03", discharged=moment))


def test_what_is_not_for_us_is_told_apart_from_what_is_wrong() -> None:
    with pytest.raises(NotForUs):
        read_message(raw("A04"))
    with pytest.raises(NotForUs):
        read_message(raw("A01", patient_class="O"))
    with pytest.raises(MessageIncomplete, match="PV1-19"):
        read_message(raw("A01", visit=""))
    with pytest.raises(MessageIncomplete, match="MRG-1"):
        read_message(merge("", "P1").encode())


@pytest.mark.parametrize(
    "broken", [b"", b"MSH", b"MSH|", b"PID|1||7", b"\x00\x01\x02", b"<html></html>", "住院".encode(), b"FHS|^~\\&|x"]
)
def test_what_is_no_message_is_said_to_be_none(broken: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(broken)


@pytest.mark.parametrize("length", range(0, 700, 7))
def test_a_message_cut_anywhere_is_read_or_refused_and_never_a_fault(length: int) -> None:
    whole = raw("A03", charset="GB 18030-2000", discharged="20251001091500")
    with suppress(UnreadableMessage, MessageIncomplete, WrongCharset, NotForUs, NotADate):
        read_message(whole[:length])


def test_the_header_is_read_even_in_a_wrong_charset() -> None:
    header = read_header(adt("A03", control="C7", sequence="42").encode("gb18030"))
    assert (header.control_no, header.trigger, header.sequence_no, header.sender) == ("C7", "A03", 42, "HIS")


def test_fields_that_are_too_long_are_cut() -> None:
    facts = event(raw("A01", ward="长" * 500, name="名" * 500)).facts
    lengths = [len(value) for one in fields(facts) if isinstance(value := getattr(facts, one.name), str)]
    assert max(lengths) == 80
