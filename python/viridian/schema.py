"""Schemas: which indexes a collection's keys have, in the classes that Chroma has for it.

    >>> import viridian
    >>> schema = Schema().create_index(VectorIndexConfig(space="cosine"))
    >>> schema = schema.delete_index(StringInvertedIndexConfig(), key="notes")
    >>> client = viridian.EphemeralClient()
    >>> made = client.create_collection("schema-example", schema=schema, embedding_function=None)
    >>> made.schema.keys["notes"].string.string_inverted_index.enabled
    False
"""
from __future__ import annotations

import dataclasses
import warnings
from typing import Any, Dict, Iterator, List, Optional, Type

from . import embedding
from .types import Space

__all__ = [
    "BoolInvertedIndexConfig", "BoolInvertedIndexType", "BoolValueType",
    "DOCUMENT_KEY", "EMBEDDING_KEY", "FloatInvertedIndexConfig", "FloatInvertedIndexType",
    "FloatListValueType", "FloatValueType", "FtsIndexConfig", "FtsIndexType", "HnswIndexConfig",
    "IntInvertedIndexConfig", "IntInvertedIndexType", "IntValueType", "Schema",
    "SparseVectorIndexConfig", "SparseVectorIndexType", "SparseVectorValueType", "SpannIndexConfig",
    "StringInvertedIndexConfig", "StringInvertedIndexType", "StringValueType", "ValueTypes",
    "VectorIndexConfig", "VectorIndexType",
]

DOCUMENT_KEY = "#document"
EMBEDDING_KEY = "#embedding"


class _Fields:
    """An object of the fields that its class is annotated with, None where they are not given."""

    def __init_subclass__(cls) -> None:
        dataclasses.dataclass(init=False)(cls)

    def __init__(self, **values: Any) -> None:
        names = self._names()
        for name in values:
            if name not in names:
                raise ValueError(f"{type(self).__name__} has no field {name!r}; it has "
                                 f"{', '.join(names) or 'none'}")
        for name in names:
            setattr(self, name, values.get(name))

    @classmethod
    def _names(cls) -> List[str]:
        return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]


class IndexConfig(_Fields):
    """How an index is made. What is None is chosen by the engine."""

    def to_json(self) -> Dict[str, Any]:
        given = {name: getattr(self, name) for name in self._names()}
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, stored: Dict[str, Any]) -> Any:
        return cls(**{name: value for name, value in stored.items() if name in cls._names()})


class FtsIndexConfig(IndexConfig):
    """Of the index of documents' text."""


class StringInvertedIndexConfig(IndexConfig):
    """Of the index of a key's strings."""


class IntInvertedIndexConfig(IndexConfig):
    """Of the index of a key's integers."""


class FloatInvertedIndexConfig(IndexConfig):
    """Of the index of a key's other numbers."""


class BoolInvertedIndexConfig(IndexConfig):
    """Of the index of a key's truth values."""


class HnswIndexConfig(IndexConfig):
    """Of the graph that finds near vectors."""

    ef_construction: Optional[int]
    max_neighbors: Optional[int]
    ef_search: Optional[int]
    num_threads: Optional[int]
    batch_size: Optional[int]
    sync_threshold: Optional[int]
    resize_factor: Optional[float]


class SpannIndexConfig(IndexConfig):
    """Of the index that Chroma's own service has instead; kept, and not used."""

    search_nprobe: Optional[int]
    write_nprobe: Optional[int]
    ef_construction: Optional[int]
    ef_search: Optional[int]
    max_neighbors: Optional[int]
    reassign_neighbor_count: Optional[int]
    split_threshold: Optional[int]
    merge_threshold: Optional[int]


_GRAPHS: Dict[str, Type[IndexConfig]] = {"hnsw": HnswIndexConfig, "spann": SpannIndexConfig}


def _source(value: Any) -> Optional[str]:
    """The name of the key that vectors are made of."""
    name = getattr(value, "name", value)
    if name is None:
        return None
    if not isinstance(name, str):
        raise ValueError(f"source_key is a {type(value).__name__}, but has to be a key's name")
    if name.startswith("#") and name != DOCUMENT_KEY:
        raise ValueError(f"source_key {name!r}: of the names that begin with '#' only {DOCUMENT_KEY} "
                         "can be one")
    return name


