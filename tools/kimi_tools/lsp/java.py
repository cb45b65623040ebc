"""A project for jdtls that we make from the sources alone, so that it needs no build of the repository.

jdtls would else run the repository's Maven or Gradle build to learn where the sources are, fetch what it needs from
the network, and know no source at all where it cannot (seen with 1.59 on commons-cli). An Eclipse project
whose source folders are links into the repository tells it the same without running or writing anything there.
The libraries that a build would have named are then missing, and `Project.lacking` says where that matters.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.sax.saxutils import escape, quoteattr

from kimi_tools.errors import ToolError
from kimi_tools.workspace import Workspace

_PACKAGE = re.compile(rb"^[ \t]*package[ \t]+([\w.]+)[ \t]*;", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)", re.MULTILINE)
_LOOKED_AT = 64_000
_MODULE = "**/module-info.java"


@dataclass(frozen=True, slots=True)
class Project:
    """Where a repository's Java sources begin, and the packages that they declare."""

    roots: tuple[str, ...]
    packages: frozenset[str]

    def lacking(self, workspace: Workspace, files: Iterable[str]) -> str:
        """Why an answer about these files may not be whole; '' where they import only the project's own and `java`."""
        strangers = sum(
            self._imports_strange(_head(workspace, path)) for path in files if path.endswith(".java")
        )
        if not strangers:
            return ""
        few = "1 file that mentions" if strangers == 1 else f"{strangers} files that mention"
        return f"{few} the name import libraries, and it does not know those"

    def _imports_strange(self, head: bytes) -> bool:
        return any(not self._knows(name.decode()) for name in _IMPORT.findall(head))

    def _knows(self, name: str) -> bool:
        words = name.split(".")
        return words[0] == "java" or any(
            ".".join(words[:end]) in self.packages for end in range(1, len(words) + 1)
        )


def project_of(workspace: Workspace, files: Iterable[str]) -> Project:
    """The project that these files of a workspace make; one file is read in each directory."""
    directories: dict[str, str] = {}
    for path in sorted(files):
        directory, _, name = path.rpartition("/")
        if name.endswith(".java") and name != "module-info.java":
            directories.setdefault(directory, path)
    roots: set[str] = set()
    packages: set[str] = set()
    for directory, path in directories.items():
        package = _package(_head(workspace, path), directory)
        if package is not None:
            packages.add(package)
            roots.add(_above(directory, package))
    return Project(tuple(sorted(roots)), frozenset(packages))


def _head(workspace: Workspace, path: str) -> bytes:
    try:
        return workspace.read_bytes(path)[:_LOOKED_AT]
    except ToolError:
        return b""  # it has just gone


def _package(head: bytes, directory: str) -> str | None:
    """The package that a file declares; None where its directory is none of that name."""
    names = [found.decode() for found in _PACKAGE.findall(head)]
    if not names:
        return ""
    return next((name for name in names if f"/{directory}".endswith("/" + name.replace(".", "/"))), None)


def _above(directory: str, package: str) -> str:
    """The source folder: the directory without what the package names of it; '' for the workspace's root."""
    return directory[: len(directory) - len(package)].rstrip("/") if package else directory


def write(project: Project, base: Path, folder: Path) -> None:
    """Write the project's two files into `folder`; `base` is the workspace's root as the server sees it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    links = "".join(
        f"<link><name>r{number}</name><type>2</type><location>{escape(str(base / root))}</location></link>\n"
        for number, root in enumerate(project.roots)
    )
    sources = "".join(
        f"<classpathentry kind='src' path='r{number}' excluding={quoteattr(_excluded(root, project.roots))}/>\n"
        for number, root in enumerate(project.roots)
    )
    (folder / ".project").write_text(
        "<?xml version='1.0' encoding='UTF-8'?>\n<projectDescription><name>workspace</name>\n"
        "<buildSpec><buildCommand><name>org.eclipse.jdt.core.javabuilder</name></buildCommand></buildSpec>\n"
        "<natures><nature>org.eclipse.jdt.core.javanature</nature></natures>\n"
        f"<linkedResources>\n{links}</linkedResources></projectDescription>\n"
    )
    (folder / ".classpath").write_text(
        f"<?xml version='1.0' encoding='UTF-8'?>\n<classpath>\n{sources}"
        "<classpathentry kind='con' path='org.eclipse.jdt.launching.JRE_CONTAINER'/>\n"
        "<classpathentry kind='output' path='bin'/>\n</classpath>\n"
    )


def _excluded(root: str, roots: Iterable[str]) -> str:
    """What belongs to a source folder's directory but not to it: other source folders, and module declarations."""
    inside = [
        PurePosixPath(other).relative_to(root).as_posix() + "/"
        for other in roots
        if other != root and PurePosixPath(other).is_relative_to(root)
    ]
    return "|".join([_MODULE, *inside])
