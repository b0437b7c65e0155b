"""`api.types`, where Chroma's programs look for types."""
from . import types

__all__ = ["types"]