class _MadeOf(IndexConfig):
    """Of an index of what a function makes of a key's values."""

    embedding_function: Optional[Any]
    source_key: Optional[str]

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.source_key = _source(self.source_key)
        if self.embedding_function is not None and not callable(self.embedding_function):
            raise ValueError("the embedding function cannot be called")

    def _to_json(self, none: str) -> Dict[str, Any]:
        """`none`: the type of a function that is not there."""
        function = self.embedding_function
        stored = {"type": none} if function is None else embedding.to_json(function)
        return {**super().to_json(), "embedding_function": stored}

    @classmethod
    def from_json(cls, stored: Dict[str, Any]) -> Any:
        built = ({"embedding_function": _function(stored["embedding_function"])}
                 if "embedding_function" in stored else {})
        return super().from_json({**stored, **built})


class VectorIndexConfig(_MadeOf):
    """Of the index of vectors: distance, what embeds documents, and the graph's own."""

    space: Optional[Space]
    hnsw: Optional[HnswIndexConfig]
    spann: Optional[SpannIndexConfig]

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"embedding_function": embedding.DEFAULT, **values})
        if self.space not in (None, "cosine", "l2", "ip"):
            raise ValueError(f"the space {self.space!r} is none of cosine, l2 and ip")
        for name, kind in _GRAPHS.items():
            given = getattr(self, name)
            if isinstance(given, dict):
                setattr(self, name, kind(**given))
            elif given is not None and not isinstance(given, kind):
                raise ValueError(f"{name} has to be a {kind.__name__}")

    def to_json(self) -> Dict[str, Any]:
        stored = self._to_json("legacy")
        for name in stored.keys() & _GRAPHS.keys():
            stored[name] = stored[name].to_json()
        if self.space is None and stored["embedding_function"]["type"] == "known":
            space = embedding.default_space_of(self.embedding_function)
            if space is not None:
                stored["space"] = space
        return stored

    @classmethod
    def from_json(cls, stored: Dict[str, Any]) -> VectorIndexConfig:
        graphs = {name: kind.from_json(stored[name]) for name, kind in _GRAPHS.items()
                  if stored.get(name) is not None}
        made: VectorIndexConfig = super().from_json({**stored, **graphs})
        return made


class SparseVectorIndexConfig(_MadeOf):
    """Of an index of sparse vectors."""

    bm25: Optional[bool]

    def to_json(self) -> Dict[str, Any]:
        return self._to_json("unknown")


def _function(stored: Any) -> Any:
    """The stored function, built; None, and a warning, where it is not known here."""
    try:
        return embedding.from_json(stored)
    except ValueError as error:
        warnings.warn(str(error), UserWarning, stacklevel=4)
        return None


class IndexType(_Fields):
    """Whether there is an index, and how it is made."""

    enabled: bool
    config: Any


class FtsIndexType(IndexType):
    """The index of documents' text."""


class StringInvertedIndexType(IndexType):
    """The index of a key's strings."""


class VectorIndexType(IndexType):
    """The index of vectors."""


class SparseVectorIndexType(IndexType):
    """An index of sparse vectors."""


class IntInvertedIndexType(IndexType):
    """The index of a key's integers."""


class FloatInvertedIndexType(IndexType):
    """The index of a key's other numbers."""


class BoolInvertedIndexType(IndexType):
    """The index of a key's truth values."""


class StringValueType(_Fields):
    """The indexes of strings."""

    fts_index: Optional[FtsIndexType]
    string_inverted_index: Optional[StringInvertedIndexType]


class FloatListValueType(_Fields):
    """The index of vectors."""

    vector_index: Optional[VectorIndexType]


class SparseVectorValueType(_Fields):
    """The index of sparse vectors."""

    sparse_vector_index: Optional[SparseVectorIndexType]


class IntValueType(_Fields):
    """The index of integers."""

    int_inverted_index: Optional[IntInvertedIndexType]


class FloatValueType(_Fields):
    """The index of other numbers."""

    float_inverted_index: Optional[FloatInvertedIndexType]


class BoolValueType(_Fields):
    """The index of truth values."""

    bool_inverted_index: Optional[BoolInvertedIndexType]


class ValueTypes(_Fields):
    """The indexes of all types of values; None for those of which nothing is said."""

    string: Optional[StringValueType]
    float_list: Optional[FloatListValueType]
    sparse_vector: Optional[SparseVectorValueType]
    int_value: Optional[IntValueType]
    float_value: Optional[FloatValueType]
    boolean: Optional[BoolValueType]


