"""Directories that earlier versions wrote are opened, read, written and reopened by this one; what
a later version wrote is refused, and not a byte of it is changed.

usage: format_test.py VIRIDIAN_BINARY [UNITTEST_ARGUMENT...]
"""
import hashlib
import json
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import uuid

from contents import FLAGS, OTHER_DATABASE, columns, differences, record, state_of

import harness

HERE = pathlib.Path(__file__).parent
VERSIONS = sorted(path.name.split(".")[0] for path in HERE.glob("v*.tar.xz"))
BINARY = sys.argv[1]


def crc32c(data, table=[]):
    """CRC-32C, as headers carry it."""
    if not table:
        for n in range(256):
            for _ in range(8):
                n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
            table.append(n)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def with_version(data, at, width, checksum_at, version):
    """A header that says another version, and is right in all else."""
    header = bytearray(data[:checksum_at])
    header[at:at + width] = version.to_bytes(width, "little")
    return bytes(header) + struct.pack("<I", crc32c(header)) + data[checksum_at + 4:]


def contents(directory, without=("LOCK",)):
    """path -> digest of every file below a directory."""
    root = pathlib.Path(directory)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*") if path.is_file() and path.name not in without}


class FormatTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="viridian-format-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.server = None
        self.addCleanup(lambda: self.server and self.server.process.poll() is None and
                        self.server.kill())

    def unpack(self, version, state):
        """A copy of a fixture's directory, and what it must hold."""
        with tarfile.open(HERE / f"{version}.tar.xz") as tar:
            tar.extractall(self.directory, filter="data")
        return (self.directory / state,
                json.loads((HERE / f"{version}.json").read_text(encoding="utf-8")))

    def start(self, data, *flags):
        self.server = harness.Server(BINARY, data, *FLAGS, *flags).start()

    def same(self, expected, what):
        found = list(differences(expected, state_of(self.server)))
        self.assertFalse(found, f"{what}: {len(found)} differences, such as\n" + "\n".join(found[:5]))

    def paths(self):
        for database in (harness.DATABASE, OTHER_DATABASE):
            for collection in self.server.call("GET", f"{database}/collections")[1]:
                yield collection, f"{database}/collections/{collection['id']}"

    def call(self, path, verb, body):
        status, answer = self.server.call("POST", f"{path}/{verb}", body)
        self.assertIn(status, (200, 201), (path, verb, answer))
        return answer

    def refused_start(self, data, **options):
        """Starts, is refused, and returns what was said; nothing in the directory may change."""
        before = contents(data, **options)
        done = subprocess.run([BINARY, "serve", "--path", str(data), "--port",
                               str(harness.free_port())], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(before, contents(data, **options))
        return done.stderr


class EarlierVersions(FormatTest):
    def test_there_are_some(self):
        self.assertTrue(VERSIONS)

    def each(self):
        for version in VERSIONS:
            for state in ("killed", "stopped"):
                with self.subTest(version=version, state=state):
                    self.setUp()
                    yield self.unpack(version, state)
                    self.doCleanups()

    def test_are_read_written_and_reopened(self):
        for data, expected in self.each():
            self.start(data)
            self.same(expected, "opened")
            self.write()
            written = state_of(self.server)
            self.assertTrue(list(differences(expected, written)))
            self.assertEqual(self.server.stop(), 0)
            self.start(data)
            self.same(written, "reopened")
            self.server.kill()
            self.start(data)
            self.same(written, "reopened after a kill")
            self.rewrite_files()
            self.same(written, "compacted")
            self.assertEqual(self.server.stop(), 0)
            self.start(data)
            self.same(written, "reopened after compaction")
            self.assertEqual(self.server.stop(), 0)
            self.check(data)

    def write(self):
        """Adds to, changes and removes from what the earlier version wrote."""
        for collection, path in self.paths():
            dimension = collection["dimension"] or 2
            ids = self.call(path, "get", {"include": []})["ids"]
            name = (lambda n: str(uuid.UUID(int=n))) if collection["name"] == "uuids" else str
            self.call(path, "add", columns([record(n, dimension, 0, name(5000 + n)) for n in range(60)]))
            if ids:
                self.call(path, "upsert", columns([record(1, dimension, 9, i) for i in ids[::3]]))
                self.call(path, "update", {"ids": ids[1::3], "documents": ["new"] * len(ids[1::3])})
                self.call(path, "delete", {"ids": ids[2::3]})

    def rewrite_files(self):
        for _, path in self.paths():
            status, answer = self.server.call("POST", f"{path}/compact", {}, timeout=120)
            self.assertIn(status, (200, 404), answer)

    def check(self, data):
        done = subprocess.run([BINARY, "check", "--path", str(data)], capture_output=True, text=True,
                              timeout=120)
        if "no command" not in done.stderr:
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class LaterVersions(FormatTest):
    """The newest fixture, with one thing made to say that a later version wrote it."""

    def setUp(self):
        super().setUp()
        self.data, self.expected = self.unpack(VERSIONS[-1], "stopped")
        self.sick = self.expected["l2_many_files"]["collection"]["id"]

    def only_one_refuses(self, verb, body, words):
        """One collection answers with the reason; all others are read as ever."""
        self.start(self.data)
        status, answer = self.server.call(
            "POST", f"{harness.DATABASE}/collections/{self.sick}/{verb}", body)
        self.assertIn(status, (412, 500, 501), answer)
        for word in words:
            self.assertIn(word, answer["message"])
        for name, entry in self.expected.items():
            if entry["collection"]["id"] == self.sick:
                continue
            database = OTHER_DATABASE if name == "elsewhere" else harness.DATABASE
            status, count = self.server.call(
                "GET", f"{database}/collections/{entry['collection']['id']}/count")
            self.assertEqual((status, count), (200, entry["count"]), name)
        self.assertEqual(self.server.stop(), 0)

    def keeps(self, folder):
        """The bytes of the sick collection's files; to be compared afterwards."""
        return contents(self.data / folder / self.sick)

    def test_of_segment_files_are_refused(self):
        for kind in ("meta", "vec"):
            with self.subTest(kind):
                path = sorted((self.data / "segments" / self.sick).glob(f"*.{kind}"))[0]
                original = path.read_bytes()
                path.write_bytes(with_version(original, 8, 4, 60, 1000))
                before = self.keeps("segments")
                self.only_one_refuses("get", {}, [path.name, "1000"])
                self.assertEqual(before, self.keeps("segments"))
                path.write_bytes(original)

    def test_of_log_frames_are_refused(self):
        path = sorted((self.data / "log" / self.sick).glob("*.log"))[-1]
        path.write_bytes(with_version(path.read_bytes(), 4, 1, 44, 200))
        before = self.keeps("log")
        self.only_one_refuses("add", {"ids": ["x"], "embeddings": [[0.0] * 6]}, [path.name, "newer"])
        self.assertEqual(before, self.keeps("log"))

    def test_of_the_directory_are_refused(self):
        text = "viridian data directory\nversion 1000\nneeds 1000\ncreated by viridian 9.9\n"
        (self.data / "FORMAT").write_text(f"{text}crc32c {crc32c(text.encode()):08x}\n")
        (self.data / "LOCK").unlink()  # not even that may be made
        self.assertIn("1000", self.refused_start(self.data))
        self.assertFalse((self.data / "LOCK").exists())

    def test_of_the_catalogue_are_refused(self):
        # Only files without page checksums can be changed from here.
        self.data, self.expected = self.unpack("v1", "stopped")
        database = sqlite3.connect(self.data / "sysdb.sqlite3")
        self.assertEqual(database.execute("pragma integrity_check").fetchone(), ("ok",))
        database.execute("insert into migrations values ('sysdb', 9000, '09000-later.sqlite.sql', "
                         "'-- later', ?, ?)", (hashlib.sha256(b"-- later").hexdigest(), int(time.time())))
        database.commit()
        database.close()
        # The directory is of version 1, which may be written down; and SQLite reads with its files.
        may_be_new = ("LOCK", "FORMAT", "sysdb.sqlite3-wal", "sysdb.sqlite3-shm")
        self.assertIn("9000", self.refused_start(self.data, without=may_be_new))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
