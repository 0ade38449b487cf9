"""Words of counters for money that is no deposit (9)."""

from __future__ import annotations

import pytest

from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind, kind_of


@pytest.mark.clause("guizhou-deposit-2025/9")
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("血液透析", MoneyKind.TREATMENT_COURSE),
        ("血透", MoneyKind.TREATMENT_COURSE),
        ("血液透析费用", MoneyKind.TREATMENT_COURSE),
        (" 口腔 正畸费", MoneyKind.TREATMENT_COURSE),
        ("化疗预交金", MoneyKind.TREATMENT_COURSE),
        ("门诊特殊疾病", MoneyKind.SPECIAL_DISEASE),
        ("诊查费", MoneyKind.REGISTRATION_FEE),
        ("团体体检", MoneyKind.GROUP_CHECKUP),
        ("术前检查费", MoneyKind.PRE_SURGERY),
        ("门诊预交金", MoneyKind.OUTPATIENT_DEPOSIT),
        *((kind.label, kind) for kind in MoneyKind),
        *((kind.value, kind) for kind in MoneyKind),
    ],
)
def test_what_article_9_names_is_understood(word: str, kind: MoneyKind) -> None:
    assert kind_of(word) is kind


@pytest.mark.parametrize("word", ["", "费", "预交金", "住院预交金", "透析液押金", "彩票"])
def test_a_word_that_tells_no_kind_is_none(word: str) -> None:
    assert kind_of(word) is None
