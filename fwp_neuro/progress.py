"""Progress of long work, in one line: a bar on a terminal, now and then a plain line
elsewhere.

Commands show a `Progress`. Functions of the package show a bar by themselves (`patient`)
where a person looks on and waits: on a terminal or in a notebook, after two seconds. The
bar is that of tqdm where tqdm is installed, which draws a widget in notebooks; else it is
the line of a `Progress`, so that nobody needs tqdm.
"""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from fwp_neuro.errors import FwpError, in_notebook, someone_looks_on

#: seconds before a bar comes by itself, and between two of its pictures
PATIENCE, _EVERY = 2.0, 0.1
#: seconds between two pictures while nothing is reported
_MEANWHILE = 1.0
#: who shows progress now: what runs inside shows none of its own
_shown: list[Progress | _Bar] = []


class Progress:
    """Report a long computation on ``stream``; an instance is itself the callback to hand
    over.

    Parameters
    ----------
    label
        What is running, a few words.
    total
        Number of steps, for `advance`; without it, call `update` with the fraction done.
    stream
        Where to print (default: standard error, as it is when the work starts).
    silent
        Print nothing.
    interval
        Seconds between two prints (default: 0.1 on a terminal, 10 elsewhere).
    clock
        The function that tells the time in seconds.
    """

    def __init__(
        self,
        label: str,
        total: int | None = None,
        stream: TextIO | None = None,
        *,
        silent: bool = False,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        if total is not None and total < 1:
            raise FwpError(
                f"Progress: total is {total!r}; it must be at least 1, or None"
            )
        self.label, self.total, self.silent = label, total, silent
        self.stream = sys.stderr if stream is None else stream
        self.terminal = bool(getattr(self.stream, "isatty", lambda: False)())
        self.interval = (
            interval if interval is not None else (0.1 if self.terminal else 10.0)
        )
        self.clock = clock
        self.done = 0
        self.fraction = 0.0
        self._start = self._printed = clock()
        self._drawn = False

    def __enter__(self) -> Progress:
        self._start = self._printed = self.clock()
        _shown.append(self)
        return self

    def __exit__(self, *exception) -> None:
        _shown.remove(self)
        self.clear()

    def clear(self) -> None:
        """Take the line off the terminal."""
        if self._drawn:  # leave the terminal's line free for what comes next
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._drawn = False

    def __call__(self, fraction: float, note: str = "") -> None:
        self.update(fraction, note)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count ``steps`` more of ``total``."""
        if self.total is None:
            raise FwpError(
                "Progress.advance needs Progress(total=...), the number of steps"
            )
        self.done += steps
        self.update(self.done / self.total, note)

    def update(self, fraction: float, note: str = "") -> None:
        """Say that ``fraction`` (0 to 1) is done; printed at most once an interval, on a
        terminal for the first time at once."""
        self.fraction = min(max(float(fraction), 0.0), 1.0)
        now = self.clock()
        first = self.terminal and not self._drawn
        if self.silent or (now - self._printed < self.interval and not first):
            return
        self._printed = now
        line = self.line(now - self._start, note)
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r\x1b[K" + line[:width])
            self._drawn = True
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def line(self, elapsed: float, note: str = "") -> str:
        """Return the line to print after ``elapsed`` seconds."""
        parts = [f"{self.label}:", f"{self.fraction:4.0%}"]
        if self.terminal:
            filled = round(20 * self.fraction)
            parts.insert(1, "[" + "#" * filled + "." * (20 - filled) + "]")
        parts.append(f"{duration(elapsed)} elapsed")
        if self.fraction > 0:
            parts.append(f"{duration(elapsed * (1 / self.fraction - 1))} left")
        if note:
            parts.append(note)
        return "  ".join(parts)


def clear_shown() -> None:
    """Take what shows progress off the terminal, so that a sentence has its own line; it
    comes again with the next report."""
    for each in _shown:
        each.clear()


@contextlib.contextmanager
def patient(
    label: str,
    progress: Callable[[float, str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[float, str], None] | None]:
    """Yield what a long call reports to: the user's function, a bar of its own, or None.

    The bar comes after `PATIENCE` seconds, and only where someone looks on and nothing
    else shows progress.

    Args:
        label: what is running, a few words.
        progress: the user's function, which goes before.
        clock: the function that tells the time in seconds.
    """
    if progress is not None or _shown or not someone_looks_on():
        yield progress
        return
    bar = _Bar(label, clock)
    _shown.append(bar)
    try:
        yield bar
    finally:
        _shown.remove(bar)
        bar.close()


class _Bar:
    """A bar that comes late and leaves nothing behind.

    On a terminal it also comes, and its clock goes on, while a long step reports nothing.
    """

    def __init__(self, label: str, clock: Callable[[], float]):
        self.label, self.clock, self.start = label, clock, clock()
        self.drawn = self.start
        self.bar: Any = None
        self.line: Progress | None = None
        self._said = 0.0, ""
        self._lock, self._closed = threading.RLock(), threading.Event()
        if not in_notebook():  # a widget is drawn by the thread of its cell alone
            threading.Thread(target=self._meanwhile, daemon=True).start()

    def __call__(self, fraction: float, note: str = "") -> None:
        with self._lock:
            self._said = fraction, note
            now = self.clock()
            if now - self.start >= PATIENCE and now - self.drawn >= _EVERY:
                self.drawn = now
                self._draw(now)

    def _draw(self, now: float) -> None:
        fraction, note = self._said
        if self.bar is None and self.line is None:
            self.bar = _tqdm(self.label, now - self.start)
            if self.bar is None:
                self.line = Progress(self.label, interval=0.0, clock=self.clock)
                self.line._start = self.start
        if self.line is not None:
            self.line.update(fraction, note)
            return
        self.bar.n = round(100 * min(max(float(fraction), 0.0), 1.0), 1)
        self.bar.set_postfix_str(note if note != self.label else "", refresh=False)
        self.bar.refresh()

    def _meanwhile(self) -> None:
        while not self._closed.wait(_MEANWHILE):
            # the terminal may go before the work ends
            with self._lock, contextlib.suppress(OSError, ValueError):
                if not self._closed.is_set():
                    self(*self._said)

    def clear(self) -> None:
        """Take it off the terminal until the next report."""
        with self._lock:
            for each in (self.bar, self.line):
                if each is not None:
                    each.clear()

    def close(self) -> None:
        """Take it away."""
        self._closed.set()
        with self._lock:
            if self.bar is not None:
                self.bar.close()
            if self.line is not None:
                self.line.clear()


def _tqdm(label: str, waited: float) -> Any:
    """Return a bar of tqdm that has run for some seconds, or None where it is not
    installed."""
    notebook = in_notebook()
    # on a terminal a thread may draw, which must leave the filters of warnings alone
    with warnings.catch_warnings() if notebook else contextlib.nullcontext():
        if notebook:
            warnings.simplefilter("ignore")  # no widgets: it draws text
        try:  # slow to import, and not needed by everyone
            found = importlib.import_module("tqdm.auto" if notebook else "tqdm")
        except ImportError:
            return None
        bar = found.tqdm(
            total=100, desc=label, leave=False,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed} < {remaining} "
            "{postfix}",
        )  # fmt: skip
    bar.start_t -= waited
    return bar


def duration(seconds: float) -> str:
    """Write a time as 12 s, 3 min 05 s or 2 h 04 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
