"""Tables of arrays from npz, npy and pickle files of strangers: nothing that they could hide is run, and memory and time are bounded.

npz and npy are read without pickle. Pickles are read opcode by opcode by a machine of our own, which knows numpy arrays of numbers, plain
containers, numbers and texts, and refuses everything else; it never compares, hashes or prints a container, so that one which holds
itself a million times costs nothing.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.errors import InputError

MAX_BYTES = 256 << 20
"""Of a file, and of what an npz unpacks to. Ten minutes of 83 joints at 60 frames/s take 72 MB."""
_MAX_OPCODES = 1_000_000
_MAX_DIMENSIONS = 8
_MAX_ELEMENTS = 2_000_000
"""Of lists of numbers in a pickle, all lists taken together."""


def read_table(path: Path) -> Any:
    """What an npz, npy or pickle file holds: a dict of arrays and plain values by name, or one array.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, unpacks to too much, or holds anything but arrays and plain values.
    """
    suffix = path.suffix.lower()
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: has {size / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f} MB of motion; cut it into parts")
        if suffix in (".pkl", ".pickle"):
            return _plain(_Machine(path.read_bytes()).run())
        if suffix == ".npz" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > MAX_BYTES:
                raise InputError(
                    f"{path}: unpacks to {unpacked / 1e6:.0f} MB; expected at most {MAX_BYTES / 1e6:.0f} MB of motion; cut it into parts"
                )
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                with loaded:
                    return {name: loaded[name] for name in loaded.files}
            return loaded
    except _REFUSALS as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: cannot be read as a motion file ({reason})") from error


_REFUSALS = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, EOFError, MemoryError, OverflowError, RecursionError, AttributeError),
    *(NotImplementedError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, tokenize.TokenError),
)
"""What numpy, zipfile and the machine below were seen to raise for damaged files."""


class _Call:
    """A function that a pickle may call."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class _Dtype:
    """Stands for a numpy dtype while a pickle is read: numpy's own would trust the state in the file."""

    def __init__(self, code: object = None, *_: object) -> None:
        if not isinstance(code, str) or len(code) > 16:
            raise pickle.UnpicklingError("it holds an array of an unknown kind; only arrays of numbers are read")
        self.dtype = np.dtype(code)
        if self.dtype.kind not in "fiub":
            raise pickle.UnpicklingError(f"it holds an array of {self.dtype}; only arrays of numbers are read")

    def build(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and isinstance(state[1], str) and state[1] in ("<", ">", "|", "="):
            self.dtype = self.dtype.newbyteorder("<" if state[1] == "<" else ">" if state[1] == ">" else "=")


class _Array:
    """Stands for a numpy array while a pickle is read."""

    def __init__(self, *_: object) -> None:
        self.value: np.ndarray = np.zeros(0)

    def build(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise pickle.UnpicklingError("it holds an array of an unknown layout")
        _, shape, dtype, fortran, data = state
        self.value = _from_buffer(data, dtype, shape, "F" if fortran is True or fortran == 1 else "C").value


def _from_buffer(data: object, dtype: object, shape: object, order: object) -> _Array:
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise pickle.UnpicklingError("it holds an array of an unknown layout")
    if len(shape) > _MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
        raise pickle.UnpicklingError("it holds an array of an odd shape")
    array = _Array()
    array.value = np.frombuffer(data, dtype=dtype.dtype).reshape(shape, order="F" if order == "F" else "C")
    return array


def _scalar(dtype: object, data: object) -> float:
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("it holds a number of an unknown layout")
    return float(np.frombuffer(data, dtype=dtype.dtype, count=1)[0])


def _encoded(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "ascii"):
        raise pickle.UnpicklingError("it holds a text of an unknown encoding")
    return text.encode(str(encoding))


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encoded,
}
_MARK = object()
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "MARK": lambda: _MARK,
}  # fmt: skip


