"""What the API promises at its edge; SQLite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from apiflask import APIFlask

from hospital_prepay.domain.access import Role
from tests.api.conftest import System
from tests.hospital import Hospital, publish_caps

STAY = "2601140001"
NEW: dict[str, Any] = {
    "stay_no": STAY,
    "patient_name": "吴桂兰",
    "admitted_at": "2026-01-14T09:00:00+08:00",
    "disease_code": "J15.900",
    "disease_name": "细菌性肺炎",
    "insured_class": "resident",
}
CASH: dict[str, Any] = {"amount_fen": 120000, "tender": "cash"}


@pytest.fixture
def hospital(small_hospital: Hospital) -> Hospital:
    """One database is enough here."""
    return small_hospital


def test_a_stay_is_registered_with_its_cap_and_shown_masked(cashier: System) -> None:
    private = {"certificate": "522601196403180422", "phone": "13885506620"}
    answer = cashier.post("/stays", {**NEW, **private, "ward": "呼吸内科"})
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/stays/{STAY}")
    assert answer.get_json()["stay"]["cap_fen"] == 320000
    shown = cashier.get(f"/stays/{STAY}").get_json()
    assert shown == answer.get_json()["stay"]
    assert (shown["patient_name"], shown["certificate"], shown["phone"]) == (
        "吴＊兰",
        "5226 **** 0422",
        "138 **** 6620",
    )
    assert shown["admitted_at"] == "2026-01-14T09:00:00+08:00"
    for path in (f"/stays/{STAY}", "/stays?q=吴桂兰", f"/stays/{STAY}/deposits"):
        assert not any(secret in cashier.get(path).get_data(as_text=True) for secret in private.values())


def test_a_stay_without_a_cap_is_registered_and_says_what_is_missing(cashier: System) -> None:
    body = cashier.post("/stays", {**NEW, "circumstance": "identity_unknown"}).get_json()
    assert (body["stay"]["cap_fen"], body["stay"]["room_fen"]) == (None, 0)
    assert body["decision"]["reasons"][0]["code"] == "talk_missing"
    assert body["decision"]["clauses"] == ["guizhou-deposit-2025/17.1"]


def test_a_stay_number_is_taken_once(cashier: System) -> None:
    cashier.post("/stays", NEW)
    assert cashier.post("/stays", NEW).status_code == 409


@pytest.mark.parametrize("wanted", ["26011", "吴桂", "wgl", "522601196403180422", "13885506620"])
def test_a_stay_is_found_by_number_name_initials_certificate_and_phone(cashier: System, wanted: str) -> None:
    cashier.post("/stays", {**NEW, "certificate": "522601196403180422", "phone": "13885506620"})
    cashier.post("/stays", {**NEW, "stay_no": "9", "patient_name": "罗成"})
    found = cashier.get("/stays", query_string={"q": wanted}).get_json()["stays"]
    assert [stay["stay_no"] for stay in found] == [STAY]


def test_a_placement_follows_the_version_it_was_made_on(cashier: System) -> None:
    cashier.post("/stays", NEW)
    change = {name: NEW[name] for name in ("disease_code", "disease_name")} | {"insured_class": "employee"}
    changed = cashier.post(f"/stays/{STAY}/placement", {**change, "seen_version": 1})
    assert (changed.status_code, changed.get_json()["stay"]["cap_fen"]) == (200, 184000)
    assert cashier.post(f"/stays/{STAY}/placement", {**change, "seen_version": 1}).status_code == 409


def test_a_preview_tells_the_room_and_stores_nothing(cashier: System, hospital: Hospital) -> None:
    cashier.post("/stays", NEW)
    before = hospital.count("decision")
    answer = cashier.post(f"/stays/{STAY}/deposits/preview", {"amount_fen": 320001})
    assert (answer.status_code, answer.get_json()["decision"]["outcome"]) == (200, "refused")
    assert answer.get_json()["room_fen"] == answer.get_json()["decision"]["amount_fen"] == 320000
    assert hospital.count("decision") == before


def test_published_tables_are_listed_and_shown_by_version(cashier: System) -> None:
    (listed,) = cashier.get("/cap-tables").get_json()["cap_tables"]
    assert (listed["version"], listed["effective_on"]) == (1, "2026-01-01")
    assert listed["window"] == {"from": "2023-01-01", "to": "2025-12-31"}
    shown = cashier.get("/cap-tables/1").get_json()
    rows = {row["disease_code"]: row for row in shown["rows"]}
    assert rows["J15.900"] == {
        "disease_code": "J15.900",
        "disease_name": "细菌性肺炎",
        "posted": True,
        "employee_fen": 184000,
        "resident_fen": 320000,
        "self_pay_fen": 600000,
    }
    assert rows["A04.900"]["employee_fen"] is None
    for missing in ("2", "0", "99999999999999999999"):
        assert cashier.get(f"/cap-tables/{missing}").status_code == 404


def test_the_receipt_shows_its_payer_masked(cashier: System) -> None:
    cashier.post("/stays", NEW)
    paid = cashier.post(f"/stays/{STAY}/deposits", {**CASH, "payer": "吴桂兰"}).get_json()
    receipt = cashier.get(f"/receipts/{paid['receipt_no']}").get_json()
    assert (receipt["payer"], receipt["kind"], receipt["amount_fen"]) == ("吴＊兰", "deposit", 120000)
    assert receipt["verify_url"] == paid["verify_url"]


@pytest.mark.parametrize("path", ["/stays/nobody", "/stays/nobody/deposits", "/receipts/A01-000009", "/receipts/x"])
def test_what_isnt_there_is_not_found(cashier: System, path: str) -> None:
    answer = cashier.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


# --- how a request is wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "short", "a" * 65, "has blank in it", "钥匙钥匙钥匙钥匙", "semi;colon"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/stays/{STAY}/deposits", CASH),
        (f"/stays/{STAY}/refund-requests", {**CASH, "ground": "退"}),
        ("/receipts/A01-000001/void-requests", {"ground": "录错"}),
    ],
)
def test_a_post_that_moves_money_needs_a_key(
    cashier: System, hospital: Hospital, path: str, body: dict[str, Any], key: str
) -> None:
    cashier.post("/stays", NEW)
    answer = cashier.post(path, body, key)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["Idempotency-Key"]
    assert hospital.count("idempotency_key") == 0


@pytest.mark.parametrize("amount", ["120000", 1200.0, 12e3, 0, -1, None, True, 10**15 + 1, "12e3", [1], {}])
def test_an_amount_is_a_whole_number_of_fen(cashier: System, hospital: Hospital, amount: object) -> None:
    cashier.post("/stays", NEW)
    answer = cashier.post(f"/stays/{STAY}/deposits", {**CASH, "amount_fen": amount})
    assert answer.status_code == 422
    assert hospital.count("receipt") == 0


def test_a_field_that_isnt_known_is_refused(cashier: System, hospital: Hospital) -> None:
    cashier.post("/stays", NEW)
    answer = cashier.post(f"/stays/{STAY}/deposits", {**CASH, "amount": "1200.00"})
    assert answer.get_json()["errors"] == {"amount": "没有这一项。"}
    assert hospital.count("receipt") == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stay_no", "a/b"),
        ("stay_no", ""),
        ("admitted_at", "2026-01-14"),
        ("admitted_at", "2026-02-30T09:00:00+08:00"),
        ("admitted_at", "2026-01-14T09:00:00"),
        ("admitted_at", "0001-01-01T00:00:00+14:00"),
        ("insured_class", "310"),
        ("certificate", "522601196403180423"),
        ("patient_name", "吴\u0000桂兰"),
        ("sex", "X"),
        ("circumstance", ["plain"]),
    ],
)
def test_a_stay_that_cant_be_is_refused_by_field(
    cashier: System, hospital: Hospital, field: str, value: object
) -> None:
    answer = cashier.post("/stays", {**NEW, field: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field])
    assert hospital.count("stay") == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"amount_fen": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b"[" * 60000, "application/json", 400),
        ('{"payer": "吴"}'.encode("gb18030"), "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"amount_fen": 1, "tender": "cash", "payer": "\\ud800"}', "application/json", 422),
        (b"amount_fen=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b" " * 65537, "application/json", 413),
    ],
)
def test_a_body_that_isnt_json_is_told_apart(cashier: System, body: bytes, kind: str, status: int) -> None:
    headers = {**cashier.headers, "Idempotency-Key": "a-key-of-mine"}
    answer = cashier.client.post(f"/api/v1/stays/{STAY}/deposits", data=body, content_type=kind, headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status


def test_without_a_token_nobody_learns_anything(app: APIFlask, cashier: System) -> None:
    cashier.post("/stays", NEW)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic cGFzczp3b3Jk"}):
        for path in (f"/stays/{STAY}", "/stays/nobody"):
            answer = app.test_client().get(f"/api/v1{path}", headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
                401,
                'Bearer realm="hospital-prepay"',
            )
        answer = app.test_client().post("/api/v1/stays", data="{", headers=headers)
        assert answer.status_code == 401


def test_a_role_does_its_own_work_only(system: Callable[[Role], System]) -> None:
    for role in (Role.FINANCE_OFFICER, Role.AUDITOR):
        answer = system(role).post(f"/stays/{STAY}/deposits", CASH)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "not_permitted")
        assert system(role).get("/cap-tables").status_code == 200


def test_a_method_that_isnt_offered_names_those_that_are(cashier: System) -> None:
    answer = cashier.client.delete(f"/api/v1/stays/{STAY}", headers=cashier.headers)
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_an_address_that_isnt_there_is_a_problem_too(cashier: System) -> None:
    for path in ("/nothing", "/stays/%E5%90%B4"):
        assert cashier.get(path).get_json()["code"] == "http_404"
    # A NUL stands in no address of ours and can't be stored.
    assert cashier.get("/stays/a%00b").get_json()["code"] == "not_found"
    assert cashier.get("/stays?q=a%00b").status_code == 422


def test_a_similar_disease_outside_those_found_needs_the_doctors_ground(cashier: System) -> None:
    cashier.post("/stays", NEW)
    placement = {key: NEW[key] for key in ("disease_code", "disease_name", "insured_class")}
    named = {**placement, "circumstance": "similar", "similar_code": "G00.900", "seen_version": 1}
    refused = cashier.post(f"/stays/{STAY}/placement", named).get_json()
    assert [reason["code"] for reason in refused["decision"]["reasons"]] == ["ground_missing"]
    assert refused["decision"]["clauses"] == []
    assert (refused["stay"]["cap_version"], refused["stay"]["cap_fen"], refused["excess_fen"]) == (1, 320000, 0)
    ground = "神经内科王医生：脑膜刺激征"
    done = cashier.post(f"/stays/{STAY}/placement", {**named, "similar_ground": ground}).get_json()
    assert (done["stay"]["cap_fen"], done["stay"]["similar_ground"]) == (684000, ground)
    over = cashier.post(f"/stays/{STAY}/deposits", {"amount_fen": 684001, "tender": "cash"})
    assert over.status_code == 422
    assert cashier.post(f"/stays/{STAY}/placement", {**named, "similar_ground": "字" * 201}).status_code == 422


def test_a_similar_disease_in_any_other_case_counts_for_nothing(cashier: System) -> None:
    unposted = {"disease_code": "X", "disease_name": "罕见病", "similar_code": "G00.900", "similar_ground": "王医生"}
    body = cashier.post("/stays", {**NEW, **unposted}).get_json()
    assert (body["stay"]["cap_fen"], body["stay"]["similar_code"], body["stay"]["similar_ground"]) == (None, None, "")
    assert "请财务在" in body["decision"]["reasons"][0]["message"]
    assert cashier.post(f"/stays/{STAY}/deposits", CASH).status_code == 422


@pytest.mark.parametrize("admitted_at", ["2026-01-14T09:00:00+08:00", "2020-01-01T00:00:00+08:00"])
def test_an_admission_registered_into_the_past_gains_nothing(
    cashier: System, hospital: Hospital, admitted_at: str
) -> None:
    classes: dict[str, int | None] = {"employee": 100000, "resident": 300000, "self_pay": 500000}
    with hospital.context.database.writing() as connection:
        caps = {"J15.900": ("细菌性肺炎", True, classes)}
        publish_caps(connection, hospital.context.clock, caps, version=2, effective_on=date(2026, 1, 15))
    body = cashier.post("/stays", {**NEW, "admitted_at": admitted_at}).get_json()
    assert body["stay"]["cap_fen"] == 300000
    assert [r["clause"] for r in body["decision"]["reasons"] if r["code"] == "registered_late"] == [None]
