"""Finds images like one that is given, by vectors from outside: here of simple statistics.

    python image_search.py

Draws images of three patterns in three colours, writes their vectors to a .npz, loads that into a
collection and looks for images like a new one. Vectors of a real model are used in the same way.

Needs: viridian, NumPy.
"""
import pathlib
import tempfile

import numpy as np

import viridian

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
PATTERNS = ("rows", "columns", "squares")


def draw(pattern, colour, random):
    """An image of 32 x 32 pixels: a pattern of some width in a colour, with noise."""
    y, x = np.indices((32, 32)) // random.integers(2, 6)
    bright = {"rows": y, "columns": x, "squares": x + y}[pattern] % 2
    image = bright[:, :, None] * np.array(COLOURS[colour])
    return np.clip(image + random.normal(0, 0.05, image.shape), 0, 1)


def statistics(image):
    """A vector of an image: the mean of each colour, and how often brightness changes each way."""
    grey = image.sum(axis=2)
    changes = [np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1)]
    return np.array([*image.mean(axis=(0, 1)), *changes], dtype=np.float32)


random = np.random.default_rng(7)
kinds = [(pattern, colour) for pattern in PATTERNS for colour in COLOURS for _ in range(10)]
with tempfile.TemporaryDirectory() as directory, viridian.EphemeralClient() as client:
    file = pathlib.Path(directory) / "images.npz"
    np.savez(file, vectors=[statistics(draw(*kind, random)) for kind in kinds], kinds=kinds)

    stored = np.load(file)
    images = client.create_collection("images", embedding_function=None,
                                      configuration={"hnsw": {"space": "cosine"}})
    images.add(ids=[f"image-{i}" for i in range(len(kinds))], embeddings=stored["vectors"],
               uris=[f"images/{i}.png" for i in range(len(kinds))],
               metadatas=[{"pattern": str(p), "colour": str(c)} for p, c in stored["kinds"]])

    new = statistics(draw("rows", "green", random))
    for title, where in (("any colour", None), ("not green", {"colour": {"$ne": "green"}})):
        found = images.query(query_embeddings=new, n_results=3, where=where,
                             include=["metadatas", "uris", "distances"])
        print(f"like green rows, {title}:")
        for uri, kind, distance in zip(found["uris"][0], found["metadatas"][0],
                                       found["distances"][0]):
            print(f"  {uri:15} {kind['colour']} {kind['pattern']}, distance {distance:.4f}")
