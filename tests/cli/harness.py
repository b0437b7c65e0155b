"""What the tests of the command line share. The first argument of a test program is the binary."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

BINARY = sys.argv[1]
OK, FAILED, USAGE, NOT_FOUND, UNREACHABLE = range(5)


class CliTest(unittest.TestCase):
    """A fresh directory per test; `database` is the flags that name it."""

    RECORDS = [
        {"id": "a", "embedding": [1, 0], "document": "one", "metadata": {"n": 1}},
        {"id": "b", "embedding": [0, 1], "document": "two", "metadata": {"n": 2, "t": ["x", "y"]}},
        {"id": 3, "embedding": [0.5, 1.25], "uri": "file:c"},
    ]

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="viridian-cli-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.database = ["--path", str(self.directory / "data")]

    def run_cli(self, *arguments, expect=OK, text=None, database=True):
        """Runs the program; returns what it printed."""
        command = [BINARY, *arguments, *(self.database if database else [])]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, expect, f"{command}\n{done.stdout}{done.stderr}")
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith("viridian: "), line)
        self.errors = done.stderr
        return done.stdout

    def json_of(self, *arguments, **options):
        """The same with --json, as a value."""
        return json.loads(self.run_cli(*arguments, "--json", **options))

    def write(self, name, content):
        """Writes a file and returns its path."""
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def jsonl(self, *records):
        """A JSONL file with these records."""
        return self.write("records.jsonl", "".join(json.dumps(r) + "\n" for r in records))

    def load(self):
        """Imports RECORDS into "things"."""
        return self.json_of("import", "things", self.jsonl(*self.RECORDS))

    def start(self, *flags):
        """Starts a server on a free port; sets the flags that name it."""
        self.server = subprocess.Popen(
            [BINARY, "serve", *self.database, "--port", "0", *flags], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.stderr.close)
        line = self.server.stdout.readline()
        match = re.fullmatch(r"Viridian \S+ serving (\S+) at (http://127\.0\.0\.1:\d+)\n", line)
        self.assertTrue(match, line)
        self.database = ["--url", match[2]]
