"""One guard of a data-safety rule."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    rule: int
    file: str
    text: str
    replacement: str
    tests: tuple
    without: str  # what happens then; starts with a verb's subject, no full stop
