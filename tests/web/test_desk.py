"""The counter as a browser without script uses it: every step is a page and a form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
import zxingcpp
from apiflask import APIFlask
from PIL import Image, ImageDraw

from hospital_prepay.clock import FixedClock
from hospital_prepay.domain.access import Role
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.models.inpatient import SimilarDisease
from hospital_prepay.services.inpatient.stays import Placement, RegisterStay, register_stay
from tests.counter import CERTIFICATE, NAME, PHONE, STAY, UNPOSTED, Counter, collect, payment, words
from tests.hospital import ADMITTED
from tests.people import INSTITUTION, Browser

LoginAs = Callable[[Role], Browser]
PREVIEW, DEPOSITS = f"/desk/stays/{STAY}/preview", f"/desk/stays/{STAY}/deposits"
TALK = {"talked_with": "女儿 吴某", "talked_at": "2026-01-15T09:40", "talk": "已说明为什么、收多少、怎么退"}


@pytest.fixture
def cashier(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.CASHIER)


@pytest.fixture
def officer(counter: Counter, login_as: LoginAs) -> Browser:
    return login_as(Role.FINANCE_OFFICER)


# --- finding and registering -------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [STAY, "26011400", NAME, "桂", "wgl", CERTIFICATE, PHONE])
def test_a_stay_is_found_by_number_name_initials_or_papers(cashier: Browser, q: str) -> None:
    page = cashier.get("/desk/stays", query_string={"q": q}).text
    assert f'href="/desk/stays/{STAY}"' in page


def test_what_is_not_found_leads_to_registering(cashier: Browser) -> None:
    page = cashier.get("/desk/stays?q=<没有>").text
    assert "没有找到「&lt;没有&gt;」" in page
    assert "/desk/stays/new?q=" in page


def test_a_part_is_answered_alone_to_a_script_and_as_a_page_to_a_browser(cashier: Browser) -> None:
    part = cashier.get("/desk/stays?q=wgl", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="stay-results">')
    assert "<html" in cashier.get("/desk/stays?q=wgl").text


def admission(**changes: str) -> dict[str, str]:
    return {
        "stay_no": "2601150009",
        "name": "罗敏",
        "sex": "female",
        "ward": "呼吸内科",
        "bed": "5",
        "admitted_at": "2026-01-15T09:30",
        "disease": "G00.900",
        "insured_class": "employee",
        "certificate": "",
        "phone": "",
        **changes,
    }


def test_a_patient_who_lies_in_already_is_not_registered_again(cashier: Browser) -> None:
    response = cashier.post("/desk/stays", admission(certificate=CERTIFICATE))
    assert response.status_code == 409
    assert "还没有出院" in response.text


def test_an_admission_is_registered_and_goes_on_to_collect(cashier: Browser, counter: Counter) -> None:
    response = cashier.post("/desk/stays", admission(certificate="52010219870203451X"))
    assert (response.status_code, response.location) == (303, "/desk/stays/2601150009")
    page = words(cashier.get(response.location).text)
    assert "罗敏" in page
    assert "细菌性脑膜炎 · 职工医保" in page
    assert "3,000.00" in page
    assert counter.count("stay") == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stay_no": ""}, "住院号"),
        ({"stay_no": "住院１号"}, "住院号只用字母、数字和短横"),
        ({"name": ""}, "姓名"),
        ({"admitted_at": "2026-02-30T09:00"}, "请填日期和时间"),
        ({"insured_class": "vip"}, "参保类型"),
        ({"certificate": "110105194912310021"}, "证件"),
    ],
)
def test_a_wrong_admission_is_shown_again_with_what_is_wrong(
    cashier: Browser, counter: Counter, changes: dict[str, str], said: str
) -> None:
    response = cashier.post("/desk/stays", admission(bed="特 7", **changes))
    assert response.status_code == 422
    assert said in words(response.text)
    assert 'value="特 7"' in response.text, "what was typed stays"
    assert 'class="field-error"' in response.text
    assert counter.count("stay") == 2


def test_a_disease_typed_by_its_whole_name_is_taken_by_its_code(cashier: Browser, counter: Counter) -> None:
    cashier.post("/desk/stays", admission(disease="细菌性脑膜炎"))
    assert counter.count("stay_cap", "disease_code = 'G00.900' AND disease_name = '细菌性脑膜炎'") == 1


def test_a_name_that_could_be_several_diseases_is_asked_about(cashier: Browser, counter: Counter) -> None:
    response = cashier.post("/desk/stays", admission(disease="细菌性"))
    assert response.status_code == 422
    assert "J15.900（细菌性肺炎）" in words(response.text)
    assert counter.count("stay") == 2


def test_a_code_that_no_catalogue_knows_is_registered_as_it_is(cashier: Browser, counter: Counter) -> None:
    assert cashier.post("/desk/stays", admission(disease="Q99.900")).status_code == 303
    assert counter.count("stay_cap", "disease_code = 'Q99.900' AND cap_fen IS NULL") == 1


def test_a_stay_number_that_is_taken_is_told_beside_its_field(cashier: Browser, counter: Counter) -> None:
    response = cashier.post("/desk/stays", admission(stay_no=STAY))
    assert response.status_code == 409
    assert "已经登记过" in response.text
    assert counter.count("stay") == 2


@pytest.mark.parametrize("q", ["脑膜炎", "G00", "xjxnmy"])
def test_a_disease_is_found_by_name_code_and_initials_with_its_cap(cashier: Browser, q: str) -> None:
    page = words(cashier.get("/desk/diseases", query_string={"stay": STAY, "q": q}).text)
    assert "细菌性脑膜炎" in page
    assert "6,840.00" in page


# --- collecting --------------------------------------------------------------------------------------------------


def test_a_preview_says_what_would_be_and_moves_nothing(cashier: Browser, counter: Counter) -> None:
    response = cashier.post(PREVIEW, payment("1200"))
    page = words(response.text)
    assert response.status_code == 200
    assert "还没有入账" in page
    assert "收款 1,200.00 元" in page
    assert "收后还可收2,000.00" in page.replace(" ", "")
    assert counter.count("receipt") == counter.count("ledger_entry") == 0


def test_a_preview_over_the_cap_is_not_yet_a_decision(cashier: Browser, counter: Counter) -> None:
    decisions = counter.count("decision")
    response = cashier.post(PREVIEW, payment("5000"))
    assert response.status_code == 200
    assert "这是预览，没有动账" in response.text
    assert counter.count("decision") == decisions


def test_a_deposit_is_collected_with_a_number_and_the_room_left(cashier: Browser, counter: Counter) -> None:
    response = collect(cashier, "1200")
    page = words(response.text)
    assert response.status_code == 200
    assert "已收 1,200.00 元，票号 A01-000001" in page
    assert "壹仟贰佰元整" in page
    assert "还可收 2,000.00 元" in page
    assert counter.held() == Money(120000)


def test_the_same_form_sent_twice_collects_once(cashier: Browser, counter: Counter) -> None:
    form = {"collect": "100", **payment("100")}
    first, again = cashier.post(DEPOSITS, form), cashier.post(DEPOSITS, form)
    assert "A01-000001" in words(first.text)
    assert "A01-000001" in words(again.text)
    assert counter.count("receipt") == 1


@pytest.mark.clause("guizhou-deposit-2025/12", "guizhou-deposit-2025/17")
def test_over_the_cap_is_refused_with_the_clauses_and_what_can_be_done(cashier: Browser, counter: Counter) -> None:
    collect(cashier, "1500")
    response = collect(cashier, "2000")
    page = words(response.text)
    assert response.status_code == 422
    assert "不能收 2,000.00 元：超过额度 300.00 元" in page
    assert "没有入账，没有占用票号；填写的内容都还在。" in page
    assert 'href="/compliance/clauses/guizhou-deposit-2025/17"' in response.text
    assert 'href="/compliance/clauses/guizhou-deposit-2025/12"' in response.text
    assert "第十七条" in page
    assert "改收 1,700.00 元" in page
    assert "决定号 D-" in page
    for case in ("disease", "unclear", "identity"):
        assert f"/desk/stays/{STAY}/change?case={case}" in response.text
    assert 'value="2000' in response.text or 'value="2,000.00"' in response.text, "the amount stays"
    assert counter.count("receipt") == 1
    assert counter.count("decision", "outcome = 'refused' AND rule = 'inpatient.collect'") == 1


def test_the_amount_offered_instead_is_filled_and_previewed_before_it_is_collected(
    cashier: Browser, counter: Counter
) -> None:
    collect(cashier, "1500")
    refused = collect(cashier, "2000")
    [offered] = re.findall(r'<button[^>]*name="instead"[^>]*>', refused.text)
    assert 'value="1700.00"' in offered
    assert "data-focus" in offered
    assert "formaction" not in offered, "it goes where Enter goes: to the preview"
    for path in (PREVIEW, DEPOSITS):
        cashier.post(path, {"instead": "1700.00", **payment("2000")})
        assert counter.held() == Money(150000), path
    previewed = cashier.post(PREVIEW, {"instead": "1700.00", **payment("2000")})
    [field] = re.findall(r'<input[^>]*id="f-amount"[^>]*>', previewed.text)
    assert 'value="1700.00"' in field
    [button] = re.findall(r'<button[^>]*name="collect"[^>]*>', previewed.text)
    assert "data-focus" in button
    assert "已收 1,700.00 元" in words(collect(cashier, "1700.00").text)
    assert counter.held() == Money(320000)
    assert "收满" not in words(cashier.get(f"/desk/stays/{STAY}").text)


def test_an_amount_changed_after_the_preview_is_previewed_again(cashier: Browser, counter: Counter) -> None:
    response = cashier.post(DEPOSITS, {"collect": "100.00", **payment("1000")})
    assert response.status_code == 200
    assert "收款 1,000.00 元" in words(response.text)
    assert counter.count("receipt") == 0


@pytest.mark.parametrize("path", [PREVIEW, DEPOSITS])
@pytest.mark.parametrize("amount", ["12e3", "1.005", "-5", "１２００", "", "0", "一千", "1,20", "NaN", "9" * 40])
def test_a_wrong_amount_is_told_beside_its_field(cashier: Browser, counter: Counter, path: str, amount: str) -> None:
    response = cashier.post(path, {"collect": amount, **payment(amount)})
    assert response.status_code == 422
    assert 'id="e-amount"' in response.text
    assert f'value="{amount}"' in response.text, "what was typed stays"
    assert counter.count("receipt") == counter.count("ledger_entry") == 0


def test_a_card_payment_without_its_reference_is_refused(cashier: Browser, counter: Counter) -> None:
    response = collect(cashier, "100", tender="wechat")
    assert response.status_code == 422
    assert "微信付款要填支付单号" in response.text
    [form] = re.findall(r'id="collect".*?</form>', response.text, re.DOTALL)
    [focused] = re.findall(r"<[^>]*data-focus[ >][^>]*", form)
    assert 'id="f-payment_reference"' in focused, "the cursor stands where the reference is typed"
    assert counter.count("receipt") == 0


def test_a_reference_that_stands_on_a_receipt_is_a_conflict(cashier: Browser, counter: Counter) -> None:
    paid = {"tender": "wechat", "payment_reference": "4200002788202601150256"}
    assert collect(cashier, "100", **paid).status_code == 200
    response = collect(cashier, "100", **paid)
    assert response.status_code == 409
    assert "A01-000001" in response.text
    assert counter.count("receipt") == 1


def test_a_disease_picked_before_the_first_receipt_becomes_the_stays(cashier: Browser, counter: Counter) -> None:
    picked = {"disease": "G00.900", "insured_class": "employee"}
    shown = words(cashier.get(f"/desk/stays/{STAY}", query_string=picked).text)
    assert "细菌性脑膜炎 · 职工医保" in shown
    assert "已收 3,000.00 元" in words(collect(cashier, "3000", **picked).text)
    assert "细菌性脑膜炎 · 职工医保" in words(cashier.get(f"/desk/stays/{STAY}").text)


def test_a_choice_that_somebody_else_overtook_collects_by_what_is_stored(cashier: Browser, counter: Counter) -> None:
    collect(cashier, "1000")
    # The other desk's page still shows another disease; the stay is fixed by its first receipt.
    response = collect(cashier, "2500", disease="G00.900", insured_class="employee")
    assert response.status_code == 422
    assert counter.held() == Money(100000)


def test_an_unposted_disease_says_whose_cap_it_takes(cashier: Browser) -> None:
    page = words(cashier.get(f"/desk/stays/{UNPOSTED}").text)
    assert "4,000.00" in page
    assert "就低不就高" in page
    assert "请向患者说明" in page


def test_an_unknown_stay_is_not_found(cashier: Browser) -> None:
    assert cashier.get("/desk/stays/999").status_code == 404
    assert collect(cashier, "1", stay_no="999").status_code == 404


def test_a_form_without_its_proof_collects_nothing(cashier: Browser, counter: Counter) -> None:
    response = cashier.client.post(DEPOSITS, data={"collect": "100", **payment("100")})
    assert response.status_code == 400
    assert counter.count("receipt") == 0


# --- receipts ----------------------------------------------------------------------------------------------------


def read_qr(page: str) -> str:
    """Paint the page's code and read it as a phone would."""
    [size] = re.findall(r'<svg class="qr"[^>]*viewBox="0 0 (\d+) ', page)
    picture = Image.new("L", (int(size) * 6, int(size) * 6), 255)
    pen = ImageDraw.Draw(picture)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", page):
        left, top = int(x) * 6, int(y) * 6
        pen.rectangle((left, top, left + int(length) * 6 - 1, top + 5), fill=0)
    [found] = zxingcpp.read_barcodes(picture)
    return str(found.text)


