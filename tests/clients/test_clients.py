"""The quick part of the matrix: clients that need no download; the others when they are installed already."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.clients import acp, install
from tests.clients.__main__ import Bench
from tests.clients.drivers import CLIENTS, Client


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(
            client,
            id=client.name,
            marks=pytest.mark.skipif(
                client.where() is None, reason="not installed; see tests/clients/acp.py"
            ),
        )
        for client in acp.CLIENTS
    ],
)
def test_a_real_acp_client_sees_an_edit_asks_for_leave_and_lends_what_it_has(
    client: acp.Client, tmp_path: Path
) -> None:
    cells = acp.row(client, tmp_path, install.node(), quick=True)
    assert not [cell for cell in cells[2:] if "no**" in cell], cells


def here(client: Client) -> bool:
    """Whether a client can run without installing anything."""
    folder = install.folder_of(client.package)
    return not client.package or (folder / "node_modules").exists() or (folder / "bin").exists()


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(
            client,
            id=client.name,
            marks=pytest.mark.skipif(
                not here(client), reason="not installed; `python -m tests.clients` installs it"
            ),
        )
        for client in CLIENTS
    ],
)
def test_a_real_client_connects_lists_calls_and_shows_the_result(client: Client, tmp_path: Path) -> None:
    node = install.node() if client.package else Path(shutil.which("python3") or sys.executable).parent
    cells = Bench(client, tmp_path, node).quick()
    assert cells[2:] == ["yes", "yes", "yes", "yes"], cells
