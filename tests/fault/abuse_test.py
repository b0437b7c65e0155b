"""What a server must stand: wrong content types, bodies over the limit, thousands of idle
connections, slow clients, garbage, and a poisoned record. After each, others are answered.

usage: abuse_test.py VIRIDIAN_BINARY [--idle N] [--garbage N]
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import resource
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402

LIMIT = 8 << 20


class Abuse:
    def __init__(self, server):
        self.server = server
        self.path = harness.create_collection(server, "healthy")
        self.wrote = 0

    def others_are_answered(self):
        """A write and a read of it, on a collection that nobody abuses."""
        self.wrote += 1
        status, answer = self.server.call("POST", f"{self.path}/add", {
            "ids": [f"r{self.wrote}"], "embeddings": [[1.0, float(self.wrote)]]})
        assert status == 201, (status, answer)
        status, count = self.server.call("GET", f"{self.path}/count")
        assert (status, count) == (200, self.wrote), (status, count)

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=60)

    def raw(self, data, timeout=60):
        """Sends bytes and returns all that comes back until the server closes or is silent."""
        with self.socket() as s:
            s.settimeout(timeout)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the server may have answered and closed already
            answer = b""
            try:
                while chunk := s.recv(65536):
                    answer += chunk
            except OSError:
                pass
            return answer

    def content_types(self):
        body = b'{"name": "content_type"}'
        for kind, expected in [(b"text/plain", b" 415 "), (b"application/xml", b" 415 "),
                               (b"multipart/form-data", b" 415 ")]:
            answer = self.raw(b"POST " + harness.DATABASE.encode() + b"/collections HTTP/1.1\r\n"
                              b"host: x\r\nconnection: close\r\ncontent-type: " + kind +
                              b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            assert expected in answer.split(b"\r\n")[0] + b" ", answer[:200]
            assert b"ChromaError" in answer, answer[:500]

    def announced_gigabyte(self):
        """1 GB announced: refused before it is read, as JSON, whatever the route."""
        for route in ("add", "get", "query"):
            with self.socket() as s:
                s.sendall(f"POST {self.path}/{route} HTTP/1.1\r\nhost: x\r\n"
                          "content-type: application/json\r\n"
                          f"content-length: {1 << 30}\r\n\r\n".encode() + b"{")
                s.settimeout(20)
                answer = s.recv(65536)
            assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
            assert b'"error"' in answer, answer[:500]

    def sent_gigabyte(self):
        """1 GB really sent, with and without a length announced."""
        block = b"[" * (1 << 20)
        for header in (f"content-length: {1 << 30}", "transfer-encoding: chunked"):
            with self.socket() as s:
                s.settimeout(60)
                s.sendall(f"POST {self.path}/add HTTP/1.1\r\nhost: x\r\n"
                          f"content-type: application/json\r\n{header}\r\n\r\n".encode())
                sent = 0
                try:
                    for _ in range(1024):
                        data = block if "length" in header else b"100000\r\n" + block + b"\r\n"
                        s.sendall(data)
                        sent += len(block)
                except OSError:
                    pass  # cut off: that is the point
                assert sent < (1 << 30), "the server took it all"
        with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
            peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1])
        assert peak < (1 << 20), f"the server's memory peaked at {peak} kB"

    def idle_connections(self, count):
        sockets = []
        try:
            for i in range(count):
                s = self.socket()
                if i % 2:
                    s.sendall(b"GET /api/v2/heartbeat HTTP/1.1\r\nhost: x\r\n\r\n")
                sockets.append(s)
                if i % 2500 == 0:
                    self.others_are_answered()
            self.others_are_answered()
            with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
                print(f"{count} idle connections:",
                      next(line for line in status if line.startswith("VmRSS")).strip())
        finally:
            for s in sockets:
                s.close()

    def slow_clients(self, count=50):
        """Clients that send a byte now and then, or never read their answer."""
        stop = threading.Event()

        def drip():
            with self.socket() as s:
                for byte in f"POST {self.path}/get HTTP/1.1\r\nhost: x\r\ncontent-length: 9".encode():
                    try:
                        s.sendall(bytes([byte]))
                    except OSError:
                        return
                    if stop.wait(0.05):
                        return

        def deaf():
            with self.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                try:
                    for _ in range(1000):
                        s.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")
                        if stop.is_set():
                            return
                    stop.wait(30)
                except OSError:
                    return

        threads = [threading.Thread(target=drip if i % 2 else deaf) for i in range(count)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            self.others_are_answered()
        stop.set()
        for thread in threads:
            thread.join()

    def garbage(self, count, seed):
        """Broken HTTP and broken JSON: never a 5xx, never a crash."""
        random_ = random.Random(seed)
        good = (f"POST {self.path}/query HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                "connection: close\r\ncontent-length: 62\r\n\r\n").encode()
        body = b'{"query_embeddings": [[1.0, 2.0]], "where": {"a": {"$gt": 1}}}'
        for _ in range(count):
            data = bytearray(good + body)
            for _ in range(random_.randrange(1, 6)):
                at = random_.randrange(len(data))
                roll = random_.random()
                if roll < 0.5:
                    data[at] = random_.randrange(256)
                elif roll < 0.8:
                    del data[at:at + random_.randrange(1, 20)]
                else:
                    data[at:at] = random_.randbytes(random_.randrange(1, 20))
            answer = self.raw(bytes(data), timeout=10)
            status = answer[9:12]  # 501, 505: another HTTP than ours
            assert status[:1] != b"5" or status in (b"501", b"505"), (bytes(data), answer[:500])
        for text in ["", "{", "[]", "null", '{"ids":', "[" * 100000, '{"a":' * 5000, "\x00", '"' * 99]:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            connection.request("POST", f"{self.path}/add", text, {"content-type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
            assert response.status in (400, 422) and set(answer) == {"error", "message"}, answer
            connection.close()

    def poisoned_record(self):
        """The write that wedged every collection of the original: reserved keys with odd values."""
        sick = harness.create_collection(self.server, "sick")
        self.server.call("POST", f"{sick}/add", {"ids": ["a"], "embeddings": [[1.0]]})
        for value in [None, 5, True, [1], {"a": 1}, "text"]:
            for key in ["chroma:document", "chroma:uri", "chroma:x", "#document", "$set", ""]:
                for verb in ["update", "upsert", "add"]:
                    body = {"ids": ["a"], "embeddings": [[1.0]], "metadatas": [{key: value}]}
                    status, answer = self.server.call("POST", f"{sick}/{verb}", body)
                    assert status in (200, 201, 400, 422, 501), (key, value, verb, status, answer)
                    status, _ = self.server.call("POST", f"{sick}/get", {})
                    assert status == 200, (key, value, verb)
        self.others_are_answered()
        status, _ = self.server.call("POST", f"{sick}/upsert",
                                     {"ids": ["b"], "embeddings": [[2.0]], "documents": ["fine"]})
        assert status == 200
        status, got = self.server.call("POST", f"{sick}/get", {"ids": ["b"]})
        assert got["documents"] == ["fine"], got


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--garbage", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle = min(args.idle, hard - 200)
    if idle < args.idle:
        print(f"only {idle} idle connections: the limit of open files is {hard}")
    with harness.running(args.binary, "--server.max_body_bytes", str(LIMIT)) as server:
        abuse = Abuse(server)
        for name, call in [
                ("wrong content types", abuse.content_types),
                ("1 GB announced", abuse.announced_gigabyte),
                ("1 GB sent", abuse.sent_gigabyte),
                (f"{idle} idle connections", lambda: abuse.idle_connections(idle)),
                ("slow clients", abuse.slow_clients),
                (f"garbage, seed {args.seed}", lambda: abuse.garbage(args.garbage, args.seed)),
                ("a poisoned record", abuse.poisoned_record)]:
            began = time.monotonic()
            call()
            abuse.others_are_answered()
            print(f"stood: {name} ({time.monotonic() - began:.1f} s)", flush=True)


main()
