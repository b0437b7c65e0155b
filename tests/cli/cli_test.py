#!/usr/bin/env python3
"""The command line as its users see it: output, exit statuses and messages.

    cli_test.py BINARY DATA_DIRECTORY
"""
import array
import json
import os
import pathlib
import signal
import stat
import struct
import subprocess
import sys
import threading
import unittest

from harness import BINARY, FAILED, NOT_FOUND, OK, UNREACHABLE, USAGE, CliTest

DATA = pathlib.Path(sys.argv[2])


class Commands(CliTest):
    """Every command on a data directory."""

    def test_imported_records_come_back_whole(self):
        self.assertEqual(self.load()["records"], 3)
        self.assertEqual(self.run_cli("count", "things"), "3\n")
        rows = self.json_of("get", "things", "--vectors")
        expected = [dict(r, id=str(r["id"])) for r in self.RECORDS]
        self.assertEqual(rows, expected)

    def test_query_by_vector_and_by_id(self):
        self.load()
        rows = self.json_of("query", "things", "[1, 0.1]", "-k", "2")
        self.assertEqual([row["id"] for row in rows], ["a", "3"])
        rows = self.json_of("query", "--collection", "things", "-", text="[0, 1]")
        self.assertEqual(rows[0]["id"], "b")
        rows = self.json_of("query", "things", "--id", "a")
        self.assertEqual(sorted(row["id"] for row in rows), ["3", "b"])
        rows = self.json_of("query", "things", "[1, 0]", "-k", "1", "--recall", "1")
        self.assertEqual([row["id"] for row in rows], ["a"])
        self.run_cli("query", "things", "[1, 0]", "--recall", "2", expect=FAILED)
        self.assertIn("at most 1", self.errors)

    def test_explain(self):
        self.load()
        why = self.json_of("explain", "things", "b", "[1, 0]", "-k", "2")
        self.assertEqual((why["outcome"], why["results"]), ("outranked", 2))
        self.assertEqual(why["searched"], {"how": "read", "breadth": 0})
        text = self.run_cli("explain", "things", "a", "--like", "a", "--recall", "1")
        self.assertIn("returned: number 1 of 3, at distance 0.00000", text)
        self.assertIn("every vector is read", text)
        text = self.run_cli("explain", "things", "a", "[1, 0]", "--where", '{"n": 2}')
        self.assertTrue(text.startswith("left out by the filter"), text)
        text = self.run_cli("explain", "things", "x", "[1, 0]")
        self.assertTrue(text.startswith("no such record\n"), text)
        self.run_cli("explain", "things", "a", expect=USAGE)
        self.run_cli("explain", "things", "a", "[1, 0, 0]", expect=FAILED)

    def test_explain_shows_plans(self):
        self.load()
        names = lambda plan: [step["name"] for step in plan]
        query = self.json_of("explain", "things", "--vector", "[1, 0]", "-k", "2", "--where",
                             '{"n": {"$gte": 2}}')
        self.assertIsNone(query["outcome"])
        self.assertEqual(names(query["plan"]), ["open", "filter", "search", "fetch"])
        self.assertEqual(query["plan"][-1]["actual"], query["results"])
        get = self.json_of("explain", "things", "--ids", "a", "--ids", "x", "--limit", "1")
        self.assertEqual(names(get["plan"]), ["open", "ids", "page", "fetch"])
        self.assertEqual((get["plan"][1]["estimated"], get["plan"][1]["actual"]), (2, 1))
        text = self.run_cli("explain", "things", "--where-document", '{"$contains": "on"}')
        self.assertTrue(text.startswith("1 records\n"), text)
        self.assertIn("unindexed", text)
        self.assertIn("fetch", self.run_cli("explain", "things", "--like", "a"))

    def test_filters(self):
        self.load()
        rows = self.json_of("query", "things", "[1, 0]", "--where", '{"n": {"$gte": 2}}')
        self.assertEqual([row["id"] for row in rows], ["b"])
        rows = self.json_of("get", "things", "--where-document", '{"$contains": "on"}')
        self.assertEqual([row["id"] for row in rows], ["a"])
        self.run_cli("get", "things", "--where", '{"n": {"$bogus": 2}}', expect=FAILED)
        self.assertIn("$bogus", self.errors)

    def test_orders_and_counts(self):
        self.load()
        ordered = lambda *by: [row["id"] for row in self.json_of("get", "things", *by)]
        falling = ordered("--order-by", "n:desc")
        rising = ordered("--order-by", "n:asc")
        self.assertEqual(ordered("--order-by", "n"), rising)
        self.assertEqual(ordered("--order-by", "n:desc", "--order-by", "x", "b", "a"), ["b", "a"])
        self.assertLess(falling.index("b"), falling.index("a"))
        self.assertLess(rising.index("a"), rising.index("b"))
        self.assertEqual(self.run_cli("count", "things", "--where", '{"n": {"$gte": 2}}'), "1\n")
        self.assertEqual(
            self.run_cli("count", "things", "--where-document", '{"$contains": "on"}'), "1\n")
        self.run_cli("count", "things", "--where", '{"n": {"$bogus": 2}}', expect=FAILED)

    def test_tables_are_aligned(self):
        self.load()
        lines = self.run_cli("query", "things", "[1, 0]").splitlines()
        self.assertRegex(lines[0], r"^id +distance +document +metadata$")
        column = lines[0].index("document")
        self.assertTrue(lines[1][column:].startswith("one"))
        self.assertTrue(lines[3][column:].startswith("two"))

    def test_import_keeps_or_changes_what_exists(self):
        self.load()
        file = self.jsonl({"id": "a", "embedding": [9, 9], "document": "new"})
        self.run_cli("import", "things", file)
        self.assertEqual(self.json_of("get", "things", "a")[0]["document"], "one")
        self.run_cli("import", "things", file, "--upsert")
        self.assertEqual(self.json_of("get", "things", "a")[0]["document"], "new")

    def test_collections(self):
        self.run_cli("collections", "create", "first", "--space", "cosine", "--metadata", '{"x": 1}')
        self.load()
        listed = {c["name"]: c for c in self.json_of("collections")}
        self.assertEqual(listed["first"]["space"], "cosine")
        self.assertEqual((listed["things"]["records"], listed["things"]["dimension"]), (3, 2))
        self.run_cli("collections", "create", "first", expect=FAILED)
        self.run_cli("collections", "delete", "first")
        self.run_cli("collections", "delete", "first", expect=NOT_FOUND)

    def test_stats(self):
        self.load()
        stats = self.json_of("stats", "things")
        self.assertEqual((stats[0]["records"], stats[0]["applied"]), (3, 3))

    def test_exit_statuses(self):
        self.run_cli("count", "things", expect=UNREACHABLE)  # no such directory, and none is made
        self.assertFalse((self.directory / "data").exists())
        self.load()
        self.run_cli("count", "nothing", expect=NOT_FOUND)
        self.run_cli("get", "things", "nobody", expect=NOT_FOUND)
        self.run_cli("query", "things", "[1, 2, 3]", expect=FAILED)
        self.run_cli("query", "things", expect=USAGE)
        self.run_cli("bogus", expect=USAGE, database=False)
        self.assertIn("no command bogus", self.errors)
        self.run_cli("count", "things", "--url", "http://127.0.0.1:1", expect=UNREACHABLE,
                     database=False)
        self.run_cli("import", "things", "missing.jsonl", expect=NOT_FOUND)


