"""The sets of records that are measured, all made of WordNet's synsets (wordnet.py).

glosses  every synset once, in the order of the files: 117,659 records with their vectors by
         all-MiniLM-L6-v2 (384 dimensions), and a key `r` besides: a random whole number below 1000, by which
         a filter lets through a share of exactly the wanted size on average.
grown    1,000,000 records grown from them. A record is that of a random synset: its gloss and its metadata.
         A second random gloss is joined to the document of every other record, at random. Besides, a record
         has `number`, its place in a random order of all, and `batch`, a string which ten records share that
         follow each other in that order. Vectors have 8 random dimensions: they do not matter here, but
         every engine wants some.
ingest   records with the eight keys of a random synset and a document of about 200 words: glosses are joined
         to its own until there are as many. Vectors as in `grown`.

Everything follows from SEED, so that only the vectors of `glosses` are kept in files; --quick makes
smaller sets in the same way (SIZES), of which the first synsets are a random choice.
"""
import pathlib
import sys

import numpy as np

import wordnet

HERE = pathlib.Path(__file__).resolve().parent
SEED = 6
SIZES = {"full": {"glosses": None, "grown": 1_000_000, "ingest": 50_000},
         "quick": {"glosses": 20_000, "grown": 50_000, "ingest": 3_000}}
WORDS = 200
SMALL_DIM = 8
SHARED = 10  # records with the same `batch`


class Set:
    """Records by number: documents, metadata and vectors, and each key as a column.

    `base` are numbers of synsets; `own` are the columns that records do not have from their synset."""

    def __init__(self, name, source, base, documents, own, vectors):
        self.name, self.source, self.base = name, source, base
        self.documents, self.own, self.vectors = documents, own, vectors
        self.arrays = name != "ingest"  # whether records have `lemmas`

    def __len__(self):
        return len(self.base)

    def keys(self):
        """Of the metadata, without `lemmas`."""
        return (*wordnet.KEYS, *self.own)

    def column(self, key):
        """Values of all records; a synset's are looked up once for all records that came from it."""
        if key in self.own:
            return self.own[key]
        return self.source.columns[key][self.base]

    def metadata(self, row):
        """A record's, as JSON takes it."""
        found = dict(self.source.metadatas[self.base[row]])
        found |= {key: values[row].item() for key, values in self.own.items()}
        if self.arrays:
            found["lemmas"] = self.source.lemmas[self.base[row]]
        return found

    def lemmas(self, row):
        """The array."""
        return self.source.lemmas[self.base[row]]


class Source:
    """WordNet, and sets made of it. `folder` keeps the vectors."""

    def __init__(self, size, folder):
        self.sizes, self.folder = SIZES[size], pathlib.Path(folder)
        self.glosses, self.metadatas, self.lemmas = wordnet.records()
        self.columns = {key: np.array([one[key] for one in self.metadatas]) for key in wordnet.KEYS}

    def vectors(self):
        """Of all glosses, made when first asked for; equal glosses have equal ones."""
        path = self.folder / "glosses.npy"
        if not path.exists():
            sys.path.append(str(HERE.parent / "vectors"))
            from embed import Encoder
            distinct = list(dict.fromkeys(self.glosses))
            place = {gloss: i for i, gloss in enumerate(distinct)}
            rows, encoder, step = [], Encoder(), 5_000
            for first in range(0, len(distinct), step):
                rows.append(encoder.encode(distinct[first:first + step]))
                print(f"embedded {min(first + step, len(distinct))} of {len(distinct)} glosses", flush=True)
            part = path.with_name("part.npy")
            np.save(part, np.concatenate(rows)[[place[gloss] for gloss in self.glosses]])
            part.rename(path)
        return np.load(path)

    def make(self, name):
        """The set of that name."""
        random = np.random.default_rng([SEED, *name.encode()])
        return getattr(self, f"make_{name}")(random, self.sizes[name])

    def make_glosses(self, random, count):
        """Every synset, or so many of them."""
        order = np.sort(random.permutation(len(self.glosses))[:count])
        return Set("glosses", self, order, [self.glosses[i] for i in order],
                   {"r": random.integers(0, 1000, len(order))}, self.vectors()[order])

    def make_grown(self, random, count):
        """Records of one or two glosses."""
        first, second = (random.integers(0, len(self.glosses), count) for _ in range(2))
        two = random.random(count) < 0.5
        documents = [f"{self.glosses[a]}; {self.glosses[b]}" if both else self.glosses[a]
                     for a, b, both in zip(first.tolist(), second.tolist(), two.tolist())]
        number = random.permutation(count)
        batch = np.char.mod("b%06d", number // SHARED)
        return Set("grown", self, first, documents, {"number": number, "batch": batch},
                   small_vectors(random, count))

    def make_ingest(self, random, count):
        """Records of about 200 words."""
        first = random.integers(0, len(self.glosses), count)
        documents = []
        for number in first.tolist():
            parts, words = [self.glosses[number]], self.metadatas[number]["words"]
            while words < WORDS:
                other = int(random.integers(0, len(self.glosses)))
                parts.append(self.glosses[other])
                words += self.metadatas[other]["words"]
            documents.append("; ".join(parts))
        return Set("ingest", self, first, documents, {}, small_vectors(random, count))


def small_vectors(random, count):
    """Random, of length one."""
    rows = random.standard_normal((count, SMALL_DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
