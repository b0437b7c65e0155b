"""Embedding functions that come with this package. None of them fetches a model by itself.

Where Chroma has a function of the same name, these take its arguments and store its configuration, so
that either package opens the other's collections.
"""
from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pathlib
import re
import urllib.error
import urllib.request
from typing import Any, Dict, List, Optional

from .embedding import DefaultEmbeddingFunction, EmbeddingFunction, register_embedding_function

__all__ = [
    "DefaultEmbeddingFunction", "EmbeddingFunction", "HashingEmbeddingFunction",
    "ONNXMiniLM_L6_V2", "OllamaEmbeddingFunction", "OnnxMiniLM", "OpenAIEmbeddingFunction",
    "SentenceTransformerEmbeddingFunction", "register_embedding_function",
]


@register_embedding_function
class HashingEmbeddingFunction(EmbeddingFunction):
    """Vectors of the words of a text, without a model: for tests, the same on every machine.

    Each word adds one or takes one at a place that its hash gives; the sum is made of length one, so
    texts that share words are near (Weinberger et al., Feature hashing for large scale multitask
    learning, 2009).

        >>> hashing = HashingEmbeddingFunction(dimension=64)
        >>> one, other = hashing(["the sea, the sea", "The Sea! The Sea!"])
        >>> bool((one == other).all()), one.shape
        (True, (64,))
    """

    def __init__(self, dimension: int = 384) -> None:
        if dimension <= 0:
            raise ValueError(f"a dimension of {dimension}: it has to be positive")
        self.dimension = dimension

    def __call__(self, input: List[str]) -> Any:
        import numpy
        vectors = numpy.zeros((len(input), self.dimension), dtype=numpy.float32)
        for vector, text in zip(vectors, input):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                number = int.from_bytes(digest, "little")
                vector[(number >> 1) % self.dimension] += 1.0 if number & 1 else -1.0
            vector /= max(float(numpy.linalg.norm(vector)), 1e-12)
        return list(vectors)

    @staticmethod
    def name() -> str:
        return "hashing"

    def get_config(self) -> Dict[str, Any]:
        return {"dimension": self.dimension}

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "HashingEmbeddingFunction":
        return HashingEmbeddingFunction(**config)

    def default_space(self) -> str:
        return "cosine"


@register_embedding_function
class OnnxMiniLM(EmbeddingFunction):
    """A sentence transformer of the kind of all-MiniLM-L6-v2, run here by ONNX Runtime.

    It needs `pip install viridian[onnx]`, and the files `model.onnx` and `tokenizer.json`: in the folder
    `model`, else in the folder that the environment's VIRIDIAN_MINILM names, else where Chroma keeps
    the ones it has fetched. `model` may also be the name of an installed package that has the two
    files; `tokenizer` names the second file where it lies elsewhere.

    The vectors are means of the tokens' last states, of length one; 256 tokens of a text count.
    """

    MAX_TOKENS = 256
    BATCH = 32

    def __init__(self, model: Optional[str] = None, tokenizer: Optional[str] = None,
                 preferred_providers: Optional[List[str]] = None) -> None:
        self.preferred_providers = preferred_providers
        self._model, self._tokenizer = _find_model(model, tokenizer)
        self._session: Any = None

    def __call__(self, input: List[str]) -> Any:
        if self._session is None:
            self._load()
        vectors: List[Any] = []
        for start in range(0, len(input), self.BATCH):
            vectors.extend(self._embedded(list(input[start:start + self.BATCH])))
        return vectors

    def _load(self) -> None:
        try:
            import onnxruntime
            import tokenizers
        except ImportError as error:
            raise ValueError(f"{error}: pip install viridian[onnx]") from error
        self._words = tokenizers.Tokenizer.from_file(str(self._tokenizer))
        self._words.enable_truncation(max_length=self.MAX_TOKENS)
        self._words.enable_padding()
        providers = self.preferred_providers or ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(self._model), providers=providers)

    def _embedded(self, texts: List[str]) -> Any:
        import numpy
        encoded = self._words.encode_batch(texts)
        inputs = {
            "input_ids": numpy.array([text.ids for text in encoded], dtype=numpy.int64),
            "attention_mask": numpy.array([text.attention_mask for text in encoded],
                                          dtype=numpy.int64),
            "token_type_ids": numpy.array([text.type_ids for text in encoded], dtype=numpy.int64),
        }
        wanted = {given.name for given in self._session.get_inputs()}
        states = self._session.run(None, {name: inputs[name] for name in wanted})[0]
        if states.ndim == 3:
            mask = inputs["attention_mask"][:, :, None].astype(numpy.float32)
            states = (states * mask).sum(axis=1) / mask.sum(axis=1)
        norms = numpy.maximum(numpy.linalg.norm(states, axis=1, keepdims=True), 1e-12)
        return list((states / norms).astype(numpy.float32))

    @staticmethod
    def name() -> str:
        return "onnx_mini_lm_l6_v2"

    def get_config(self) -> Dict[str, Any]:
        """Without the folder, which is this machine's."""
        return {"preferred_providers": self.preferred_providers}

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "OnnxMiniLM":
        return OnnxMiniLM(preferred_providers=config.get("preferred_providers"))

    def default_space(self) -> str:
        return "cosine"

    def max_tokens(self) -> int:
        """Tokens of a document that count."""
        return self.MAX_TOKENS


