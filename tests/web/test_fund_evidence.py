"""An invoice that was typed wrongly, withdrawn in the browser: who may, what is told, and what stays to be seen."""

from __future__ import annotations

import re

import pytest

from hospital_prepay.domain.access import Role
from tests.web.test_fund import APPROVER, HEAD, OFFICER, Fundhouse, fund, line, words

__all__ = ["fund"]
WRONG = {"line_no": "1", "invoice_no": "FP-1", "attempt": "1"}


@pytest.fixture
def done(fund: Fundhouse) -> tuple[Fundhouse, str]:
    """A request whose one invoice is there."""
    fund.received()
    request = fund.asked(line("3000"))
    fund.send(HEAD, f"{request}/agree")
    fund.send(APPROVER, f"{request}/reserve")
    fund.send(OFFICER, f"{request}/pay", bank_reference="HD-9")
    fund.send(OFFICER, f"{request}/invoice", line_no="1", invoice_no="FP-1", amount="3000")
    return fund, request


def test_the_officer_withdraws_it_by_the_form_beside_it_and_records_it_anew(done: tuple[Fundhouse, str]) -> None:
    fund, request = done
    page = fund.as_(OFFICER).get(request)
    assert "已办结" in words(page)
    form = re.search(rf'<form[^>]+action="{request}/invoice/withdraw".*?</form>', page.text, re.DOTALL)
    assert form is not None
    sent = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.group()))
    sent.pop("csrf_token")
    assert sent == WRONG
    answer = fund.send(OFFICER, f"{request}/invoice/withdraw", ground="金额填错", **sent)
    assert (answer.status_code, answer.location) == (303, request)
    page = fund.as_(OFFICER).get(request)
    assert "发票 FP-1 已作废，不再算数。下一步：照发票重新记。" in page.text
    assert "下一步：补票据" in words(page)
    assert re.search(r"已作废\S+，\S+ \S+：金额填错", words(page))
    assert "<s>FP-1</s>" in page.text
    assert "<s>3,000.00</s>" in page.text
    assert "还差 3,000.00 元" in words(page)
    assert "已有发票" not in words(page)
    assert "已付款，还缺发票" in words(fund.as_(OFFICER).get("/"))
    fund.send(OFFICER, f"{request}/invoice", line_no="1", invoice_no="FP-1", amount="3000")
    assert "已办结" in words(fund.as_(OFFICER).get(request))


def test_a_form_without_a_ground_comes_back_open_and_a_second_press_is_told(done: tuple[Fundhouse, str]) -> None:
    fund, request = done
    for ground in ("", "   "):
        answer = fund.send(OFFICER, f"{request}/invoice/withdraw", ground=ground, **WRONG)
        assert answer.status_code == 422
        assert '<details open><summary class="small">填错了' in answer.text
        assert 'class="field-error" id="e-withdraw-1"' in answer.text
    assert fund.send(OFFICER, f"{request}/invoice/withdraw", ground="x" * 301, **WRONG).status_code == 422
    unknown = fund.send(OFFICER, f"{request}/invoice/withdraw", ground="x", **{**WRONG, "line_no": "x"})
    assert unknown.status_code == 422
    assert "没有办成" in words(unknown)
    assert fund.count("fund_evidence_withdrawn") == 0
    assert fund.send(OFFICER, f"{request}/invoice/withdraw", ground="填错", **WRONG).status_code == 303
    again = fund.send(OFFICER, f"{request}/invoice/withdraw", ground="填错", **WRONG)
    assert again.status_code == 409
    assert "这张发票已经作废过。请刷新后再看；本次没有改动。" in words(again)
    absent = fund.send(OFFICER, f"{request}/invoice/withdraw", ground="填错", **{**WRONG, "invoice_no": "FP-2"})
    assert absent.status_code == 404


def test_others_see_what_was_withdrawn_and_have_no_form(done: tuple[Fundhouse, str]) -> None:
    fund, request = done
    for role in (HEAD, APPROVER, Role.AUDITOR):
        assert "填错了" not in words(fund.as_(role).get(request))
        assert fund.send(role, f"{request}/invoice/withdraw", ground="x", **WRONG).status_code == 403
    fund.send(OFFICER, f"{request}/invoice/withdraw", ground="<b>金额填错", **WRONG)
    auditor = fund.as_(Role.AUDITOR)
    assert "已作废" in words(auditor.get(request))
    lineage = auditor.get("/finance/fund/usage/lineage?q=FP-1")
    assert re.search(r"FP-1 3,000\.00 ?已作废，.*：<b>金额填错", words(lineage))
    assert "已有发票0.00 元" in words(lineage)
    assert '<s class="nowrap"><span class="code">FP-1</span>' in lineage.text


def test_after_a_refund_of_the_bank_there_is_no_form(done: tuple[Fundhouse, str]) -> None:
    fund, request = done
    fund.send(OFFICER, f"{request}/bounce", ground="户名不符", bounced_on="2026-01-15")
    assert "填错了" not in words(fund.as_(OFFICER).get(request))
    answer = fund.send(OFFICER, f"{request}/invoice/withdraw", ground="x", **WRONG)
    assert answer.status_code == 409
