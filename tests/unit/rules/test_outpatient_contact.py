"""By which way to go on, when enough was tried, and what no text may say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.rules.outpatient.contact import (
    BY_NUMBER,
    NUMBER_GONE,
    Outcome,
    Standing,
    Told,
    left,
    next_way,
    standing,
)
from hospital_prepay.domain.rules.outpatient.notice import Filling, check_notice, example, fill, lapsing_words
from hospital_prepay.domain.rules.outpatient.reach import (
    Channel,
    Doubt,
    Reach,
    Way,
    doubts,
    is_mobile,
    phone_number,
    reach,
    ways,
)

pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
ALL = tuple(Way)
HISTORY = st.lists(st.tuples(st.sampled_from(Way), st.sampled_from(Outcome)), max_size=12)
WAYS = st.builds(
    lambda best, paid, number: ways(best, paid, has_patient_no=number),
    st.sampled_from(Reach),
    st.sampled_from(Channel),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], Way.SMS),
        ([(Way.SMS, Outcome.SENT)], Way.PHONE),
        ([(Way.SMS, Outcome.DEAD_NUMBER)], Way.WECHAT),
        ([(Way.PHONE, Outcome.WRONG_NUMBER)], Way.WECHAT),
        ([(Way.SMS, Outcome.UNSUITED)], Way.PHONE),
        ([(Way.SMS, Outcome.SENT), (Way.PHONE, Outcome.NO_ANSWER)], Way.WECHAT),
        ([(Way.WECHAT, Outcome.WRONG_NUMBER)], Way.SMS),
        ([(Way.SMS, Outcome.DEAD_NUMBER), (Way.WECHAT, Outcome.SENT)], Way.BOARD),
        ([(Way.PHONE, Outcome.REACHED)], None),
    ],
)
def test_the_next_way(history: list[tuple[Way, Outcome]], expected: Way | None) -> None:
    assert next_way(Told.of(ALL, history)) is expected


@given(WAYS, HISTORY)
def test_the_next_way_is_possible_untried_and_not_by_a_number_that_is_gone(
    possible: tuple[Way, ...], history: list[tuple[Way, Outcome]]
) -> None:
    told = Told.of(possible, history)
    way = next_way(told)
    if way is None:
        assert standing(told) is not Standing.LEFT
        return
    assert way in possible
    assert way not in {one for one, outcome in history if outcome is not Outcome.UNSUITED}
    gone = any(outcome in NUMBER_GONE for one, outcome in history if one in BY_NUMBER)
    assert not (gone and way in BY_NUMBER)
    assert not any(outcome is Outcome.REACHED for _, outcome in history)


@given(WAYS, st.lists(st.sampled_from(Outcome), min_size=4, max_size=4))
def test_going_on_as_the_rule_says_ends_within_four_steps(possible: tuple[Way, ...], outcomes: list[Outcome]) -> None:
    history: list[tuple[Way, Outcome]] = []
    for outcome in outcomes:
        way = next_way(Told.of(possible, history))
        if way is not None:
            history.append((way, outcome))
    told = Told.of(possible, history)
    assert left(told) == ()
    assert standing(told) is (Standing.REACHED if told.reached else Standing.COMPLETE)


@given(WAYS, HISTORY, st.randoms())
def test_the_order_of_a_history_says_nothing(
    possible: tuple[Way, ...], history: list[tuple[Way, Outcome]], chance: object
) -> None:
    mixed = list(history)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert standing(Told.of(possible, mixed)) is standing(Told.of(possible, history))
    assert left(Told.of(possible, mixed)) == left(Told.of(possible, history))


def test_the_ways_of_an_owner() -> None:
    assert ways(Reach.PHONE, Channel.CASH, has_patient_no=True) == ALL
    assert ways(Reach.NAME, Channel.WECHAT, has_patient_no=False) == (Way.WECHAT, Way.BOARD)
    assert ways(Reach.NONE, Channel.CASH, has_patient_no=False) == (Way.BOARD,)
    assert is_mobile("+86 138-0000-0001")
    assert not is_mobile("0851-85550123")


@pytest.mark.parametrize(
    "text",
    [
        "逾期作废",
        "逾 期，作·废",
        "视为放弃",
        "逾期未办理的视为自愿放弃",
        "过期不候",
        "12月31日以后不再退款",
        "余额将清零",
        "逾期未异议视为同意",
        "最后期限",
        "12月31日前请来退费，过期上缴财政",
        "１２月３１日前请来退费，过 期 上 缴 财 政",
        "逾期未领取的余额将按规定上缴财政",
        "到期转入国库",
        "截止2026年12月31日，不退",
        "超期不办",
        "期满归医院所有",
        "余下的钱归国家所有",
        "12月31日前来办，否则上缴财政",
        "十二月三十一日前来退，否则退不了",
        "年底前未办理的，上缴财政",
        "12月31日前请来，之后上缴国库",
        "12月31日后不退",
        "过了12月31日就不退",
        "过期上缴财政，也可以打电话咨询",
        "过期上缴财政，上缴后也不能退",
    ],
)
def test_words_that_say_a_claim_lapses_are_found(text: str) -> None:
    assert lapsing_words(f"请来。{text}。谢谢")


@pytest.mark.parametrize(
    "text",
    [
        "什么时候来都可以办，没有期限",
        "请在12月31日前来，之后来也一样办",
        "不收手续费",
        "上缴财政后仍可申请退还",
        "满三年退不了的依法上缴财政，上缴以后照样能退",
        "12月31日前没有来的，上缴财政后仍可申请退还",
        "到期上缴财政，什么时候来都可以办",
        "余额归您本人所有",
        "窗口周日不办公，12月31日后不收手续费",
        "来之前请打电话，否则可能要等",
        "12月31日前请到一楼，没有身份证不能领",
        "截至12月31日已退还300户",
    ],
)
def test_honest_words_pass(text: str) -> None:
    assert not lapsing_words(text)
    check_notice(Way.SMS, text + "{电话}")


@pytest.mark.parametrize(
    ("way", "text"),
    [
        (Way.SMS, "余额{余额}元{电话}"),
        (Way.BOARD, "{称呼}请来{电话}"),
        (Way.SMS, "请来{电话"),
        (Way.SMS, "请来"),
        (Way.SMS, "来" * 400 + "{电话}"),
    ],
)
def test_a_text_says_what_it_must_and_no_more(way: Way, text: str) -> None:
    with pytest.raises(MalformedInput):
        check_notice(way, text)


def test_what_is_filled_in_is_masked_and_not_filled_again() -> None:
    words = fill("{称呼}{尾号}{电话}{医院}", Filling("{电话}医院", "0851-1", "吴桂兰", "00012345"))
    assert words == "吴＊兰23450851-1{电话}医院"
    assert example("{医院}{尾号}{称呼}{电话}", "县医院", "0851-1") == "县医院1234张＊明0851-1"


@pytest.mark.parametrize(
    "phone", ["13800000001", "+86 138-0000-0001", "010-62345678", "0851-85550000", "（023）61234567", "0376 6123456"]
)
def test_a_phone_that_can_be_dialled_reaches_somebody(phone: str) -> None:
    assert reach("", "", phone) is Reach.PHONE
    assert doubts("", phone, "") == []


@pytest.mark.parametrize(
    "phone", ["00000000000", "000-00000000", "12345", "11111111111", "0110-6234567", "0851-0234567"]
)
def test_a_phone_that_cant_be_dialled_reaches_nobody_and_is_told(phone: str) -> None:
    assert phone_number(phone) == ""
    assert reach("", "", phone) is Reach.NONE
    assert doubts("", phone, "") == [Doubt.PHONE]


@pytest.mark.parametrize(
    ("certno", "channel", "found"),
    [
        ("110105194912310021", "", [Doubt.RESIDENT_ID]),
        ("110105491331002", "", [Doubt.RESIDENT_ID]),
        ("123", "一卡通", [Doubt.CERTNO, Doubt.CHANNEL]),
        ("11010519491231002x", "微信支付", []),
        ("E12345678", "不详", []),
        ("", "", []),
    ],
)
def test_what_doesnt_look_right_is_told_by_its_kind(certno: str, channel: str, found: list[Doubt]) -> None:
    assert doubts(certno, "", channel) == found
