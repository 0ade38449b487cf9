import pytest

from hospital_prepay.domain.insured_class import ClassReadings, InsuredClass, UnknownClass, insured_class_of


@pytest.mark.parametrize(
    ("names", "insured"),
    [
        ("employee 310 320 330 370 职工医保 城镇职工医保", InsuredClass.EMPLOYEE),
        ("resident 390 380 391 392 居民医保 城乡居民医保", InsuredClass.RESIDENT),
        ("self_pay 自费 全公费 商业保险 商业医疗保险 异地非实时结算", InsuredClass.SELF_PAY),
    ],
)
def test_every_usual_name_has_its_class(names, insured):
    assert {insured_class_of(name) for name in names.split()} == {insured}


def test_space_around_a_name_and_capitals_do_not_matter():
    assert insured_class_of(" Employee　") is InsuredClass.EMPLOYEE


@pytest.mark.parametrize("text", ["", "31", "3100", "农保", "310.0", "职工医保,居民医保"])
def test_any_other_text_is_an_unknown_class(text):
    with pytest.raises(UnknownClass) as caught:
        insured_class_of(text)
    assert caught.value.reason == "unknown_class"


def test_codes_of_local_decision_follow_the_reading():
    assert insured_class_of("510") is InsuredClass.EMPLOYEE
    assert {insured_class_of(code) for code in ("340", "350", "360", "399")} == {InsuredClass.SELF_PAY}
    other = ClassReadings(local_codes={"510": InsuredClass.RESIDENT})
    assert insured_class_of("510", other) is InsuredClass.RESIDENT
    with pytest.raises(UnknownClass):
        insured_class_of("340", other)


def test_without_the_reading_of_article_14_the_fully_public_have_no_class():
    with pytest.raises(UnknownClass):
        insured_class_of("全公费", ClassReadings(may_be_self_pay=False))


def test_labels_are_chinese():
    assert [insured.label for insured in InsuredClass] == ["职工医保", "城乡居民医保", "自费"]
