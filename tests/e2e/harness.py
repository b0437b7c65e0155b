"""Starts and stops a real server for the end-to-end tests, and talks to it in plain HTTP."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SKIPPED = 77  # the exit code that ctest counts as skipped


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A `viridian serve` process on a data directory."""

    def __init__(self, binary, path, *flags, port=None):
        self.binary, self.path, self.flags = binary, str(path), flags
        self.port = port or free_port()
        self.process = None

    def command(self):
        return [self.binary, "serve", "--path", self.path, "--port", str(self.port), *self.flags]

    def start(self, timeout=60):
        self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.call("GET", "/readyz")[0] == 200:
                    return self
            time.sleep(0.01)
        raise RuntimeError("the server was not ready in time")

    def call(self, method, path, body=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json"})
            response = connection.getresponse()
            data = response.read()
            if "json" in (response.getheader("content-type") or ""):
                return response.status, json.loads(data)
            return response.status, data.decode()
        finally:
            connection.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=60):
        """SIGTERM; the exit code must say that the stop was graceful."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


@contextlib.contextmanager
def running(binary, *flags):
    """A server on a fresh directory; both are gone afterwards."""
    directory = tempfile.mkdtemp(prefix="viridian-e2e-")
    server = Server(binary, os.path.join(directory, "data"), *flags)
    try:
        yield server.start()
        code = server.stop()
        if code != 0:
            raise RuntimeError(f"the server ended with {code} on SIGTERM")
    finally:
        if server.process and server.process.poll() is None:
            server.kill()
        shutil.rmtree(directory, ignore_errors=True)


DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"


def create_collection(server, name, **body):
    status, answer = server.call("POST", f"{DATABASE}/collections", {"name": name, **body})
    assert status == 200, (status, answer)
    return f"{DATABASE}/collections/{answer['id']}"


def cached_tools(name):
    """A directory for what a test installs, kept between runs."""
    root = pathlib.Path(os.environ.get("E2E_TOOLS", "build/tools")).resolve() / name
    root.mkdir(parents=True, exist_ok=True)
    return root
