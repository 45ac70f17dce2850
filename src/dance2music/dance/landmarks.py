"""MediaPipe's trackers of body, hands and face, as graphs of our own over the networks and calculators of its package.

The package's ready-made solutions do the same at twice the cost: they paint a mask of the dancer that nobody looks at (`tflite`), follow
the body a second time where hands and face are wanted, and forget a dancer only by being shown an empty picture. Here a graph is given the
region to look at, and hands and face are looked for on a body that was found before.

Following one body works as in the package (Bazarevsky et al. 2020, "BlazePose"): a detector proposes a region, the network of landmarks
finds 33 joints in it and says where to look in the next picture.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dance2music.dance.skeleton import FACE_MESH_INDEX
from dance2music.dance.tflite import without_output

DETAILS = 21 + 21 + len(FACE_MESH_INDEX)
"""Joints of both hands and of the face, as ``holistic-83`` has them after the body's."""
_DETAIL_CONFIDENCE = 0.9
_BODY_MODEL = "modules/pose_landmark/pose_landmark_full.tflite"
_MASK_SHAPE = (1, 256, 256, 1)
_MESSAGES = (
    "framework.calculator",
    "framework.formats.landmark",
    "calculators.core.split_vector_calculator",
    "calculators.tensor.image_to_tensor_calculator",
    "calculators.tensor.inference_calculator",
)
"""Modules of the messages that graphs, their options and their packets are made of."""
_loading = threading.RLock()

_FIND = """
input_stream: "image" output_stream: "region"
node { calculator: "ImagePropertiesCalculator" input_stream: "IMAGE_CPU:image" output_stream: "SIZE:size" }
node { calculator: "PoseDetectionCpu" input_stream: "IMAGE:image" output_stream: "DETECTIONS:bodies" }
node { calculator: "SplitDetectionVectorCalculator" input_stream: "bodies" output_stream: "body"
       options { [mediapipe.SplitVectorCalculatorOptions.ext] { ranges { begin: 0 end: 1 } element_only: true } } }
node { calculator: "PoseDetectionToRoi" input_stream: "DETECTION:body" input_stream: "IMAGE_SIZE:size" output_stream: "ROI:region" }
"""
_FOLLOW = """
input_stream: "image" input_stream: "region" input_side_packet: "network" output_stream: "joints" output_stream: "next_region"
node { calculator: "TfLiteModelCalculator" input_side_packet: "MODEL_BLOB:network" output_side_packet: "MODEL:model" }
node { calculator: "ImagePropertiesCalculator" input_stream: "IMAGE_CPU:image" output_stream: "SIZE:size" }
node { calculator: "ImageToTensorCalculator" input_stream: "IMAGE:image" input_stream: "NORM_RECT:region"
       output_stream: "TENSORS:crop" output_stream: "LETTERBOX_PADDING:padding"
       options { [mediapipe.ImageToTensorCalculatorOptions.ext] { output_tensor_width: 256 output_tensor_height: 256
                 keep_aspect_ratio: true output_tensor_float_range { min: 0 max: 1 } } } }
node { calculator: "InferenceCalculatorCpu" input_stream: "TENSORS:crop" input_side_packet: "MODEL:model" output_stream: "TENSORS:numbers"
       options { [mediapipe.InferenceCalculatorOptions.ext] { delegate { xnnpack { } } } } }
node { calculator: "TensorsToPoseLandmarksAndSegmentation" input_stream: "TENSORS:numbers"
       output_stream: "LANDMARKS:joints_in_crop" output_stream: "AUXILIARY_LANDMARKS:axis_in_crop" }
node { calculator: "LandmarkLetterboxRemovalCalculator" input_stream: "LANDMARKS:joints_in_crop"
       input_stream: "LETTERBOX_PADDING:padding" output_stream: "LANDMARKS:joints_in_region" }
node { calculator: "LandmarkLetterboxRemovalCalculator" input_stream: "LANDMARKS:axis_in_crop"
       input_stream: "LETTERBOX_PADDING:padding" output_stream: "LANDMARKS:axis_in_region" }
node { calculator: "LandmarkProjectionCalculator" input_stream: "NORM_LANDMARKS:joints_in_region" input_stream: "NORM_RECT:region"
       output_stream: "NORM_LANDMARKS:joints" }
node { calculator: "LandmarkProjectionCalculator" input_stream: "NORM_LANDMARKS:axis_in_region" input_stream: "NORM_RECT:region"
       output_stream: "NORM_LANDMARKS:axis" }
node { calculator: "PoseLandmarksToRoi" input_stream: "LANDMARKS:axis" input_stream: "IMAGE_SIZE:size" output_stream: "ROI:next_region" }
"""
_DETAIL = """
input_stream: "image" input_stream: "joints" output_stream: "left" output_stream: "right" output_stream: "face"
node { calculator: "HandLandmarksLeftAndRightCpu" input_stream: "IMAGE:image" input_stream: "POSE_LANDMARKS:joints"
       output_stream: "LEFT_HAND_LANDMARKS:left" output_stream: "RIGHT_HAND_LANDMARKS:right" }
node { calculator: "SplitNormalizedLandmarkListCalculator" input_stream: "joints" output_stream: "head"
       options { [mediapipe.SplitVectorCalculatorOptions.ext] { ranges { begin: 0 end: 11 } } } }
node { calculator: "FaceLandmarksFromPoseCpu" input_stream: "IMAGE:image" input_stream: "FACE_LANDMARKS_FROM_POSE:head"
       output_stream: "FACE_LANDMARKS:face" }
"""


