"""What type checkers see."""

import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGE = ROOT / "python"


@pytest.mark.parametrize(
    "check",
    [
        ["mypy", "--strict", "turnwire"],
        ["mypy", "--strict", "tests"],
        ["mypy", "--strict", "../examples/python"],
        ["mypy.stubtest", "turnwire._native"],
    ],
    ids=["package", "tests", "examples", "stubs"],
)
def test_types_hold(check: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = [] if check[0] == "mypy.stubtest" else ["--cache-dir", str(tmp_path_factory.getbasetemp() / "mypy")]
    command = [sys.executable, "-m", *check[:1], *cache, *check[1:]]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
