"""The programs we show people, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Service

SAID = {
    "hello": ["List the open points.", "completed, "],
    "questions": ["answering [['yes']]", "You answered: yes."],
    "relay": ["   1 ", "read up to "],
    "errors": ["NotFoundError chat_not_found: ", "TurnFailedError provider_error: ", "ChatEndedError chat_ended: "],
    "demo": ["python  turn.completed  completed"],
}
EXAMPLES = sorted((ROOT / "examples/python").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: str(path.stem))
def test_an_example_runs(service: Service, example: Path) -> None:
    command = [sys.executable, str(example)]
    done = subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert [said for said in SAID[example.stem] if said not in done.stdout] == []
    assert len(example.read_text().splitlines()) < 40


@pytest.mark.parametrize("prompt", ["List the open points.", "/ask"])
def test_the_program_of_the_readme_runs(service: Service, prompt: str) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert "List the open points." in program
    done = service.python(program.replace("List the open points.", prompt))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\ncompleted, \d+ µ\$\n$", done.stdout)
