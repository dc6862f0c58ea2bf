"""Settings from the environment, and the device that the networks run on.

Every name starts with ``STUDIO_``; an unknown one is refused, because a misspelt setting that is
silently ignored costs more than an error.

README.md has a table of them all.

A secret may stand in a file: ``STUDIO_DATABASE_FILE`` and ``STUDIO_API_TOKEN_FILE`` name it, as containers are given
theirs (``/run/secrets/NAME``).

``STUDIO_SHARED`` and ``STUDIO_REQUIRE_BROWSER`` belong to the tests (see ``tests/conftest.py``).
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, DirectoryPath, Field, FilePath, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parent.parent
ENV_PREFIX = "STUDIO_"
_FILE, _SECRETS = "_FILE", ("database", "api_token")
TEST_NAMES = frozenset({"STUDIO_SHARED", "STUDIO_REQUIRE_BROWSER"})


def usable_cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parts(value: object) -> object:
    """``a, b`` as (a, b)."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)]


class Settings(BaseSettings):
    """What the environment decides; see README.md. Frozen: pass it on, do not edit it."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    data: Path = ROOT / "data"
    weights: Path = ROOT / "weights"
    assets: DirectoryPath | None = None
    cache: Path | None = None
    threads: int = Field(default_factory=usable_cores, ge=1)
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    preload: bool = False
    log_format: Literal["text", "json"] = "text"
    database: SecretStr | None = None  # it may hold a password
    api_token: SecretStr | None = Field(None, min_length=16)
    allow_private_addresses: bool = False
    hosts: CommaSeparated = ()
    open: bool = False
    roots: CommaSeparated = ()
    roles: FilePath | None = None
    torchscript: CommaSeparated = ()
    upload_quota_mb: int = Field(4000, ge=1)
    trainings_at_once: int = Field(2, ge=1)
    comparisons_at_once: int = Field(2, ge=1)
    stop_jobs_with_server: bool = Field(default_factory=lambda: os.getpid() == 1)

    @field_validator("roots")
    @classmethod
    def _are_full_paths(cls, roots: tuple[str, ...]) -> tuple[str, ...]:
        for root in roots:
            if not Path(root).is_absolute() or Path(root) == Path(root).parent:
                raise ValueError(f"expected full paths of folders such as /srv/photos, got {root!r}")
        return roots

    @property
    def asset_cache(self) -> Path:
        """Folder that fetched model files are kept in."""
        return self.cache if self.cache is not None else self.data / "assets"


def settings() -> Settings:
    """Read the settings from the environment as it is now.

    Raises
    ------
    ValueError
        If a variable starts with ``STUDIO_`` and is no setting, or holds a value that its setting
        does not take.
    """
    own = ((name, value) for name, value in os.environ.items() if name.upper().startswith(ENV_PREFIX))
    return _settings(tuple(sorted(own)), os.getpid())  # a default is that of process 1


@lru_cache(maxsize=4)
def _settings(environment: tuple[tuple[str, str], ...], _pid: int) -> Settings:
    """Check an environment once: a page asks dozens of times in each of its runs."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {
        f"{ENV_PREFIX}{name.upper()}{_FILE}" for name in _SECRETS
    }
    unknown = sorted(name for name, _ in environment if name.upper() not in known | TEST_NAMES)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such setting. Valid names: {', '.join(sorted(known))}.")
    return Settings(**_read_secrets({name.upper(): value for name, value in environment if value}))


def _read_secrets(environment: dict[str, str]) -> dict[str, Any]:
    """Secrets that the environment names a file for."""
    found: dict[str, Any] = {}
    for field in _SECRETS:
        name = f"{ENV_PREFIX}{field.upper()}"
        path = environment.get(name + _FILE)
        if path is None:
            continue
        if name in environment:
            raise ValueError(f"{name} and {name}{_FILE} are both set. Unset one of them.")
        try:
            text = Path(path).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                f"{name}{_FILE}: {path} cannot be read ({error}). Name a readable file."
            ) from error
        if not text:
            raise ValueError(f"{name}{_FILE}: {path} is empty. Write the secret into it.")
        found[field] = SecretStr(text)
    return found


def pick_device(name: str = "auto") -> "torch.device":
    """Turn a device name into a device that is really there.

    Parameters
    ----------
    name
        ``auto`` takes CUDA, then MPS, then the CPU; anything else is a name that torch understands.

    Raises
    ------
    ValueError
        If the name is none of torch's, or that device is not in this machine.
    """
    import torch  # here, so that reading the settings does not cost loading torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(
            f"device {name!r} is not known to torch. Use auto, cpu, mps, cuda or cuda:N."
        ) from error
    present = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not present.get(device.type, False):
        raise ValueError(f"device {name!r} was asked for, but this machine has none. Use device auto or cpu.")
    return device
