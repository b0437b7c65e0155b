"""Answers a question from the files of a folder: retrieval-augmented generation.

    python rag.py [--folder FOLDER] [--llm URL] [--model NAME] [QUESTION]

Splits the folder's texts into passages, finds those nearest to the question and puts them into a
prompt. A server with OpenAI's /chat/completions at URL, such as http://127.0.0.1:11434/v1, answers
it; without one the prompt is printed. The folder is Viridian's own documentation unless another is
given.

Needs: viridian, NumPy. Passages are found by words they share with the question; give
`viridian.embedding_functions.OnnxMiniLM()` instead to find them by meaning.
"""
import argparse
import json
import pathlib
import urllib.request

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
QUESTION = "How do I restore a snapshot under another name?"
PROMPT = """Answer from these passages only, and name their files.

{passages}

Question: {question}
"""


def passages(text, size=800):
    """A text's paragraphs, put together up to `size` characters."""
    held = ""
    for paragraph in text.split("\n\n"):
        if held and len(held) + len(paragraph) > size:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}".strip()
    if held:
        yield held


def ask(llm, model, prompt):
    """What the model says to the prompt."""
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    request = urllib.request.Request(f"{llm.rstrip('/')}/chat/completions",
                                     json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]["content"]


parser = argparse.ArgumentParser()
parser.add_argument("question", nargs="?", default=QUESTION)
parser.add_argument("--folder", type=pathlib.Path, default=DOCS)
parser.add_argument("--llm")
parser.add_argument("--model", default="llama3.2")
options = parser.parse_args()

with viridian.EphemeralClient() as client:
    library = client.create_collection("library", embedding_function=HashingEmbeddingFunction(2048))
    for path in sorted(options.folder.rglob("*")):
        parts = list(passages(path.read_text())) if path.suffix in (".md", ".txt") else []
        if parts:
            name = path.relative_to(options.folder).as_posix()
            library.add(ids=[f"{name}#{i}" for i in range(len(parts))], documents=parts,
                        metadatas=[{"file": name}] * len(parts))
    found = library.query(query_texts=options.question, n_results=3)
    prompt = PROMPT.format(question=options.question, passages="\n\n".join(
        f"[{record['file']}]\n{text}"
        for record, text in zip(found["metadatas"][0], found["documents"][0])))
    print(f"{library.count()} passages; nearest: {', '.join(found['ids'][0])}")
    print(ask(options.llm, options.model, prompt) if options.llm else prompt)
