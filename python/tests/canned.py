"""A service that gives the answers a test lays down, byte for byte, and tells what it saw."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

OK_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nturnwire-contract: 1\r\nx-request-id: req_1\r\n\r\n"


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Said", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(seq: int, kind: str, /, **fields: object) -> bytes:
    """One event of a turn as it travels."""
    import json

    body = {"type": kind, "seq": seq, "chatId": "chat_1", "turnId": "turn_1", **fields}
    return f"id: {seq}\nevent: {kind}\ndata: {json.dumps(body)}\n\n".encode()


STARTED = event(1, "turn.started", userMessage={"id": "msg_1", "parts": []})


class Canned:
    """Answers every connection's first request with `reply`; then the connection stays open until the client leaves,
    or is closed at once with `hang_up`. With `when` the answer comes only after that was set; the body is read meanwhile."""

    def __init__(self, reply: bytes, hang_up: bool = False, when: threading.Event | None = None) -> None:
        self.reply = reply
        self.when = when
        self.hang_up = hang_up
        #: The requests, as they came.
        self.requests: list[bytes] = []
        #: Set when the first request is whole.
        self.asked = threading.Event()
        #: Set when a client has closed its connection.
        self.left = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            request = b""
            while not _whole(request):
                got = connection.recv(65536)
                if not got:
                    return
                request += got
            self.requests.append(request)
            self.asked.set()
            if self.when is None:
                connection.sendall(self.reply)
            else:
                threading.Thread(target=self._answer_later, args=(connection, self.when), daemon=True).start()
            if self.hang_up:
                return
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            self.left.set()

    def _answer_later(self, connection: socket.socket, when: threading.Event) -> None:
        when.wait()
        connection.sendall(self.reply)

    def __enter__(self) -> Canned:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _whole(request: bytes) -> bool:
    head, found, body = request.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return True
