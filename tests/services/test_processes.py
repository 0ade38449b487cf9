"""Processes that help with a long file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_HELPED = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import os, time
from hospital_prepay.services.processes import begin_helping

if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn"), begin_helping) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def test_who_helps_ends_with_whom_it_helps_however_that_one_ends(tmp_path: Path) -> None:
    script = tmp_path / "helped.py"
    script.write_text(_HELPED, "utf-8")
    paths = os.pathsep.join(path for path in sys.path if path)
    helped = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert helped.stdout is not None
    helper = int(helped.stdout.readline())
    assert _runs(helper)
    helped.send_signal(signal.SIGKILL)
    helped.wait()
    helped.stdout.close()
    deadline = time.monotonic() + 30
    while _runs(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(helper)


def _runs(process: int) -> bool:
    """Whether it does, and isn't a body that nobody has taken away yet."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