class BodyEstimator:
    """33 joints of one body (BlazePose, full size)."""

    def __init__(self) -> None:
        self._find = _Graph(_FIND)
        self._follow = _Graph(_FOLLOW, network=_body_network())
        self._region: Any = None

    def detect(self, image: np.ndarray) -> np.ndarray | None:
        """Joints float32 [33, 4] in the next picture, uint8 [H, W, 3] RGB: x, y, z in pixels and visibility; None if nobody is seen."""
        picture = _picture(image)
        region = self._region or self._find.run(image=picture).get("region")
        found = {} if region is None else self._follow.run(image=picture, region=region)
        self._region = found.get("next_region")
        return _pixels(found["joints"], image.shape, range(33)) if "joints" in found else None

    def forget(self) -> None:
        """Look for a dancer anew in the next picture."""
        self._region = None


class DetailEstimator:
    """Hands and face of a body that was found in the same picture."""

    def __init__(self) -> None:
        self._graph = _Graph(_DETAIL)

    def detect(self, image: np.ndarray, body: np.ndarray) -> np.ndarray:
        """Joints float32 [50, 4] (`DETAILS`) of hands and face in a picture with this body [33, 4]; NaN for parts that are not found."""
        joints = np.full((DETAILS, 4), np.nan, dtype=np.float32)
        found = self._graph.run(image=_picture(image), joints=_landmarks(body, image.shape))
        for start, stop, name, points in ((0, 21, "left", range(21)), (21, 42, "right", range(21)), (42, DETAILS, "face", FACE_MESH_INDEX)):
            if name in found:
                joints[start:stop] = _pixels(found[name], image.shape, points)
        joints[:, 3] = np.where(np.isfinite(joints[:, 3]), _DETAIL_CONFIDENCE, np.nan)
        return joints

    def forget(self) -> None:
        """Forget the hands and the face of the previous picture."""
        self._graph.run(image=_picture(np.zeros((64, 64, 3), dtype=np.uint8)))


class _Graph:
    """A graph of MediaPipe's calculators that is run picture by picture in the thread that asks."""

    def __init__(self, text: str, **side_packets: Any) -> None:
        mediapipe = load_mediapipe()
        from google.protobuf import text_format
        from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig

        config = text_format.Parse(text + 'executor { type: "ApplicationThreadExecutor" }', CalculatorGraphConfig())
        self._graph = mediapipe.CalculatorGraph(graph_config=config)
        self._found: dict[str, Any] = {}
        self._step = 0
        self._greeted = False
        for name in config.output_stream:
            self._graph.observe_output_stream(name, self._found.__setitem__)
        self._graph.start_run(side_packets)

    def run(self, **packets: Any) -> dict[str, Any]:
        """Packets of the output streams that these packets of the input streams give; empty streams are left out."""
        self._step += 1
        self._found.clear()
        for name, packet in packets.items():
            self._graph.add_packet_to_input_stream(name, packet.at(self._step))
        with contextlib.nullcontext() if self._greeted else quiet():  # networks are loaded, and warned of, when they are first run
            self._graph.wait_until_idle()
        self._greeted = self._greeted or bool(self._found)
        return dict(self._found)


