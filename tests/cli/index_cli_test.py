#!/usr/bin/env python3
"""Searches through an index, at a server: how much they find, how, and how that is watched.

    index_cli_test.py BINARY
"""
import json
import random
import sys
import time
import unittest
import urllib.error
import urllib.request

from harness import CliTest

ROWS = 1500
DIMENSION = 12


def vectors(count):
    """The same ones at each call."""
    generator = random.Random(7)
    return [[generator.gauss(0, 1) for _ in range(DIMENSION)] for _ in range(count)]


class Indexed(CliTest):
    """A server with one collection that has an index."""

    def setUp(self):
        super().setUp()
        self.start("--vectors.index_rows", "1000", "--vectors.sample_every", "1")
        self.url = self.database[1]
        rows = [{"id": str(i), "embedding": v} for i, v in enumerate(vectors(ROWS))]
        self.run_cli("import", "things", self.jsonl(*rows), "--space", "l2")
        self.run_cli("compact", "things")
        path = "/api/v2/tenants/default_tenant/databases/default_database/collections/"
        self.collection = path + self.call("GET", path + "things")["id"]

    def call(self, method, path, body=None):
        """What the server answers to a request."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.startswith(("{", "[")) else text

    def metric(self, name):
        """A metric's value."""
        for line in self.call("GET", "/metrics").splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        self.fail(f"there is no metric {name}")

    def explain(self, **more):
        """How the nearest record to record 3, itself, is found."""
        vector = self.json_of("get", "things", "3", "--vectors")[0]["embedding"]
        return self.call("POST", self.collection + "/explain",
                         {"query_embedding": vector, "id": "3", **more})

    def test_explain_tells_how_the_index_was_searched(self):
        why = self.explain(n_results=5)
        self.assertEqual((why["outcome"], why["rank"], why["results"]), ("returned", 1, 5))
        self.assertEqual(why["searched"]["how"], "walked")
        usual = why["searched"]["breadth"]
        self.assertEqual(self.explain(recall_target=1)["searched"]["how"], "read")
        self.assertLessEqual(self.explain(recall_target=0.5)["searched"]["breadth"], usual)
        text = self.run_cli("explain", "things", "3", "--like", "3", "-k", "5")
        self.assertIn(f"an index is walked with breadth {usual}\n", text)
        for wrong in ({"recall_target": 0}, {"recall_target": 1.5}, {"n_results": 0}):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.explain(**wrong)
            self.assertEqual(refused.exception.code, 400, wrong)
            refused.exception.close()

    def test_ef_search_counts_from_the_next_query_on(self):
        self.call("PUT", self.collection, {"new_configuration": {"hnsw": {"ef_search": 611}}})
        self.assertEqual(self.explain()["searched"], {"how": "walked", "breadth": 611})
        self.call("PUT", self.collection, {"new_configuration": {"hnsw": {"ef_search": 100}}})
        self.assertLess(self.explain()["searched"]["breadth"], 611)

    def test_what_queries_find_is_watched(self):
        self.assertEqual(self.metric("viridian_search_sampled_recall"), 1)
        end = time.monotonic() + 60
        while self.metric("viridian_search_sampled_neighbours_total") < 20:
            self.assertLess(time.monotonic(), end)
            self.run_cli("query", "things", "--id", "5", "-k", "9")
        found = self.metric("viridian_search_sampled_found_total")
        self.assertGreater(found / self.metric("viridian_search_sampled_neighbours_total"), 0.9)
        self.assertGreater(self.metric("viridian_search_sampled_recall"), 0.9)
        self.assertEqual(self.metric("viridian_search_samples_unfinished_total"), 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
