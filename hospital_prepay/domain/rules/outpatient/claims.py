"""May this claim be taken, and by which way is it paid (7, 8). What papers prove is the hospital's own rule; that no
claim is late isn't: article 8 sets no limit, so there is none to look at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.decision import Decision, Outcome, Reason
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules import RULES
from hospital_prepay.domain.rules.outpatient.online import names_somebody

REFUNDED: Final = "guizhou-deposit-2025/7"
PAID_AFTER: Final = "guizhou-deposit-2025/8"
# WeChat refuses a refund by the original route after so many days; the hospital may set fewer, never more.
ORIGINAL_ROUTE_DAYS: Final = 365
STAFF_CARD: Final = (
    "这张银行卡登记为本院职工的卡，患者的钱不退到职工的卡上（本院规定）。请换患者本人的卡，或付现金由本人签领。"
)

OWN_NAME: Final = (
    "姓名与账户登记的不同。请核对账户号和证件；新生儿照登记的写，例如“某某之子”；"
    "来的人不是患者本人的，请按代办、继承办理。"
)
OWN_NUMBER: Final = "证件与账户登记的不是同一个人。请核对账户号；是代办或继承的，请按代办、继承办理。"
PATIENT_NUMBER: Final = "患者证件号与账户登记的不同。请照患者的证件（或死亡证明、户口簿）核对证件号和账户号。"
PATIENT_NAME: Final = "患者姓名与账户登记的不同。请照患者的证件核对姓名和账户号；新生儿照登记的写，例如“某某之子”。"
NO_NAME: Final = (
    "账户登记的姓名只有符号，认不出是谁的钱。请交预交金凭条，或填账户登记的手机号；也可以先申请更正姓名。"
)
NOT_ORIGINAL_FOR_ANOTHER: Final = "代办、继承的不走原路"
NO_SLIP: Final = "比上缴的多要退，还缺预交金凭条。请凭凭条核对数目，勾上预交金凭条并写号码；什么时候补来都可以。"
NO_PROOF: Final = "账户没有登记证件号，只凭证件认不出是谁的钱。请交预交金凭条，或填账户登记的手机号。"


class Claimant(StrEnum):
    """Who asks."""

    SELF = "self"
    PROXY = "proxy"
    HEIR = "heir"

    @property
    def label(self) -> str:
        """The words on screens."""
        return CLAIMANT_LABELS[self]


class Route(StrEnum):
    """The way the money goes, the likeliest first."""

    ORIGINAL = "original"
    BANK = "bank"
    CASH = "cash"

    @property
    def label(self) -> str:
        """The words on screens."""
        return ROUTE_LABELS[self]


class Paper(StrEnum):
    """What is shown at the counter or sent with the page."""

    OWN_ID = "own_id"
    PATIENT_ID = "patient_id"
    PROXY_ID = "proxy_id"
    PROXY_LETTER = "proxy_letter"
    HEIR_ID = "heir_id"
    DEATH = "death"
    KINSHIP = "kinship"
    LOST_CARD = "lost_card"
    SLIP = "slip"

    @property
    def label(self) -> str:
        """The words on screens."""
        return PAPER_LABELS[self]


CLAIMANT_LABELS: Final = {Claimant.SELF: "本人", Claimant.PROXY: "代办人", Claimant.HEIR: "继承人"}
ROUTE_LABELS: Final = {Route.ORIGINAL: "原路退回", Route.BANK: "转账到银行卡", Route.CASH: "现金"}
DEATH_PROOFS: Final = ("死亡证明", "火化证明", "户口注销证明", "社区证明")
PAPER_LABELS: Final = {
    Paper.OWN_ID: "本人有效证件",
    Paper.PATIENT_ID: "患者有效证件",
    Paper.PROXY_ID: "代办人有效证件",
    Paper.PROXY_LETTER: "授权委托书",
    Paper.HEIR_ID: "继承人有效证件",
    Paper.DEATH: "死亡证明、火化证明、户口注销证明或社区证明（任一）",
    Paper.KINSHIP: "亲属或继承关系证明",
    Paper.LOST_CARD: "就诊卡遗失说明",
    Paper.SLIP: "预交金凭条",
}
NEEDED: Final[Mapping[Claimant, tuple[Paper, ...]]] = {
    Claimant.SELF: (Paper.OWN_ID,),
    Claimant.PROXY: (Paper.PATIENT_ID, Paper.PROXY_ID, Paper.PROXY_LETTER),
    Claimant.HEIR: (Paper.HEIR_ID, Paper.DEATH, Paper.KINSHIP),
}


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What :func:`claim` looks at; amounts in fen, days as text. ``last_movement_on`` is ``None`` where nobody knows.

    ``remitted_fen`` is what the treasury has of the account and nobody was paid, ``beyond_fen`` what is owed above it
    by our own miscount; ``identity_matches`` compares the patient's certificate number, whoever comes, and is
    ``None`` where the account holds none to compare with.
    ``staff_card`` says that the bank card named is a member of staff's. ``name_matches`` compares the patient's name
    as it was given, ``None`` where the account has no name; ``unregistered`` says that no certificate number is on
    record for the account, ``phone_matches`` that the phone given is the account's, ``nameless`` that the name on
    record is of signs alone and so nobody's. ``beyond_proved`` says whether the slip was shown for what is asked
    beyond, ``None`` where nothing is asked.
    """

    claimant: str
    card_lost: bool
    papers: tuple[str, ...]
    route: str
    channel: str
    last_movement_on: str | None
    today: str
    balance_fen: int
    remitted_fen: int
    identity_matches: bool | None
    beyond_fen: int = 0
    original_failed: bool = False
    original_route_days: int = ORIGINAL_ROUTE_DAYS
    staff_card: bool = False
    name_matches: bool | None = None
    unregistered: bool = False
    phone_matches: bool = False
    nameless: bool = False
    beyond_proved: bool | None = None


