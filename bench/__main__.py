"""``python -m bench [SECTION …]``: run the benchmarks, or only those named.

It imports nothing else before it runs: a process that is started to help with a long file reads this module again.
"""

from __future__ import annotations


def main() -> None:
    """Run the sections asked for."""
    from bench.sections import run

    run()


if __name__ == "__main__":
    main()
