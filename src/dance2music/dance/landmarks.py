"""Joints of bodies, hands and faces in a picture: MediaPipe's networks with steps of our own between them.

A detector proposes a region for a body, the network of landmarks finds 33 joints in it and says where to look in the next picture
(Bazarevsky et al. 2020, "BlazePose"). Hands and face are looked for on a body that was found, each in a region that a small network puts
right first (Zhang et al. 2020; Kartynnik et al. 2019). The numbers are those of MediaPipe's public graphs (``pose_landmark``,
``holistic_landmark``), and so are the joints (tests/dance/test_landmarks.py); its filters over time are not here, see `pose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dance2music.dance.detection import BODY_DETECTOR, FACE_DETECTOR, Detection, DetectorConfig, decode
from dance2music.dance.networks import Network
from dance2music.dance.regions import Region
from dance2music.dance.skeleton import FACE_MESH_INDEX
from dance2music.people.bodies import MIN_VISIBILITY, hips, same, trunk_length

BODY_JOINTS = 33
DETAILS = 21 + 21 + len(FACE_MESH_INDEX)
"""Joints of both hands and of the face, as ``holistic-83`` has them after the body's."""
TILE_SHARE = 0.6
"""Side of the squares in which small bodies are looked for, as a share of the picture's shorter side."""
CLOSE_LOOK_EVERY = 18
"""Pictures without anybody from one close look to the next: it takes as long as fifteen others."""
_NEAR_GROWTH = 1.5
_FOUND_NEAR = 0.35
"""A search result this near to a body that is known is that one, in lengths of the trunk."""
_DETAIL_CONFIDENCE = 0.9
_MIN_PRESENCE = 0.5
_BODY_GROWTH = 1.25
_POINTS = 39
"""Points of the body's network: the joints, two that span the next region, and four that nobody uses."""
_HEATMAP = 64
_PATCH = np.arange(-3, 4)
_MIN_REFINED = 0.5
"""A point is moved to the centre of its patch of the heat map where that is as sure as this somewhere."""
_WRISTS, _LITTLE_FINGERS, _INDEX_FINGERS = (15, 16), (17, 18), (19, 20)
_MIN_WRIST_VISIBILITY = 0.1
_HAND_DEPTH = 0.4
_HEAD = 11
"""The first joints of the body are the head's."""
_LEFT_EYE, _RIGHT_EYE = 2, 5
"""Joints of the head between which the face is level."""


class Body(NamedTuple):
    """A body in a picture: joints float32 [33, 4] (x, y, z in pixels and visibility), where to look next, and the network's sureness."""

    joints: np.ndarray
    region: Region
    presence: float


class BodyFinder:
    """Finds bodies in a picture."""

    def __init__(self) -> None:
        self._network = Network("pose_detection.tflite")

    def find(self, image: np.ndarray) -> list[Region]:
        """Where bodies are in a picture uint8 [H, W, 3] RGB: a region for the body's network each, the surest first."""
        return self._find(image, [_whole(image)])

    def find_small(self, image: np.ndarray) -> list[Region]:
        """As `find`, for bodies too small for a look at the whole picture uint8 [H, W, 3]: at overlapping squares of `TILE_SHARE`."""
        return self._find(image, _tiles(image, TILE_SHARE))

    def find_in_squares(self, image: np.ndarray) -> list[Region]:
        """As `find`, at overlapping squares of the shorter side of a picture uint8 [H, W, 3]: people side by side are larger in them."""
        return self._find(image, _tiles(image, 1.0))

    def find_near(self, image: np.ndarray, place: Region) -> list[Region]:
        """As `find`, around a place in a picture uint8 [H, W, 3]."""
        return self._find(image, [replace(place, angle=0.0).grown(_NEAR_GROWTH)])

    def _find(self, image: np.ndarray, places: list[Region]) -> list[Region]:
        found = [detection for place in places for detection in _detected(self._network, BODY_DETECTOR, image, place)]
        found.sort(key=lambda detection: -detection.score)
        return [Region.along(points[0], points[1]).grown(_BODY_GROWTH) for _, _, points in found]