class _Machine:
    """Reads one pickle. An opcode that it does not know, it refuses."""

    def __init__(self, data: bytes) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._data = data

    def run(self) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(self._data))):
            if count > _MAX_OPCODES:
                raise pickle.UnpicklingError("it holds too many single values; expected arrays")
            name = opcode.name
            if name == "STOP":
                return self._stack.pop()
            if name in _VALUES:
                self._stack.append(argument)
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name]())
            else:
                self._do(name, argument)
        raise pickle.UnpicklingError("it ends too early")

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in ("PROTO", "FRAME"):
            return
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self._memo[len(self._memo) if argument is None else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            n = int(name[-1])
            stack[-n:] = [tuple(stack[-n:])]
        elif name in ("TUPLE", "LIST"):
            stack.append({"TUPLE": tuple, "LIST": list}[name](self._marked()))
        elif name == "DICT":
            values = self._marked()
            stack.append({})
            self._set(values)
        elif name == "APPEND":
            value = stack.pop()
            self._list().append(value)
        elif name == "APPENDS":
            values = self._marked()
            self._list().extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            self._set([stack.pop(), stack.pop()][::-1] if name == "SETITEM" else self._marked())
        elif name == "POP":
            stack.pop()
        elif name == "POP_MARK":
            self._marked()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "GLOBAL":
            stack.append(_found(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            wanted, module = stack.pop(), stack.pop()
            stack.append(_found(module, wanted))
        elif name == "REDUCE":
            arguments, call = stack.pop(), stack.pop()
            if not isinstance(call, _Call) or not isinstance(arguments, tuple):
                raise pickle.UnpicklingError("it calls what is no function; only arrays of numbers are read")
            stack.append(call.make(*arguments))
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], _Array | _Dtype):
                raise pickle.UnpicklingError("it changes what it should only call")
            stack[-1].build(state)
        else:
            raise pickle.UnpicklingError(f"it holds {name}; only arrays of numbers are read")

    def _marked(self) -> list[Any]:
        """What lies above the last mark, taken off with it."""
        at = next(n for n in range(len(self._stack) - 1, -2, -1) if n < 0 or self._stack[n] is _MARK)
        if at < 0:
            raise pickle.UnpicklingError("it is no pickle")
        values = self._stack[at + 1 :]
        del self._stack[at:]
        return values

    def _list(self) -> list[Any]:
        if not isinstance(self._stack[-1], list):
            raise pickle.UnpicklingError("it adds to what is no list")
        return self._stack[-1]

    def _set(self, values: list[Any]) -> None:
        table = self._stack[-1]
        if type(table) is not dict:
            raise pickle.UnpicklingError("it changes what it should only call")
        for key, value in zip(values[::2], values[1::2]):
            if not isinstance(key, str | int | float | bytes | None):
                raise pickle.UnpicklingError("it has a table by other keys than names")
            table[key] = value


def _found(module: object, name: object) -> _Call:
    if isinstance(module, str) and isinstance(name, str):
        maker = _ALLOWED.get((module.replace("numpy._core", "numpy.core"), name))
        if maker is not None:
            return _Call(maker)
        raise pickle.UnpicklingError(f"it asks for {module[:60]}.{name[:60]}; only arrays of numbers are read")
    raise pickle.UnpicklingError("it asks for something without a name; only arrays of numbers are read")


class _Budget:
    """How many elements may still be taken out of lists."""

    def __init__(self) -> None:
        self._left = _MAX_ELEMENTS

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise pickle.UnpicklingError("it holds too many single values; expected arrays")


def _plain(value: Any) -> Any:
    """A table of a pickle with plain values: arrays, numbers, texts, and lists of numbers as arrays."""
    budget = _Budget()
    if isinstance(value, dict):
        return {str(key): _array_of(one, budget) for key, one in value.items() if isinstance(key, str | int | float | None)}
    return _array_of(value, budget)


def _array_of(value: Any, budget: _Budget, depth: int = 0) -> Any:
    """A list of numbers, nested or of arrays, as one array; other values as they are. Every element counts as often as it is met."""
    if isinstance(value, _Array):
        budget.take(value.value.size if depth else 0)
        return value.value
    if isinstance(value, list | tuple):
        if depth > _MAX_DIMENSIONS:
            raise pickle.UnpicklingError("it holds lists in lists in lists")
        budget.take(len(value))
        inner = [_array_of(one, budget, depth + 1) for one in value]
        if depth or not all(isinstance(one, bool | int | float | list | np.ndarray) for one in inner):
            return inner
        return np.array(inner, dtype=np.float64)
    if value is None or isinstance(value, bool | int | float | str | bytes | bytearray):
        return value
    if isinstance(value, dict):
        return {}
    raise pickle.UnpicklingError("it holds what is no number")
