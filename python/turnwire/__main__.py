"""``python -m turnwire``: the command line."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from . import _native


def main() -> int:
    """Runs the command line with the arguments of this process. Signals that end a program are forwarded to it, so that
    a server ends its turns and its agent before it exits."""
    program = _native.NativeProgram()

    def pass_on(number: int, _frame: FrameType | None) -> None:
        program.interrupt(signal.Signals(number).name)

    before: dict[int, Any] = {}
    # Only the main thread can set signal handlers.
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # Signals that the parent process ignored, as ``nohup`` does, stay ignored.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, pass_on)
    try:
        return program.run(["turnwire", *sys.argv[1:]])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main())