class Imports(CliTest):
    """Files that are not as they should be, and binary files."""

    LINES = ['{"id": "a", "embedding": [1, 2]}', "", "{", '{"id": "c", "embedding": [1]}',
             '{"id": "d", "embeding": [1, 2]}', '{"embedding": [1, 2]}',
             '{"id": "f", "embedding": [1, 2], "metadata": {"k": {"nested": 1}}}',
             '{"id": "g", "embedding": [1e300, 2]}', '{"id": "h", "embedding": [3, 4]}']

    def test_bad_line_stops_and_is_named(self):
        file = self.write("bad.jsonl", "\n".join(self.LINES))
        self.run_cli("import", "things", file, expect=FAILED)
        self.assertIn("bad.jsonl:3: ", self.errors)
        self.assertEqual(self.run_cli("count", "things"), "1\n")  # what was good before it is in

    def test_skip_bad_counts_them(self):
        file = self.write("bad.jsonl", "\n".join(self.LINES))
        summary = self.json_of("import", "things", file, "--skip-bad")
        self.assertEqual((summary["records"], summary["skipped"]), (2, 6))
        self.assertIn('bad.jsonl:5: unknown field "embeding"', self.errors)
        self.assertEqual([r["id"] for r in self.json_of("get", "things")], ["a", "h"])

    def npy(self, descr, shape, numbers, order="False", cut=0):
        """An .npy file of format 1.0."""
        header = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
        header += " " * (-(11 + len(header)) % 64) + "\n"
        data = array.array("d" if descr == "<f8" else "f", numbers).tobytes()
        return self.write("v.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                          header.encode() + data[:len(data) - cut])

    def test_npy_of_floats_and_doubles(self):
        for name, descr in (("floats", "<f4"), ("doubles", "<f8")):
            file = self.npy(descr, "(2, 3)", [1, 2, 3, 4, 5, 6.5])
            self.run_cli("import", name, file)
            rows = self.json_of("get", name, "--vectors")
            self.assertEqual([(r["id"], r["embedding"]) for r in rows],
                             [("0", [1, 2, 3]), ("1", [4, 5, 6.5])])

    def test_fvecs_with_ids_and_records(self):
        file = self.write("v.fvecs", b"".join(struct.pack("<iff", 2, i, -i) for i in range(1, 4)))
        ids = self.write("ids.txt", "x\ny\nz\n")
        records = self.write("r.jsonl", "".join('{"metadata": {"n": %d}}\n' % i for i in range(3)))
        self.run_cli("import", "things", file, "--ids", ids, "--records", records)
        rows = self.json_of("get", "things", "--vectors")
        self.assertEqual([(r["id"], r["metadata"]["n"], r["embedding"]) for r in rows],
                         [("x", 0, [1, -1]), ("y", 1, [2, -2]), ("z", 2, [3, -3])])

    def test_side_files_of_another_length_are_refused(self):
        file = self.npy("<f4", "(2, 1)", [1, 2])
        for lines in ("x\n", "x\ny\nz\n"):
            self.run_cli("import", "things", file, "--ids", self.write("ids.txt", lines),
                         expect=FAILED)
            self.assertIn("ids.txt", self.errors)

    def test_arrays_that_cannot_be_read_are_refused(self):
        for arguments in (("<i4", "(2, 1)", [1, 2]), ("<f4", "(2,)", [1, 2]),
                          ("<f4", "(2, 1)", [1, 2], "True"), ("<f4", "(3, 1)", [1, 2]),
                          ("<f4", "(2, 1)", [1, 2], "False", 1),
                          ("<f4", "(9223372036854775807, 4611686018427387905)", [1, 2])):
            self.run_cli("import", "things", self.npy(*arguments), expect=FAILED)
            self.assertIn("v.npy", self.errors)
        self.run_cli("import", "things", self.write("w.npy", b"junk"), expect=FAILED)

    def test_sample_data(self):
        sample = DATA / "glove-sample"
        self.run_cli("import", "words", f"{sample}.npy", "--records", f"{sample}.jsonl",
                     "--space", "cosine")
        self.assertEqual(self.run_cli("count", "words"), "5000\n")
        rows = self.json_of("query", "words", "--id", "king", "-k", "10")
        self.assertIn("queen", [row["id"] for row in rows])


class Backups(CliTest):
    """Snapshots, export and import."""

    RECORDS = [
        {"id": "a", "embedding": [1, 0.1], "document": "one", "metadata": {"n": 1}},
        {"id": "b", "embedding": [0, 3e-7], "document": "two\nlines",
         "metadata": {"n": 2, "t": ["x", "y"], "f": 0.5}},
        {"id": "c", "embedding": [0.5, 1.25], "uri": "file:c"},
    ]

    def load(self):
        self.run_cli("import", "things", self.jsonl(*self.RECORDS), "--space", "cosine")

    def test_maintenance_commands(self):
        self.load()
        for command in ("flush", "compact", "close"):
            self.run_cli(command, "things")
            self.assertEqual(self.json_of(command, "--all"), {"collections": 1})
            self.run_cli(command, "nothing", expect=NOT_FOUND)
            self.run_cli(command, expect=USAGE)
            self.run_cli(command, "things", "--all", expect=USAGE)
        stats = self.json_of("stats", "things")[0]
        self.assertEqual(stats["sealed"], 3)
        parts = [stats[part + "_bytes"] for part in ("row", "document", "value_index", "text_index")]
        self.assertTrue(all(parts) and sum(parts) < stats["file_bytes"], stats)
        self.assertEqual(self.run_cli("count", "things"), "3\n")

    def test_snapshots_are_made_listed_restored_and_deleted(self):
        self.load()
        self.assertEqual(self.run_cli("snapshot", "list"), "no snapshots\n")
        made = self.json_of("snapshot", "create", "monday")
        self.assertEqual((made["name"], made["collections"], made["records"]), ("monday", 1, 3))
        self.run_cli("snapshot", "create", "monday", expect=FAILED)
        self.run_cli("snapshot", "create", "../monday", expect=FAILED)
        self.assertEqual(self.json_of("snapshot", "list"), [made])
        self.assertIn("monday", self.run_cli("snapshot", "list"))
        self.assertEqual(self.json_of("snapshot", "verify", "monday"), made)
        self.run_cli("snapshot", "restore", "monday", expect=FAILED)
        self.assertIn("things", self.errors)
        self.run_cli("snapshot", "restore", "monday", "--as", "copy", expect=USAGE)
        self.run_cli("snapshot", "restore", "monday", "--collection", "things", "--as", "copy")
        self.assertEqual(self.json_of("get", "copy", "--vectors"),
                         self.json_of("get", "things", "--vectors"))
        self.run_cli("collections", "delete", "things")
        self.assertIn("restored things", self.run_cli("snapshot", "restore", "monday"))
        self.assertEqual(self.run_cli("count", "things"), "3\n")
        self.run_cli("snapshot", "delete", "monday")
        self.run_cli("snapshot", "verify", "monday", expect=NOT_FOUND)

    def test_damaged_snapshot_is_told(self):
        self.load()
        self.run_cli("snapshot", "create", "monday")
        tail = next((self.directory / "data" / "snapshots" / "tails").iterdir())
        data = bytearray(tail.read_bytes())
        data[len(data) // 2] ^= 1
        tail.write_bytes(data)
        self.run_cli("snapshot", "verify", "monday", expect=FAILED)
        self.assertIn(tail.name, self.errors)

    def test_what_is_exported_is_imported_equal(self):
        self.load()
        expected = self.json_of("get", "things", "--vectors")
        for flags in ([], ["--base64"]):
            file = str(self.directory / "out.jsonl")
            done = self.json_of("export", "things", file, *flags)
            self.assertEqual(done["records"], 3)
            self.run_cli("import", "copy" + str(len(flags)), file, "--space", "cosine")
            self.assertEqual(self.json_of("get", "copy" + str(len(flags)), "--vectors"), expected)
        lines = self.run_cli("export", "things", "-").splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], ["a", "b", "c"])
        self.assertEqual(json.loads(lines[0]), self.RECORDS[0])
        self.run_cli("import", "copy2", "-", text="\n".join(lines))
        self.assertEqual(self.run_cli("count", "copy2"), "3\n")

    def test_export_can_be_filtered(self):
        self.load()
        lines = self.run_cli("export", "things", "-", "--where", '{"n": {"$gte": 2}}').splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], ["b"])

    def test_export_as_npy_has_the_rest_beside_it(self):
        self.load()
        npy = str(self.directory / "out.npy")
        self.run_cli("export", "things", npy)
        self.run_cli("import", "copy", npy, "--records", str(self.directory / "out.jsonl"))
        self.assertEqual(self.json_of("get", "copy", "--vectors"),
                         self.json_of("get", "things", "--vectors"))

    def test_export_writes_to_a_pipe_and_does_not_replace_it(self):
        self.load()
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        read = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
        reader.start()
        self.run_cli("export", "things", str(pipe))
        reader.join(60)
        self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))
        self.assertEqual(read[0], "".join(
            line + "\n" for line in self.run_cli("export", "things", "-").splitlines()))

    def test_a_wrong_database_name_is_no_trouble_with_the_server(self):
        self.start()
        self.run_cli("count", "things", "--database", "d1", expect=FAILED)
        self.assertNotIn("reach", self.errors)
        self.assertIn("database", self.errors)

    def test_a_batch_that_the_server_refuses_is_named(self):
        self.start("--server.max_body_bytes", "10000")
        file = self.jsonl({"id": "a", "embedding": [1, 0], "document": "x" * 20000})
        self.run_cli("import", "things", file, expect=FAILED)
        self.assertIn("records.jsonl:1", self.errors)

    def test_a_directory_without_its_sysdb_is_sent_to_repair(self):
        self.load()
        (self.directory / "data" / "sysdb.sqlite3").unlink()
        self.run_cli("count", "things", expect=UNREACHABLE)
        self.assertIn("repair", self.errors)

    def test_export_leaves_no_half_file(self):
        self.load()
        self.run_cli("export", "things", str(self.directory / "no" / "out.jsonl"), expect=NOT_FOUND)
        self.run_cli("export", "nothing", str(self.directory / "out.jsonl"), expect=NOT_FOUND)
        self.assertEqual([f.name for f in self.directory.glob("out*")], [])

    def test_import_of_a_file_cut_short_names_the_line_and_can_be_resumed(self):
        self.load()
        file = self.directory / "out.jsonl"
        self.run_cli("export", "things", str(file))
        whole = file.read_bytes()
        file.write_bytes(whole[:-10])
        self.run_cli("import", "copy", str(file), expect=FAILED)
        self.assertIn("out.jsonl:3: ", self.errors)
        self.assertEqual(self.run_cli("count", "copy"), "2\n")
        file.write_bytes(whole)
        summary = self.json_of("import", "copy", str(file))
        self.assertEqual((summary["records"], summary["new"], summary["existed"]), (3, 1, 2))

    def test_import_refuses_another_space(self):
        self.load()
        self.run_cli("import", "things", self.jsonl(*self.RECORDS), "--space", "l2", expect=FAILED)
        self.assertIn("cosine", self.errors)

    def test_read_only_changes_nothing(self):
        self.load()
        self.assertEqual(self.run_cli("count", "things", "--read-only"), "3\n")
        for command in (["import", "things", self.jsonl(*self.RECORDS)], ["compact", "--all"],
                        ["collections", "create", "more"], ["collections", "delete", "things"],
                        ["snapshot", "create", "x"]):
            self.run_cli(*command, "--read-only", expect=FAILED)
            self.assertIn("reading only", self.errors)