class BodyReader:
    """Reads 33 joints of the body in a region (BlazePose, full size)."""

    def __init__(self) -> None:
        self._network = Network("pose_landmark_full.tflite")

    def read(self, image: np.ndarray, region: Region) -> Body | None:
        """The body in a region of a picture uint8 [H, W, 3] RGB; None if there is none."""
        size = self._network.size
        numbers, presence, _, heat, _ = self._network.run(region.crop(image, size))
        if not presence[0] >= _MIN_PRESENCE:
            return None
        points = numbers.reshape(_POINTS, 5)
        pixels = region.projected(_refined(points[:, :2] / size, heat.reshape(_HEATMAP, _HEATMAP, _POINTS)))
        joints = np.empty((BODY_JOINTS, 4), dtype=np.float32)
        joints[:, :2] = pixels[:BODY_JOINTS]
        joints[:, 2] = points[:BODY_JOINTS, 2] * (region.width / size)
        joints[:, 3] = 1.0 / (1.0 + np.exp(-points[:BODY_JOINTS, 3]))
        middle, edge = pixels[BODY_JOINTS : BODY_JOINTS + 2]
        return Body(joints, Region.along(middle, edge).grown(_BODY_GROWTH), float(presence[0]))


class BodyEstimator:
    """33 joints of one body, followed from picture to picture; or of all bodies in a picture (`crowd.CrowdEstimator`)."""

    def __init__(self) -> None:
        self._finder, self._reader = BodyFinder(), BodyReader()
        self.company = False
        self._region: Region | None = None
        self._unseen = 0

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        """Joints float32 [33, 4] in the next picture, uint8 [H, W, 3] RGB: x, y, z in pixels and visibility; None if nobody is seen."""
        region = self._region or self._found(image)
        body = None if region is None else self._reader.read(image, region)
        self._region = None if body is None else body.region
        return None if body is None else body.joints

    def _found(self, image: np.ndarray) -> Region | None:
        """Where to look first; a picture in which nobody is found at a glance is looked at closely now and then."""
        found = self._finder.find(image)
        if not found and self._unseen % CLOSE_LOOK_EVERY == 0:
            found = self._finder.find_small(image)
        self._unseen = 0 if found else self._unseen + 1
        if len(found) > 1 and not self.company:
            self.company = len(self._read_all(image, found, ())) > 1
        return found[0] if found else None

    def everybody(
        self, image: np.ndarray, known: Sequence[np.ndarray] = (), places: Sequence[Region] = (), *, closely: bool = False
    ) -> list[Body]:
        """All bodies in a picture uint8 [H, W, 3] RGB but those that are known, float32 [33, 4] each; the surest first.

        ``places`` are looked at by themselves: somebody may be there whom a look at the whole picture does not find. ``closely``: the
        picture is looked at in squares.
        """
        found = self._read_all(image, self._finder.find_in_squares(image) if closely else self._finder.find(image), known)
        for place in places:
            here = [*known, *(one.joints for one in found)]
            found += self._read_all(image, [place], here) or self._read_all(image, self._finder.find_near(image, place), here)
        return found

    def read(self, image: np.ndarray, region: Region) -> Body | None:
        """The body in a region of a picture uint8 [H, W, 3] RGB; None if there is none."""
        return self._reader.read(image, region)

    def _read_all(self, image: np.ndarray, regions: list[Region], known: Sequence[np.ndarray]) -> list[Body]:
        """The bodies in some regions, each once, without those that are known."""
        found: list[Body] = []
        for region in regions:
            there = [*known, *(one.joints for one in found)]
            near = [np.hypot(*(hips(body) - [region.x, region.y])) < _FOUND_NEAR * trunk_length(body) for body in there]
            body = None if any(near) else self._reader.read(image, region)
            if body is not None and body.joints[:, 3].mean() >= MIN_VISIBILITY and not any(same(body.joints, other) for other in there):
                found.append(body)
        return found

    def forget(self) -> None:
        """Look for a dancer anew in the next picture."""
        self._region, self._unseen = None, 0


