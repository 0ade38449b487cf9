"""The entry point of the program ``hospital-prepay``.

Nothing else is imported before it runs: a process that is started to help with a long file reads this module again.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that was given, and end with its exit code."""
    from hospital_prepay.program import run

    sys.exit(run())


if __name__ == "__main__":
    main()
