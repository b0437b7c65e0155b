#!/usr/bin/env python3
"""Check, repair and reading along, as users of the command line see them.

    recovery_cli_test.py BINARY
"""
import json
import pathlib
import struct
import sys
import unittest

from harness import FAILED, UNREACHABLE, USAGE, CliTest

COULD_NOT_RUN = 2


class RecoveryTest(CliTest):
    """A directory of which everything is in files."""

    def setUp(self):
        super().setUp()
        self.data = self.directory / "data"
        self.load()
        self.run_cli("flush", "things")

    def contents(self):
        """What every file of the data directory holds, by its path."""
        return {str(path.relative_to(self.data)): path.read_bytes()
                for path in self.data.rglob("*") if path.is_file()}

    def segment_file(self, ending):
        """The path of the only segment file of a kind."""
        (path,) = self.data.glob("segments/*/*" + ending)
        return path

    def damage(self, path, part, count=1):
        """Flips a bit in each of `count` bytes from `part` on; returns where the first one is."""
        data = bytearray(path.read_bytes())
        at = data.index(part)
        for i in range(count):
            data[at + i] ^= 16
        path.write_bytes(data)
        return at

    def flip_vector_bit(self):
        """Flips one bit of a vector; returns the file and the place."""
        path = self.segment_file(".vec")
        return path, self.damage(path, struct.pack("<2f", 0.5, 1.25))


