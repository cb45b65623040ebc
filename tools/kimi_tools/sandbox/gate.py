"""The one way from a sandbox to the network: an HTTP proxy outside it that reaches listed hosts only.

The sandbox has no network of its own. The proxy listens on a unix socket that is bound into it, where
`relay.py` makes a TCP port of it, which programs find through HTTP_PROXY. So only programs that speak HTTP(S)
through a proxy get out, and only by name.
"""

import contextlib
import ipaddress
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from kimi_tools.errors import BadArguments

_HEAD_LIMIT = 65_536
_IDLE_SECONDS = 300
_PORTS = (80, 443)
_CONNECTIONS = 64
"""At once; more wait. Each takes two descriptors and two threads of ours, and a command may try to use them up."""

Reach = Callable[[str], bool]
"""Whether a host that is not listed may be reached: asks the user; may block."""


class Gate:
    """The proxy of one command.

    `hosts`: `example.org` (ports 80 and 443), `example.org:8443`, `*.example.org`. `reach` is asked about
    others. `refused` collects the hosts that were not reached. Raises `BadArguments` for a host that cannot
    be one.
    """

    def __init__(self, hosts: Sequence[str], reach: Reach | None = None) -> None:
        self._allowed = tuple(parse_host(host) for host in hosts)
        self._reach = reach
        self._answers: dict[str, bool] = {}
        self._asking = threading.Lock()
        self._free = threading.Semaphore(_CONNECTIONS)
        self.refused: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="kimi-mcp-gate-")
        self.path = Path(self._folder) / "proxy"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Reach nothing any more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            self._free.acquire()
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(client,), daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        try:
            self._serve(client)
        finally:
            self._free.release()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError):
            client.settimeout(_IDLE_SECONDS)
            head, rest = _read_head(client)
            method, target, version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ", 2)
            tunnel = method == "CONNECT"
            parts = urlsplit(f"//{target}" if tunnel else target)
            host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if tunnel else 80)
            if not self._may_reach(host, port):
                self.refused.append(f"{host}:{port}")
                client.sendall(
                    _answer("403 Forbidden", f"kimi-mcp: {host}:{port} is not in --allow-network\n")
                )
                return
            with _connect(host, port, literal=self._means_address(host, port)) as server:
                if tunnel:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    server.sendall(rest)
                else:
                    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
                    server.sendall(_forwarded(method, path, version, parts.netloc, head) + rest)
                _pump_both(client, server)

    def _means_address(self, host: str, port: int) -> bool:
        """Whether the user has named this very host, or said yes to this very address."""
        if any(name == host and port in ports for name, ports in self._allowed):
            return True
        return self._answers.get(f"{host}:{port}", False) and _is_address(host)

    def _may_reach(self, host: str, port: int) -> bool:
        for name, ports in self._allowed:
            suffix = name[1:] if name.startswith("*.") else None
            if port in ports and (host == name or (suffix and host.endswith(suffix))):
                return True
        if self._reach is None:
            return False
        with self._asking:
            key = f"{host}:{port}"
            if key not in self._answers:
                self._answers[key] = self._reach(key)
            return self._answers[key]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def parse_host(text: str) -> tuple[str, tuple[int, ...]]:
    """A host of the allow-list and its ports. Raises `BadArguments`."""
    name, colon, port = text.strip().lower().rstrip(".").rpartition(":")
    if not colon or not port.isdigit():
        name, port = text.strip().lower().rstrip("."), ""
    plain = name.removeprefix("*.")
    if not plain or not all(character.isalnum() or character in ".-_:[]" for character in plain):
        raise BadArguments(f"'{text}' is not a host; write example.org, example.org:8443 or *.example.org.")
    return name.strip("[]"), (int(port),) if port else _PORTS


def _connect(host: str, port: int, *, literal: bool) -> socket.socket:
    """A connection to a public address of the host; private ones only when the list names the host itself.

    The address that was looked at is the one connected to, so a name cannot change its mind in between.
    """
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not literal and not ipaddress.ip_address(address[0]).is_global:
            continue
        server = socket.socket(family, kind, protocol)
        server.settimeout(_IDLE_SECONDS)
        try:
            server.connect(address)
        except OSError:
            server.close()
            continue
        return server
    raise OSError(f"{host} cannot be reached")


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(16_384)
        if not piece or len(data) > _HEAD_LIMIT:
            raise ValueError("not a request")
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head, rest


def _forwarded(method: str, path: str, version: str, host: str, head: bytes) -> bytes:
    """The request's head as its server gets it, for the very host that was looked at (RFC 9112, 3.2.2)."""
    lines = [
        line
        for line in head.split(b"\r\n")[1:]
        if not line.lower().startswith((b"proxy-", b"connection:", b"keep-alive:", b"host:"))
    ]
    lines.append(b"Host: " + host.rpartition("@")[2].encode("ascii"))
    first = f"{method} {path} {version}".encode("ascii")
    return b"\r\n".join([first, *lines, b"Connection: close", b"", b""])


def _answer(status: str, text: str) -> bytes:
    body = text.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def _pump_both(one: socket.socket, other: socket.socket) -> None:
    thread = threading.Thread(target=_pump, args=(other, one), daemon=True)
    thread.start()
    _pump(one, other)
    thread.join(_IDLE_SECONDS)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
