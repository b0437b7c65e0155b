"""Embedding functions: what turns documents into vectors, and how a collection remembers which.

Any object that is called with a list of documents and returns one vector each will do. One that also
has Chroma's `name()`, `get_config()` and `build_from_config()` is stored with the collection, so
that whoever opens it later embeds in the same way.
"""
from __future__ import annotations

from typing import Any, Dict, List, Protocol, TypeVar, runtime_checkable

D_contra = TypeVar("D_contra", contravariant=True)

# By name, for collections that say which function theirs is.
_registered: Dict[str, Any] = {}


@runtime_checkable
class EmbeddingFunction(Protocol[D_contra]):
    """The protocol, and a base class for functions that are stored.

        >>> @register_embedding_function
        ... class Lengths(EmbeddingFunction):
        ...     def __init__(self):
        ...         pass
        ...     def __call__(self, input):
        ...         return [[float(len(document))] for document in input]
        ...     @staticmethod
        ...     def name():
        ...         return "lengths"
        ...     def get_config(self):
        ...         return {}
        ...     @staticmethod
        ...     def build_from_config(config):
        ...         return Lengths()
        >>> Lengths()(["four", "seven77"])
        [[4.0], [7.0]]
    """

    def __call__(self, input: D_contra) -> Any:
        """The documents' vectors, one each, in order."""
        ...

    def embed_query(self, input: D_contra) -> Any:
        """The vectors of queries, where they differ from documents'."""
        return self(input)

    @staticmethod
    def name() -> str:
        """Under which it is registered and stored."""
        return NotImplemented

    def get_config(self) -> Dict[str, Any]:
        """What `build_from_config` makes an equal function of; no secrets."""
        return NotImplemented

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "EmbeddingFunction[Any]":
        """The function that `get_config` was called on, or its equal."""
        return NotImplemented

    def default_space(self) -> str:
        """The space of collections that do not say one."""
        return "l2"

    def supported_spaces(self) -> List[str]:
        """The spaces in which its vectors mean something."""
        return ["cosine", "l2", "ip"]


def register_embedding_function(cls: Any) -> Any:
    """A class decorator: collections that name this function can be embedded with again."""
    _registered[cls.name()] = cls
    return cls


def named(name: str) -> Any:
    """The registered class; ValueError where there is none."""
    if name not in _registered:
        from . import embedding_functions  # registers those that come with this package
        del embedding_functions
    if name not in _registered:
        _registered.update(_of_chroma(name))
    if name not in _registered:
        raise ValueError(
            f"the collection's embedding function is {name!r}, which is not registered: decorate "
            "its class with register_embedding_function")
    return _registered[name]


def _of_chroma(name: str) -> Dict[str, Any]:
    """The function of that name which comes with Chroma, where that is installed."""
    try:
        from chromadb.utils.embedding_functions import known_embedding_functions
    except ImportError:
        return {}
    return {known: cls for known, cls in known_embedding_functions.items() if known == name}


def name_of(function: Any) -> Any:
    """The function's name; None where it has none."""
    name = function.name() if hasattr(function, "name") else None
    return name if isinstance(name, str) else None


def to_json(function: Any) -> Dict[str, Any]:
    """How a collection's configuration names the function."""
    name = name_of(function)
    config = function.get_config() if hasattr(function, "get_config") else NotImplemented
    if name is None or config is NotImplemented:
        return {"type": "legacy"}
    _registered.setdefault(name, type(function))
    return {"type": "known", "name": name, "config": config}


def from_json(stored: Any) -> Any:
    """The function that a collection's configuration names; None where it names none."""
    if not stored or stored.get("type") != "known":
        return None
    return named(stored["name"]).build_from_config(stored["config"])


def default_space_of(function: Any) -> Any:
    """The space that the function wants; None where it does not say."""
    return function.default_space() if hasattr(function, "default_space") else None


class DefaultEmbeddingFunction(EmbeddingFunction):
    """What Chroma uses where nothing else is said: all-MiniLM-L6-v2.

    It needs `pip install viridian[onnx]` and the model's files (see `OnnxMiniLM`), and only once
    something is to be embedded: nothing is fetched by itself.
    """

    def __init__(self) -> None:
        self._model: Any = None

    def __call__(self, input: List[str]) -> Any:
        if self._model is None:
            from .embedding_functions import OnnxMiniLM
            self._model = OnnxMiniLM()
        return self._model(input)

    @staticmethod
    def name() -> str:
        return "default"

    def get_config(self) -> Dict[str, Any]:
        return {}

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "DefaultEmbeddingFunction":
        return DEFAULT

    def max_tokens(self) -> int:
        """Tokens of a document that count."""
        return 256


register_embedding_function(DefaultEmbeddingFunction)
DEFAULT = DefaultEmbeddingFunction()
