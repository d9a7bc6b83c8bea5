"""Threads over a pool of sqlite3 connections, as small Python services have them.

A restatement of such a pool over the standard library: connections in a queue, each asked for a row when it is taken and when it is
given back. Threads take turns at inserting a reading and selecting it again. Prints what came of it as JSON.

Usage: thread_pool.py FILE THREADS CONNECTIONS SECONDS
"""

import json
import sqlite3
import sys
import threading
import time
from contextlib import contextmanager
from queue import Queue

WAIT_S = 10.0
INSERT = "INSERT INTO reading (tank, ph, ec, temperature) VALUES (?, ?, ?, ?)"
SELECT = "SELECT id, at, tank, ph, ec, temperature FROM reading WHERE id = ?"


class Pool:
    """Hands out connections to one file, at most so many, and waits when all are out."""

    def __init__(self, path: str, size: int) -> None:
        self._idle: Queue = Queue(maxsize=size)
        for _ in range(size):
            self._idle.put(connect(path))

    @contextmanager
    def connection(self):
        connection = self._idle.get(timeout=WAIT_S)
        connection.execute("SELECT 1").fetchone()
        try:
            yield connection
        except Exception:
            connection.rollback()
            raise
        finally:
            connection.execute("SELECT 1").fetchone()
            self._idle.put(connection)


def connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


class Caller(threading.Thread):
    """Inserts and selects until the time is over, and knows how long each took."""

    def __init__(self, pool: Pool, number: int, until: float) -> None:
        super().__init__()
        self._pool, self._number, self._until = pool, number, until
        self.waits_s: list[float] = []
        self.failed = 0
        self.reason = ""

    def run(self) -> None:
        while time.perf_counter() < self._until:
            try:
                row = self._timed(self._insert)
                self._timed(lambda: self._select(row))
            except sqlite3.Error as error:
                self.failed += 1
                self.reason = str(error)

    def _timed(self, work):
        begun = time.perf_counter()
        result = work()
        self.waits_s.append(time.perf_counter() - begun)
        return result

    def _insert(self) -> int:
        with self._pool.connection() as connection:
            row = connection.execute(INSERT, (self._number, 6.1, 1.8, 21.5)).lastrowid
            connection.commit()
            return row

    def _select(self, row: int) -> sqlite3.Row:
        with self._pool.connection() as connection:
            return connection.execute(SELECT, (row,)).fetchone()


def main() -> None:
    path, threads, connections, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    pool = Pool(path, connections)
    begun = time.perf_counter()
    callers = [Caller(pool, number, begun + seconds) for number in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    took_s = time.perf_counter() - begun
    waits = sorted(wait for caller in callers for wait in caller.waits_s)
    report = {
        "operations": len(waits),
        "failed": sum(caller.failed for caller in callers),
        "reason": next((caller.reason for caller in callers if caller.reason), ""),
        "seconds": took_s,
        "p99_ms": waits[int(len(waits) * 0.99)] * 1_000,
        "worst_ms": waits[-1] * 1_000,
    }
    print(json.dumps(report))


main()
