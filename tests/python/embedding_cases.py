"""Embedding functions and asyncio's clients. usage: embedding_cases.py VIRIDIAN_BINARY"""
import asyncio
import doctest
import http.server
import importlib
import importlib.util
import json
import os
import pathlib
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import viridian  # noqa: E402
from viridian.utils import embedding_functions  # noqa: E402

BINARY = sys.argv.pop()


class Model(http.server.BaseHTTPRequestHandler):
    """Answers like OpenAI's and Ollama's servers; the vector of a text is its length and its place."""

    requests = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.requests.append((self.path, body, dict(self.headers)))
        if body["model"] == "absent":
            self.send_error(404, "no such model")
            return
        vectors = [[float(len(text)), float(i)] for i, text in enumerate(body["input"])]
        answer = {"embeddings": vectors} if self.path == "/api/embed" else {
            "data": [{"index": i, "embedding": v} for i, v in reversed(list(enumerate(vectors)))]}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


class SentenceTransformers(unittest.TestCase):
    """The package is far too large for a test: another with its interface takes its place."""

    def setUp(self):
        class SentenceTransformer:
            def __init__(self, name, device, **further):
                self.made_of = (name, device, further)

            def encode(self, texts, convert_to_numpy, normalize_embeddings):
                assert convert_to_numpy
                return [np.array([len(text), normalize_embeddings], dtype=np.float64) for text in texts]

        module = types.ModuleType("sentence_transformers")
        module.SentenceTransformer = SentenceTransformer
        patched = mock.patch.dict(sys.modules, sentence_transformers=module)
        patched.start()
        self.addCleanup(patched.stop)

    def test_arguments_are_stored_and_given_again(self):
        function = embedding_functions.SentenceTransformerEmbeddingFunction(
            "small", normalize_embeddings=True, revision="7")
        with viridian.EphemeralClient() as client:
            made = client.create_collection("transformed", embedding_function=function)
            made.add(ids="a", documents="three")
            found = client.get_collection("transformed")
            got = found.get(include=["embeddings"])["embeddings"]
            again = found.configuration["embedding_function"]
        self.assertEqual(got.tolist(), [[5.0, 1.0]])
        self.assertEqual(again.get_config(), {
            "model_name": "small", "device": "cpu", "normalize_embeddings": True,
            "kwargs": {"revision": "7"}})
        self.assertEqual(again._model.made_of, ("small", "cpu", {"revision": "7"}))

    def test_what_cannot_be_stored_is_refused(self):
        with self.assertRaisesRegex(ValueError, "callback is a function"):
            embedding_functions.SentenceTransformerEmbeddingFunction(callback=lambda: None)


class Others(unittest.TestCase):
    def test_functions_that_are_not_here_are_chromas_or_said_to_be_missing(self):
        if importlib.util.find_spec("chromadb"):
            from chromadb.utils.embedding_functions import CohereEmbeddingFunction
            self.assertIs(embedding_functions.CohereEmbeddingFunction, CohereEmbeddingFunction)
            self.assertIs(viridian.embedding.named("cohere"), CohereEmbeddingFunction)
        else:
            with self.assertRaisesRegex(AttributeError, "install chromadb"):
                embedding_functions.CohereEmbeddingFunction
        self.assertFalse(hasattr(embedding_functions, "NobodysEmbeddingFunction"))
        with self.assertRaisesRegex(ValueError, "not registered"):
            viridian.embedding.named("nobody's")


