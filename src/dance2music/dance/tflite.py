"""Leaving out of a TensorFlow Lite model what nobody asks for.

MediaPipe's network of the body also paints a mask of the dancer, pixel by pixel, whether or not it is wanted: four tenths of its time. The
file (a flatbuffer, schema `tensorflow/compiler/mlir/lite/schema/schema.fbs`) lists its operators; here those that only the mask needs are
struck from the list, in a copy in memory. All other outputs keep their bits.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_SUBGRAPHS, _TENSORS, _OUTPUTS, _OPERATORS = 2, 0, 2, 3
_OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _TENSOR_SHAPE = 1, 2, 0
"""Places of the fields in the schema's tables ``Model``, ``SubGraph``, ``Operator`` and ``Tensor``."""


def without_output(model: bytes, shape: Sequence[int]) -> bytes:
    """A model that no longer computes its output of a certain shape.

    Parameters
    ----------
    model : bytes of a ``.tflite`` file with one subgraph.
    shape : of the unwanted output. In its place the model gives out a tensor that another output is made of, so that the others keep their
        numbers.

    Returns
    -------
    bytes of the same length; ``model`` itself if it has no such output.
    """
    file = _Flatbuffer(model)
    graph = file.tables(file.root(), _SUBGRAPHS)[0]
    tensors, operators = file.tables(graph, _TENSORS), file.tables(graph, _OPERATORS)
    start, outputs = file.integers(graph, _OUTPUTS)
    unwanted = [i for i, tensor in enumerate(outputs) if file.integers(tensors[tensor], _TENSOR_SHAPE)[1] == list(shape)]
    if len(unwanted) != 1 or len(outputs) < 2:
        return model
    maker = {tensor: operator for operator in operators for tensor in file.integers(operator, _OPERATOR_OUTPUTS)[1]}
    kept = [tensor for i, tensor in enumerate(outputs) if i not in unwanted]
    stand_in = file.integers(maker[kept[0]], _OPERATOR_INPUTS)[1][0]
    struct.pack_into("<i", file.data, start + 4 * unwanted[0], stand_in)
    needed: set[int] = set()
    waiting = [*kept, stand_in]
    while waiting:
        operator = maker.get(waiting.pop())
        if operator is not None and operator not in needed:
            needed.add(operator)
            waiting += file.integers(operator, _OPERATOR_INPUTS)[1]
    file.keep(graph, _OPERATORS, [operator for operator in operators if operator in needed])
    return bytes(file.data)


class _Flatbuffer:
    """As much of a flatbuffer as is needed: tables by the place where they begin, their fields by number."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def root(self) -> int:
        return self._follow(0)

    def tables(self, table: int, field: int) -> list[int]:
        """Places of the tables in a field that is a vector of them."""
        start, count = self._vector(table, field)
        return [self._follow(start + 4 * i) for i in range(count)]

    def integers(self, table: int, field: int) -> tuple[int, list[int]]:
        """A field that is a vector of int32: where its first number is, and the numbers."""
        start, count = self._vector(table, field)
        return start, list(struct.unpack_from(f"<{count}i", self.data, start))

    def keep(self, table: int, field: int, places: list[int]) -> None:
        """Shorten a vector of tables to those at ``places``. Offsets count from where they are written, and only forward."""
        start, count = self._vector(table, field)
        assert len(places) <= count
        struct.pack_into("<I", self.data, start - 4, len(places))
        for i, place in enumerate(places):
            struct.pack_into("<I", self.data, start + 4 * i, place - (start + 4 * i))

    def _follow(self, place: int) -> int:
        return place + int(struct.unpack_from("<I", self.data, place)[0])

    def _vector(self, table: int, field: int) -> tuple[int, int]:
        """Where the first element of a field that is a vector is, and how many it has; none where the field is absent."""
        fields = table - struct.unpack_from("<i", self.data, table)[0]
        entry = 4 + 2 * field
        (size,) = struct.unpack_from("<H", self.data, fields)
        offset = struct.unpack_from("<H", self.data, fields + entry)[0] if entry < size else 0
        if not offset:
            return 0, 0
        vector = self._follow(table + offset)
        return vector + 4, int(struct.unpack_from("<I", self.data, vector)[0])
