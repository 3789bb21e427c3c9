"""The service that misbehaves as a scenario says, and what has reached it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import ROOT


def kit_program() -> str:
    return os.environ.get("TURNWIRE_TESTKIT") or str(ROOT / "target/debug/turnwire-testkit")


@contextmanager
def misbehaving(scenario: Path) -> Iterator[str]:
    command = [kit_program(), str(scenario)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield process.stdout.readline().split()[-1]
        process.stdin.close()


def told(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"connection": "close"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
