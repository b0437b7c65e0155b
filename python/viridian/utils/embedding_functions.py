"""The embedding functions, where Chroma's programs look for them."""
from ..embedding_functions import *  # noqa: F401,F403
from ..embedding_functions import __all__  # noqa: F401
