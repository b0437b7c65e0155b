"""`utils.embedding_functions`, where Chroma's programs look for them."""
from . import embedding_functions

__all__ = ["embedding_functions"]
