"""The teacher behind an OpenAI-compatible endpoint: many requests at once, retried, paced, and kept on disk.

Whatever is wrong with one answer is counted and the build goes on; a key that is refused, an address where nobody
answers and a model that does not exist are errors at once, before the second request.
"""

from __future__ import annotations

import asyncio
import os
from asyncio import sleep as pause
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from pelt_core.data.teachers import BadTeacher, Question, Written, from_model, prompt
from pelt_core.data.teachers.store import Store
from pelt_core.errors import PeltError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

SHOWN = 160  # characters of what a server says


class EndpointRefused(PeltError, ConnectionError):
    """The endpoint will not answer any question; the message has what it said and the mend."""


class NoCompletion(PeltError, ValueError):
    """An answer of the server that has no text in it, such as an error page sent as a success."""


@dataclass
class Endpoint:
    """A model behind an address.

    Args:
        model: its name there.
        store: where answers are kept.
        base_url: of the endpoint, up to and with "/v1".
        key_variable: the environment variable that holds the key.
        attempts: how often a question is asked until the answer is right.
        temperature: of sampling.
        max_tokens: after which an answer is cut.
        concurrency: requests under way at once.
        requests_a_minute: at most; None for no limit. Retries are not counted.
        retries: of one request that met a timeout, a rate limit or a server's error; they wait longer each time.
        timeout: seconds that one request may take.
        prices: US dollars for a million tokens read and for a million written.
    """

    model: str
    store: Store
    base_url: str
    key_variable: str = "OPENAI_API_KEY"
    attempts: int = 1
    temperature: float = 0.7
    max_tokens: int = 512
    concurrency: int = 8
    requests_a_minute: float | None = None
    retries: int = 6
    timeout: float = 120.0
    prices: tuple[float, float] | None = None
    _used: Counter[str] = field(default_factory=Counter, init=False, repr=False)
    _next_start: float = field(default=0.0, init=False, repr=False)

    def write(self, questions: Sequence[Question], attempt: int) -> list[Written]:
        """Ask all questions that the store has no answer to.

        Raises:
            BadTeacher: there is no key.
            EndpointRefused: the key is refused, nobody answers, or there is no such model; answers are kept.
        """
        requests = [self._request(question, attempt) for question in questions]
        kept = [self.store.get(request) for request in requests]
        self._used["answers_kept_before"] += sum(answer is not None for answer in kept)
        new = [request for request, answer in zip(requests, kept, strict=True) if answer is None]
        written = iter(asyncio.run(self._ask(new, attempt)) if new else [])
        return [next(written) if answer is None else from_model(answer["text"]) for answer in kept]

    def report(self) -> dict[str, Any]:
        """Settings, requests, tokens and, with `prices`, what this build has cost in US dollars."""
        names = ("answers", "answers_kept_before", "tokens_read", "tokens_written")
        cost = None
        if self.prices is not None:
            read, written = self.prices
            cost = (self._used["tokens_read"] * read + self._used["tokens_written"] * written) / 1e6
        return {
            "teacher": "openai",
            "model": self.model,
            "base_url": self.base_url,
            "attempts": self.attempts,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            **{name: self._used[name] for name in names},
            "dollars": cost,
        }

    async def _ask(self, requests: list[dict[str, Any]], attempt: int) -> list[Written]:
        self._next_start = 0.0
        limit = asyncio.Semaphore(self.concurrency)
        title = f"{self.model}, attempt {attempt + 1}"
        with tqdm(total=len(requests), desc=title, unit="question", disable=None, leave=False) as bar:
            async with self._client() as client:

                async def ask(request: dict[str, Any]) -> Written:
                    async with limit:
                        written = await self._written(client, request)
                    bar.update()
                    return written

                # Alone and not retried, so that what refuses every request is known at once.
                await self._written(client.with_options(max_retries=0), requests[0])
                tasks = [asyncio.create_task(ask(request)) for request in requests]
                try:
                    return await asyncio.gather(*tasks)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    def _client(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI  # here, as its import takes a second

        key = os.environ.get(self.key_variable)
        if not key:
            raise BadTeacher(
                f"the environment variable {self.key_variable} holds no key: export {self.key_variable}=... "
                "(a server on this machine mostly takes any word)"
            )
        return AsyncOpenAI(api_key=key, base_url=self.base_url, max_retries=self.retries, timeout=self.timeout)

    def _request(self, question: Question, attempt: int) -> dict[str, Any]:
        """What an answer is kept under: all that it depends on."""
        sent = {
            "model": self.model,
            "messages": [{"role": "user", "content": prompt(question)}],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        return {"base_url": self.base_url, "attempt": attempt, "sent": sent}

    async def _written(self, client: AsyncOpenAI, request: dict[str, Any]) -> Written:
        import openai

        if (kept := self.store.get(request)) is not None:
            return from_model(kept["text"])
        await self._turn()
        try:
            answer = _answer(await client.chat.completions.create(**request["sent"]))
        except openai.APITimeoutError:
            return Written("", "timeout", f"no answer within {self.timeout:g} seconds")
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise EndpointRefused(f"{client.base_url} refuses the key in {self.key_variable}: {_said(error)}") from None
        except openai.NotFoundError as error:
            raise EndpointRefused(
                f"{client.base_url} knows no model {self.model!r}, or is no endpoint (most end in /v1): {_said(error)}"
            ) from None
        except openai.APIConnectionError as error:
            raise EndpointRefused(
                f"nobody answers at {client.base_url} ({error.__cause__ or error}): is the server running, is the "
                "address right? Answers so far are kept; call again to go on"
            ) from None
        except openai.RateLimitError as error:
            if error.code == "insufficient_quota":
                raise EndpointRefused(f"{client.base_url} wants to be paid first: {_said(error)}") from None
            return Written("", "rate limit", _said(error))
        except openai.APIStatusError as error:
            return Written("", f"error {error.status_code}", _said(error))
        except (openai.APIError, ValueError) as error:
            return Written("", "no completion", _said(error))
        self.store.put(request, answer)
        self._used.update(answers=1, tokens_read=answer["tokens_read"], tokens_written=answer["tokens_written"])
        return from_model(answer["text"])

    async def _turn(self) -> None:
        """Wait until the rate limit lets the next request start."""
        if self.requests_a_minute is None:
            return
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + 60 / self.requests_a_minute
        await pause(start - now)


def _answer(completion: Any) -> dict[str, Any]:
    choices = getattr(completion, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        raise NoCompletion(f"the server sent {completion!s}")
    text, usage = choices[0].message.content, completion.usage
    return {
        "text": text if isinstance(text, str) else "",
        "tokens_read": (usage and usage.prompt_tokens) or 0,
        "tokens_written": (usage and usage.completion_tokens) or 0,
    }


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:SHOWN]
