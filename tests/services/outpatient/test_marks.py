"""Only who can't be found by any way is marked (8): what article 7 asks for comes first."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hospital_prepay.domain.errors import MalformedInput, NotPermitted
from hospital_prepay.domain.rules.outpatient.contact import Standing
from hospital_prepay.domain.rules.outpatient.reach import Reach, Way
from hospital_prepay.services.outpatient import campaign_file, campaigns, filing, left_out, register
from hospital_prepay.services.outpatient.filing import Marked, MarkUnclearable, Reason
from hospital_prepay.services.outpatient.left_out import LeftOut
from hospital_prepay.services.outpatient.register import Narrowed
from tests.services.outpatient.conftest import CLERK, OFFICER
from tests.services.outpatient.test_campaigns import Campaigns, found
from tests.told import PHOTO, number_changed, tell_everybody

__all__ = ["found"]
pytestmark = pytest.mark.clause("guizhou-deposit-2025/7", "guizhou-deposit-2025/8")
ALL = ("M001", "M002", "M003", "M004", "M005", "M006")


def mark(one: Campaigns, *numbers: str, reach: tuple[Reach, ...] = (), reason: Reason = Reason.NO_ANSWER) -> Marked:
    command = MarkUnclearable(reason, "见通知记录", numbers, reach)
    looked = filing.count_markable(one.context, OFFICER, command)
    done = filing.mark_unclearable(one.context, OFFICER, command)
    assert looked == done
    return done


def board(found: Campaigns) -> None:
    """On the notice board, for everybody."""
    found.photo(found.released(Way.BOARD, campaigns.Who.UNTRIED))


def marked(found: Campaigns) -> list[str]:
    with found.context.database.reading() as connection:
        query = "SELECT account_no FROM outpatient_account WHERE state = 'unclearable' ORDER BY account_no"
        return list(connection.scalars(sa.text(query)))


def test_nobody_is_marked_before_anything_was_tried(found: Campaigns) -> None:
    # M004 is no deposit, M005 has no money.
    assert mark(found, *ALL) == Marked(0, 4, 0)
    assert mark(found, reach=tuple(Reach)) == Marked(0, 4, 0)
    assert marked(found) == []


def test_a_board_is_enough_for_who_left_nothing_behind_and_for_nobody_else(found: Campaigns) -> None:
    board(found)
    assert mark(found, *ALL) == Marked(1, 3, 0)
    assert marked(found) == ["M003"]
    assert "见通知记录" in found.outpatients.account("M003").unclearable_reason


def test_a_board_without_its_photo_is_no_proof(found: Campaigns) -> None:
    number = found.released(Way.BOARD)
    assert mark(found, "M003") == Marked(0, 1, 0)
    found.photo(number)
    assert mark(found, "M003") == Marked(1, 0, 0)


def test_a_message_that_nothing_is_known_of_is_no_attempt(found: Campaigns) -> None:
    board(found)
    number = found.exported()
    assert mark(found, "M001", "M002") == Marked(0, 2, 0)
    found.answer(number, "空号", "M001")
    found.answer(number, "送达", "M002")
    # M002 can still be called and told over WeChat.
    assert mark(found, "M001", "M002") == Marked(1, 1, 0)
    assert marked(found) == ["M001"]


def test_whoever_was_reached_is_not_one_who_cant_be_found(found: Campaigns) -> None:
    board(found)
    found.answer(found.exported(), "联系上", "M001")
    assert mark(found, "M001", "M003") == Marked(1, 0, 1)
    assert mark(found, reach=tuple(Reach)) == Marked(0, 2, 1)
    assert marked(found) == ["M003"]


@pytest.mark.parametrize("reason", [Reason.NOT_COME, Reason.DIED])
def test_who_was_reached_and_does_not_come_is_named_one_by_one(found: Campaigns, reason: Reason) -> None:
    board(found)
    found.answer(found.exported(), "联系上", "M001")
    assert mark(found, reach=tuple(Reach), reason=reason) == Marked(1, 2, 1)
    assert mark(found, "M001", "M002", reason=reason) == Marked(1, 1, 0)
    assert marked(found) == ["M001", "M003"]


def test_a_kind_is_marked_as_far_as_every_way_was_tried(found: Campaigns) -> None:
    tell_everybody(found.context)
    found.outpatients.accept("M001")
    assert mark(found, reach=(Reach.PHONE,)) == Marked(2, 0, 0)
    assert marked(found) == ["M002", "M006"]
    assert mark(found, reach=tuple(Reach)) == Marked(1, 0, 0)


def test_a_new_number_is_to_be_tried_first(found: Campaigns) -> None:
    tell_everybody(found.context)
    number_changed(found.context, "M001", "13900000009")
    assert mark(found, "M001") == Marked(0, 1, 0)


def test_the_same_form_tells_the_same_numbers(found: Campaigns) -> None:
    board(found)
    command = MarkUnclearable(Reason.NO_ANSWER, "见通知记录", ("M001", "M003"))
    first = filing.mark_unclearable(found.context, OFFICER, command, idempotency_key="form-1")
    again = MarkUnclearable(Reason.NO_ANSWER, "见通知记录", ("M003", "M001"))
    assert (
        filing.mark_unclearable(found.context, OFFICER, again, idempotency_key="form-1") == first == Marked(1, 1, 0)
    )


def test_looking_needs_the_same_permission_and_the_same_choice(found: Campaigns) -> None:
    command = MarkUnclearable(Reason.NO_ANSWER, "x", ("M001",))
    with pytest.raises(NotPermitted):
        filing.count_markable(found.context, CLERK, command)
    with pytest.raises(MalformedInput):
        filing.count_markable(found.context, OFFICER, MarkUnclearable(Reason.NO_ANSWER, "x"))


def test_what_is_marked_is_what_the_rule_calls_complete(found: Campaigns) -> None:
    """The statement for a million and the rule for one say the same, whatever happened."""
    results = st.sampled_from(("空号", "不是本人", "无人接听", "已发送", "送达", "拒收", "联系上"))

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(Way), results), max_size=4))
    def agree(steps: list[tuple[Way, str]]) -> None:
        for way, result in steps:
            try:
                number = found.released(way, campaigns.Who.UNREACHED)
            except MalformedInput:
                continue
            if way is Way.BOARD:
                found.photo(number, PHOTO + str(number).encode())
                continue
            campaign_file.export_campaign(found.context, OFFICER, number, campaign_file.Form.CSV)
            for line in found.lines(number):
                found.results(number, (line[0], result, "2026-01-05 09:00", f"R{line[0]}"))
        owed = ("M001", "M002", "M003", "M006")
        expected = [one for one in owed if found.card(one).standing is Standing.COMPLETE]
        assert mark(found, reach=tuple(Reach)).accounts == len(expected)
        assert marked(found) == expected
        for one in expected:
            filing.unmark(found.context, OFFICER, one, "再试")

    agree()


def test_an_account_number_nobody_has_counts_for_nothing(found: Campaigns) -> None:
    assert mark(found, "nobody") == Marked(0, 0, 0, ("nobody",))


def test_what_is_left_out_is_named_with_why(found: Campaigns) -> None:
    board(found)
    command = MarkUnclearable(Reason.NO_ANSWER, "见通知记录", ALL)
    named = left_out.left_out(found.context, OFFICER, command)
    assert named.left == ("M001", "M002", "M006")
    assert named.reached == ()
    whys = dict(named.others)
    assert whys.keys() == {"M004", "M005"}
    assert whys["M005"] == "没有余额"
    assert "不是门诊预交金" in whys["M004"]
    by_kind = MarkUnclearable(Reason.NO_ANSWER, "见通知记录", (), tuple(Reach))
    assert left_out.left_out(found.context, OFFICER, by_kind) == LeftOut(named.left)
    with pytest.raises(NotPermitted):
        left_out.left_out(found.context, CLERK, command)


def test_one_account_may_be_marked_once_every_way_was_tried_or_its_owner_was_reached(found: Campaigns) -> None:
    def standing(number: str) -> Standing | None:
        return left_out.markable_standing(found.context, OFFICER, number)

    assert [standing(one) for one in (*ALL, "nobody")] == [None] * 7
    board(found)
    assert [one for one in ALL if standing(one)] == ["M003"]
    assert standing("M003") is Standing.COMPLETE
    mark(found, "M003")
    assert standing("M003") is None
    with pytest.raises(NotPermitted):
        left_out.markable_standing(found.context, CLERK, "M003")


def test_who_was_reached_is_left_out_unless_the_reason_says_so(found: Campaigns) -> None:
    found.answer(found.exported(), "联系上", "M001")
    assert left_out.markable_standing(found.context, OFFICER, "M001") is Standing.REACHED
    for reason, reached in ((Reason.NO_ANSWER, ("M001",)), (Reason.NOT_COME, ())):
        command = MarkUnclearable(reason, "见通知记录", ("M001",))
        assert left_out.left_out(found.context, OFFICER, command) == LeftOut((), reached)


def test_the_register_lists_by_next_way_whom_the_rule_still_tells(found: Campaigns) -> None:
    """An account without money is in no list of what is to be done."""
    found.answer(found.exported(), "空号", "M001")
    cards = {one: found.card(one) for one in ALL}
    assert cards["M005"].is_over
    for told in (Standing.LEFT, *Way):
        listed = register.search(found.context, OFFICER, Narrowed(told=told.value), 1)
        expected = {
            one
            for one, card in cards.items()
            if one != "M004" and not card.is_over and told in (Standing.LEFT if card.left else None, card.next_way)
        }
        assert {row.account_no for row, _ in listed.rows} == expected, told
