"""The way out of the sandbox: listed hosts, or those that the user says yes to, and nothing else."""

import contextlib
import http.server
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator

import anyio
import pytest

from kimi_tools.errors import BadArguments
from kimi_tools.policy import Request, asking
from kimi_tools.process import Finished
from kimi_tools.sandbox import Sandbox, choose
from kimi_tools.sandbox.bubblewrap import Bubblewrap
from kimi_tools.sandbox.gate import Gate, parse_host
from kimi_tools.sandbox.layout import machine_layout
from kimi_tools.workspace import Workspace
from tests.kimi_tools.sandbox.conftest import shell

MakeConfined = Callable[..., Workspace]

FETCH = """
import sys, urllib.request, urllib.error
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=10).read().decode())
    except OSError as error:
        print("refused", error)
"""


@pytest.fixture
def site() -> Iterator[str]:
    """A web site on the host's loopback; its host and port."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(
                f"hello {self.path} {self.headers['Connection']} host {self.headers['Host']}".encode()
            )

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def fetch(workspace: Workspace, *urls: str) -> Finished:
    return shell(
        workspace, f"{sys.executable} fetch.py {' '.join(urls)}", environment={"NO_PROXY": "", "no_proxy": ""}
    )


def test_a_listed_host_is_reached_and_no_other(
    make_confined: MakeConfined, bubblewrap: Sandbox, site: str
) -> None:
    workspace = make_confined({"fetch.py": FETCH})
    workspace.sandbox = choose(network=[site])
    finished = fetch(workspace, f"http://{site}/a?b=c", "http://other.invalid/")
    assert finished.text.splitlines()[0] == f"hello /a?b=c close host {site}"
    assert "refused HTTP Error 403" in finished.text
    assert finished.sandbox == f"bubblewrap, network: {site}"
    assert "other.invalid:80" in finished.notes[0]


def test_a_name_that_leads_to_a_private_address_is_not_followed(
    make_confined: MakeConfined, site: str
) -> None:
    port = site.partition(":")[2]
    workspace = make_confined({"fetch.py": FETCH})
    workspace.sandbox = choose(network=["*.localhost:" + port])
    assert "hello" not in fetch(workspace, f"http://app.localhost:{port}/").text


def test_without_a_list_the_user_is_asked_by_host(make_confined: MakeConfined, site: str) -> None:
    workspace = make_confined({"fetch.py": FETCH})
    asked: list[Request] = []

    async def run(answer: bool) -> str:
        async def ask(request: Request) -> bool:
            asked.append(request)
            return answer

        with asking(ask):
            command = [sys.executable, "fetch.py", f"http://{site}/1", f"http://{site}/2"]
            done = await workspace.run(command, timeout=30, environment={"NO_PROXY": "", "no_proxy": ""})
        return done.text

    assert "hello" not in anyio.run(run, False)
    assert [(request.kind, request.subject) for request in asked] == [("network", site)]
    assert "fetch.py" in asked[0].content
    assert anyio.run(run, True).count("hello") == 2
    assert len(asked) == 2


@pytest.mark.parametrize("text", ["", "a b", "http://x", "x/y", "*"])
def test_what_is_not_a_host_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="not a host"):
        parse_host(text)


def test_hosts_and_their_ports() -> None:
    assert parse_host("PyPI.org.") == ("pypi.org", (80, 443))
    assert parse_host("*.example.org:8443") == ("*.example.org", (8443,))
    assert parse_host("[::1]:80") == ("::1", (80,))


def test_a_request_is_made_to_the_host_that_was_looked_at_and_says_so(
    make_confined: MakeConfined, bubblewrap: Sandbox, site: str
) -> None:
    """Behind one address there may be many hosts: the name in the request is the allowed one."""
    workspace = make_confined(
        {"ask.py": "import os, socket, sys\nfrom urllib.parse import urlsplit\n"
         "proxy = urlsplit(os.environ['http_proxy'])\n"
         "s = socket.create_connection((proxy.hostname, proxy.port))\n"
         f"s.sendall(b'GET http://{site}/host HTTP/1.1\\r\\nHost: other.example\\r\\n\\r\\n')\n"
         "print(s.makefile('rb').read().decode())\n"}
    )  # fmt: skip
    workspace.sandbox = Bubblewrap(machine_layout(), network=[site])
    told = shell(workspace, f"{sys.executable} ask.py").text
    assert f"host {site}" in told and "other.example" not in told


def test_a_command_that_opens_very_many_connections_does_not_use_up_ours(bubblewrap: Sandbox) -> None:
    before = len(os.listdir("/proc/self/fd"))
    gate = Gate(["example.org"])
    clients: list[socket.socket] = []
    try:
        for _ in range(400):
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            clients.append(client)
            with contextlib.suppress(BlockingIOError):
                client.connect(str(gate.path))
        assert threading.active_count() < 150
        assert len(os.listdir("/proc/self/fd")) - before - len(clients) < 150
        for client in clients:
            client.close()
        with socket.socket(socket.AF_UNIX) as late:
            late.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 30, 0))
            late.connect(
                str(gate.path)
            )  # waits for a place in the queue, as a socket with `settimeout` would not
            late.settimeout(30)
            late.sendall(b"GET http://elsewhere.example/ HTTP/1.1\r\n\r\n")
            assert b"403" in late.recv(1000)
    finally:
        gate.close()
