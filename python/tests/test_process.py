"""The package as a guest of a process: signals, forks, exits."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest
from canned import OK_STREAM, STARTED, Canned
from conftest import KEY, ROOT, Service
from turnwire import Chat, Turnwire

IDLE = """
import asyncio, sys, turnwire
def sync():
    client = turnwire.Turnwire(base_url=sys.argv[1], api_key="k")
    for event in client.chat.respond("chat_1", "Hi"):
        print(event.type, flush=True)
async def asynchronous():
    client = turnwire.AsyncTurnwire(base_url=sys.argv[1], api_key="k")
    async for event in client.chat.respond("chat_1", "Hi"):
        print(event.type, flush=True)
sync() if sys.argv[2] == "sync" else asyncio.run(asynchronous())
"""


@pytest.mark.parametrize("how", ["sync", "async"])
def test_ctrl_c_ends_an_idle_stream(how: str) -> None:
    with Canned(OK_STREAM + STARTED) as service:
        command = [sys.executable, "-c", IDLE, service.url, how]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout and process.stderr
            assert process.stdout.readline() == "turn.started\n"
            process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
        assert "KeyboardInterrupt" in errors and process.returncode in (-signal.SIGINT, 130)
        assert service.left.wait(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_client_goes_on_in_a_forked_child_and_a_stream_says_that_it_cannot(
    service: Service, client: Turnwire, chat: Chat
) -> None:
    stream = client.chat.respond(chat.id, "/slow 3")
    next(stream)
    child = os.fork()
    if child == 0:
        status = 9
        try:
            with pytest.raises(RuntimeError, match="fork"):
                list(stream)
            other = client.chat.create()
            assert client.chat.send_message(other.id, "From the child").text == "From the child"
            del stream
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert stream.result().status == "completed"


def _in_child(url: str, texts: "Queue[str]") -> None:
    client = Turnwire(base_url=url, api_key=KEY)
    texts.put(client.chat.send_message(client.chat.create().id, "Hello").text)


@pytest.mark.parametrize("how", multiprocessing.get_all_start_methods())
def test_child_processes_of_every_kind_work(service: Service, client: Turnwire, how: str) -> None:
    client.chat.list(limit=1)
    context: Any = multiprocessing.get_context(how)
    texts = context.Queue()
    process = context.Process(target=_in_child, args=(service.url, texts))
    process.start()
    assert texts.get(timeout=30) == "Hello"
    process.join(30)
    assert process.exitcode == 0


ENDS = {
    "a stream in the middle": "stream = client.chat.respond(chat, '/slow 100'); next(stream)",
    "a stream not begun": "stream = client.chat.respond(chat, '/slow 100')",
    "sys.exit in the middle": "for event in client.chat.respond(chat, '/slow 100'): sys.exit(0)",
    "threads that still read": """
def read():
    for event in client.chat.respond(client.chat.create().id, '/slow 100'): pass
for _ in range(4): threading.Thread(target=read, daemon=True).start()
next(client.chat.respond(chat, '/slow 100'))""",
    "loops that still run": """
async def read():
    mine = turnwire.AsyncTurnwire()
    async for event in mine.chat.respond((await mine.chat.create()).id, '/slow 100'): pass
for _ in range(4): threading.Thread(target=lambda: asyncio.run(read()), daemon=True).start()
next(client.chat.respond(chat, '/slow 100'))""",
    "a task that is pending": """
async def main():
    mine = turnwire.AsyncTurnwire()
    stream = await mine.chat.respond(chat, '/slow 100')
    await anext(stream)
    asyncio.ensure_future(stream.result())
    await asyncio.sleep(0)
asyncio.run(main())""",
    "use at exit": "atexit.register(lambda: client.chat.retrieve(chat))",
}


@pytest.mark.parametrize("what", ENDS)
def test_the_interpreter_ends_cleanly(service: Service, what: str) -> None:
    begin = "import asyncio, atexit, sys, threading, turnwire\nclient = turnwire.Turnwire()\nchat = client.chat.create().id\n"
    done = service.python(begin + ENDS[what])
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_comes_with_the_package(service: Service) -> None:
    def run(*arguments: str, **more: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "turnwire", *arguments]
        return subprocess.run(command, env=service.environment, capture_output=True, text=True, timeout=60)

    assert run("--version").stdout.split()[0] == "turnwire"
    assert run("no-such-command").returncode == 2
    chat = Turnwire(base_url=service.url, api_key=KEY).chat.create().id
    sent = run("send", chat, "Hello there")
    assert sent.returncode == 0 and "Hello there" in sent.stdout
    assert run("send", chat, "/fail").returncode == 1
    capture = ROOT / "tests/conformance/sse/an-empty-stream.sse"
    assert run("normalize", str(capture)).returncode == 0


def test_ctrl_c_ends_the_program_with_130(service: Service) -> None:
    chat = Turnwire(base_url=service.url, api_key=KEY).chat.create().id
    command = [sys.executable, "-m", "turnwire", "send", chat, "/slow 600"]
    with subprocess.Popen(command, env=service.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 130


SERVE = [sys.executable, "-m", "turnwire", "serve", "--listen", "127.0.0.1:0", "--api-key", KEY]
SIGNALS = [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)]


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    return line.split()[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals here")
@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_a_server_from_the_wheel_ends_its_turns_before_it_goes(tmp_path: Path, name: str, code: int) -> None:
    command = [*SERVE, "--runtime", "practice", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        client = Turnwire(base_url=_url(process), api_key=KEY)
        stream = client.chat.respond(client.chat.create().id, "/slow 600")
        next(stream)
        process.send_signal(getattr(signal, name))
        last = list(stream)[-1]
        assert process.stderr
        errors = process.stderr.read()
    assert (last.type, last.to_dict()["status"]) == ("turn.completed", "interrupted")
    assert process.returncode == code and "stopping" in errors and "Traceback" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_server_from_the_wheel_leaves_no_agent_behind(tmp_path: Path, name: str) -> None:
    opencode = os.environ.get("TURNWIRE_OPENCODE")
    if not opencode:
        pytest.skip("set TURNWIRE_OPENCODE to an opencode program to run this test")
    command = [*SERVE, "--practice-model", "--opencode", opencode, "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        client = Turnwire(base_url=_url(process), api_key=KEY)
        assert client.chat.send_message(client.chat.create().id, "Hello").text
        agent = json.loads((tmp_path / "opencode/process.json").read_text())["pid"]
        process.send_signal(getattr(signal, name))
    stat = Path(f"/proc/{agent}/stat")
    assert not stat.exists() or ") Z " in stat.read_text()
