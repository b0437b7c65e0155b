"""What every engine of the benchmark does."""
import pathlib
import shutil

BATCH = 5_000  # records that are given at once when a set is loaded; Chroma takes no more than 5,461


class Unable(Exception):
    """What is asked cannot be asked of this engine."""


class Engine:
    """Sets of records in a directory, each a collection or a table.

    `in_process`: a library in the benchmark's own process, which pays nothing for HTTP and JSON.
    `cached`: what was loaded may be kept for the next run."""
    name, in_process, cached = "", True, True

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def close(self):
        """Gives back what is open; the directory stays."""

    def refresh(self):
        """Before calls are measured: what was idle for long may be gone."""

    def recover(self):
        """After a call that took too long: nothing of it goes on."""

    def create(self, set_):
        """Makes an empty collection for the set."""
        raise NotImplementedError

    def batch(self, set_, rows):
        """A call that adds these records and returns when they are acknowledged. All that a client has
        to do anyway, such as writing JSON, is done before it is returned."""
        raise NotImplementedError

    def seal(self, set_):
        """Makes every index there is to be, and leaves nothing to do later."""

    def request(self, set_, request):
        """A call that asks it; what it returns goes to `ids` (a count: to `int`)."""
        raise NotImplementedError

    def ids(self, answer):
        """The ids of an answer."""
        return answer

    def delete(self, set_, where):
        """A call that deletes what a filter lets through, and returns how many that were."""
        raise Unable("no deletes by filter")

    def present(self, _set):
        """Records of a load that was cut short which need not be loaded again."""
        return 0

    def load(self, set_, say):
        """The whole set, once: a second time finds it there."""
        stamp = self.directory / f"{set_.name}.loaded"
        if stamp.exists():
            return
        present = self.present(set_)
        say(f"{self.name}: loading {len(set_):,} records of {set_.name}, {present:,} are there")
        if not present:
            self.create(set_)
        for number, first in enumerate(range(present, len(set_), BATCH)):
            last = min(first + BATCH, len(set_))
            self.batch(set_, range(first, last))()
            if number % 10 == 9:
                say(f"{self.name}: {last:,} of {len(set_):,} records of {set_.name}")
        say(f"{self.name}: making the indexes of {set_.name}")
        self.seal(set_)
        stamp.touch()

    def forget(self):
        """Deletes all there is; after `close`."""
        shutil.rmtree(self.directory, ignore_errors=True)
