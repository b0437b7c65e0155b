"""How far a long call is: a bar for people, or a function for programs."""
from __future__ import annotations

import sys
import time
from typing import Any, Callable, Optional, TextIO, Union

Progress = Union[None, bool, Callable[[int, Optional[int]], Any]]

_WIDTH = 24


def reporter(progress: Progress, total: Optional[int]) -> "Reporter":
    """What reports to the caller as was asked for; None: with a bar, if there is a terminal."""
    if callable(progress):
        return _Function(progress, total)
    if progress or (progress is None and sys.stderr is not None and sys.stderr.isatty()):
        return _Bar(sys.stderr, total)
    return Reporter()


class Reporter:
    """Reports nothing. `with` ends the report, however the call ends."""

    def show(self, done: int) -> None:
        """So many records are done."""

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


class _Function(Reporter):
    def __init__(self, function: Callable[[int, Optional[int]], Any], total: Optional[int]) -> None:
        self._function = function
        self._total = total

    def show(self, done: int) -> None:
        self._function(done, self._total)


class _Bar(Reporter):
    """One line, written over itself: a notebook and a log get no line per step."""

    def __init__(self, stream: TextIO, total: Optional[int]) -> None:
        self._stream = stream
        self._total = total
        self._done = 0
        self._begin = time.monotonic()
        self._shown = 0.0
        self._pause = 0.1 if stream.isatty() else 1.0
        self._length = 0

    def show(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now - self._shown >= self._pause:
            self._shown = now
            self._write(now)

    def __exit__(self, *exception: Any) -> None:
        self._write(time.monotonic())
        self._stream.write("\n")
        self._stream.flush()

    def _write(self, now: float) -> None:
        text = line(self._done, self._total, now - self._begin)
        # Spaces over what is left of a longer line.
        self._stream.write("\r" + text.ljust(self._length))
        self._stream.flush()
        self._length = len(text)


def line(done: int, total: Optional[int], seconds: float) -> str:
    """What a bar says."""
    rate = done / seconds if seconds > 0 else 0.0
    speed = f"{rate:,.0f} records/s"
    if not total:
        return f"{done:,} records, {speed}, {_clock(seconds)}"
    filled = _WIDTH * min(done, total) // total
    bar = "#" * filled + "-" * (_WIDTH - filled)
    left = f"{_clock((total - done) / rate)} left" if rate and done < total else _clock(seconds)
    return f"[{bar}] {done:,} of {total:,}, {speed}, {left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
