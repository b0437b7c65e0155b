"""The embedding functions, where Chroma's programs look for them.

Those that do not come with this package are Chroma's own, where that is installed: they work with
collections of either.
"""
from typing import Any

from ..embedding_functions import *  # noqa: F401,F403
from ..embedding_functions import __all__  # noqa: F401


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        from chromadb.utils import embedding_functions as of_chroma
    except ImportError:
        raise AttributeError(f"{name} does not come with viridian; where it is one of Chroma's "
                             "embedding functions, install chromadb beside it") from None
    return getattr(of_chroma, name)