def _picture(image: np.ndarray) -> Any:
    """Packet of an image uint8 [H, W, 3] RGB."""
    mediapipe = load_mediapipe()
    return mediapipe.packet_creator.create_image_frame(np.ascontiguousarray(image), image_format=mediapipe.ImageFormat.SRGB)


def _landmarks(joints: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Packet of joints [n, 4] in pixels: x, y, z and visibility."""
    mediapipe = load_mediapipe()
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    scaled = joints / [shape[1], shape[0], shape[1], 1.0]
    listed = NormalizedLandmarkList()
    for x, y, z, visibility in scaled.tolist():
        listed.landmark.add(x=x, y=y, z=z, visibility=visibility)
    return mediapipe.packet_creator.create_proto(listed)


def _pixels(packet: Any, shape: tuple[int, ...], points: Sequence[int]) -> np.ndarray:
    """Some of the joints in a packet of landmarks, float32 [n, 4]: x, y, z in pixels, visibility."""
    listed = load_mediapipe().packet_getter.get_proto(packet).landmark
    rows = [(p.x * shape[1], p.y * shape[0], p.z * shape[1], p.visibility) for p in (listed[i] for i in points)]
    return np.array(rows, dtype=np.float32)


@cache
def _body_network() -> Any:
    """Packet with the network of the body, without its mask."""
    mediapipe = load_mediapipe()
    model = (Path(mediapipe.__file__).parents[1] / _BODY_MODEL).read_bytes()
    return mediapipe.packet_creator.create_string(without_output(model, _MASK_SHAPE))


@cache
def load_mediapipe() -> Any:
    """MediaPipe's framework, imported once: its module ``mediapipe.python`` (0.1 s, where the whole package takes a second)."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _loading, quiet():
        if "mediapipe" not in sys.modules:
            _Package.put()
        for name in _MESSAGES:
            import_module(f"mediapipe.{name}_pb2")
        framework = import_module("mediapipe.python")
        (folder,) = sys.modules["mediapipe"].__path__
        framework.resource_util.set_resource_dir(str(Path(folder).parent))
    return framework


class _Package(ModuleType):
    """The package ``mediapipe`` before its ``__init__`` has run, which imports plotting, sound recording and all ready-made solutions.

    Its modules can be imported as usual. Whoever asks the package itself for something gets it: only then does ``__init__`` run.
    """

    @classmethod
    def put(cls) -> None:
        spec = find_spec("mediapipe")
        assert spec is not None and spec.loader is not None, "mediapipe is a dependency"
        package = cls("mediapipe")
        package.__spec__, package.__loader__, package.__file__ = spec, spec.loader, spec.origin
        package.__path__ = list(spec.submodule_search_locations or [])
        sys.modules["mediapipe"] = package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__ is not None and self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what C++ libraries write to file descriptor 2: MediaPipe greets with a page of warnings at every start."""
    with _stderr.lock:
        if _stderr.depth == 0:
            try:
                _stderr.saved = os.dup(2)
            except OSError:  # no standard error at all
                _stderr.saved = None
            else:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)
        _stderr.depth += 1
    try:
        yield
    finally:
        with _stderr.lock:
            _stderr.depth -= 1
            if _stderr.depth == 0 and _stderr.saved is not None:
                os.dup2(_stderr.saved, 2)
                os.close(_stderr.saved)


class _Stderr:
    """Who has silenced file descriptor 2: threads may do so at once, the last one to finish restores it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.saved: int | None = None


_stderr = _Stderr()