def test_a_receipt_prints_with_a_code_that_leads_to_its_proof(
    cashier: Browser, counter: Counter, browser: Browser
) -> None:
    collect(cashier, "1200", payer="女儿")
    page = cashier.get("/desk/receipts/A01-000001/print").text
    shown = words(page)
    for part in ("住院预交金收据", "A01-000001", NAME, "人民币壹仟贰佰元整", "女儿", "￥1,200.00", "扫码核对真伪"):
        assert part in shown
    address = read_qr(page)
    with counter.house.context.database.reading() as connection:
        token = connection.scalar(sa.text("SELECT token FROM receipt"))
    assert address == f"{counter.house.context.settings.public_url}/r/{token}"
    assert all(secret not in address for secret in (STAY, "A01", "1200"))
    proof = words(browser.get(f"/r/{token}").text)
    assert "1,200.00" in proof
    assert NAME not in proof


def test_a_receipt_that_does_not_exist_is_not_found(cashier: Browser) -> None:
    for number in ("A01-000009", "nothing", "A01-x"):
        assert cashier.get(f"/desk/receipts/{number}/print").status_code == 404


def test_a_refusal_prints_for_the_patient(cashier: Browser) -> None:
    response = collect(cashier, "9000")
    [address] = re.findall(r'href="(/desk/decisions/[^"]+/print\?stay=\d+)"', response.text)
    page = words(cashier.get(address).text)
    assert "不能收 9,000.00 元：超过额度 5,800.00 元" in page
    assert "这一笔没有收，也没有记账。" in page


