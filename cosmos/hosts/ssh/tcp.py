"""The socket below a connection: it acknowledges at once, and notices a peer that is gone."""

import socket

from cosmos.hosts.ssh.target import SshTarget

_USER_TIMEOUT_MS = 30_000


class _PromptSocket(socket.socket):
    """Acknowledges at once.

    sshd leaves Nagle's algorithm on: its second small packet waits for the acknowledgement of the first, which the
    kernel delays by 40 ms in the first command of a connection.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = super().recv(size, flags)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # the kernel forgets it when we send
        return data


def connect(target: SshTarget, limit: float) -> socket.socket:
    plain = socket.create_connection((target.address, target.port), timeout=limit)
    connected = _PromptSocket(fileno=plain.detach())
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
        connected.setsockopt(socket.IPPROTO_TCP, option, value)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
    return connected