def payee(claimant: Claimant, holder: str, patient: str, came: str) -> str:
    """Whose name stands on the bank card: an heir's own, else the patient's, for a proxy fetches nothing on a card of
    their own. ``patient`` is the name given where the account has none, or one of signs alone."""
    registered = holder if names_somebody(holder) else ""
    return came if claimant is Claimant.HEIR else registered or patient or came


def to_bring(paper: Paper) -> str:
    """A paper in words for who has to bring it: of several that prove the same, one."""
    return f"{'、'.join(DEATH_PROOFS)}，任一种即可" if paper is Paper.DEATH else paper.label


def needed_papers(claimant: Claimant, *, card_lost: bool) -> tuple[Paper, ...]:
    """What must be shown: a house rule, drawn from what hospitals ask."""
    return (*NEEDED[claimant], *((Paper.LOST_CARD,) if card_lost else ()))


def original_route_open(facts: ClaimFacts) -> bool:
    """Whether the platform still takes a refund by the way the money came."""
    return not _why_not_original(facts)


def routes(facts: ClaimFacts) -> tuple[tuple[Route, str], ...]:
    """Every way of payment, the likeliest first, each with why it isn't offered; empty words: it is."""
    why = _why_not_original(facts)
    ways = [(Route.ORIGINAL, why), (Route.BANK, ""), (Route.CASH, "" if why else "还能原路退回，先走原路")]
    return tuple(sorted(ways, key=lambda way: bool(way[1])))


def routes_for_another() -> tuple[tuple[Route, str], ...]:
    """Those of a proxy or an heir while nobody knows yet which account it is."""
    return (Route.BANK, ""), (Route.CASH, ""), (Route.ORIGINAL, NOT_ORIGINAL_FOR_ANOTHER)