# --- voids and refunds with a second person ----------------------------------------------------------------------


def ask_void(cashier: Browser, number: str = "A01-000001", reason: str = "金额录错") -> str:
    response = cashier.post(f"/desk/receipts/{number}/void", {"reason": reason})
    assert response.status_code == 303
    page = cashier.get("/desk/voids").text
    assert "您自己申请的，由别人复核" in page
    return ""


def waiting(officer: Browser) -> str:
    [request_id] = set(re.findall(r"/desk/voids/([0-9a-f-]{36})", officer.get("/desk/voids").text))
    return str(request_id)


def test_a_void_is_asked_for_by_one_and_done_by_another(cashier: Browser, officer: Browser, counter: Counter) -> None:
    collect(cashier, "1200")
    form = words(cashier.get("/desk/receipts/A01-000001/void").text)
    assert "财务员" in form
    assert "申请作废 1,200.00 元" in form
    ask_void(cashier)
    request_id = waiting(officer)
    assert cashier.post(f"/desk/voids/{request_id}/confirm").status_code == 403
    assert counter.held() == Money(120000)
    assert officer.post(f"/desk/voids/{request_id}/confirm").status_code == 303
    assert "票号 A01-000002" in words(officer.get("/desk/voids").text)
    assert counter.held() == Money(0)
    page = words(cashier.get(f"/desk/stays/{STAY}").text)
    assert "已作废" in page
    assert "红字" in page
    assert "-1,200.00" in page
    red = words(cashier.get("/desk/receipts/A01-000002/print").text)
    for part in ("住院预交金红字收据", "红字 ￥1,200.00", "人民币壹仟贰佰元整"):
        assert part in red
    assert officer.post(f"/desk/voids/{request_id}/confirm").status_code == 409


