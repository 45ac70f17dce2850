"""People coded into pictures, and an estimator that reads the code: following can be tested without a network and without a drawing.

A person is three bytes in row 0 (place, rank, a mark) and a patch in the colour of its clothes where its body is; of two in nearly one
place only the one of the higher rank is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dance2music.dance.regions import Region

SHIRTS = ((230, 40, 40), (40, 60, 230), (40, 200, 60))
HIDES = 8
"""Within so many pixels the nearer one hides the farther."""
REACH = 12
"""A body this far from where it is looked for is found."""


@dataclass(frozen=True)
class Picture:
    image: np.ndarray
    time_seconds: float


@dataclass(frozen=True)
class Read:
    joints: np.ndarray
    region: Region


def body_at(x: float) -> np.ndarray:
    """A body [33, 4] that stands at x: trunk 20 pixels long, 90 high."""
    joints = np.zeros((33, 4), np.float32)
    joints[:, 0], joints[:, 1], joints[:, 3] = x, 60.0, 0.9
    joints[[11, 13], 0], joints[[12, 14], 0] = x - 5, x + 5
    joints[[23, 25, 27], 0], joints[[24, 26, 28], 0] = x - 4, x + 4
    joints[[11, 12], 1], joints[[13, 14], 1], joints[[23, 24], 1], joints[[25, 26], 1] = 40.0, 50.0, 60.0, 80.0
    joints[27:33, 1], joints[:11, 1] = 100.0, 10.0
    return joints


def pictures(
    count: int, *people: Callable[[int], float | None], clothes: Sequence[int] = (0, 1, 2), fps: float = 24.0
) -> Iterator[Picture]:
    """Pictures of people, each a function from the frame to its place or None; later ones are nearer."""
    for i in range(count):
        image = np.full((120, 200, 3), 127, np.uint8)
        image[0] = 0
        for rank, (person, worn) in enumerate(zip(people, clothes), start=1):
            x = person(i)
            if x is not None:
                image[30:110, max(0, round(x) - 9) : round(x) + 10] = SHIRTS[worn]
                image[0, 3 * rank] = round(x), rank, 1
        yield Picture(image, i / fps)


def there(image: np.ndarray) -> list[int]:
    """Places of those who can be seen, the nearest first."""
    coded = sorted(((int(rank), int(x)) for x, rank, flag in image[0] if flag == 1), reverse=True)
    seen: list[int] = []
    for _, x in coded:
        if all(abs(x - other) >= HIDES for other in seen):
            seen.append(x)
    return seen


class Coded:
    """Reads who is there; `detect` follows the one that it saw first."""

    def __init__(self) -> None:
        self.company = False
        self.x: int | None = None

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        seen = there(image)
        if self.x is None:
            self.company |= len(seen) > 1
            self.x = seen[0] if seen else None
        else:
            near = [x for x in seen if abs(x - self.x) <= REACH]
            self.x = min(near, key=lambda x: abs(x - self.x)) if near else None  # type: ignore[operator]
        return None if self.x is None else body_at(self.x)

    def forget(self) -> None:
        self.x = None

    def everybody(
        self, image: np.ndarray, known: Sequence[np.ndarray] = (), places: Sequence[Region] = (), *, closely: bool = False
    ) -> list[Read]:
        at = [float(body[23:25, 0].mean()) for body in known]
        return [_read(x) for x in there(image) if all(abs(x - other) > 4 for other in at)]

    def read(self, image: np.ndarray, region: Region) -> Read | None:
        near = [x for x in there(image) if abs(x - region.x) <= REACH]
        return _read(min(near, key=lambda x: abs(x - region.x))) if near else None


def _read(x: int) -> Read:
    return Read(body_at(x), Region(float(x), 60.0, 100.0, 100.0))