class _Kind:
    """An index: where it is in ValueTypes, under which names in JSON, and what it is made of."""

    def __init__(self, value: str, value_json: str, value_type: Type[_Fields], index: str,
                 index_type: Type[IndexType], config: Type[IndexConfig]) -> None:
        self.value, self.value_json, self.value_type = value, value_json, value_type
        self.index, self.index_type, self.config = index, index_type, config

    def find(self, types: ValueTypes) -> Optional[IndexType]:
        found: Optional[IndexType] = getattr(getattr(types, self.value), self.index, None)
        return found

    def put(self, types: ValueTypes, enabled: bool, config: IndexConfig) -> None:
        if getattr(types, self.value) is None:
            setattr(types, self.value, self.value_type())
        setattr(getattr(types, self.value), self.index,
                self.index_type(enabled=enabled, config=config))


_KINDS = [
    _Kind("string", "string", StringValueType, "fts_index", FtsIndexType, FtsIndexConfig),
    _Kind("string", "string", StringValueType, "string_inverted_index", StringInvertedIndexType,
          StringInvertedIndexConfig),
    _Kind("float_list", "float_list", FloatListValueType, "vector_index", VectorIndexType,
          VectorIndexConfig),
    _Kind("sparse_vector", "sparse_vector", SparseVectorValueType, "sparse_vector_index",
          SparseVectorIndexType, SparseVectorIndexConfig),
    _Kind("int_value", "int", IntValueType, "int_inverted_index", IntInvertedIndexType,
          IntInvertedIndexConfig),
    _Kind("float_value", "float", FloatValueType, "float_inverted_index", FloatInvertedIndexType,
          FloatInvertedIndexConfig),
    _Kind("boolean", "bool", BoolValueType, "bool_inverted_index", BoolInvertedIndexType,
          BoolInvertedIndexConfig),
]
_BY_CONFIG = {kind.config: kind for kind in _KINDS}
_VECTOR, _SPARSE = _BY_CONFIG[VectorIndexConfig], _BY_CONFIG[SparseVectorIndexConfig]
# What a new schema has indexes of, besides documents and embeddings.
_BY_DEFAULT = (StringInvertedIndexConfig, IntInvertedIndexConfig, FloatInvertedIndexConfig,
               BoolInvertedIndexConfig)


def _to_json(types: ValueTypes) -> Dict[str, Any]:
    stored: Dict[str, Any] = {}
    for kind in _KINDS:
        if getattr(types, kind.value) is not None:
            stored.setdefault(kind.value_json, {})
        index = kind.find(types)
        if index is not None:
            stored[kind.value_json][kind.index] = {
                "enabled": index.enabled, "config": index.config.to_json()}
    return stored


def _from_json(stored: Dict[str, Any]) -> ValueTypes:
    types = ValueTypes()
    for kind in _KINDS:
        index = (stored.get(kind.value_json) or {}).get(kind.index)
        if index is not None:
            kind.put(types, index.get("enabled", True), kind.config.from_json(index.get("config", {})))
    return types