class Check(RecoveryTest):
    """viridian check"""

    def test_orderly_directory_has_no_findings(self):
        self.run_cli("snapshot", "create", "monday")
        self.assertTrue((self.data / "spare").exists())
        before = self.contents()
        report = self.json_of("check")
        self.assertEqual(report["findings"], [])
        self.assertTrue(report["clean"])
        self.assertEqual((report["collections"], report["records"], report["errors"],
                          report["warnings"]), (1, 3, 0, 0))
        self.assertIn("0 errors, 0 warnings, 0 notes", self.run_cli("check"))
        self.assertEqual(self.contents(), before)

    def test_flipped_bit_is_named_with_its_place(self):
        path, at = self.flip_vector_bit()
        before = self.contents()
        report = self.json_of("check", expect=FAILED)
        self.assertFalse(report["clean"])
        self.assertEqual(report["errors"], len(report["findings"]))
        for finding in report["findings"]:
            self.assertEqual(finding["severity"], "error")
            self.assertEqual(finding["file"], str(path.relative_to(self.data)))
            self.assertEqual(finding["collection"], path.parent.name)
            self.assertIn("repair", finding["remedy"])
        (finding,) = [f for f in report["findings"] if "checksum" in f["what"]]
        self.assertEqual(finding["offset"], at // 65536 * 65536)
        self.assertIn(path.name, self.run_cli("check", expect=FAILED))
        self.assertEqual(self.contents(), before)

    def test_check_runs_beside_a_server(self):
        self.start()
        self.run_cli("import", "more", self.jsonl(*self.RECORDS))
        report = self.json_of("check", "--path", str(self.data), database=False)
        self.assertEqual((report["clean"], report["collections"]), (True, 2))

    def test_snapshots_elsewhere_are_checked_where_they_are(self):
        elsewhere = self.directory / "elsewhere"
        self.start("--snapshots.path", str(elsewhere))
        self.run_cli("snapshot", "create", "monday")
        file = next((elsewhere / "files").glob("*.vec"))
        data = file.read_bytes()
        file.unlink()  # and with it the name that the collection's own file shares
        file.write_bytes(data)
        self.damage(file, struct.pack("<2f", 0.5, 1.25))
        path = ["--path", str(self.data)]
        self.run_cli("check", *path, database=False)
        found = self.run_cli("check", *path, "--snapshots", str(elsewhere), database=False,
                             expect=FAILED)
        self.assertIn("monday", found)

    def test_directory_without_a_database_is_an_error(self):
        empty = self.directory / "empty"
        empty.mkdir()
        for command in ("check", "repair"):
            self.run_cli(command, "--path", str(empty), database=False, expect=COULD_NOT_RUN)
            self.assertIn("no database", self.errors)
        self.assertEqual(list(empty.iterdir()), [])


class Repair(RecoveryTest):
    """viridian repair"""

    def test_nothing_to_repair(self):
        before = self.contents()
        self.assertIn("nothing to repair", self.run_cli("repair"))
        self.assertEqual(self.contents(), before)
        report = self.json_of("repair")
        self.assertTrue(report["found"]["clean"] and report["remaining"]["clean"])
        self.assertEqual((report["done"]["findings"], report["set_aside"]), ([], ""))

    def test_dry_run_only_tells(self):
        path, _ = self.flip_vector_bit()
        before = self.contents()
        told = self.run_cli("repair", "--dry-run", expect=FAILED)
        self.assertIn(path.name, told)
        self.assertIn("nothing was changed", told)
        self.assertFalse(self.json_of("repair", "--dry-run", expect=FAILED)["clean"])
        self.assertEqual(self.contents(), before)

    def test_flipped_bit_is_put_back_and_the_damaged_file_kept(self):
        expected = self.json_of("get", "things", "--vectors")
        self.data = self.data.rename(self.directory / 'the "data"')
        self.database = ["--path", str(self.data)]
        path, _ = self.flip_vector_bit()
        damaged = path.read_bytes()
        report = self.json_of("repair")
        self.assertFalse(report["found"]["clean"])
        self.assertTrue(report["remaining"]["clean"])
        self.assertEqual(report["done"]["errors"], 0)
        aside = pathlib.Path(report["set_aside"])
        self.assertEqual((aside / path.relative_to(self.data)).read_bytes(), damaged)
        self.assertIn(path.name, (aside / "report.txt").read_text())
        self.assertEqual(json.loads((aside / "report.json").read_text()), report["done"])
        self.assertTrue(self.json_of("check")["clean"])
        self.assertEqual(self.json_of("get", "things", "--vectors"), expected)

    def test_what_is_lost_is_named_and_the_rest_written_down(self):
        self.damage(self.segment_file(".vec"), struct.pack("<2f", 0.5, 1.25), count=8)
        report = self.json_of("repair", expect=FAILED)
        lost = {id for finding in report["done"]["findings"] for id in finding["records"]}
        self.assertEqual(lost, {"a", "b", "3"})  # one block holds all three
        aside = pathlib.Path(report["set_aside"])
        (file,) = aside.rglob("lost-*.jsonl")
        left = {record["id"]: record for record in map(json.loads, file.read_text().splitlines())}
        self.assertEqual(left["a"]["document"], "one")
        self.assertEqual(left["b"]["metadata"], self.RECORDS[1]["metadata"])
        self.assertTrue(self.json_of("check")["clean"])
        self.load()
        self.assertEqual(self.run_cli("count", "things"), "3\n")

    def test_directory_that_a_server_has_open_is_left_alone(self):
        path, _ = self.flip_vector_bit()
        damaged = path.read_bytes()
        self.start()
        self.run_cli("repair", "--path", str(self.data), database=False, expect=COULD_NOT_RUN)
        self.assertIn(str(self.server.pid), self.errors)
        self.assertEqual(path.read_bytes(), damaged)
        self.assertFalse((self.data / "set-aside").exists())

    def test_lost_sysdb_is_built_again(self):
        expected = self.json_of("get", "things", "--vectors")
        (self.data / "sysdb.sqlite3").unlink()
        self.run_cli("count", "things", expect=UNREACHABLE)
        self.run_cli("repair")
        self.assertEqual(self.json_of("get", "things", "--vectors"), expected)


class ReadOnly(RecoveryTest):
    """--read-only"""

    def test_not_a_byte_is_written(self):
        before = self.contents()
        for command in (["count", "things"], ["get", "things"], ["query", "things", "[1, 0]"],
                        ["stats"], ["collections"], ["snapshot", "list"],
                        ["export", "things", "-"]):
            self.run_cli(*command, "--read-only")
        self.assertEqual(self.contents(), before)

    def test_directory_is_not_made(self):
        missing = self.directory / "missing"
        self.run_cli("count", "things", "--path", str(missing), "--read-only", database=False,
                     expect=UNREACHABLE)
        self.assertFalse(missing.exists())

    def test_read_only_server_follows_the_writer_and_outlives_it(self):
        self.start()
        writer, database = self.server, self.database
        self.database = ["--path", str(self.data)]
        self.start("--read-only")
        self.assertEqual(self.run_cli("count", "things"), "3\n")
        self.run_cli("import", "more", self.jsonl(*self.RECORDS), *database, database=False)
        while not any(row["name"] == "more" for row in self.json_of("collections")):
            pass
        self.assertEqual(self.run_cli("count", "more"), "3\n")
        self.run_cli("collections", "delete", "more", expect=FAILED)
        self.assertIn("reading only", self.errors)
        writer.kill()
        writer.wait()
        self.assertEqual(self.run_cli("count", "more"), "3\n")

    def test_it_is_of_no_use_with_a_server(self):
        self.start()
        self.run_cli("count", "things", "--read-only", expect=USAGE)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