def test_a_void_that_is_declined_books_nothing(cashier: Browser, officer: Browser, counter: Counter) -> None:
    collect(cashier, "1200")
    ask_void(cashier)
    officer.post(f"/desk/voids/{waiting(officer)}/decline", {"reason": "票面没有错"})
    assert counter.held() == Money(120000)
    assert counter.count("ledger_entry") == 1


def test_a_void_wants_a_reason(cashier: Browser, counter: Counter) -> None:
    collect(cashier, "1200")
    response = cashier.post("/desk/receipts/A01-000001/void", {"reason": ""})
    assert response.status_code == 422
    assert counter.count("slip_request") == 0


def test_yesterdays_receipt_is_refunded_instead(cashier: Browser, clock: FixedClock, login_as: LoginAs) -> None:
    collect(cashier, "1200")
    clock.moment += timedelta(days=1)
    again = login_as(Role.CASHIER)
    assert "只能作废当天的票；隔天的请办退款。" in again.get("/desk/receipts/A01-000001/void").text
    assert again.post("/desk/receipts/A01-000001/void", {"reason": "金额录错"}).status_code == 422


# --- article 17 ---------------------------------------------------------------------------------------------------


def test_a_disease_that_changes_is_registered_with_the_talk_and_collected_up_to_the_new_cap(
    cashier: Browser, counter: Counter
) -> None:
    collect(cashier, "3200")
    change = f"/desk/stays/{STAY}/change"
    effect = words(cashier.get(f"{change}?case=disease&disease=G00.900").text)
    assert "登记以后" in effect
    assert "6,840.00" in effect
    without_talk = cashier.post(change, {"case": "disease", "disease": "G00.900"})
    assert without_talk.status_code == 422
    assert cashier.post(change, {"case": "disease", "disease": "G00.900", **TALK}).status_code == 303
    assert collect(cashier, "3640", disease="G00.900").status_code == 200
    assert counter.held() == Money(684000)


