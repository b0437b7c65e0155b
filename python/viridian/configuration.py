"""Collections' configurations, between the dicts that calls take and the engine's JSON."""
from . import embedding


def refuse_conflict(given, stored_name):
    """ValueError where a caller names another embedding function than the collection has."""
    name = None if given is None else embedding.name_of(given)
    if name in (None, "default") or stored_name in (None, name):
        return
    raise ValueError(
        f"two embedding functions: {name!r} is given, but the collection's is {stored_name!r}")


def for_create(configuration, metadata, function):
    """The configuration of a new collection, and the embedding function that is in it."""
    given = dict(configuration or {})
    configured = given.pop("embedding_function", None)
    if configured is not None:
        refuse_conflict(function, embedding.name_of(configured))
    chosen = configured if configured is not None else function
    if chosen is None:
        return ({**given, "embedding_function": {"type": "legacy"}} if given else None), None
    stored = embedding.to_json(chosen)
    space = embedding.default_space_of(chosen) if stored["type"] == "known" else None
    if space is not None:
        _set_space(given, metadata, space)
    return {**given, "embedding_function": stored}, chosen


def _set_space(configuration, metadata, space):
    """The function's space, where nothing else says one."""
    indexes = [name for name in ("hnsw", "spann") if configuration.get(name) is not None]
    if not indexes and (metadata or {}).get("hnsw:space") is None:
        configuration["hnsw"] = {"space": space}
    for name in indexes:
        configuration[name] = {"space": space, **configuration[name]}


def for_modify(configuration):
    """The change of a configuration."""
    change = dict(configuration)
    if change.get("embedding_function") is not None:
        change["embedding_function"] = embedding.to_json(change["embedding_function"])
    return change


def loaded(stored):
    """A stored configuration with its embedding function built."""
    return {
        "hnsw": stored.get("hnsw"),
        "spann": stored.get("spann"),
        "embedding_function": embedding.from_json(stored.get("embedding_function")),
    }
