"""Small real git histories that instances are made of: a base, a fix, and the tests that grade it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    names = {
        f"GIT_{role}_{part}": "ada@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    command = ["git", "-c", "core.autocrlf=false", *arguments]
    done = subprocess.run(command, cwd=folder, env={**who, **names}, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def committed(folder: Path, files: Mapping[str, str]) -> str:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, newline="")
        if text.startswith("#!"):
            path.chmod(0o755)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"Change {', '.join(files)}")
    return git(folder, "rev-parse", "HEAD").strip()


def make(
    folder: Path, repo: str, base: Mapping[str, str], fix: Mapping[str, str], tests: Mapping[str, str]
) -> dict[str, Any]:
    """A history of `repo` below `folder`; returns the fields that every row format has of it."""
    history = folder / repo.replace("/", "__")
    history.mkdir(parents=True)
    git(history, "init", "-q", "-b", "main")
    first = committed(history, base)
    fixed = committed(history, fix)
    tested = committed(history, tests)
    git(history, "tag", "v2.0")
    return {
        "repo": repo,
        "base_commit": first,
        "patch": git(history, "diff", first, fixed),
        "test_patch": git(history, "diff", fixed, tested),
    }
