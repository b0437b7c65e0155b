"""Parts of scenario.py about schemas."""
import json
import random

KEYS = [None, "a", "b", "#document", "#embedding", "#own", ""]


def _config(package, chance):
    """An index's configuration, or what is none."""
    kind = chance.choice(["Fts", "StringInverted", "IntInverted", "FloatInverted", "BoolInverted",
                          "Vector", "Vector", "SparseVector", "Hnsw", "none"])
    if kind == "none":
        return None
    make = getattr(package, f"{kind}IndexConfig")
    if kind == "Hnsw":
        return make(ef_search=chance.randrange(1, 300))
    if kind == "SparseVector":
        return make(**chance.choice([{}, {"bm25": True}, {"source_key": "a"}]))
    if kind == "Vector":
        given = {"space": chance.choice([None, "l2", "cosine", "ip"]),
                 "source_key": chance.choice([None, "a", "#document"])}
        if chance.random() < 0.5:
            given["hnsw"] = package.HnswIndexConfig(ef_construction=chance.randrange(10, 300),
                                                    resize_factor=1.5)
        if chance.random() < 0.3:
            given["embedding_function"] = None
        return make(**given)
    return make()


def _change(package, schema, chance):
    """One random change; whether it was refused."""
    change = schema.create_index if chance.random() < 0.6 else schema.delete_index
    config = _config(package, chance)
    if config is not None and type(config).__name__ == "HnswIndexConfig":
        return "no index"  # which Chroma's class takes, and does nothing
    try:
        return change(config=config, key=chance.choice(KEYS)) is schema
    except ValueError:
        return "refused"


def random_ones(package, plain):
    """What random changes make of schemas, and what is read back from their JSON."""
    answers = []
    for seed in range(25):
        chance, schema = random.Random(seed), package.Schema()
        done = [_change(package, schema, chance) for _ in range(chance.randrange(16))]
        stored = schema.serialize_to_json()
        again = package.Schema.deserialize_from_json(stored)
        answers += [done, *(json.dumps(plain(each))
                           for each in (stored, again.serialize_to_json()))]
    return answers


def mistakes(package, attempt):
    return [attempt(package, call) for call in (
        lambda: package.VectorIndexConfig(space="hamming"),
        lambda: package.VectorIndexConfig(embedding_function=7),
        lambda: package.VectorIndexConfig(source_key="#embedding"),
        lambda: package.VectorIndexConfig(source_key=7),
        lambda: package.VectorIndexConfig(width=3),
        lambda: package.VectorIndexConfig(hnsw=7),
        lambda: package.FtsIndexConfig(width=3),
        lambda: package.HnswIndexConfig(width=3),
        lambda: package.SparseVectorIndexConfig(width=3),
        lambda: package.SparseVectorIndexConfig(source_key="#x"),
        lambda: package.SparseVectorIndexConfig(embedding_function=7))]


def of_collections(client, package, attempt, function):
    """What collections with schemas answer, and that their functions embed."""
    bare = client.create_collection("schema-none", embedding_function=None)
    schema = package.Schema().create_index(package.VectorIndexConfig(
        space="cosine", embedding_function=function, hnsw=package.HnswIndexConfig(ef_search=37)))
    schema.delete_index(package.StringInvertedIndexConfig(), key="no")
    schema.delete_index(package.IntInvertedIndexConfig())
    made = client.create_collection("schema-some", schema=schema)
    made.add(ids=["a", "b"], documents=["one document", "another one"],
             metadatas=[{"no": "x", "yes": "x", "n": 1}, {"no": "y", "yes": "y", "n": 2}])
    found = client.get_collection("schema-some")
    hnsw = found.schema.keys["#embedding"].float_list.vector_index.config
    return [
        type(bare.schema).__name__, bare.schema.keys["#document"].string.fts_index.enabled,
        bare.schema.defaults.int_value.int_inverted_index.enabled,
        hnsw.space, hnsw.hnsw.ef_search, found.configuration_json["hnsw"]["space"],
        found.schema.keys["no"].string.string_inverted_index.enabled,
        found.schema.keys["no"].int_value,
        attempt(package, lambda: found.get(where={"no": "x"})["ids"]),
        attempt(package, lambda: found.get(where={"yes": "x"})["ids"]),
        attempt(package, lambda: found.get(where={"n": 1})["ids"]),
        found.query(query_texts=["another one"], n_results=1)["ids"],
        len(found.get(include=["embeddings"])["embeddings"][0]),
        made == client.get_collection("schema-some"),
    ]