def test_a_change_on_a_form_that_somebody_was_quicker_than_is_a_conflict(cashier: Browser, counter: Counter) -> None:
    path = f"/desk/stays/{STAY}/change"
    assert 'name="seen_version" value="1"' in cashier.get(f"{path}?case=class").text
    form = {"case": "class", "insured_class": "employee", "seen_version": "1", **TALK}
    assert cashier.post(path, form).status_code == 303
    late = cashier.post(path, {**form, "insured_class": "self_pay"})
    assert late.status_code == 409
    assert "刚被别人改过" in late.text


def test_the_home_page_counts_the_things_that_wait(cashier: Browser, officer: Browser) -> None:
    for number in (1, 2):
        collect(cashier, "100")
        ask_void(cashier, f"A01-00000{number}")
    # Beside them stands what the calendar asks of a hospital that hasn't counted its outpatients' deposits yet.
    assert re.search(r"2 件\s*最早 [0-9: -]+\s*作废或退款等复核", words(officer.get("/").text))


def test_the_form_of_a_change_starts_at_the_time_it_is(cashier: Browser) -> None:
    page = cashier.get(f"/desk/stays/{STAY}/change?case=class").text
    [field] = re.findall(r'<input[^>]*name="talked_at"[^>]*>', page)
    assert re.search(r'value="2026-01-\d\dT\d\d:\d\d"', field)


def test_an_unclear_diagnosis_without_similar_diseases_says_who_can_help(cashier: Browser) -> None:
    assert "请财务在" in cashier.get(f"/desk/stays/{STAY}/change?case=unclear").text
    assert "请财务在" not in cashier.get(f"/desk/stays/{UNPOSTED}/change?case=unclear").text


def test_an_unknown_identity_takes_the_self_pay_cap_after_the_talk(cashier: Browser) -> None:
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "identity", "reason": "identity", **TALK})
    page = words(cashier.get(f"/desk/stays/{STAY}").text)
    assert "按自费标准" in page
    assert "6,000.00" in page
    assert "第十七条第（一）项" in page


