"""The whole life of an account, a claim, a filing and a batch, as tables of steps.

The database holds the same tables; a test walks every pair of states, the forbidden ones too, and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

Steps = Mapping[str, frozenset[str]]


class AccountState(StrEnum):
    """Where an account stands. ``reclaimed``: remitted, and paid to its owner all the same."""

    OPEN = "open"
    REFUNDED = "refunded"
    UNCLEARABLE = "unclearable"
    FILED = "filed"
    FROZEN = "frozen"
    REMITTED = "remitted"
    RECLAIMED = "reclaimed"

    @property
    def label(self) -> str:
        """The words on screens."""
        return ACCOUNT_LABELS[self]


class ClaimState(StrEnum):
    """Where a claim stands: 受理 → 审核 → 确认 → 退款 → 到账, or failed and sent again."""

    ACCEPTED = "accepted"
    REVIEWED = "reviewed"
    CONFIRMED = "confirmed"
    SENT = "sent"
    FAILED = "failed"
    ARRIVED = "arrived"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """The words on screens."""
        return CLAIM_LABELS[self]

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody; an account has one such claim at most."""
        return self in OPEN_CLAIMS


ACCOUNT_LABELS: Final = {
    AccountState.OPEN: "待清退",
    AccountState.REFUNDED: "已退完",
    AccountState.UNCLEARABLE: "暂时退不了",
    AccountState.FILED: "已备案",
    AccountState.FROZEN: "待上缴",
    AccountState.REMITTED: "已转应缴或上缴财政",
    AccountState.RECLAIMED: "上缴后已退",
}
EMPTY: Final = "empty"
KEPT: Final = "kept"
APART: Final = "apart"
# What stands in lists: the states, of which those that wait are told apart by whether there is anything to give back
# whether article 6 lets the hospital keep it, and whether article 9 says that it is no deposit.
LISTED_LABELS: Final[Mapping[str, str]] = {
    AccountState.OPEN.value: ACCOUNT_LABELS[AccountState.OPEN],
    EMPTY: "没有余额",
    **{one.value: label for one, label in ACCOUNT_LABELS.items() if one is not AccountState.OPEN},
    KEPT: "保留的预交金",
    APART: "单独管理",
}
CLAIM_LABELS: Final = {
    ClaimState.ACCEPTED: "已受理，待审核",
    ClaimState.REVIEWED: "已审核，待确认",
    ClaimState.CONFIRMED: "已确认，待退款",
    ClaimState.SENT: "已送银行，待到账",
    ClaimState.FAILED: "没有退成，待处理",
    ClaimState.ARRIVED: "已到账",
    ClaimState.REJECTED: "不予受理",
    ClaimState.WITHDRAWN: "已撤回",
}
OPEN_CLAIMS: Final = frozenset(
    {ClaimState.ACCEPTED, ClaimState.REVIEWED, ClaimState.CONFIRMED, ClaimState.SENT, ClaimState.FAILED}
)

ENDED: Final = frozenset({ClaimState.REJECTED, ClaimState.WITHDRAWN})


def listed_state(state: str, balance_fen: int | None, *, is_kept: bool, is_deposit: bool) -> str:
    """Under which heading of lists an account stands; ``balance_fen`` is ``None`` until the books have it."""
    if state != AccountState.OPEN or balance_fen is None:
        return state
    if balance_fen == 0:
        return EMPTY
    return APART if not is_deposit else KEPT if is_kept else state


ACCOUNT_STEPS: Final[Steps] = {
    "open": frozenset({"unclearable", "refunded"}),
    "unclearable": frozenset({"open", "filed", "refunded"}),
    "filed": frozenset({"open", "frozen", "refunded"}),
    "frozen": frozenset({"filed", "remitted"}),
    "refunded": frozenset({"open"}),
    "remitted": frozenset({"reclaimed"}),
    "reclaimed": frozenset({"remitted"}),
}
CLAIM_STEPS: Final[Steps] = {
    # Accepted anew, from another, where the treasury gave the money already: what is owed can't be withdrawn.
    "accepted": frozenset({"accepted", "reviewed", "rejected", "withdrawn"}),
    "reviewed": frozenset({"accepted", "confirmed", "rejected", "withdrawn"}),
    "confirmed": frozenset({"accepted", "sent", "arrived", "withdrawn"}),
    "sent": frozenset({"arrived", "failed"}),
    "failed": frozenset({"sent", "reviewed", "withdrawn", "accepted"}),
    "arrived": frozenset({"failed"}),
    # Only where somebody decided that the bank had paid it all the same.
    "rejected": frozenset({"sent"}),
    "withdrawn": frozenset({"sent"}),
}
FILING_STEPS: Final[Steps] = {
    "made": frozenset({"submitted", "withdrawn"}),
    "submitted": frozenset({"acknowledged", "withdrawn"}),
    "acknowledged": frozenset(),
    "withdrawn": frozenset(),
}
BATCH_STEPS: Final[Steps] = {
    "proposed": frozenset({"proposed", "frozen", "dropped"}),
    "frozen": frozenset({"approved", "dropped"}),
    "approved": frozenset({"booked"}),
    "booked": frozenset({"remitted"}),
    "remitted": frozenset(),
    "dropped": frozenset(),
}
ADVANCE_STEPS: Final[Steps] = {
    "made": frozenset({"submitted", "refused"}),
    "submitted": frozenset({"reimbursed", "refused"}),
    "reimbursed": frozenset(),
    "refused": frozenset(),
}
