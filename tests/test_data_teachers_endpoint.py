import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from endpoints import Reply, completion, refusal, serving

from pelt_core import embedded
from pelt_core.data.teachers import BadTeacher, Question, Written
from pelt_core.data.teachers.endpoint import Endpoint, EndpointRefused
from pelt_core.data.teachers.store import Store

QUESTIONS = [Question(f"q{n}", f"Question<{n}>?", "number", "3") for n in range(6)]
PAGE = (200, "text/html", "<html><h1>Sign in</h1></html>")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")


def endpoint(folder: Path, url: str, **settings: Any) -> Endpoint:
    return Endpoint("m", Store(folder / "kept.sqlite"), url, **({"retries": 2, "timeout": 20.0} | settings))


def three(message: str, before: int) -> Reply:
    return completion(f"{message.partition('?')[0]} is 3")


def test_each_question_is_asked_once_in_the_form_that_endpoints_know(tmp_path: Path) -> None:
    with serving(three) as served:
        written = endpoint(tmp_path, served.url, temperature=0.5, max_tokens=9).write(QUESTIONS, 0)
    assert written == [Written(f"Question<{n}> is 3") for n in range(6)]
    assert len(served.bodies) == 6
    assert set(served.keys) == {"Bearer secret"}
    message = served.bodies[0].pop("messages")
    assert message[0]["role"] == "user" and message[0]["content"].startswith(
        "Question<0>?\n\nLet's think step by step."
    )
    assert served.bodies[0] == {"model": "m", "temperature": 0.5, "max_tokens": 9}


def test_questions_are_asked_at_once_but_not_more_than_allowed(tmp_path: Path) -> None:
    together = Barrier(3)

    def reply(message: str, before: int) -> Reply:
        if "<0>" not in message and "<1>" not in message and "<2>" not in message:
            together.wait(20)
        return completion("3")

    with serving(reply) as served:
        endpoint(tmp_path, served.url, concurrency=3).write(QUESTIONS, 0)
    assert served.most == 3


def test_a_rate_limit_spaces_the_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("pelt_core.data.teachers.endpoint.pause", note)
    with serving(three) as served:
        endpoint(tmp_path, served.url, requests_a_minute=0.01).write(QUESTIONS, 0)
    assert [round(wait / 6000) for wait in waits] == [0, 1, 2, 3, 4, 5]  # a request each 6000 seconds


def test_errors_of_the_server_are_tried_again(tmp_path: Path) -> None:
    def reply(message: str, before: int) -> Reply:
        return completion("3") if before == 2 else refusal(503 if before else 429, "busy")

    with serving(reply) as served:
        written = endpoint(tmp_path, served.url).write(QUESTIONS[1:], 0)
    assert written == [Written("3")] * 5
    assert served.asked("<3>") == 3


def test_what_is_wrong_with_single_answers_is_said_and_not_fatal(tmp_path: Path) -> None:
    replies = {
        "<0>": PAGE,
        "<1>": completion(""),
        "<2>": completion(None),
        "<3>": refusal(400, "the message is too long"),
        "<4>": (200, "application/json", '{"error": "no capacity"}'),
        "<5>": (200, "application/json", "{not json"),
    }

    def reply(message: str, before: int) -> Reply:
        return next(reply for word, reply in replies.items() if word in message)

    with serving(reply) as served:
        written = endpoint(tmp_path, served.url).write(QUESTIONS, 0)
        assert [each.failure for each in written] == [
            "no completion",
            "empty answer",
            "empty answer",
            "error 400",
            "no completion",
            "no completion",
        ]
        assert "Sign in" in written[0].detail
        assert "the message is too long" in written[3].detail
        endpoint(tmp_path, served.url).write(QUESTIONS, 0)
        assert served.asked("<1>") == served.asked("<2>") == 1  # an empty answer was an answer, and was paid for


