"""A worker process of the index: batches of file contents in on standard input, one `+` out for each."""

import contextlib
import gc
import os
import pickle
import sys
from pathlib import Path

from kimi_tools.store.database import Store
from kimi_tools.store.terms import file_terms
from kimi_tools.syntax import LANGUAGES, extract


def main() -> None:
    """Serve until the input ends."""
    with contextlib.suppress(OSError):
        os.nice(5)
    gc.disable()
    languages = {language.name: language for language in LANGUAGES}
    store = Store(Path(sys.argv[1]))
    while True:
        try:
            batch: list[tuple[bytes, str, bytes]] = pickle.load(sys.stdin.buffer)  # noqa: S301 - our parent's
        except EOFError:
            return
        if sys.argv[2] == "words":
            ids = store.ids(key for key, _, _ in batch)
            store.add_words(
                [(ids[key], *file_terms(languages[name], data)) for key, name, data in batch if key in ids]
            )
        else:
            store.add([(key, extract(languages[name], data)) for key, name, data in batch])
        sys.stdout.buffer.write(b"+")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