def test_an_unclear_diagnosis_takes_a_similar_disease_of_the_table(cashier: Browser) -> None:
    page = cashier.get(f"/desk/stays/{UNPOSTED}/change?case=unclear").text
    assert "本院相似病种表：细菌性肺炎 J15.900，额度 6,000.00 元" in page
    cashier.post(f"/desk/stays/{UNPOSTED}/change", {"case": "unclear", "similar_to": "J15.900", **TALK})
    assert "6,000.00" in words(cashier.get(f"/desk/stays/{UNPOSTED}").text)


def test_a_similar_disease_named_at_the_counter_asks_for_the_doctors_ground(
    cashier: Browser, counter: Counter
) -> None:
    path = f"/desk/stays/{STAY}/change"
    form = {"case": "unclear", "similar_other": "G00.900", **TALK}
    assert "6,840.00" in words(cashier.get(f"{path}?case=unclear&similar_other=G00.900").text)
    refused = cashier.post(path, form)
    assert refused.status_code == 422
    assert 'id="e-similar_ground"' in refused.text
    assert "请写明医生的依据" in refused.text
    assert counter.count("stay_cap", f"stay_no = '{STAY}'") == 1
    assert cashier.post(path, {**form, "similar_ground": "神经内科王医生：脑膜刺激征"}).status_code == 303
    assert "6,840.00" in words(cashier.get(f"/desk/stays/{STAY}").text)
    assert collect(cashier, "6840.01", disease="J15.900").status_code == 422


def test_a_disease_that_finance_gave_a_similar_one_is_collected_for_at_once(
    cashier: Browser, counter: Counter
) -> None:
    context, actor = counter.house.context, counter.house.actor(Role.CASHIER)
    placement = Placement("A04.900", "细菌性肠炎", "resident")
    register_stay(context, actor, RegisterStay("9", "石生", placement, ADMITTED))
    assert "请财务在“额度表”的“原标准和相似病种”里补上" in words(cashier.get("/desk/stays/9").text)
    assert collect(cashier, "100", "9", disease="A04.900").status_code == 422
    with context.database.writing() as connection:
        pair = {"institution_id": INSTITUTION, "disease_code": "A04.900", "similar_to": "J15.900"}
        connection.execute(sa.insert(SimilarDisease), [pair])
    assert collect(cashier, "100", "9", disease="A04.900").status_code == 200
    assert counter.held("9") == Money(10000)


def test_an_explanation_is_printed_for_its_own_stay_only(cashier: Browser, counter: Counter) -> None:
    page = collect(cashier, "9000").text
    [path] = re.findall(rf"/desk/decisions/[0-9a-f-]+/print\?stay={STAY}", page)
    assert "为什么不能收" in cashier.get(path).text
    for other in (UNPOSTED, "no-such-stay", ""):
        answer = cashier.get(path.replace(STAY, other))
        assert answer.status_code == 404
        assert re.search("[一-鿿]", words(answer.text))
    assert "这个决定不是这次住院的" in cashier.get(path.replace(STAY, UNPOSTED)).text
    assert cashier.get(path.partition("?")[0]).status_code == 404


def test_a_class_that_lowers_the_cap_proposes_the_excess_for_refund(
    cashier: Browser, officer: Browser, counter: Counter
) -> None:
    collect(cashier, "3200")
    response = cashier.post(
        f"/desk/stays/{STAY}/change", {"case": "class", "insured_class": "employee", **TALK}, follow_redirects=True
    )
    assert "多收的 1,360.00 元已交复核退款" in words(response.text)
    assert "退款在等复核" in words(response.text)
    assert "办理退款" not in response.text
    asked = words(officer.get("/desk/voids").text)
    assert "退 1,360.00 元" in asked
    assert "作废 1,360.00 元" not in asked
    officer.post(f"/desk/voids/{waiting(officer)}/confirm")
    assert counter.held() == Money(184000)


@pytest.mark.clause("guizhou-deposit-2025/17.2")
def test_collecting_in_stages_asks_for_the_stage_beside_its_field(cashier: Browser, counter: Counter) -> None:
    assert 'name="stage"' not in cashier.get(f"/desk/stays/{STAY}").text
    cashier.post(f"/desk/stays/{STAY}/change", {"case": "unclear", **TALK})
    assert 'name="stage"' in cashier.get(f"/desk/stays/{STAY}").text
    asked = cashier.post(PREVIEW, payment("100"))
    assert asked.status_code == 422
    assert 'id="e-stage"' in asked.text
    assert "登记病种变更</a>" not in asked.text.split('id="collect"')[1], "nothing else is in the way"
    staged = {"stage": "入院检查"}
    assert "收款 100.00 元" in words(cashier.post(PREVIEW, payment("100", **staged)).text)
    assert "已收 100.00 元" in words(collect(cashier, "100", **staged).text)


