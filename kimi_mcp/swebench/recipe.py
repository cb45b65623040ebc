"""How an instance's Python environment is built: from its own row, else from the tables of swebench 4.1."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kimi_mcp.swebench.errors import EnvironmentFailed
from kimi_mcp.swebench.instances import Instance


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a checkout needs before its tests run.

    `python`: version such as "3.9". `packages`: requirements. `requirement_files`: files of the checkout to
    install from. `source`: how the checkout is put on the path, `editable` install or `path` (a `.pth` file).
    `not_newer_than`: packages published later are not chosen.
    """

    python: str
    packages: tuple[str, ...]
    source: str = "editable"
    source_options: tuple[str, ...] = ()
    requirement_files: tuple[str, ...] = ()
    pre_install: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    not_newer_than: str = ""


def recipe_of(instance: Instance) -> Recipe:
    """The recipe in the row's `environment`, else swebench's own. Raises `EnvironmentFailed` for neither."""
    own = own_environment(instance)
    return _from_row(instance, own) if own else _from_tables(instance)


def own_environment(instance: Instance) -> Mapping[str, Any]:
    """The row's `environment`, empty where it has none. Raises `EnvironmentFailed` for one that is no table."""
    own: object = instance.row.get("environment") or {}
    if not isinstance(own, dict):
        raise EnvironmentFailed(
            f"{instance.id}: its 'environment' is not a table (python, packages, source …)."
        )
    return cast(Mapping[str, Any], own)


def _from_row(instance: Instance, row: Mapping[str, Any]) -> Recipe:
    if not row.get("python"):
        raise EnvironmentFailed(f"{instance.id}: its 'environment' does not say which Python it wants.")
    variables = cast(Mapping[str, object], row.get("variables") or {})
    return Recipe(
        python=str(row["python"]),
        packages=_texts(row.get("packages")),
        source=str(row.get("source") or "editable"),
        source_options=tuple(word for option in _texts(row.get("source_options")) for word in option.split()),
        pre_install=_texts(row.get("pre_install")),
        variables=tuple(sorted((name, str(value)) for name, value in variables.items() if value is not None)),
        not_newer_than=str(row.get("packages_not_newer_than") or ""),
    )


def _from_tables(instance: Instance) -> Recipe:
    """Python instances only: swebench 4.1's other languages are built by its Dockerfiles."""
    from kimi_mcp.swebench import official

    specs = official.specs(instance.repo, instance.version)
    if specs is None or "python" not in specs:
        raise EnvironmentFailed(
            f"{instance.id}: neither the row nor swebench 4.1 says how a Python environment for {instance.repo} "
            f"{instance.version} is built; use --env docker or none, or add an 'environment' to the row."
        )
    packages = str(specs.get("packages", ""))
    files = official.requirement_paths(instance.repo) if packages == "requirements.txt" else ()
    if packages == "environment.yml":
        raise EnvironmentFailed(
            f"{instance.id}: its official environment is a conda file; use --env docker, or add an "
            "'environment' to the row."
        )
    listed = () if packages == "requirements.txt" else tuple(packages.split())
    return Recipe(
        python=str(specs["python"]),
        packages=(*listed, *_texts(specs.get("pip_packages"))),
        requirement_files=files,
        pre_install=tuple(step for step in _texts(specs.get("pre_install")) if not _needs_root(step)),
        install=_install_steps(str(specs.get("install", ""))),
        not_newer_than=str(instance.row.get("created_at") or "")[:10],
    )


def _needs_root(step: str) -> bool:
    return bool(re.match(r"\s*(apt|apt-get|sudo|locale-gen|sed -i .* /etc/|export |echo .*/etc/)", step))


def _install_steps(install: str) -> tuple[str, ...]:
    return (install,) if install else ()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in cast(Sequence[object], value or ()))
