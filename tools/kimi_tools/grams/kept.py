"""Signatures on disk, keyed by content, and what each workspace held when it was last seen.

One SQLite database in the user's cache for all workspaces, safe for several processes, bounded; a damaged one is
thrown away. Where it cannot be used nothing is kept, and every session reads the files anew.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from kimi_tools.grams.signature import Kind

VERSION = 1
"""Raise it when a signature or a kind means something else."""

BYTES_LIMIT = 256 * 1024 * 1024
"""Above this the contents that were not used for longest are dropped."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (key BLOB PRIMARY KEY, day INTEGER NOT NULL, kind INTEGER NOT NULL,
    bits BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (root BLOB NOT NULL, path BLOB NOT NULL, state BLOB NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY (root, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS root (path BLOB PRIMARY KEY, day INTEGER NOT NULL);
"""

Row = tuple[str, bytes, bytes]
"""Path, state, key of the content."""


class Kept:
    """The database in a folder. No method raises: what cannot be had is empty."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"grams-{VERSION}.sqlite"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = self._open()
        except (OSError, sqlite3.OperationalError):  # cannot be made, or is locked
            return
        except sqlite3.DatabaseError:
            self._discard()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")  # a crash of the machine costs a rebuild, not data
        connection.executescript(_SCHEMA)
        self._path.chmod(0o600)
        return connection

    def _discard(self) -> None:
        """Throw a damaged database away; the next session makes a new one."""
        with contextlib.suppress(OSError, sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _write(self, statements: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                for statement, rows in statements:
                    self._connection.executemany(statement, rows)
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            except sqlite3.DatabaseError:
                self._discard()

    def _ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[bytes, ...]]:
        with self._lock:
            if self._connection is None:
                return []
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.OperationalError:
                return []
            except sqlite3.DatabaseError:
                self._discard()
                return []

    def seen(self, root: str) -> list[Row]:
        """What a workspace held when it was last seen."""
        rows = self._ask("SELECT path, state, key FROM seen WHERE root = ?", (_raw(root),))
        return [(path.decode("utf-8", "surrogateescape"), state, key) for path, state, key in rows]

    def see(self, root: str, rows: Iterable[Row], gone: Iterable[str] = ()) -> None:
        """Keep what a workspace holds now, and that some of its files have gone."""
        raw = _raw(root)
        self._write(
            [
                ("INSERT OR REPLACE INTO root VALUES (?, ?)", [(raw, _today())]),
                ("DELETE FROM seen WHERE root = ? AND path = ?", [(raw, _raw(path)) for path in gone]),
                (
                    "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
                    [(raw, _raw(path), state, key) for path, state, key in rows],
                ),
            ]
        )

    def contents(self, keys: Iterable[bytes]) -> dict[bytes, tuple[Kind, bytes]]:
        """What is known of some contents."""
        wanted = list(set(keys))
        found: dict[bytes, tuple[Kind, bytes]] = {}
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            for key, kind, bits in self._ask(
                f"SELECT key, kind, bits FROM content WHERE key IN ({marks})",  # noqa: S608 - only marks
                part,
            ):
                found[key] = (Kind(kind), bits)
        return found

    def add(self, contents: Iterable[tuple[bytes, Kind, bytes]]) -> None:
        """Keep what some contents are."""
        today = _today()
        rows = [(key, today, int(kind), bits) for key, kind, bits in contents]
        self._write([("INSERT OR IGNORE INTO content VALUES (?, ?, ?, ?)", rows)])

    def tidy(self, used: Iterable[bytes]) -> None:
        """Note which contents are in use, and drop others while there is more than the bound allows."""
        today = _today()
        self._write([("UPDATE content SET day = ? WHERE key = ?", [(today, key) for key in used])])
        sizes = self._ask("SELECT coalesce(sum(length(bits) + 40), 0) FROM content")
        over = int(str(sizes[0][0])) - BYTES_LIMIT if sizes else 0
        if over <= 0:
            return
        dropped: list[tuple[object]] = []
        for key, size in self._ask("SELECT key, length(bits) + 40 FROM content ORDER BY day"):
            dropped.append((key,))
            over -= int(str(size))
            if over <= 0:
                break
        old = [(path,) for (path,) in self._ask("SELECT path FROM root WHERE day < ?", (today - 30,))]
        self._write(
            [
                ("DELETE FROM content WHERE key = ?", dropped),
                ("DELETE FROM seen WHERE root = ?", old),
                ("DELETE FROM root WHERE path = ?", old),
            ]
        )


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _today() -> int:
    return int(time.time() // 86_400)
