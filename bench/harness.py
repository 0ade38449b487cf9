"""Contenders measured side by side: interleaved rounds in one run, median with the lowest and highest beside it.

Machines are noisy: compare ratios from one run, never single numbers from two.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Contender(Protocol):
    """One connection of one contender. ``post`` is one durable posting, ``post_many`` one durable commit of many."""

    def post(self, debit: int, credit: int) -> None:
        """Move one fen between two accounts numbered from 1 to 1000."""

    def post_many(self, pairs: Sequence[tuple[int, int]]) -> None:
        """The same for many pairs in one commit."""


@dataclass
class Series:
    """What one contender reached, round by round."""

    name: str
    rates: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def median(self) -> float:
        """The middle rate, a second."""
        return statistics.median(self.rates)


def pair(chance: random.Random, hot: bool) -> tuple[int, int]:
    """Accounts to move between: spread over a thousand, or always from the first."""
    return (1, chance.randint(2, 1000)) if hot else (chance.randint(1, 500), chance.randint(501, 1000))


def rounds(
    contenders: Sequence[tuple[str, Callable[[], Contender]]],
    *,
    clients: int,
    seconds: float,
    repeats: int,
    batch: int = 0,
    hot: bool = False,
) -> list[Series]:
    """Run every contender in turn, ``repeats`` times over."""
    series = {name: Series(name) for name, _ in contenders}
    for turn in range(repeats):
        for name, make in contenders:
            rate, wait, failures = _one_round(make, clients, seconds, batch, hot, turn)
            series[name].rates.append(rate)
            series[name].waits.append(wait)
            series[name].failures += failures
    return list(series.values())


def _one_round(
    make: Callable[[], Contender], clients: int, seconds: float, batch: int, hot: bool, turn: int
) -> tuple[float, float, int]:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(clients)
    results: Any = context.Queue()
    workers = [
        context.Process(
            target=_work,
            args=(make, seconds, turn * 100 + number, start, results, batch, hot),
            daemon=True,
        )
        for number in range(clients)
    ]
    for worker in workers:
        worker.start()
    answers = [results.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join(5)
    waits = sorted(wait for _, found, _ in answers for wait in found)
    return sum(rate for rate, _, _ in answers), waits[int(len(waits) * 0.99)], sum(lost for _, _, lost in answers)


def _work(
    make: Callable[[], Contender],
    seconds: float,
    seed: int,
    start: Any,
    results: Any,
    batch: int,
    hot: bool,
) -> None:
    chance = random.Random(seed)
    contender = make()
    contender.post(*pair(chance, hot))
    waits: list[float] = []
    done = lost = 0
    start.wait(30)
    began = now = time.perf_counter()
    while now - began < seconds:
        try:
            if batch:
                contender.post_many([pair(chance, hot) for _ in range(batch)])
            else:
                contender.post(*pair(chance, hot))
            done += batch or 1
        except Exception as error:
            lost += 1
            if lost == 1:
                print(f"    {type(error).__name__}: {str(error)[:200]}", flush=True)
        waits.append(time.perf_counter() - now)
        now = time.perf_counter()
    results.put((done / (now - began), waits, lost))


def table(title: str, series: Sequence[Series], goals: Sequence[tuple[str, str, float]]) -> None:
    """Print rates, then each goal as ``(ours, theirs, factor)``: the ratio reached, round by round."""
    print(f"\n{title}")
    for one in series:
        low, high = min(one.rates), max(one.rates)
        wait = statistics.median(one.waits) * 1000
        lost = f"  {one.failures} failed" if one.failures else ""
        print(f"  {one.name:<34}{one.median:>10,.0f}/s   {low:>9,.0f} … {high:<9,.0f} p99 {wait:,.1f} ms{lost}")
    by_name = {one.name: one for one in series}
    for ours, theirs, factor in goals:
        if ours not in by_name or theirs not in by_name:
            print(f"  {ours} ÷ {theirs}: goal {factor:g}, not measured here")
            continue
        ratios = [a / b for a, b in zip(by_name[ours].rates, by_name[theirs].rates, strict=True)]
        middle = statistics.median(ratios)
        verdict = "reached" if middle >= factor else "missed"
        print(
            f"  {ours} ÷ {theirs}: {middle:.2f} ({min(ratios):.2f} … {max(ratios):.2f}), goal {factor:g}: {verdict}"
        )
