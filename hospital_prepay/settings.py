"""The only place that reads the environment, and the way to files that travel with the program."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hospital_prepay.domain.errors import PrepayError

_PACKAGE: Final = Path(__file__).resolve().parent
_DEMO_SECRET: Final = "demonstration-only"
_SHORTEST_SECRET: Final = 32
_WEB_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
# The name is the metrics library's: it looks for it when it is imported.
_MEASUREMENTS: Final = "PROMETHEUS_MULTIPROC_DIR"


class SettingMissing(PrepayError):
    """A setting that production needs is absent or unusable. Exit 2."""

    code = "setting_missing"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the environment decides. ``mode`` is ``demo`` or ``production``; ``proxies`` tells how many of the
    hospital's proxies stand in front and name whom they speak for."""

    mode: str
    database_url: str
    owner_url: str
    direct_url: str
    data_dir: Path
    public_url: str
    port: int
    secret_key: str
    field_key: str
    workers: int
    domestic_cryptography: bool
    metrics_token: str
    proxies: int = 0

    @property
    def is_demo(self) -> bool:
        """Whether this is the synthetic demonstration hospital."""
        return self.mode == "demo"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read ``PREPAY_*``; production refuses to go on without its secrets (:class:`SettingMissing`)."""
        env = os.environ if environment is None else environment
        mode = _one_of(env, "PREPAY_MODE", ("production", "demo"))
        data_dir = Path(env.get("PREPAY_DATA_DIR", "var")).resolve()
        url = env.get("PREPAY_DATABASE_URL", f"sqlite:///{data_dir / 'prepay.sqlite3'}")
        port = _whole(env, "PREPAY_PORT", "8000", 65535)
        secret_key, field_key = (_secret(env, mode, name) for name in ("PREPAY_SECRET_KEY", "PREPAY_FIELD_KEY"))
        if secret_key == field_key:
            raise SettingMissing("PREPAY_SECRET_KEY 和 PREPAY_FIELD_KEY 不能相同。请各生成一个；本次没有启动。")
        return cls(
            mode=mode,
            database_url=url,
            owner_url=env.get("PREPAY_DATABASE_OWNER_URL", url),
            direct_url=env.get("PREPAY_DATABASE_DIRECT_URL", url),
            data_dir=data_dir,
            public_url=_web_address(env, "PREPAY_PUBLIC_URL", f"http://127.0.0.1:{port}"),
            port=port,
            secret_key=secret_key,
            field_key=field_key,
            workers=_whole(env, "PREPAY_WORKERS", "2", 64),
            domestic_cryptography=_one_of(env, "PREPAY_CRYPTOGRAPHY", ("international", "domestic")) == "domestic",
            metrics_token=_token(env, "PREPAY_METRICS_TOKEN"),
            proxies=int(_one_of(env, "PREPAY_PROXIES", ("0", "1", "2", "3"))),
        )


def demonstration_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for this process's children, ``PREPAY_MODE`` being ``demo`` where nobody said otherwise."""
    env = os.environ if environment is None else environment
    return {"PREPAY_MODE": "demo", **env}


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of ``choices``, the first unless said otherwise."""
    value = env.get(name, choices[0])
    if value not in choices:
        raise SettingMissing(f"{name} 只能是 {' 或 '.join(choices)}，现在是“{value}”。")
    return value


def _web_address(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, default).rstrip("/")
    if not _WEB_ADDRESS.fullmatch(value):
        raise SettingMissing(f"{name} 要写 http:// 或 https:// 开头的网址，例如 https://prepay.hospital.example。")
    return value


def _whole(env: Mapping[str, str], name: str, default: str, most: int) -> int:
    text = env.get(name, default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise SettingMissing(f"{name} 要写 1 到 {most} 的整数，现在是“{text}”。")
    return int(text)


def _secret(env: Mapping[str, str], mode: str, name: str) -> str:
    value = env.get(name, "")
    if mode == "demo":
        return value or hashlib.sha256(f"{_DEMO_SECRET}:{name}".encode()).hexdigest()
    if len(value) < _SHORTEST_SECRET or _DEMO_SECRET in value or len(set(value)) < 8:
        raise SettingMissing(
            f"正式运行要先设置密钥 {name}（不少于 {_SHORTEST_SECRET} 个字符的随机文字），本次没有启动。"
            "看演示数据的，请在命令前加 PREPAY_MODE=demo。"
        )
    return value


def _token(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if value and len(value) < _SHORTEST_SECRET:
        raise SettingMissing(f"{name} 要不少于 {_SHORTEST_SECRET} 个字符；不需要监控就不要设置它。")
    return value


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, which nobody else on the machine may look into."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """Make a file, unless it is there, that nobody else on the machine may read."""
    path.touch(mode=0o600)
    return path


def share_measurements(folder: Path) -> None:
    """Let the processes that this one starts count requests together, in files of ``folder``, from zero on."""
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    os.environ[_MEASUREMENTS] = str(folder)


def shared_measurements() -> Path | None:
    """Where this process counts together with others, if it does."""
    folder = os.environ.get(_MEASUREMENTS)
    return Path(folder) if folder else None


def resource(name: str) -> Path:
    """The folder ``name`` (templates, static, migrations): the checkout's, else the one in the wheel.

    A checkout is known by its ``pyproject.toml``: beside an installed package other programs' folders may lie.
    """
    checkout = _PACKAGE.parent
    return checkout / name if (checkout / "pyproject.toml").is_file() else _PACKAGE / "_resources" / name