ONNXMiniLM_L6_V2 = OnnxMiniLM


def _find_model(model: Optional[str], tokenizer: Optional[str]) -> Any:
    """The paths of model.onnx and tokenizer.json; ValueError that says where they were looked for."""
    cached = pathlib.Path.home() / ".cache/chroma/onnx_models/all-MiniLM-L6-v2/onnx"
    places = [model] if model else [os.environ.get("VIRIDIAN_MINILM"), cached]
    folders = [_folder(place) for place in places if place]
    for folder in folders:
        network = next(iter(sorted(folder.rglob("model.onnx"))), None)
        words = tokenizer or next(iter(sorted(folder.rglob("tokenizer.json"))), None)
        if network and words and pathlib.Path(words).exists():
            return network, words
    raise ValueError(
        "no model to embed with: model.onnx and tokenizer.json are not in "
        f"{' or '.join(str(folder) for folder in folders)}. Give their folder, or set VIRIDIAN_MINILM "
        "to it; nothing is downloaded. Or give embeddings, or another embedding_function")


def _folder(place: Any) -> pathlib.Path:
    """A folder as it is, or that of an installed package."""
    path = pathlib.Path(place)
    if path.exists() or not str(place).isidentifier():
        return path
    found = importlib.util.find_spec(str(place))
    if found is None or not found.submodule_search_locations:
        return path
    return pathlib.Path(found.submodule_search_locations[0])