def test_what_stays_busy_or_silent_is_counted(tmp_path: Path) -> None:
    over = Event()

    def reply(message: str, before: int) -> Reply:
        if "<1>" in message:
            return refusal(429, "slow down")
        if "<2>" in message:
            over.wait(60)
        return completion("3")

    with serving(reply) as served:
        written = endpoint(tmp_path, served.url, timeout=3, retries=1).write(QUESTIONS[:3], 0)
        over.set()
    assert [each.failure for each in written] == ["", "rate limit", "timeout"]
    assert written[2].detail == "no answer within 3 seconds"
    assert served.asked("<1>") == served.asked("<2>") == 2


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (refusal(401, "bad key"), r"refuses the key in OPENAI_API_KEY: .*bad key"),
        (refusal(403, "not for you"), r"refuses the key in OPENAI_API_KEY: .*not for you"),
        (refusal(404, "what is m?"), r"knows no model 'm', or is no endpoint \(most end in /v1\): .*what is m\?"),
        (refusal(429, "pay", "insufficient_quota"), r"wants to be paid first: .*pay"),
    ],
)
def test_what_refuses_every_question_is_an_error_at_once(tmp_path: Path, reply: Reply, message: str) -> None:
    with serving(lambda *_: reply) as served, pytest.raises(EndpointRefused, match=message):
        endpoint(tmp_path, served.url).write(QUESTIONS, 0)
    assert len(served.bodies) == 1


def test_an_address_where_nobody_answers_is_an_error_at_once(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(EndpointRefused, match=rf"nobody answers at {url}.*is the server running"):
        endpoint(tmp_path, url, retries=1000).write(QUESTIONS, 0)


def test_without_a_key_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(BadTeacher, match="OPENAI_API_KEY holds no key: export OPENAI_API_KEY="):
        endpoint(tmp_path, "http://127.0.0.1:9/v1").write(QUESTIONS, 0)


def test_a_stopped_build_goes_on_and_pays_for_no_answer_twice(tmp_path: Path) -> None:
    def stops(message: str, before: int) -> Reply:
        return refusal(401, "the key has ended") if "<3>" in message else three(message, before)

    with serving(stops) as served:
        stopped = endpoint(tmp_path, served.url, concurrency=1, prices=(1.0, 10.0))
        with pytest.raises(EndpointRefused, match="the key has ended"):
            stopped.write(QUESTIONS, 0)
        assert len(served.bodies) == 4
        assert stopped.report()["answers"] == 3
        served.reply = three
        again = endpoint(tmp_path, served.url, concurrency=1, prices=(1.0, 10.0))
        assert again.write(QUESTIONS, 0) == [Written(f"Question<{n}> is 3") for n in range(6)]
        assert len(served.bodies) == 4 + 3
        assert {key: again.report()[key] for key in ("answers", "answers_kept_before", "dollars")} == {
            "answers": 3,
            "answers_kept_before": 3,
            "dollars": pytest.approx(3 * (10 * 1.0 + 5 * 10.0) / 1e6),
        }
        again.write(QUESTIONS[:2], 1)
        assert len(served.bodies) == 4 + 3 + 2  # another attempt is another request
    assert again.write(QUESTIONS, 0)[5] == Written("Question<5> is 3")  # the server has gone


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def transformers_serve(tmp_path: Path) -> Any:
    """The address and the model of a real server, `transformers serve`."""
    try:
        folder = embedded.smollm2_folder()
    except embedded.BackboneUnavailable as error:
        pytest.skip(str(error))
    port = free_port()
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )
    try:
        ends = time.monotonic() + 180
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                log_text = (tmp_path / "server.log").read_text()[-2000:]
                assert server.poll() is None and time.monotonic() < ends, f"the server did not start: {log_text}"
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def test_a_real_server_writes_what_can_be_read(tmp_path: Path, transformers_serve: tuple[str, str]) -> None:
    url, model = transformers_serve
    store = Store(tmp_path / "kept.sqlite")
    questions = [Question("a", "What is 1 + 2?", "number", "3"), Question("b", "What is 2 + 2?", "number", "4")]
    teacher = Endpoint(model, store, url, max_tokens=12, temperature=0.01, timeout=180, prices=(1.0, 1.0))
    written = teacher.write(questions, 0)
    assert all(each.text and not each.failure for each in written), written
    report = teacher.report()
    assert report["answers"] == 2
    assert 2 <= report["tokens_written"] <= 24 < report["tokens_read"]
    assert teacher.write(questions, 0) == written
    assert teacher.report()["answers_kept_before"] == 2
