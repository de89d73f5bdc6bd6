"""What teachers wrote, kept on disk, so that a stopped build goes on where it was and nothing is paid for twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pelt_core.data.teachers import BadTeacher
from pelt_core.writing import check_writable


class Store:
    """Answers by request, in one SQLite file that several processes may use at once.

    Raises:
        NotWritable: there can be no file at this place.
        BadTeacher: the file that is there holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_writable(path)
        try:
            with self._connected() as answers:
                answers.execute("CREATE TABLE IF NOT EXISTS answers (request TEXT PRIMARY KEY, answer TEXT NOT NULL)")
        except sqlite3.DatabaseError as error:
            raise BadTeacher(f"{path} holds no kept answers ({error}): name another file, or delete it") from None

    def get(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to exactly this request, None if there is none yet."""
        with self._connected() as answers:
            found = answers.execute("SELECT answer FROM answers WHERE request = ?", [_key(request)]).fetchone()
        return None if found is None else json.loads(found[0])

    def put(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        """Keep an answer; it is on the disk when this returns."""
        with self._connected() as answers:
            answers.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", [_key(request), json.dumps(answer)])

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=60)) as connection, connection:
            yield connection


def _key(request: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
