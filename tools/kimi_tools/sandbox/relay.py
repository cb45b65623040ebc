"""Inside a sandbox: make a TCP port of the proxy's unix socket, then become the command.

Run as a script: `python -I -S relay.py SOCKET PORT COMMAND …`. Only the standard library, and little of it: its
start is part of every command's.
"""

import os
import socket
import sys
import threading


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends."""
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(server: socket.socket, path: str) -> None:
    """Connect every client with the proxy, for ever."""
    while True:
        client, _ = server.accept()
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            continue
        for pair in ((client, proxy), (proxy, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def main(path: str, port: int, command: list[str]) -> None:
    """Listen, leave a child to serve, become the command."""
    server = socket.create_server(("127.0.0.1", port))
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
