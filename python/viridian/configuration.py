"""Collections' configurations, between the dicts that calls take and the engine's JSON."""
import json
import math

from . import embedding


def body(request):
    """A request about a collection as JSON; ValueError for what none can say.

        >>> body({"name": "notes", "metadata": {"much": float("inf")}})
        Traceback (most recent call last):
        ValueError: metadata 'much' is inf: NaN and infinities cannot be kept
    """
    for part in ("metadata", "new_metadata"):
        metadata = request.get(part)
        for key, value in metadata.items() if isinstance(metadata, dict) else ():
            if not isinstance(key, str):
                raise TypeError(f"keys of metadata must be str, but one is {key!r}")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"metadata {key!r} is {value}: NaN and infinities cannot be kept")
    return json.dumps(request, allow_nan=False, default=_plain)


def _plain(value):
    """One of NumPy's numbers as Python's; TypeError for anything else that JSON has not."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    raise TypeError(f"a {type(value).__name__} is none of what metadata and configurations can hold: "
                    "str, int, float and bool")


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
