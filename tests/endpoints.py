"""A server that answers like an OpenAI-compatible endpoint, or as badly as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, str, str]  # status, content type, body


def completion(text: str | None, read: int = 10, written: int = 5) -> Reply:
    """The reply that carries a text."""
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }
    return 200, "application/json", json.dumps(body)


def refusal(status: int, message: str, code: str = "") -> Reply:
    """The reply that says what is wrong."""
    return status, "application/json", json.dumps({"error": {"message": message, "code": code}})


class Served:
    """What was asked: `bodies` and `keys`, in order; `most` requests were under way at once."""

    def __init__(self, reply: Callable[[str, int], Reply]) -> None:
        self.reply, self.lock = reply, threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.under_way = self.most = 0
        self.url = ""

    def asked(self, word: str) -> int:
        """How many requests had the word in their message."""
        return sum(word in body["messages"][0]["content"] for body in self.bodies)


@contextmanager
def serving(reply: Callable[[str, int], Reply]) -> Iterator[Served]:
    """A server on a free port; `reply` gets a message and how often that was sent before."""
    served = Served(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = body["messages"][0]["content"]
            with served.lock:
                before = served.asked(message)
                served.bodies.append(body)
                served.keys.append(self.headers["Authorization"])
                served.under_way += 1
                served.most = max(served.most, served.under_way)
            status, kind, text = served.reply(message, before)
            with served.lock:
                served.under_way -= 1
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that hangs up on a slow answer is what some tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
