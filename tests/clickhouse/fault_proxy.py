"""A proxy before ClickHouse that does to inserts what networks do: cuts them off, holds back their
last bytes until their sender may have given up, sends them twice, loses the answer."""
import contextlib
import random
import re
import socket
import threading

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HOLD_SECONDS = 1.5


def receive(connection, pending=b""):
    """One request or answer with its body, and what came behind it; None at the end. An answer
    without a length is handed on as it comes: only the first part of it is returned."""
    while b"\r\n\r\n" not in pending:
        data = connection.recv(65536)
        if not data:
            return None, b""
        pending += data
    head = pending.index(b"\r\n\r\n") + 4
    length = LENGTH.search(pending[:head])
    whole = head + int(length.group(1)) if length else head
    while len(pending) < whole:
        data = connection.recv(65536)
        if not data:
            return None, b""
        pending += data
    return pending[:whole], pending[whole:]


class FaultProxy:
    """`shares`: of all inserts, by what is done to them. Each connection has a thread for either
    direction."""

    FAULTS = ("cut", "hold", "twice", "deaf")

    def __init__(self, port, seed, share=0.04):
        self.server_port, self.random, self.share = port, random.Random(seed), share
        self.done = dict.fromkeys(self.FAULTS, 0)
        self.lock, self.calm = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def settle(self):
        """From now on nothing is done to inserts, and nothing is held any longer."""
        self.calm.set()

    def choose(self):
        with self.lock:
            roll = self.random.random() / self.share
            if self.calm.is_set() or roll >= len(self.FAULTS):
                return None
            fault = self.FAULTS[int(roll)]
            self.done[fault] += 1
            return fault

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            server = socket.create_connection(("127.0.0.1", self.server_port))
            with server:
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                deaf = threading.Event()
                back = threading.Thread(target=self.hand_back, args=(server, client, deaf),
                                        daemon=True)
                back.start()
                self.hand_on(client, server, deaf)
                with contextlib.suppress(OSError):
                    server.shutdown(socket.SHUT_WR)
                back.join()

    def hand_on(self, client, server, deaf):
        pending = b""
        with contextlib.suppress(OSError):
            while True:
                request, pending = receive(client, pending)
                if request is None:
                    return
                line = request[:request.index(b"\r\n")]
                fault = self.choose() if b"INSERT" in line else None
                if fault == "cut":
                    with self.lock:
                        size = self.random.randrange(len(line), len(request))
                    server.sendall(request[:size])
                    client.shutdown(socket.SHUT_RDWR)
                    return
                if fault == "deaf":
                    deaf.set()
                    client.shutdown(socket.SHUT_RDWR)
                if fault == "twice":
                    self.send_apart(request)
                if fault == "hold":
                    server.sendall(request[:-1])
                    with self.lock:
                        seconds = self.random.uniform(0, HOLD_SECONDS)
                    self.calm.wait(seconds)
                    request = request[-1:]
                server.sendall(request)

    def send_apart(self, request):
        """The same request on a connection of its own, as a proxy that lost its answer would."""
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.server_port)) as extra:
                extra.settimeout(10)
                extra.sendall(request)
                receive(extra)

    def hand_back(self, server, client, deaf):
        with contextlib.suppress(OSError):
            while True:
                data = server.recv(65536)
                if not data:
                    break
                if not deaf.is_set():
                    client.sendall(data)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.listener.close()
