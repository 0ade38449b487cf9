from datetime import date

import pytest

from hospital_prepay.domain.days import NotADate, day_of


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02",
        "2024-1-2",
        "2024/1/2",
        "2024/01/02",
        "2024年1月2日",
        "20240102",
        "2024-01-02 15:30",
        "2024-01-02 15:30:59",
        "2024-01-02T15:30:59",
        "2024-01-02T15:30:59.123456",
        "2024/1/2 5:30",
        "2024年1月2日 15:30",
        "20240102153000",
        "20240102T153000",
        "20240102 15:30:00",
        " 2024-01-02\u3000",
        "2024-01-02T15:30:00+08:00",
        "2024-01-01T16:00:00Z",
        "2024-01-02T15:59:59Z",
        "2024-01-01 11:00:00-0500",
    ],
)
def test_each_usual_form_is_the_same_day_in_shanghai(text):
    assert day_of(text) == date(2024, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "0000-01-01",
        "2024-01/02",
        "24-01-02",
        "2024-01-02 24:00",
        "2024-01-02 10:60",
        "2024-01-02 10:00:61",
        "2024-01-02+08:00",
        "2024-01-02T10:00+08:60",
        "2024-01-02T10:00+24:00",
        "0001-01-01T00:00:00+14:00",
        "45293",
        "２０２４-01-02",
        "2024-01-02 后",
        "1月2日",
    ],
)
def test_what_is_no_day_is_refused(text):
    with pytest.raises(NotADate) as caught:
        day_of(text)
    assert caught.value.reason == "not_a_date"
