"""A small image in the layout of SWE-bench's, made of this machine's own programs: no registry is asked."""

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

PROGRAMS = "bash sh git cat cp rm tail head grep id env mktemp sleep ls mkdir touch true seq chmod diff patch tar stat"


def trouble(program: str) -> str:
    """Why a container program cannot be used here; empty when it can."""
    if shutil.which(program) is None:
        return f"{program} is not installed"
    asked = subprocess.run([program, "info"], capture_output=True, text=True, check=False, timeout=120)
    if asked.returncode != 0:
        return f"{program} does not answer: {(asked.stderr.strip() or 'no reason').splitlines()[-1][:200]}"
    return ""


def make(program: str, name: str, repository: Path) -> None:
    """An image with bash, git and what they need, and a repository at `/testbed`."""
    files: dict[str, Path] = {}
    for word in PROGRAMS.split():
        found = shutil.which(word)
        if found is not None:
            files[f"usr/bin/{word}"] = Path(found).resolve()
    for path in list(files.values()):
        said = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(?:=> )?(/\S+) \(0x", said):
            files[library.lstrip("/")] = Path(library).resolve()
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        above = {str(parent) for name in files for parent in Path(name).parents if parent.name}
        for folder in (*sorted(above), "tmp", "root", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755 if folder in above else 0o1777
            tar.addfile(entry)
        users = b"root:x:0:0:root:/root:/bin/bash\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(users)
        tar.addfile(entry, io.BytesIO(users))
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        tar.addfile(link)
        for inside, path in sorted(files.items()):
            tar.add(path, arcname=inside)
        tar.add(repository, arcname="testbed", filter=_open_to_all)
    imported = subprocess.run(
        [program, "import", "-", name], input=data.getvalue(), capture_output=True, check=False, timeout=600
    )
    assert imported.returncode == 0, imported.stderr.decode()


def _open_to_all(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """As SWE-bench's images have it (`chmod -R 777 /testbed`), owned by root."""
    entry.uid = entry.gid = 0
    entry.mode |= 0o777
    return entry


def remove(program: str, name: str) -> None:
    subprocess.run([program, "rmi", "--force", name], capture_output=True, check=False, timeout=120)
