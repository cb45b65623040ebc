"""A runner that only the place of the commands has, as in a container's image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from kimi_tools.errors import Unavailable
from kimi_tools.process import Launch
from kimi_tools.sandbox import UNPROTECTED, Place
from kimi_tools.workspace import Workspace
from tests.conftest import MakeRepository
from tests.kimi_tools.testrun.samples import run

GO = """\
#!/bin/sh
echo '{"Action":"run","Package":"shop","Test":"TestSum"}'
echo '{"Action":"pass","Package":"shop","Test":"TestSum","Elapsed":0}'
echo '{"Action":"pass","Package":"shop","Elapsed":0}'
"""


class Elsewhere:
    """Commands find the programs of one folder before any others; this machine may have none of them."""

    level = "none"
    mounts = False
    own_programs = True
    gaps = ()

    def __init__(self, programs: Path) -> None:
        self.programs = programs

    def launch(self, argv: Sequence[str], place: Place, environment: Mapping[str, str]) -> Launch:
        script = f'PATH={self.programs}:/usr/bin:/bin; exec "$@"'
        return UNPROTECTED.launch(["/bin/sh", "-c", script, "sh", *argv], place, environment)


def test_tests_run_with_a_runner_that_this_machine_need_not_have(
    tmp_path: Path, make_repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "go").write_text(GO)
    (programs / "go").chmod(0o755)
    files: dict[str, str | bytes] = {
        "go.mod": "module shop\n",
        "shop_test.go": "package shop\n\nfunc TestSum() {}\n",
    }
    root = make_repository(files)
    workspace = Workspace(root, state=tmp_path / "state", sandbox=Elsewhere(programs))
    try:
        report = run(workspace)
    finally:
        workspace.close()
    assert [case.status for case in report.cases] == ["passed"]


def test_elsewhere_a_program_is_looked_for_on_this_machine(
    tmp_path: Path, make_repository: MakeRepository
) -> None:
    workspace = Workspace(make_repository({"a": ""}), state=tmp_path / "state")
    try:
        assert Path(workspace.program("git")).is_absolute()
        with pytest.raises(Unavailable, match="'no-such-runner' is not installed"):
            workspace.program("no-such-runner")
    finally:
        workspace.close()
