"""A real Chroma beside Viridian, for the benchmarks."""
import http.client
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "e2e"))
import harness  # noqa: E402


class Chroma:
    """Its server on a directory, by the program `chroma`."""

    def __init__(self, program, directory):
        self.port = harness.free_port()
        self.process = subprocess.Popen(
            [program, "run", "--path", directory, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1200):
            try:
                http.client.HTTPConnection("127.0.0.1", self.port).request("GET", "/api/v2")
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Chroma did not start")

    def stop(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