def struck(page: str) -> list[str]:
    """The numbers of the slips that are crossed out."""
    rows = re.findall(r'<tr class="struck">.*?</tr>', page, re.DOTALL)
    return [number for row in rows for number in re.findall(r'class="code">(A01-\d+)<', row)]


@pytest.mark.parametrize("path", [f"/desk/stays/{STAY}", "/desk/shift"])
def test_a_slip_shows_that_its_void_waits_and_is_crossed_out_once_voided(
    cashier: Browser, officer: Browser, path: str
) -> None:
    collect(cashier, "1000")
    ask_void(cashier)
    page = cashier.get(path).text
    assert "作废待复核" in page
    assert "/desk/receipts/A01-000001/void" not in page, "it was asked for already"
    assert struck(page) == []
    officer.post(f"/desk/voids/{waiting(officer)}/confirm")
    page = cashier.get(path).text
    assert "作废待复核" not in page
    assert "红字，冲 A01-000001" in page
    assert struck(page) == ["A01-000001"], "the voided slip, not the red one"


# --- the shift ----------------------------------------------------------------------------------------------------


def test_the_shift_shows_every_slip_and_its_sums_by_way_of_paying(cashier: Browser, officer: Browser) -> None:
    assert cashier.get("/desk/shift").status_code == 200
    collect(cashier, "1000")
    collect(cashier, "500", tender="card", payment_reference="8812")
    ask_void(cashier)
    officer.post(f"/desk/voids/{waiting(officer)}/confirm")
    page = words(cashier.get("/desk/shift").text)
    for part in ("A01-000001", "A01-000002", "A01-000003", "已作废", "红字", "银行卡", "500.00"):
        assert part in page


# --- identity -----------------------------------------------------------------------------------------------------


def reveal(browser: Browser, **form: str) -> tuple[int, str]:
    response = browser.post(f"/desk/stays/{STAY}/identity", form)
    return response.status_code, response.text


def pages(app: APIFlask) -> list[str]:
    """The address of every page and export about the stay, its receipt and its entry, and of those about nothing."""
    named = {"stay_no": STAY, "number": "A01-000001", "entry_no": 1}
    found = []
    for rule in app.url_map.iter_rules():
        methods = rule.methods or set()
        if "GET" not in methods or rule.arguments - named.keys() or rule.rule.startswith(("/api", "/static")):
            continue
        path = rule.rule
        for name, value in named.items():
            path = re.sub(rf"<(?:\w+:)?{name}>", str(value), path)
        found.append(path)
    return found


def test_certificate_and_phone_show_in_full_only_for_a_reason_on_record(cashier: Browser, counter: Counter) -> None:
    assert f'href="/desk/stays/{STAY}/identity"' in cashier.get(f"/desk/stays/{STAY}").text
    asked = cashier.get(f"/desk/stays/{STAY}/identity")
    assert CERTIFICATE not in asked.text
    assert PHONE not in asked.text
    status, page = reveal(cashier, reason="给患者打电话", note="欠费提醒")
    assert status == 200
    assert CERTIFICATE in page
    assert PHONE in page
    event = "action = 'identity.reveal' AND outcome = 'done' AND subject = '2601140001'"
    assert counter.count("audit_event", f"{event} AND detail LIKE '%给患者打电话：欠费提醒%'") == 1


@pytest.mark.parametrize("form", [{}, {"reason": ""}, {"reason": "其他"}, {"reason": "其他", "note": "  "}])
def test_without_a_reason_nothing_is_shown(cashier: Browser, counter: Counter, form: dict[str, str]) -> None:
    status, page = reveal(cashier, **form)
    assert status == 422
    assert CERTIFICATE not in page
    assert counter.count("audit_event", "action = 'identity.reveal' AND outcome = 'done'") == 0


ONLOOKERS = [Role.FINANCE_OFFICER, Role.FINANCE_APPROVER, Role.AUDITOR]
PAYER, REFERENCE = "吴小军", "4200002788202601150256"


