"""Inside a sandbox: make a TCP port of the proxy's unix socket, then become the command.

Run as a script: `python -I -S relay.py SOCKET PORT COMMAND …`. Its start is part of every command's, so it does
with the interpreter's own `_socket` and `_thread`: `socket` and `threading` take 6 ms more (2026-11-25).
"""

import _socket
import _thread
import os
import sys


def pump(source: _socket.socket, sink: _socket.socket) -> None:
    """Copy until the source ends."""
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(_socket.SHUT_WR)
    except OSError:
        pass


def serve(server: _socket.socket, path: str) -> None:
    """Connect every client with the proxy, for ever."""
    while True:
        descriptor, _ = server._accept()  # pyright: ignore
        client = _socket.socket(fileno=descriptor)  # pyright: ignore
        proxy = _socket.socket(_socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            continue
        for pair in ((client, proxy), (proxy, client)):
            _thread.start_new_thread(pump, pair)


def main(path: str, port: int, command: list[str]) -> None:
    """Listen, leave a child to serve, become the command."""
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    server.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(128)
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        serve(server, path)
    server.close()
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