class Schema:
    """Which indexes a collection has: `defaults` for all keys, `keys` for those that differ.

    A new one has the indexes that every collection has by default. `create_index` and `delete_index`
    change it and return it. Raises ValueError for indexes that cannot be chosen.
    """

    def __init__(self) -> None:
        self.defaults = ValueTypes()
        for kind in _KINDS:
            kind.put(self.defaults, kind.config in _BY_DEFAULT, kind.config())
        self.keys: Dict[str, ValueTypes] = {DOCUMENT_KEY: ValueTypes(), EMBEDDING_KEY: ValueTypes()}
        for config, enabled in ((FtsIndexConfig, True), (StringInvertedIndexConfig, False)):
            _BY_CONFIG[config].put(self.keys[DOCUMENT_KEY], enabled, config())
        _VECTOR.put(self.keys[EMBEDDING_KEY], True, VectorIndexConfig(source_key=DOCUMENT_KEY))

    def create_index(self, config: Optional[IndexConfig] = None, key: Optional[Any] = None) -> Schema:
        """Has that index: of one key, or of all that are not named in `keys`.

        A VectorIndexConfig is without a key: there is one index of vectors, and this says how it is
        made. An index of documents' text is of the key "#document".
        """
        name = self._checked(config, key, "made")
        if isinstance(config, VectorIndexConfig):
            if name is not None:
                raise ValueError("there is one index of vectors: give its configuration without a key")
            self._configure_vectors(config)
        elif isinstance(config, SparseVectorIndexConfig):
            self._add_sparse(config, name)
        else:
            self._switch(config, name, True)
        return self

    def delete_index(self, config: Optional[IndexConfig] = None, key: Optional[Any] = None) -> Schema:
        """Does without that index: of one key, or of all that are not named in `keys`.

        Filters on what has no index are refused, as in Chroma.
        """
        name = self._checked(config, key, "deleted")
        if isinstance(config, (VectorIndexConfig, SparseVectorIndexConfig)):
            raise ValueError("an index of vectors cannot be deleted")
        self._switch(config, name, False)
        return self

    def serialize_to_json(self) -> Dict[str, Any]:
        """The schema as calls of the HTTP interface have it."""
        return {"defaults": _to_json(self.defaults),
                "keys": {key: _to_json(types) for key, types in self.keys.items()}}

    @classmethod
    def deserialize_from_json(cls, json_data: Dict[str, Any]) -> Schema:
        """The schema of such a dict."""
        schema = cls.__new__(cls)
        schema.defaults = _from_json(json_data.get("defaults") or {})
        schema.keys = {key: _from_json(types)
                       for key, types in (json_data.get("keys") or {}).items()}
        return schema

    def embedding_function(self) -> Any:
        """What embeds documents, where the schema says it; else None."""
        for types in self._vector_types():
            index = _VECTOR.find(types)
            if index is not None and index.config.embedding_function is not None:
                return index.config.embedding_function
        return None

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Schema) and self.defaults == other.defaults
                and self.keys == other.keys)

    def __repr__(self) -> str:
        return f"Schema(defaults={self.defaults!r}, keys={self.keys!r})"

    def _vector_types(self) -> Iterator[ValueTypes]:
        if EMBEDDING_KEY in self.keys:
            yield self.keys[EMBEDDING_KEY]
        yield self.defaults

    @staticmethod
    def _checked(config: Optional[IndexConfig], key: Optional[Any], what: str) -> Optional[str]:
        """The key's name, of what can be chosen at all."""
        name = getattr(key, "name", key)
        if config is None:
            raise ValueError(f"say which index is to be {what}: give its configuration")
        if type(config) not in _BY_CONFIG:
            raise ValueError(f"a {type(config).__name__} is no index of a schema; HnswIndexConfig and "
                             "SpannIndexConfig go into a VectorIndexConfig")
        if name == DOCUMENT_KEY and not isinstance(config, FtsIndexConfig):
            raise ValueError(f"{DOCUMENT_KEY} has no other index than FtsIndexConfig's")
        if name is not None and name.startswith("#") and name != DOCUMENT_KEY:
            raise ValueError(f"the indexes of {name} cannot be chosen: names that begin with '#' are "
                             "the engine's own")
        if isinstance(config, FtsIndexConfig) and name != DOCUMENT_KEY:
            raise ValueError(f"an FtsIndexConfig is for key={DOCUMENT_KEY!r} only")
        return name

    def _switch(self, config: Any, name: Optional[str], enabled: bool) -> None:
        types = self.defaults if name is None else self.keys.setdefault(name, ValueTypes())
        _BY_CONFIG[type(config)].put(types, enabled, config)

    def _configure_vectors(self, config: VectorIndexConfig) -> None:
        of_embeddings = self.keys[EMBEDDING_KEY]
        own = VectorIndexConfig(**vars(config))
        index = _VECTOR.find(of_embeddings)
        own.source_key = index.config.source_key if index else DOCUMENT_KEY  # it stays
        _VECTOR.put(of_embeddings, True, own)
        _VECTOR.put(self.defaults, False, config)

    def _add_sparse(self, config: SparseVectorIndexConfig, name: Optional[str]) -> None:
        if name is None:
            raise ValueError("an index of sparse vectors is of one key: name it")
        others: List[str] = [
            key for key, types in self.keys.items()
            if key != name and getattr(_SPARSE.find(types), "enabled", False)]
        if others:
            raise ValueError(f"{others[0]!r} has the index of sparse vectors already, and a "
                             "collection has one")
        if config.source_key is not None and config.embedding_function is None:
            raise ValueError(f"what is to make sparse vectors of {config.source_key!r}? give an "
                             "embedding_function")
        self._switch(config, name, True)
