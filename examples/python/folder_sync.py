"""Keeps a collection in step with a folder: only what changed is embedded again.

    python folder_sync.py

Each record has the hash of its file as metadata. Files that are new or whose hash differs are
upserted, records whose file is gone are deleted. The program makes a folder, changes it and
synchronises in between; call `synchronise` with a folder of your own.

Needs: viridian, NumPy.
"""
import hashlib
import pathlib
import tempfile

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction


def synchronise(collection, folder):
    """Brings the collection to the state of the folder's texts; what that took, in words."""
    files = {path.relative_to(folder).as_posix(): path.read_text()
             for path in sorted(folder.rglob("*.txt"))}
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    held = collection.get(include=["metadatas"])
    known = {id: record["hash"] for id, record in zip(held["ids"], held["metadatas"])}

    changed = [name for name in files if known.get(name) != hashes[name]]
    if changed:
        collection.upsert(ids=changed, documents=[files[name] for name in changed],
                          metadatas=[{"hash": hashes[name]} for name in changed])
    gone = [name for name in known if name not in files]
    if gone:
        collection.delete(ids=gone)
    return f"{len(changed)} written, {len(gone)} deleted, {collection.count()} there"


with tempfile.TemporaryDirectory() as directory:
    folder = pathlib.Path(directory) / "notes"
    (folder / "garden").mkdir(parents=True)
    (folder / "bread.txt").write_text("Flour, water, salt and a night of patience")
    (folder / "tea.txt").write_text("Three minutes, not four")
    (folder / "garden" / "beans.txt").write_text("Sow the beans after the last frost")
    with viridian.PersistentClient(pathlib.Path(directory) / "data") as client:
        notes = client.create_collection("notes", embedding_function=HashingEmbeddingFunction())
        print("first: ", synchronise(notes, folder))
        print("again: ", synchronise(notes, folder))
        (folder / "tea.txt").write_text("Four minutes after all")
        (folder / "bread.txt").unlink()
        print("later: ", synchronise(notes, folder))
        found = notes.query(query_texts="four minutes", n_results=1)
        print("about four minutes:", found["ids"][0][0])
