"""Types, and the protocol of embedding functions, where Chroma's programs look for them."""
from ..embedding import DefaultEmbeddingFunction, EmbeddingFunction  # noqa: F401
from ..schema import *  # noqa: F401,F403
from ..types import *  # noqa: F401,F403