class Serving(CliTest):
    """The server process and commands that talk to it."""

    def test_same_commands_work_over_http(self):
        self.start()
        self.run_cli("import", "things", self.jsonl(*self.RECORDS))
        self.assertEqual(self.run_cli("count", "things"), "3\n")
        rows = self.json_of("query", "things", "--id", "a", "-k", "1", "--recall", "0.9")
        self.assertEqual(rows[0]["id"], "3")
        why = self.json_of("explain", "things", "3", "--like", "3")
        self.assertEqual((why["outcome"], why["rank"], why["distance"]), ("returned", 1, 0))
        self.run_cli("count", "nothing", expect=NOT_FOUND)

    def test_backups_work_over_http(self):
        self.start()
        self.run_cli("import", "things", self.jsonl(*self.RECORDS))
        for command in ("flush", "compact", "close"):
            self.run_cli(command, "--all")
        self.run_cli("snapshot", "create", "monday")
        self.run_cli("snapshot", "verify", "monday")
        self.run_cli("snapshot", "restore", "monday", "--collection", "things", "--as", "copy")
        lines = self.run_cli("export", "copy", "-")
        self.assertEqual(lines, self.run_cli("export", "things", "-"))
        self.assertEqual(len(lines.splitlines()), 3)

    def test_reader_beside_the_server_follows_it(self):
        path = ["--path", str(self.directory / "data"), "--read-only"]
        self.start()
        self.run_cli("import", "things", self.jsonl(*self.RECORDS))
        self.assertEqual(self.run_cli("count", "things", *path, database=False), "3\n")
        self.run_cli("collections", "delete", "things", *path, database=False, expect=FAILED)

    def test_signals_stop_it_gracefully(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.database = ["--path", str(self.directory / "data")]
            self.start()
            self.server.send_signal(number)
            self.assertEqual(self.server.wait(60), OK)

    def test_second_process_on_a_directory_is_refused(self):
        path = ["--path", str(self.directory / "data")]
        self.start()
        self.run_cli("collections", *path, expect=UNREACHABLE, database=False)
        self.assertIn(str(self.server.pid), self.errors)

    def test_settings_come_from_flags_environment_and_file(self):
        file = self.write("v.toml", '[log]\nlevel = "warn"\nformat = "json"\n')
        environment = {**os.environ, "VIRIDIAN_LOG_FORMAT": "text"}
        done = subprocess.run([BINARY, "config", "--config", file, "--server.port", "1234", "--json"],
                              env=environment, capture_output=True, text=True, check=True)
        settings = json.loads(done.stdout)
        self.assertEqual(settings["log.level"]["value"], "warn")
        self.assertIn("v.toml", settings["log.level"]["origin"])
        self.assertEqual(settings["log.format"]["value"], "text")
        self.assertIn("VIRIDIAN_LOG_FORMAT", settings["log.format"]["origin"])
        self.assertEqual(settings["server.port"]["value"], "1234")

    def test_wrong_settings_are_refused_and_the_nearest_named(self):
        self.run_cli("serve", "--server.prt", "1", expect=USAGE, database=False)
        self.assertIn("server.port", self.errors)
        self.run_cli("serve", "--port", "many", expect=USAGE, database=False)
        self.run_cli("serve", "--config", "missing.toml", expect=USAGE, database=False)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