def test_who_has_no_business_at_the_desk_may_not_ask(counter: Counter, login_as: LoginAs) -> None:
    for role in (Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR):
        status, page = reveal(login_as(role), reason="给患者打电话")
        assert status == 403
        assert CERTIFICATE not in page


@pytest.fixture
def paid(cashier: Browser) -> None:
    """One receipt by a relative's phone, and one void of it that waits."""
    collect(cashier, "1200", tender="wechat", payment_reference=REFERENCE, payer=PAYER)
    ask_void(cashier)


def test_who_collects_sees_whose_money_it_is(cashier: Browser, paid: None) -> None:
    for path in (f"/desk/stays/{STAY}", f"/desk/stays?q={STAY}", "/desk/shift", "/desk/voids"):
        assert NAME in cashier.get(path).text, path
    printed = cashier.get("/desk/receipts/A01-000001/print").text
    assert NAME in printed
    assert PAYER in printed


@pytest.mark.parametrize("role", ONLOOKERS)
def test_who_looks_on_sees_masked_names_payers_and_references(
    counter: Counter, login_as: LoginAs, paid: None, role: Role
) -> None:
    onlooker = login_as(role)
    for path in (f"/desk/stays/{STAY}", f"/desk/stays?q={STAY}", "/desk/voids", f"/desk/stays/{STAY}/identity"):
        page = onlooker.get(path).text
        assert "吴＊兰" in page, path
        assert NAME not in page, path
    printed = onlooker.get("/desk/receipts/A01-000001/print").text
    assert "吴＊兰" in printed
    assert "吴＊军" in printed
    assert "单号尾 0256" in words(printed)


@pytest.mark.parametrize("role", ONLOOKERS)
def test_who_looks_on_sees_everything_for_a_reason_on_record(
    counter: Counter, login_as: LoginAs, paid: None, role: Role
) -> None:
    status, page = reveal(login_as(role), reason="审计或复核要核对")
    assert status == 200
    for whole in (NAME, CERTIFICATE, PHONE, PAYER, REFERENCE):
        assert whole in page
    seen = f"action = 'identity.reveal' AND outcome = 'done' AND actor = '{counter.house.ids[role]}'"
    assert counter.count("audit_event", f"{seen} AND detail LIKE '%审计或复核要核对%'") == 1


def test_a_payment_in_person_needs_no_mask(cashier: Browser, login_as: LoginAs) -> None:
    collect(cashier, "1200")
    assert "本人" in login_as(Role.AUDITOR).get("/desk/receipts/A01-000001/print").text


def test_no_page_or_export_carries_names_to_who_may_not_collect(
    app: APIFlask, cashier: Browser, login_as: LoginAs, paid: None
) -> None:
    collect(cashier, "9000")
    seen = 0
    for role in set(Role) - {Role.CASHIER}:
        browser = login_as(role)
        for path in pages(app):
            page = browser.get(path, query_string={"q": STAY, "stay": STAY}).data.decode(errors="replace")
            seen += "吴＊兰" in page
            for whole in (NAME, PAYER, REFERENCE):
                assert whole not in page, f"{path} for {role.label}"
    assert seen > len(ONLOOKERS)


def test_a_stay_without_papers_offers_a_cashier_nothing_to_reveal(cashier: Browser, officer: Browser) -> None:
    assert "显示完整信息" not in cashier.get(f"/desk/stays/{UNPOSTED}").text
    assert "显示完整信息" in officer.get(f"/desk/stays/{UNPOSTED}").text, "the name is masked to who doesn't collect"


def test_no_page_of_any_role_carries_a_certificate_or_phone_in_full(
    app: APIFlask, cashier: Browser, login_as: LoginAs
) -> None:
    collect(cashier, "1200")
    collect(cashier, "9000")
    ask_void(cashier)
    seen = 0
    for path in pages(app):
        for role in Role:
            page = login_as(role).get(path, query_string={"q": STAY, "stay": STAY}).data.decode(errors="replace")
            seen += CERTIFICATE[:6] in page
            assert CERTIFICATE not in page, f"{path} for {role.label}"
            assert PHONE not in page, f"{path} for {role.label}"
    masked = cashier.get(f"/desk/stays/{STAY}").text
    assert "1101 **** 002X" in masked
