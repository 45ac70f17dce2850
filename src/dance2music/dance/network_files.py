"""Which files the networks of body, hands and face are, for `networks` at run time and for ``hatch_build.py`` when the package is built.

They are MediaPipe's (Apache-2.0, Google LLC), as they lie in its wheel of this version; nothing here but names, since a build has no numpy.
"""

from __future__ import annotations

WHEEL = "mediapipe==0.10.21"
"""The wheel on PyPI that has the files, under ``mediapipe/modules``; they are the same for every system."""
PACKAGE = "dance2music_networks"
"""Folder beside the installed package in which they lie."""
FILES: dict[str, str] = {
    "pose_detection/pose_detection.tflite": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "pose_landmark/pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "holistic_landmark/hand_recrop.tflite": "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
    "hand_landmark/hand_landmark_full.tflite": "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    "face_detection/face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "face_landmark/face_landmark.tflite": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
}
"""Place of each file under ``mediapipe/modules``, and its sha256."""