class Servers(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        Model.requests.clear()

    def test_openai(self):
        function = embedding_functions.OpenAIEmbeddingFunction(
            api_base=self.address + "/v1", model_name="small", dimensions=2, api_key="secret",
            default_headers={"X-Mine": "yes"})
        np.testing.assert_array_equal(function(["a", "bcd"]), [[1, 0], [3, 1]])
        path, body, headers = Model.requests[0]
        self.assertEqual((path, body["model"], body["dimensions"]), ("/v1/embeddings", "small", 2))
        self.assertEqual((headers["Authorization"], headers["X-Mine"]), ("Bearer secret", "yes"))
        self.assertNotIn("secret", json.dumps(function.get_config()))

    def test_ollama(self):
        function = embedding_functions.OllamaEmbeddingFunction(self.address + "/api/embeddings", "m")
        np.testing.assert_array_equal(function(["a", "bcd"]), [[1, 0], [3, 1]])
        with self.assertRaisesRegex(ValueError, "404"):
            embedding_functions.OllamaEmbeddingFunction(self.address, "absent")(["a"])

    def test_a_collection_embeds_with_what_is_stored_with_it(self):
        with tempfile.TemporaryDirectory() as path:
            with viridian.PersistentClient(path) as client:
                client.create_collection("stored", embedding_function=(
                    embedding_functions.OllamaEmbeddingFunction(self.address, "m")))
            with viridian.PersistentClient(path) as client:
                stored = client.get_collection("stored")
                stored.add(ids=["a", "b"], documents=["four", "seven77"])
                self.assertEqual(stored.query(query_texts="1234567", n_results=1)["ids"], [["a"]])
                self.assertEqual(stored.configuration["embedding_function"].model_name, "m")
                self.assertEqual(stored.configuration_json["hnsw"]["space"], "cosine")
                with self.assertRaises(ValueError):
                    client.get_collection("stored", embedding_functions.HashingEmbeddingFunction())


class Hashing(unittest.TestCase):
    def test_it_is_the_same_everywhere(self):
        vectors = embedding_functions.HashingEmbeddingFunction(8)(["one two three four five", ""])
        np.testing.assert_allclose(vectors[0] * np.sqrt(3), [-1, -1, 0, 0, 0, 0, 0, -1], atol=1e-6)
        np.testing.assert_array_equal(vectors[1], np.zeros(8))

    def test_texts_that_share_words_are_near(self):
        with viridian.EphemeralClient() as client:
            c = client.create_collection(
                "hashed", embedding_function=embedding_functions.HashingEmbeddingFunction())
            c.add(ids=["sea", "land", "sky"], documents=[
                "ships sail the sea", "trees grow on land", "birds fly in the sky"])
            found = c.query(query_texts=["who sail on ships", "what do birds do"], n_results=1)
            self.assertEqual(found["ids"], [["sea"], ["sky"]])


class Minilm(unittest.TestCase):
    def test_what_is_missing_is_said_and_nothing_is_fetched(self):
        with tempfile.TemporaryDirectory() as home, mock.patch.dict(
                os.environ, {"HOME": home}), mock.patch.object(viridian.embedding.DEFAULT, "_model",
                                                               None):
            os.environ.pop("VIRIDIAN_MINILM", None)
            with viridian.EphemeralClient() as client:
                c = client.create_collection("default-function")
                with self.assertRaisesRegex(ValueError, "VIRIDIAN_MINILM"):
                    c.add(ids="a", documents="to be embedded")
                c.add(ids="a", embeddings=[1.0, 2.0], documents="embedded already")
                self.assertEqual(c.count(), 1)

    @unittest.skipUnless(os.environ.get("VIRIDIAN_MINILM"), "VIRIDIAN_MINILM names no model")
    def test_a_model_finds_what_means_the_same(self):
        with viridian.EphemeralClient() as client:
            c = client.create_collection("minilm")
            c.add(ids=["cat", "engine", "bread"], documents=[
                "A kitten sleeps on the sofa", "The motor of the car is broken", "Flour and yeast"])
            found = c.query(query_texts=["my pet naps", "repair a vehicle", "how to bake"], n_results=1)
            self.assertEqual(found["ids"], [["cat"], ["engine"], ["bread"]])
            one = c.get(ids="cat", include=["embeddings"])["embeddings"][0]
            self.assertEqual(one.shape, (384,))
            self.assertAlmostEqual(float(np.linalg.norm(one)), 1.0, places=5)


class Asyncio(unittest.TestCase):
    async def use(self, client):
        async with client:
            made = await client.create_collection("async", embedding_function=None)
            await made.add(ids=[str(i) for i in range(100)], embeddings=np.eye(100))
            answers = await asyncio.gather(*[
                made.query(query_embeddings=np.eye(100)[i], n_results=1) for i in range(50)])
            self.assertEqual([a["ids"][0][0] for a in answers], [str(i) for i in range(50)])
            self.assertEqual([c.name for c in await client.list_collections()], ["async"])
            self.assertEqual(await (await client.get_collection("async")).count(), 100)
            with self.assertRaises(viridian.errors.NotFoundError):
                await client.get_collection("absent")

    def test_every_kind_of_client(self):
        async def all_of_them(port, path):
            await self.use(await viridian.AsyncEphemeralClient())
            await self.use(await viridian.AsyncPersistentClient(path))
            await self.use(await viridian.AsyncHttpClient(port=port))

        with harness.running(BINARY) as server, tempfile.TemporaryDirectory() as path:
            asyncio.run(all_of_them(server.port, path))

    def test_the_loop_goes_on_while_a_call_works(self):
        async def ask():
            async with await viridian.AsyncEphemeralClient() as client:
                made = await client.create_collection("slow", embedding_function=None)
                values = np.random.default_rng(1).standard_normal((2000, 512))
                await made.add(ids=[str(i) for i in range(2000)], embeddings=values)
                slow = asyncio.create_task(made.query(query_embeddings=values, n_results=50,
                                                      include=["distances"]))
                turns = 0
                while not slow.done():
                    turns += 1
                    await asyncio.sleep(0.001)
                return turns

        self.assertGreater(asyncio.run(ask()), 20)

    def test_examples_do_what_they_say(self):
        for name in ("viridian.aio", "viridian.embedding_functions"):
            self.assertEqual(doctest.testmod(importlib.import_module(name)).failed, 0, name)


if __name__ == "__main__":
    unittest.main()