def _why_not_original(facts: ClaimFacts) -> str:
    if facts.remitted_fen:
        return "钱已上缴财政，由医院垫付，没有原路"
    if facts.channel == "unknown":
        return "没有登记当时怎么交的，不能原路退"
    if facts.channel not in ("wechat", "alipay", "card"):
        return "当时不是用微信、支付宝或银行卡交的，没有原路"
    if facts.claimant != Claimant.SELF:
        return NOT_ORIGINAL_FOR_ANOTHER
    if facts.original_failed:
        return "原路退过一次，没有退成"
    if facts.last_movement_on is None:
        return "不知道哪天交的，平台不受理"
    paid_on = date.fromisoformat(facts.last_movement_on)
    if date.fromisoformat(facts.today) - paid_on > timedelta(days=facts.original_route_days):
        return f"交款已超过 {facts.original_route_days} 天，平台不受理"
    return ""


@implements(REFUNDED, PAID_AFTER)
def claim(facts: ClaimFacts, rule_version: str) -> Decision:
    """May the claim be taken. ``amount`` is what is paid: the whole balance, or what was remitted of it.

    Refused for missing papers, more than was remitted without the slip that says so, another person's identity or
    name, an account that nothing ties to the patient, a way that isn't the first one open, or nothing to pay; never
    for the day on which it comes.
    """
    clause = PAID_AFTER if facts.remitted_fen else REFUNDED
    amount = Money((facts.remitted_fen or facts.balance_fen) + facts.beyond_fen)
    reasons: list[Reason] = []
    if not amount:
        reasons.append(Reason("nothing_left", "这个账户没有余额可退。如有不同意见，请带凭条到窗口核对。"))
    shown = set(facts.papers)
    for paper in needed_papers(Claimant(facts.claimant), card_lost=facts.card_lost):
        if paper not in shown:
            reasons.append(Reason(f"missing_{paper}", f"还缺{paper.label}。请补齐后再来，什么时候来都可以。"))
    if facts.beyond_proved is False:
        reasons.append(Reason("missing_slip", NO_SLIP))
    reasons.extend(_why_not_theirs(facts))
    open_ = original_route_open(facts)
    if facts.staff_card and facts.route == Route.BANK:
        reasons.append(Reason("staff_card", STAFF_CARD))
    if facts.route == Route.ORIGINAL and not open_:
        reasons.append(Reason("original_closed", "原路已经退不了。请改为转账到本人银行卡，或付现金。"))
    if facts.route != Route.ORIGINAL and open_ and facts.route == Route.CASH:
        reasons.append(Reason("original_first", "还能原路退回，先走原路；原路退不成再付现金。", clause))
    if reasons:
        return Decision("outpatient.claim", rule_version, Outcome.REFUSED, amount, tuple(reasons), _stored(facts))
    why = "已上缴财政的，医院先垫付。" if facts.remitted_fen else "存量门诊预交金，退还患者。"
    said = [Reason("refund", why, clause)]
    if facts.beyond_fen:
        words = f"比上缴的多 {Money(facts.beyond_fen)} 元，是本院数错的，由本院承担，不向财政申请（本院规定）。"
        said.append(Reason("own_cost", words))
    return Decision("outpatient.claim", rule_version, Outcome.PERMITTED, amount, tuple(said), _stored(facts))


def _why_not_theirs(facts: ClaimFacts) -> list[Reason]:
    """Why the money isn't this person's to ask for. A certificate proves who came, not whose the account is: where
    none is on record, or no name, the slip of the deposit or the phone on record has to."""
    reasons: list[Reason] = []
    if facts.identity_matches is False:
        reasons.append(Reason("another_person", OWN_NUMBER if facts.claimant == Claimant.SELF else PATIENT_NUMBER))
    if facts.name_matches is False:
        reasons.append(Reason("another_name", OWN_NAME if facts.claimant == Claimant.SELF else PATIENT_NAME))
    if (facts.unregistered or facts.nameless) and not (facts.phone_matches or Paper.SLIP in facts.papers):
        reasons.append(Reason("missing_proof", NO_PROOF if facts.unregistered else NO_NAME))
    return reasons


def _stored(facts: ClaimFacts) -> dict[str, Any]:
    return {**asdict(facts), "papers": list(facts.papers)}


def _replay(stored: Mapping[str, Any], rule_version: str) -> Decision:
    return claim(ClaimFacts(**{**stored, "papers": tuple(stored["papers"])}), rule_version)


RULES["outpatient.claim"] = _replay
