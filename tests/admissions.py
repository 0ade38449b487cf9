"""HL7 messages of admissions, as hospitals' systems write them; the people are made up."""

from __future__ import annotations

from typing import Any

CHARSETS = {"UNICODE UTF-8": "utf-8", "GB 18030-2000": "gb18030", "": "utf-8"}


def adt(
    trigger: str,
    *,
    visit: str = "Z2509001",
    at: str = "20251001090000",
    control: str | None = None,
    patient: str = "P1001",
    name: str = "石敏",
    certificate: str = "11010519491231002X",
    phone: str = "13800006620",
    ward: str = "骨二病区",
    bed: str = "12",
    admitted: str = "20250920100000",
    discharged: str = "",
    disposition: str = "",
    insured: str = "310",
    disease: str = "J15.900^细菌性肺炎",
    charset: str = "UNICODE UTF-8",
    patient_class: str = "I",
    sequence: str = "",
    sex: str = "M",
    end: str = "\r",
) -> str:
    """One message as text; ``control`` is the trigger and the moment where it isn't given."""
    control = control if control is not None else f"{visit}{trigger}{at}"
    pv1 = [""] * 46
    pv1[1:4], pv1[19] = ["1", patient_class, f"{ward}^^{bed}"], visit
    pv1[36], pv1[44], pv1[45] = disposition, admitted, discharged
    certificates = f"~{certificate}^^^GA^NI" if certificate else ""
    lines = [
        f"MSH|^~\\&|HIS|黔岭医院|PREPAY|黔岭医院|{at}||ADT^{trigger}^ADT_A01|{control}|P|2.4|{sequence}|||||{charset}",
        f"EVN|{trigger}|{at}",
        f"PID|1||{patient}^^^HIS^PI{certificates}||{name}||19491231|{sex}|||||{phone}",
        "PV1|" + "|".join(pv1[1:]),
        f"DG1|1||{disease}|||F",
        f"IN1|1|{insured}",
    ]
    return end.join(lines) + end


def merge(from_no: str, into_no: str, at: str = "20251001090000") -> str:
    """An A40: ``from_no`` goes on as ``into_no``."""
    return (
        f"MSH|^~\\&|HIS|H|PREPAY|H|{at}||ADT^A40|M{at}|P|2.4||||||UNICODE UTF-8\r"
        f"EVN|A40|{at}\rPID|1||{into_no}^^^HIS^PI\rMRG|{from_no}^^^HIS^PI\r"
    )


def raw(trigger: str, **said: Any) -> bytes:
    """The same as bytes in its own character set."""
    return adt(trigger, **said).encode(CHARSETS[said.get("charset", "UNICODE UTF-8")])
