"""What `viridian import --from-chroma` promises.

usage: migrate_command_cases.py DIRECTORIES CHROMA VIRIDIAN_BINARY, as migrate_cases.py
"""
import os
import shutil
import signal
import subprocess
import sys
import unittest

import migrate_cases as cases
import tls_proxy
import viridian
from migrate_cases import BINARY, NEWEST, harness


class Command(cases.Case):
    def command(self, into, *options, binary=BINARY, python=sys.executable):
        return [binary, "import", "--from-chroma", str(NEWEST / "chroma"), "--into", str(into),
                "--python", str(python), *options]

    def run_command(self, *arguments, expect=0, **options):
        # Without PYTHONPATH: the program has to find the package by itself.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(self.command(*arguments, **options), cwd=self.root, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def bare_interpreter(self):
        """An interpreter that has no packages."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.root / "bare"], check=True)
        return self.root / "bare" / "bin" / "python"

    def test_it_copies_into_a_directory_that_programs_open_then(self):
        # What lies where the program is started is no package of its own.
        (self.root / "viridian").mkdir()
        (self.root / "viridian" / "__init__.py").write_text("raise SystemExit('the wrong one')")
        into = self.root / "data"
        self.assertIn("everything is there", self.run_command(into).stdout)
        self.assertNotIn(" of ", self.run_command(into).stderr)
        stats = subprocess.run([BINARY, "stats", "--path", into], check=True, stdout=subprocess.PIPE)
        self.assertIn(b"some-cosine", stats.stdout)
        with viridian.PersistentClient(into) as client:
            self.assert_all_equal(NEWEST, client)

    def test_it_copies_into_a_server_behind_tls(self):
        if not tls_proxy.can_make_certificates():
            self.skipTest("the program openssl is not installed")
        server = self.entered(harness.running(BINARY))
        pair = tls_proxy.make_certificate(self.root, "server", "DNS:localhost")
        proxy = self.entered(tls_proxy.TlsProxy(server.port, *pair, token="x-chroma-token: abc"))
        url = f"https://localhost:{proxy.port}"
        access = ["--ca-file", pair[0], "--header", "x-chroma-token: abc"]
        self.run_command(url, *access)
        refused = self.run_command(url, "--ca-file", pair[0], expect=2)
        self.assertIn("answered 401", refused.stderr)
        counted = subprocess.run([BINARY, "count", "some-l2", "--url", url, *access], check=True,
                                 stdout=subprocess.PIPE)
        self.assertEqual(counted.stdout, b"119\n")
        with viridian.HttpClient(port=server.port) as client:
            self.assert_all_equal(NEWEST, client)

    def test_ended_by_a_signal_it_goes_on(self):
        for number, expected in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, -signal.SIGTERM),
                                 (signal.SIGINT, 2)):
            with self.subTest(signal=number):
                into = self.root / number.name
                process = subprocess.Popen(self.command(into), stdout=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True)
                first = process.stderr.readline()
                process.send_signal(number)
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, expected, first)
                report = self.run_command(into).stdout
                self.assertIn("everything is there", report)
                self.assertIn(" 0 copied now", report)

    def test_what_is_missing_is_named(self):
        into, bare = self.root / "data", self.bare_interpreter()
        self.assertIn("NumPy", self.run_command(into, python=bare, expect=2).stderr)
        alone = shutil.copy(BINARY, self.root)
        said = self.run_command(into, binary=alone, python=bare, expect=2).stderr
        self.assertIn("lacks the Python package viridian", said)
        self.assertIn(f"{bare} -m pip install viridian", said)
        said = self.run_command(into, python=self.root / "nothing", expect=2).stderr
        self.assertIn("cannot run", said)
        self.assertIn("--python", said)

    def test_options_of_other_imports_are_refused(self):
        for options in (["--upsert"], ["--path", "x"], ["things", "records.jsonl"]):
            said = self.run_command(self.root / "data", *options, expect=2).stderr
            self.assertIn("--from-chroma", said)
        self.assertFalse((self.root / "data").exists())


if __name__ == "__main__":
    unittest.main()
