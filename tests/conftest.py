"""What every test may count on: no network, one thread a worker, and a skip where the machine lacks something."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest-xdist runs one worker a core

import pytest

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: Any) -> None:
    if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1", "localhost")):
        raise AssertionError(f"a test tried to reach {address}: tests use no network")
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _connect_here)
        yield


@pytest.fixture(scope="session", autouse=True)
def own_data_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Prepared data is kept for as long as the tests run, and away from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pelt_core.data.arrow.cache_folder", lambda: tmp_path_factory.getbasetemp() / "cache")
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder with real benchmark data, which no test may need."""
    if not os.environ.get("PELT_DATA"):
        pytest.skip("PELT_DATA names no data mirror")
    return Path(os.environ["PELT_DATA"])


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one a browser test is skipped, but in continuous integration it fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("no Chromium on this machine, and CI must run the browser tests")
    pytest.skip("no Chromium on this machine: install it to run the browser tests")
