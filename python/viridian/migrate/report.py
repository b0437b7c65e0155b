"""What a migration tells: while it runs, at its end, and when it cannot go on."""
from __future__ import annotations

import dataclasses
from typing import List

_NAMED = 20


class MigrationError(Exception):
    """The directory, its files or the target are not as they have to be; the message says what."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """`done` of `total` records of a collection are in the target."""

    tenant: str
    database: str
    collection: str
    done: int
    total: int


@dataclasses.dataclass
class CollectionReport:
    """How one collection came over."""

    tenant: str
    database: str
    name: str
    records: int
    """Records in the source."""
    copied: int
    """Those that this run wrote; the others are from a run before it."""
    without_vector: List[str]
    """Ids of records whose vectors are in no file of Chroma's, or not of finite numbers. They are
    not copied."""
    compared: int
    """Records that were read back and compared by value."""
    differences: List[str]
    """What is not the same in the target, a sentence each."""

    def __str__(self) -> str:
        lines = [f"{self.tenant}/{self.database}/{self.name}: {self.records} records, "
                 f"{self.copied} copied now, {self.compared} compared"]
        if self.without_vector:
            named = ", ".join(map(repr, self.without_vector[:_NAMED]))
            more = len(self.without_vector) - _NAMED
            lines.append(f"  NOT COPIED, {len(self.without_vector)} without a vector of numbers: {named}"
                         + (f" and {more} more" if more > 0 else ""))
        return "\n".join(lines + [f"  DIFFERENT: {what}" for what in self.differences])


@dataclasses.dataclass
class Report:
    """What came over. `str()` is for people."""

    collections: List[CollectionReport]

    @property
    def complete(self) -> bool:
        """Whether every record is in the target, and no difference was found."""
        return not any(one.without_vector or one.differences for one in self.collections)

    def __str__(self) -> str:
        records = sum(one.records - len(one.without_vector) for one in self.collections)
        end = "everything is there" if self.complete else "NOT everything is there"
        return "\n".join([*map(str, self.collections),
                          f"{len(self.collections)} collections, {records} records: {end}"])
