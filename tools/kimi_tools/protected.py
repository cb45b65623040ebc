"""Which names in a workspace are protected, and which hold secrets.

Names are compared as a file system that ignores case, composition and invisible characters would
(CVE-2025-59944 and the HFS+/NTFS spellings of `.git`), on every system.
"""

import fnmatch
import re
import unicodedata
from functools import lru_cache

PROTECTED = (
    *(".git", ".gitmodules", ".gitconfig", ".hg", ".svn", ".jj"),
    *(".vscode", ".cursor", ".claude", ".codex", ".gemini", ".windsurf", ".zed", ".idea", ".devcontainer"),
    *(
        ".mcp.json",
        ".envrc",
        ".cline",
        ".clinerules",
        ".roo",
        ".kimi",
        ".kimi-mcp",
        "kimi-mcp.toml",
        ".husky",
    ),
    *(".bashrc", ".bash_profile", ".profile", ".zshrc", ".zprofile"),
)
"""Names that an editor, an agent, git or a shell obeys: what is written there runs outside the sandbox."""

SECRET_GLOBS = (
    *(".env", ".env.*", "*.env", ".npmrc", ".pypirc", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd"),
    *(
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        "*.pem",
        "*.key",
        "*.p12",
        "*.pfx",
        "*.jks",
        "*.keystore",
    ),
    *(".git-credentials", "credentials.json", "kubeconfig", ".dockercfg", "*.kdbx", "secrets.toml"),
)
"""Names of files that hold secrets, in lower case, for `search` to leave out and `git` not to commit."""

NOT_SECRET_GLOBS = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")

_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f\U000e0000-\U000e007f]"
)
_SHORT_GIT = re.compile(r"git~\d+")
_KEY_FILES = (".pem", ".key")
_SECRET = re.compile("|".join(map(fnmatch.translate, SECRET_GLOBS)))
_NOT_SECRET = re.compile("|".join(map(fnmatch.translate, NOT_SECRET_GLOBS)))


@lru_cache(maxsize=65_536)
def plain_name(name: str) -> str:
    """One part of a path as the laxest file system compares it."""
    if not name.isascii():
        name = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    name = (
        name.casefold().split(":", 1)[0].rstrip(". ")
    )  # NTFS: streams, trailing dots and blanks do not count
    return ".git" if _SHORT_GIT.fullmatch(name) else name


def protected_part(path: str) -> str | None:
    """The protected name that a relative path goes through, or None."""
    for part in path.replace("\\", "/").split("/"):  # a backslash separates on another system
        plain = plain_name(part)
        if plain in PROTECTED:
            return plain
    return None


def names_secret(path: str) -> bool:
    """Whether a file's name says that it holds secrets."""
    name = plain_name(path.rpartition("/")[2])
    return bool(_SECRET.fullmatch(name)) and not _NOT_SECRET.fullmatch(name)


def holds_secret(path: str, data: bytes) -> bool:
    """Whether a file is one of secrets: by its name, for key files (`*.pem`) by what is in it too."""
    if not names_secret(path):
        return False
    return b"PRIVATE KEY" in data or not plain_name(path).endswith(_KEY_FILES)
