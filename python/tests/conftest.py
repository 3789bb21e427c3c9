"""A real server with the practice runtime, one for all tests, and services that answer what a test says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from turnwire import Chat, Turnwire

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk_test_python"

# A shell that starts this in the background has interrupts ignored, and so would every program the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Service:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url
        #: For programs that find it by their environment.
        self.environment = {**os.environ, "TURNWIRE_BASE_URL": url, "TURNWIRE_API_KEY": KEY}

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a program against it to its end."""
        command = [sys.executable, "-X", "faulthandler", "-c", code, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)


def program() -> str:
    return os.environ.get("TURNWIRE_BIN") or str(ROOT / "target/debug/turnwire")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("service")
    command = [program(), "serve", "--runtime", "practice", "--listen", "127.0.0.1:0"]
    command += ["--data", str(data), "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith("listening on "))
        yield Service(line.split()[-1])
        process.terminate()


@pytest.fixture
def client(service: Service) -> Turnwire:
    return Turnwire(base_url=service.url, api_key=KEY)


@pytest.fixture
def chat(client: Turnwire) -> Iterator[Chat]:
    chat = client.chat.create(title="From a test")
    yield chat
    client.chat.delete(chat.id)


def difference(expected: Any, found: Any, at: str = "it") -> str | None:
    """The first difference between what is expected and what is there. Keys that are not named are not looked at, ``None``
    expects absence."""
    if isinstance(expected, dict) and isinstance(found, dict):
        differences = (difference(value, found.get(name), f"{at}.{name}") for name, value in expected.items())
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        differences = (difference(one, other, f"{at}[{index}]") for index, (one, other) in enumerate(zip(expected, found)))
    else:
        return None if expected == found else f"{at} should be {expected!r}, is {found!r}"
    return next((it for it in differences if it), None)
