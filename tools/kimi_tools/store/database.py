"""The file on disk: one SQLite database for all workspaces, keyed by content, safe for several processes.

A file's entry is found by its key: the git blob id of its bytes, and its language. Entries that no workspace
has used for long go first when the database grows beyond its bound. A damaged database is thrown away and
made anew: it holds nothing that cannot be read again from the sources.
"""

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from kimi_tools.syntax import Definition, Extract, Language
from kimi_tools.syntax.grammar import QUERIES

VERSION = 5
"""Raise it when what `extract` finds or the tables change in a way that the queries do not show."""

BYTES_LIMIT = 1 << 30
"""Above this the entries that were not used for longest are dropped."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blob (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS symbol (
    blob INTEGER NOT NULL, ordinal INTEGER NOT NULL, name TEXT NOT NULL, qualified TEXT NOT NULL,
    kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, line INTEGER NOT NULL,
    signature TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (blob, ordinal)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS symbol_name ON symbol (name COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS mention (
    name TEXT NOT NULL, blob INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (name, blob)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mention_blob ON mention (blob);
CREATE TABLE IF NOT EXISTS word (
    term TEXT NOT NULL, blob INTEGER NOT NULL, places BLOB NOT NULL, PRIMARY KEY (term, blob)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS word_blob ON word (blob);
CREATE TABLE IF NOT EXISTS worded (blob INTEGER PRIMARY KEY, sizes TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS root (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS file (
    root INTEGER NOT NULL, path BLOB NOT NULL, seen BLOB NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY (root, path)) WITHOUT ROWID;
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Symbol:
    """One definition and the file that holds it; `path` is empty where only the content is known."""

    path: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Mention:
    """One line on which a name occurs in code."""

    path: str
    line: int
    use: str


class Damaged(Exception):
    """The database was unusable and has been made anew; ask again after indexing."""


def content_key(language: Language, data: bytes) -> bytes:
    """The key of a file's entry: its git blob id, then the language's name."""
    blob = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    blob.update(data)
    return blob.digest() + language.name.encode()


@cache
def _version() -> str:
    """Names the database: the code's version and the queries'."""
    digest = hashlib.sha256(str(VERSION).encode())
    for query in sorted(QUERIES.iterdir()):
        digest.update(query.read_bytes())
    return digest.hexdigest()[:12]


class Store:
    """The database in a folder, opened; made when it is not there. Threads may share it.

    Where the folder cannot be written, or its disk is full, everything is kept in memory and `folder` is None.
    Raises `Damaged` from any method when the database had to be made anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder: Path | None = folder
        self.generation = 0
        self._inode = 0
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            self._connection = self._renewed_after(error)
        except OSError:
            self.folder = None
            self._connection = self._open()

    @property
    def path(self) -> str:
        """The database's file."""
        return ":memory:" if self.folder is None else str(self.folder / f"symbols-{_version()}.sqlite")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, check_same_thread=False, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")  # a crash of the machine costs a rebuild, not data
            connection.execute("PRAGMA cache_size=-8000")
            connection.execute("PRAGMA mmap_size=268435456")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        if self.folder:
            with contextlib.suppress(OSError):
                os.chmod(self.path, 0o600)
            self._inode = _inode(self.path)
        return connection

    def _renewed_after(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        """A damaged database is made anew, in memory where that fails; one that cannot grow is left as it is."""
        try:
            if _is_damage(error) and not _is_unwritable(error):
                for suffix in ("", "-wal", "-shm") if self.folder else ():
                    Path(f"{self.path}{suffix}").unlink(missing_ok=True)
                return self._open()
        except (OSError, sqlite3.DatabaseError):
            pass
        self.folder = None
        return self._open()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._connection)
            except sqlite3.DatabaseError as error:
                if not (_is_damage(error) or _is_unwritable(error)):
                    raise
                self._connection.close()
                self._connection = self._renewed_after(error)
                self.generation += 1
        raise Damaged

    def renewed(self) -> bool:
        """Whether another process has made the database anew; then it is opened again, and ids are void."""
        with self._lock:
            if self.folder is None or self._inode == _inode(self.path):
                return False
            self._connection.close()
            self._connection = self._open()
            self.generation += 1
            return True

    @contextlib.contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Generator[None]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def ids(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """The entries that are there, by key."""
        wanted = list(set(keys))

        def work(connection: sqlite3.Connection) -> dict[bytes, int]:
            found: dict[bytes, int] = {}
            for start in range(0, len(wanted), 900):
                part = wanted[start : start + 900]
                marks = ",".join("?" * len(part))
                found.update(connection.execute(f"SELECT key, id FROM blob WHERE key IN ({marks})", part))  # noqa: S608
            return found

        return self._do(work)

    def add(self, entries: Sequence[tuple[bytes, Extract]]) -> dict[bytes, int]:
        """Keep what was read from some files; entries that are there already stay. Returns their ids."""

        extracts = dict(entries)

        def work(connection: sqlite3.Connection) -> dict[bytes, int]:
            made: dict[bytes, int] = {}
            with self._transaction(connection):
                for key in extracts:
                    row = connection.execute(
                        "INSERT INTO blob (key, day) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
                        (key, _today()),
                    ).fetchone()
                    if row is not None:
                        made[key] = row[0]
                new = [(made[key], extract) for key, extract in extracts.items() if key in made]
                connection.executemany("INSERT INTO symbol VALUES (?,?,?,?,?,?,?,?,?,?)", _symbol_rows(new))
                rows = sorted(
                    (name, blob, lines) for blob, extract in new for name, lines in extract.mentions.items()
                )
                connection.executemany("INSERT INTO mention VALUES (?,?,?)", rows)
            return made

        made = self._do(work)
        missing = [key for key in extracts if key not in made]
        return {**made, **self.ids(missing)} if missing else made

    def symbols_named(self, name: str, *, prefix: bool = False) -> list[tuple[int, Definition]]:
        """Definitions by name; with `prefix`, names that start so in any case of their letters."""
        name = _whole(name)
        condition, values = "name = ? COLLATE NOCASE AND name = ?", [name, name]
        if prefix:
            condition, values = (
                "name >= ? COLLATE NOCASE AND name < ? COLLATE NOCASE",
                [name, name + "\uffff"],
            )
        return self._do(lambda connection: _definitions(connection, condition, values))

    def symbols_in(self, blob: int) -> list[Definition]:
        """All definitions of one entry, by line."""
        found = self._do(lambda connection: _definitions(connection, "blob = ?", [blob]))
        return [definition for _, definition in found]

    def names(self) -> list[tuple[str, int]]:
        """Every name that is defined, with the entry that defines it."""
        return self._do(lambda connection: connection.execute("SELECT name, blob FROM symbol").fetchall())

    def mentions(self, name: str) -> list[tuple[int, bytes]]:
        """The entries in whose code a name occurs, with its packed lines."""
        return self._do(
            lambda connection: connection.execute(
                "SELECT blob, lines FROM mention WHERE name = ?", (_whole(name),)
            ).fetchall()
        )

    def mentioned(self, blob: int) -> list[tuple[str, bytes]]:
        """All names that occur in one entry's code, with their packed lines."""
        return self._do(
            lambda connection: connection.execute(
                "SELECT name, lines FROM mention WHERE blob = ?", (blob,)
            ).fetchall()
        )

    def add_words(self, entries: Sequence[tuple[int, dict[str, bytes], tuple[int, ...]]]) -> None:
        """Keep the terms of some entries, and how many words each field of theirs holds."""

        def work(connection: sqlite3.Connection) -> None:
            with self._transaction(connection):
                rows = sorted(
                    (term, blob, places) for blob, terms, _ in entries for term, places in terms.items()
                )
                connection.executemany("INSERT OR IGNORE INTO word VALUES (?,?,?)", rows)
                connection.executemany(
                    "INSERT OR IGNORE INTO worded VALUES (?,?)",
                    [(blob, " ".join(map(str, sizes))) for blob, _, sizes in entries],
                )

        self._do(work)

    def word_sizes(self) -> dict[int, tuple[int, ...]]:
        """How many words each field holds, of all entries whose terms are kept."""
        rows = self._do(lambda connection: connection.execute("SELECT blob, sizes FROM worded").fetchall())
        return {blob: tuple(map(int, sizes.split())) for blob, sizes in rows}

    def places(self, term: str) -> list[tuple[int, bytes]]:
        """The entries that hold a term, with its packed occurrences."""
        return self._do(
            lambda connection: connection.execute(
                "SELECT blob, places FROM word WHERE term = ?", (term,)
            ).fetchall()
        )

    def remembered(self, root: bytes) -> list[tuple[bytes, bytes, bytes]]:
        """What was last seen of a workspace: path, state and key of each file."""
        return self._do(
            lambda connection: connection.execute(
                "SELECT file.path, seen, key FROM file JOIN root ON root.id = file.root WHERE root.path = ?",
                (root,),
            ).fetchall()
        )

    def remember(
        self, root: bytes, seen: Sequence[tuple[bytes, bytes, bytes]], gone: Sequence[bytes]
    ) -> None:
        """Keep what is seen of a workspace's files now, and forget those that are gone."""

        def work(connection: sqlite3.Connection) -> None:
            with self._transaction(connection):
                connection.execute(
                    "INSERT INTO root (path, day) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET day = excluded.day",
                    (root, _today()),
                )
                (number,) = connection.execute("SELECT id FROM root WHERE path = ?", (root,)).fetchone()
                connection.executemany(
                    "DELETE FROM file WHERE root = ? AND path = ?", [(number, path) for path in gone]
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO file VALUES (?,?,?,?)", [(number, *row) for row in seen]
                )

        self._do(work)

    def used(self, blobs: Iterable[int]) -> None:
        """Note that entries are in use today, at most once a day for each."""
        today = _today()

        def work(connection: sqlite3.Connection) -> None:
            with self._transaction(connection):
                connection.executemany(
                    "UPDATE blob SET day = ? WHERE id = ? AND day < ?",
                    [(today, blob, today) for blob in blobs],
                )

        self._do(work)

    def trim(self, limit: int = BYTES_LIMIT) -> int:
        """Drop the entries and workspaces unused for longest until the file is below `limit`; how many."""
        dropped = 0
        while self.size() > limit:
            ids = self._do(
                lambda connection: connection.execute(
                    "SELECT id FROM blob ORDER BY day, id LIMIT 2000"
                ).fetchall()
            )
            if not ids:
                break
            self._do(lambda connection, ids=ids: self._drop(connection, ids))
            dropped += len(ids)
        if dropped:
            self._do(lambda connection: connection.execute("VACUUM"))
        return dropped

    def _drop(self, connection: sqlite3.Connection, ids: list[tuple[int]]) -> None:
        with self._transaction(connection):
            connection.executemany("DELETE FROM symbol WHERE blob = ?", ids)
            connection.executemany("DELETE FROM mention WHERE blob = ?", ids)
            connection.executemany("DELETE FROM word WHERE blob = ?", ids)
            connection.executemany("DELETE FROM worded WHERE blob = ?", ids)
            connection.executemany("DELETE FROM blob WHERE id = ?", ids)
            old = [
                (root,)
                for (root,) in connection.execute("SELECT id FROM root WHERE day < ?", (_today() - 30,))
            ]
            connection.executemany("DELETE FROM file WHERE root = ?", old)
            connection.executemany("DELETE FROM root WHERE id = ?", old)

    def size(self) -> int:
        """Bytes of the database that are in use."""

        def work(connection: sqlite3.Connection) -> int:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            return (pages - free) * size

        return self._do(work)

    def counts(self) -> dict[str, int]:
        """Rows of each table."""
        tables = ("blob", "symbol", "mention", "worded", "root", "file")
        return self._do(
            lambda connection: {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                for table in tables
            }
        )


def _symbol_rows(entries: Iterable[tuple[int, Extract]]) -> Iterator[tuple[object, ...]]:
    for blob, extract in entries:
        for ordinal, item in enumerate(extract.definitions):
            yield (
                *(blob, ordinal, item.name, item.qualified, item.kind),
                *(item.first_line, item.last_line, item.line, item.signature, item.doc),
            )


def _definitions(
    connection: sqlite3.Connection, condition: str, values: Sequence[object]
) -> list[tuple[int, Definition]]:
    columns = "blob, name, qualified, kind, first, last, line, signature, doc"
    query = f"SELECT {columns} FROM symbol WHERE {condition} ORDER BY blob, ordinal"  # noqa: S608
    rows = connection.execute(query, values)
    return [(blob, Definition(*row)) for blob, *row in rows]


_UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether an error means that the file is unusable; not: busy, disk full, or a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    unusable = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
    return unusable or "no such table" in str(error) or "no such column" in str(error)


def _is_unwritable(error: sqlite3.DatabaseError) -> bool:
    """Whether nothing more can be kept on disk: it is full, a quota is used up, or it has become read-only."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code == sqlite3.SQLITE_IOERR_WRITE or code & 0xFF in _UNWRITABLE


def _whole(name: str) -> str:
    """A name as it could be kept: one that is made of a path may hold bytes that are no text, and is in no file."""
    return name.encode("utf-8", "replace").decode()


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def _today() -> int:
    return int(time.time() // 86_400)