def _post(url: str, body: Dict[str, Any], headers: Dict[str, str], timeout: float) -> Any:
    """The JSON that a server answers; ValueError with its words where it refuses."""
    request = urllib.request.Request(url, json.dumps(body).encode(),
                                     {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        raise ValueError(f"{url} answered {error.code}: {said}") from error


def _arrays(vectors: List[List[float]], texts: List[str]) -> Any:
    import numpy
    if len(vectors) != len(texts):
        raise ValueError(f"{len(texts)} texts were sent, and {len(vectors)} vectors came back")
    return [numpy.array(vector, dtype=numpy.float32) for vector in vectors]


@register_embedding_function
class OpenAIEmbeddingFunction(EmbeddingFunction):
    """Any server with OpenAI's /embeddings: `api_base` is its address, such as "http://host:1234/v1".

    The key is `api_key`, which is not stored, or in the environment under `api_key_env_var`; where
    there is none, none is sent. The arguments are those of Chroma's function.
    """

    TIMEOUT_SECONDS = 60.0

    def __init__(self, api_key: Optional[str] = None, model_name: str = "text-embedding-ada-002",
                 organization_id: Optional[str] = None, api_base: Optional[str] = None,
                 api_type: Optional[str] = None, api_version: Optional[str] = None,
                 deployment_id: Optional[str] = None,
                 default_headers: Optional[Dict[str, str]] = None,
                 dimensions: Optional[int] = None,
                 api_key_env_var: str = "CHROMA_OPENAI_API_KEY") -> None:
        if api_type is not None:
            raise NotImplementedError(f"api_type {api_type!r}: only OpenAI's own form is spoken")
        self._key = api_key
        self._config: Dict[str, Any] = {
            "api_key_env_var": api_key_env_var, "model_name": model_name,
            "organization_id": organization_id, "api_base": api_base, "api_type": api_type,
            "api_version": api_version, "deployment_id": deployment_id,
            "default_headers": default_headers, "dimensions": dimensions,
        }

    def __call__(self, input: List[str]) -> Any:
        config = self._config
        headers = dict(config["default_headers"] or {})
        key = self._key or os.environ.get(config["api_key_env_var"])
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if config["organization_id"]:
            headers["OpenAI-Organization"] = config["organization_id"]
        body: Dict[str, Any] = {"model": config["model_name"], "input": list(input)}
        if config["dimensions"]:
            body["dimensions"] = config["dimensions"]
        base = (config["api_base"] or "https://api.openai.com/v1").rstrip("/")
        answer = _post(f"{base}/embeddings", body, headers, self.TIMEOUT_SECONDS)
        ordered = sorted(answer["data"], key=lambda one: one["index"])
        return _arrays([one["embedding"] for one in ordered], input)

    @staticmethod
    def name() -> str:
        return "openai"

    def get_config(self) -> Dict[str, Any]:
        return dict(self._config)

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "OpenAIEmbeddingFunction":
        return OpenAIEmbeddingFunction(**config)

    def default_space(self) -> str:
        return "cosine"


@register_embedding_function
class OllamaEmbeddingFunction(EmbeddingFunction):
    """A model that an Ollama server at `url` runs. The arguments are those of Chroma's function."""

    def __init__(self, url: str = "http://localhost:11434",
                 model_name: str = "chroma/all-minilm-l6-v2-f32", timeout: float = 60) -> None:
        self.url, self.model_name, self.timeout = url, model_name, timeout

    def __call__(self, input: List[str]) -> Any:
        base = self.url.split("/api/")[0].rstrip("/")
        answer = _post(f"{base}/api/embed", {"model": self.model_name, "input": list(input)}, {},
                       self.timeout)
        return _arrays(answer["embeddings"], input)

    @staticmethod
    def name() -> str:
        return "ollama"

    def get_config(self) -> Dict[str, Any]:
        return {"url": self.url, "model_name": self.model_name, "timeout": self.timeout}

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "OllamaEmbeddingFunction":
        return OllamaEmbeddingFunction(**config)

    def default_space(self) -> str:
        return "cosine"


@register_embedding_function
class SentenceTransformerEmbeddingFunction(EmbeddingFunction):
    """A model of the package sentence-transformers, which is to be installed beside this one.

    `model_name` is a folder, or a name that the package knows and may fetch. The arguments are those
    of Chroma's function; further ones are the package's own, and are stored.
    """

    def __init__(self, model_name: str = "all-MiniLM-L6-v2", device: str = "cpu",
                 normalize_embeddings: bool = False, **kwargs: Any) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ValueError("sentence-transformers is not installed: pip install "
                             "sentence-transformers") from error
        for key, value in kwargs.items():
            if not isinstance(value, (str, int, float, bool, list, dict, tuple)):
                raise ValueError(f"{key} is a {type(value).__name__}, which cannot be stored with a "
                                 "collection")
        self._config: Dict[str, Any] = {
            "model_name": model_name, "device": device,
            "normalize_embeddings": normalize_embeddings, "kwargs": kwargs,
        }
        self._model = SentenceTransformer(model_name, device=device, **kwargs)

    def __call__(self, input: List[str]) -> Any:
        import numpy
        vectors = self._model.encode(list(input), convert_to_numpy=True,
                                     normalize_embeddings=self._config["normalize_embeddings"])
        return list(numpy.asarray(vectors, dtype=numpy.float32))

    @staticmethod
    def name() -> str:
        return "sentence_transformer"

    def get_config(self) -> Dict[str, Any]:
        return dict(self._config)

    @staticmethod
    def build_from_config(config: Dict[str, Any]) -> "SentenceTransformerEmbeddingFunction":
        further = config.get("kwargs") or {}
        given = {name: value for name, value in config.items() if name != "kwargs"}
        return SentenceTransformerEmbeddingFunction(**given, **further)

    def default_space(self) -> str:
        return "cosine"
