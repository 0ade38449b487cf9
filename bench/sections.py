"""The sections of the benchmarks, and how they are asked for."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from bench import caps, desk_request, outpatient, postings, public_page, settlement, usage, verification
from hospital_prepay.services.processes import collect_seldom

# (name, what it measures, function); other rooms add a line.
SECTIONS: list[tuple[str, str, Callable[[argparse.Namespace], None]]] = [
    ("postings", "one posting a commit, spread and hot, beside raw insert and peers", postings.single),
    ("batch", "a thousand postings a commit", postings.batch),
    ("verify", "checking sealed entries", verification.run),
    ("usage", "the usage report of the restricted fund over ten million postings", usage.run),
    ("outpatient", "a million outpatient accounts imported, and what goes to the treasury proposed", outpatient.run),
    ("settlement", "the board over a million discharges, and a million deadlines", settlement.run),
    ("caps", "caps over millions of cases, beside bare DuckDB", caps.run),
    ("desk", "a deposit over HTTP, beside a bare function and an ORM application", desk_request.run),
    ("public", "the posted table and its 304, beside bare bytes and Flask", public_page.run),
]


def run() -> None:
    """Run the sections asked for, all by default."""
    described = "\n".join(f"  {name:<12}{what}" for name, what, _ in SECTIONS)
    parser = argparse.ArgumentParser(
        prog="python -m bench", epilog=f"sections:\n{described}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", nargs="*", choices=[[], *(name for name, _, _ in SECTIONS)], default=[])
    postings.add_options(parser)
    verification.add_options(parser)
    usage.add_options(parser)
    outpatient.add_options(parser)
    settlement.add_options(parser)
    caps.add_options(parser)
    options = parser.parse_args()
    collect_seldom()  # as the program and the service do
    for name, what, run in SECTIONS:
        if not options.section or name in options.section:
            print(f"== {name}: {what}", flush=True)
            run(options)