class DetailEstimator:
    """Hands and face of a body that was found in the same picture."""

    def __init__(self) -> None:
        self._recrop, self._hand = Network("hand_recrop.tflite"), Network("hand_landmark_full.tflite")
        self._finder, self._face = Network("face_detection_short_range.tflite"), Network("face_landmark.tflite")

    def detect(self, image: np.ndarray, body: np.ndarray) -> np.ndarray:
        """Joints float32 [50, 4] (`DETAILS`) of hands and face in a picture with this body [33, 4]; NaN for parts that are not found."""
        joints = np.full((DETAILS, 4), np.nan, dtype=np.float32)
        parts = [self._hand_of(image, body, side) for side in (0, 1)]
        face = self._face_of(image, body)
        for start, part in zip((0, 21, 42), (*parts, None if face is None else face[list(FACE_MESH_INDEX)])):
            if part is not None:
                joints[start : start + len(part), :3], joints[start : start + len(part), 3] = part, _DETAIL_CONFIDENCE
        return joints

    def forget(self) -> None:
        """Nothing: every picture is looked at by itself."""

    def _hand_of(self, image: np.ndarray, body: np.ndarray, side: int) -> np.ndarray | None:
        """Points [21, 3] of the hand of a side (0 left, 1 right)."""
        if body[_WRISTS[side], 3] <= _MIN_WRIST_VISIBILITY:
            return None
        wrist, little, index = (body[points[side], :2] for points in (_WRISTS, _LITTLE_FINGERS, _INDEX_FINGERS))
        knuckles = (2.0 * index + little) / 3.0
        side_length = 2.0 * float(np.hypot(*(knuckles - wrist)))
        upright = Region.along(wrist, knuckles)
        rough = Region(float(knuckles[0]), float(knuckles[1]), side_length, side_length, upright.angle).grown(2.7, shift_y=-0.1)
        (numbers,) = self._recrop.run(rough.crop(image, self._recrop.size))
        ends = rough.projected(numbers.reshape(2, 2) / self._recrop.size)
        region = Region.along(ends[0], ends[1], direction=-np.pi / 2).grown(1.0, shift_y=-0.1)
        points, presence, *_ = self._hand.run(region.crop(image, self._hand.size))
        return _in_picture(points.reshape(21, 3), region, self._hand.size, _HAND_DEPTH) if presence[0] >= _MIN_PRESENCE else None

    def _face_of(self, image: np.ndarray, body: np.ndarray) -> np.ndarray | None:
        """Points [468, 3] of the face."""
        head = body[:_HEAD, :2]
        rough = Region.around(head, head[_RIGHT_EYE], head[_LEFT_EYE]).grown(3.0)
        found = _detected(self._finder, FACE_DETECTOR, image, rough)
        if not found:
            return None
        points = found[0].points
        region = Region.around(points, points[0], points[1]).grown(2.0, shift_y=-0.1)
        mesh, presence = self._face.run(region.crop(image, self._face.size))
        sure = 1.0 / (1.0 + np.exp(-float(presence[0]))) >= _MIN_PRESENCE
        return _in_picture(mesh.reshape(-1, 3), region, self._face.size, 1.0) if sure else None


def _detected(network: Network, config: DetectorConfig, image: np.ndarray, region: Region) -> list[Detection]:
    """What a detector finds in a square region, black where that lies outside the picture; points in pixels of the picture."""
    boxes, logits = network.run(region.crop(image, config.size, black_outside=True), low=-1.0)
    found = decode(boxes.reshape(len(logits), -1), logits, config)
    return [Detection(score, box, region.projected(points)) for score, box, points in found]


def _whole(image: np.ndarray) -> Region:
    """The smallest square around a whole picture."""
    height, width = image.shape[:2]
    return Region(0.5 * width, 0.5 * height, float(width), float(height)).grown(1.0)


def _tiles(image: np.ndarray, share: float) -> list[Region]:
    """Squares of a share of the shorter side that cover the picture, each half over the next."""
    height, width = image.shape[:2]
    side = share * min(height, width)
    xs, ys = (np.linspace(side / 2, length - side / 2, int(np.ceil(2 * length / side)) - 1) for length in (width, height))
    return [Region(float(x), float(y), side, side) for y in ys for x in xs]


def _in_picture(points: np.ndarray, region: Region, size: int, depth: float) -> np.ndarray:
    """Points [n, 3] that a network of a picture of ``size`` found in a region, in pixels; ``depth`` is the network's unit of z."""
    return np.column_stack([region.projected(points[:, :2] / size), points[:, 2] * (region.width / (size * depth))])


def _refined(at: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Points [n, 2] in shares of the picture, moved to the centre of the heat map [H, W, n] around them where it is sure."""
    side = len(heat)
    cells = np.floor(at * side).astype(int)
    inside = ((cells >= 0) & (cells < side)).all(axis=1)
    columns, rows = (cells[:, axis, None] + _PATCH for axis in (0, 1))
    x, y = np.clip(columns, 0, side - 1), np.clip(rows, 0, side - 1)
    logits = heat[y[:, :, None], x[:, None, :], np.arange(len(at))[:, None, None]]
    sure = (1.0 / (1.0 + np.exp(-logits))) * ((y == rows)[:, :, None] & (x == columns)[:, None, :])
    moved = inside & (sure.max(axis=(1, 2)) >= _MIN_REFINED)
    total = np.maximum(sure.sum(axis=(1, 2)), 1e-9) * side
    centre = np.stack([(sure.sum(axis=1) * columns).sum(axis=1), (sure.sum(axis=2) * rows).sum(axis=1)], axis=1) / total[:, None]
    return np.where(moved[:, None], centre, at)
