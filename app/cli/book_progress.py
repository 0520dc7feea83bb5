"""How far a book is: a bar on a terminal, a line for each chapter elsewhere."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from app.books.speaking import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

WRITING = "writing the file"
WRITING_STEP = 10


def duration(seconds: float) -> str:
    """Such as 2 h 05 min, 5 min 10 s, 12 s."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def describe(progress: Progress, elapsed_s: float) -> str:
    """Audio made, pace and time left, as far as they are known."""
    parts = [f"{duration(progress.made_s)} made"]
    new_chars = progress.done_chars - progress.found_chars
    if progress.made_s and elapsed_s > 0:
        parts.append(f"{progress.made_s / elapsed_s:.1f} x real time")
        left_s = max(0, progress.num_chars - progress.done_chars) * elapsed_s / max(1, new_chars)
        parts.append(f"{duration(left_s)} left")
    return ", ".join(parts)


class BookDisplay:
    """A context. `update` is called on the event loop; `say` and `update_writing` also on other threads."""

    def __init__(self, progress: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bars

        console = Console(stderr=True)
        self._is_terminal = console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
        self._bars = Bars(*columns, TextColumn("{task.fields[made]}"), console=console, transient=True,
                          disable=not console.is_terminal)  # fmt: skip
        self._bar: TaskID = self._bars.add_task("preparing", total=progress.num_chars, made="")
        self._clock = clock
        self._began_at_s = clock()
        self._chapter = ""
        self._num_steps = 0

    def __enter__(self) -> "BookDisplay":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def update(self, progress: Progress) -> None:
        made = describe(progress, self._clock() - self._began_at_s)
        if self._is_terminal:
            done = min(progress.done_chars, progress.num_chars)
            self._bars.update(self._bar, description=progress.chapter[:40], completed=done, made=made)
        elif progress.chapter != self._chapter:
            share = min(99, 100 * progress.done_chars // max(1, progress.num_chars))
            self.say(f"{share:>3} %  {progress.chapter}  ({made})")
        self._chapter = progress.chapter

    def update_writing(self, share: float) -> None:
        """`share` of the files that is written, 0 to 1: a bar, or a line each WRITING_STEP percent."""
        if self._is_terminal:
            total = self._bars.tasks[self._bar].total or 0
            self._bars.update(self._bar, description=WRITING, completed=share * total, made="")
        elif (step := int(100 * share) // WRITING_STEP) > self._num_steps:
            self._num_steps = step
            self.say(f"{step * WRITING_STEP:>3} %  {WRITING}")

    def say(self, line: str) -> None:
        if self._is_terminal:
            self._bars.console.print(line, markup=False, highlight=False)
        else:
            click.echo(line, err=True)
