"""What a repository is in the middle of, and what else makes it unusual."""

import os

from kimi_tools.gitcommand.place import Place

_UNDER_WAY = (
    ("MERGE_HEAD", "merging"),
    ("rebase-merge", "rebasing"),
    ("rebase-apply", "rebasing"),
    ("CHERRY_PICK_HEAD", "cherry-picking"),
    ("REVERT_HEAD", "reverting"),
    ("BISECT_LOG", "bisecting"),
)


def states(place: Place) -> list[str]:
    """`merging`, `rebasing`, `cherry-picking`, `reverting`, `bisecting`: what is not finished, in this order."""
    found = [state for name, state in _UNDER_WAY if os.path.lexists(place.git_dir / name)]
    return list(dict.fromkeys(found))


def remarks(place: Place, own_settings: frozenset[str], filters: list[str]) -> list[str]:
    """Sentences on what a reader of the answers should know about this repository."""
    found: list[str] = []
    if os.path.lexists(place.common_dir / "shallow"):
        found.append("Shallow clone: older history is not here.")
    if "core.sparsecheckout" in own_settings:
        found.append("Sparse checkout: some tracked files are not in the work tree.")
    if filters:
        found.append(
            f"Filters that only this repository defines are not run ({', '.join(filters)}): "
            "files under them may look changed."
        )
    alternates = place.common_dir / "objects" / "info" / "alternates"
    if os.path.lexists(alternates):
        found.append("Objects are borrowed from another repository (objects/info/alternates).")
    if any(name == "include.path" or name.startswith("includeif.") for name in own_settings):
        found.append("The repository's configuration includes other files (include.path).")
    return found
