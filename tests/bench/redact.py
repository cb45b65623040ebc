"""`uv run python -m tests.bench.redact`: speed of masking, and its false hits in Python's standard library."""

import sysconfig
import time
from pathlib import Path

from kimi_tools import redact


def main() -> None:
    """Print hits and megabytes a second."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = [path for path in folder.rglob("*.py") if "site-packages" not in path.parts]
    data = [path.read_bytes() for path in files]
    megabytes = sum(map(len, data)) / 1e6
    started = time.perf_counter()
    hits = [path for path, text in zip(files, data, strict=True) if redact.mask_bytes(text) is not text]
    seconds = time.perf_counter() - started
    print(f"{len(files)} files, {megabytes:.1f} MB: {len(hits)} hits, {megabytes / seconds:.0f} MB/s")
    for path in hits:
        print(f"  {path}")


if __name__ == "__main__":
    main()
