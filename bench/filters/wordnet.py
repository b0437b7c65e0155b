"""WordNet 3.0 as records: Debian's package wordnet-base (or a folder in WORDNET).

A synset becomes a document, its gloss, and what is known of it as metadata:

pos          part of speech: noun, verb, adj, adv
domain       the lexicographer file, such as noun.animal (45 of them)
words        words of the gloss
depth        hypernyms above it by the shortest way (nouns and verbs), else 0
tags         how often its senses were met in the semantic concordance (cntlist.rev), 0 where never
word_length  mean length of the gloss's words
has_example  whether the gloss quotes an example
lemma        its first word, of which there are some 87,000

and `lemmas`, all its words, as an array where the engine takes one.
"""
import dataclasses
import os
import pathlib

FOLDER = pathlib.Path(os.environ.get("WORDNET", "/usr/share/wordnet"))
PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
TYPE_NUMBER = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}  # of a sense key: senseidx(5WN)
# Names of the lexicographer files by number: lexnames(5WN).
DOMAINS = ("adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body "
           "noun.cognition noun.communication noun.event noun.feeling noun.food noun.group noun.location "
           "noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process "
           "noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change "
           "verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation "
           "verb.emotion verb.motion verb.perception verb.possession verb.social verb.stative verb.weather "
           "adj.ppl").split()
KEYS = ("pos", "domain", "words", "depth", "tags", "word_length", "has_example", "lemma")


@dataclasses.dataclass
class Synset:
    """A line of data.POS: wndb(5WN)."""
    part: str
    kind: str
    file: int
    lemmas: list  # of (word, lexical id)
    pointers: list  # of (symbol, key of the other synset)
    gloss: str


def read_line(part, line):
    """Its key and the synset."""
    head, _, gloss = line.partition(" | ")
    fields = head.split()
    count = int(fields[3], 16)
    lemmas = [(fields[4 + 2 * i], int(fields[5 + 2 * i], 16)) for i in range(count)]
    at = 4 + 2 * count
    pointers = [(fields[at + 1 + 4 * i], (fields[at + 3 + 4 * i].replace("s", "a"), fields[at + 2 + 4 * i]))
                for i in range(int(fields[at]))]
    return (PARTS[part], fields[0]), Synset(part, fields[2], int(fields[1]), lemmas, pointers, gloss.strip())


def synsets():
    """All by key, in the order of the files."""
    found = {}
    for part in PARTS:
        for line in (FOLDER / f"data.{part}").read_text(encoding="latin-1").splitlines():
            if line[:1].isdigit():
                key, synset = read_line(part, line)
                found[key] = synset
    return found


def depths(every):
    """Hypernyms above each synset, by the shortest way: breadth first from those without any."""
    below, level = {}, []
    for key, synset in every.items():
        above = [other for symbol, other in synset.pointers if symbol in ("@", "@i")]
        for other in above:
            below.setdefault(other, []).append(key)
        if not above:
            level.append(key)
    found, depth = dict.fromkeys(level, 0), 0
    while level:
        depth += 1
        level = [key for above in level for key in below.get(above, [])
                 if key not in found and not found.update({key: depth})]
    return found


def plain(word):
    """A lemma without the marker of an adjective's place, such as (p)."""
    return word.partition("(")[0]


def tag_counts():
    """Of each sense key."""
    lines = (FOLDER / "cntlist.rev").read_text(encoding="latin-1").splitlines()
    return {line.split()[0]: int(line.split()[2]) for line in lines}


def sense_keys(synset, every):
    """A key for each lemma; those of an adjective's satellites name the head of their cluster."""
    head = ":"
    if synset.kind == "s":
        cluster = next(key for symbol, key in synset.pointers if symbol == "&")
        word, number = every[cluster].lemmas[0]
        head = f"{word.lower()}:{number:02}"  # here the marker stays
    for word, number in synset.lemmas:
        yield f"{plain(word).lower()}%{TYPE_NUMBER[synset.kind]}:{synset.file:02}:{number:02}:{head}"


def records():
    """The gloss, the metadata and the lemmas of each synset, as three lists."""
    every, tags = synsets(), tag_counts()
    depth = depths(every)
    metadatas = []
    for key, synset in every.items():
        words = synset.gloss.split()
        metadatas.append({
            "pos": synset.part, "domain": DOMAINS[synset.file], "words": len(words), "depth": depth.get(key, 0),
            "tags": sum(tags.get(sense, 0) for sense in sense_keys(synset, every)),
            "word_length": round(sum(map(len, words)) / max(1, len(words)), 4),
            "has_example": '"' in synset.gloss, "lemma": plain(synset.lemmas[0][0])})
    lemmas = [list(dict.fromkeys(plain(word) for word, _ in synset.lemmas)) for synset in every.values()]
    return [synset.gloss for synset in every.values()], metadatas, lemmas
