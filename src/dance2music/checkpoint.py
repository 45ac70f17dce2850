"""Model files: safetensors with the config that rebuilds the model, where it came from, and a digest of its content.

Nothing is ever unpickled: our own files are safetensors, and torch files from elsewhere are read with ``weights_only=True``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import logging
import pickle
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dance2music.config import from_json, to_json
from dance2music.documents import json_value
from dance2music.errors import ConfigError, InputError
from dance2music.files import whole_file

logger = logging.getLogger(__name__)

FORMAT = "dance2music-1"
_SCALE = "::scale"
_LARGEST_SIZE, _LARGEST_LIST = 1 << 20, 4096
_MOST_TIMES_HELD, _SMALL, _MOST_CALLS = 8, 1 << 22, 200_000
"""A model may make room for so many times the numbers of its file, and so many more: averages, windows and filters that are not stored."""
_MAKERS = {"empty", "zeros", "ones", "full", "rand", "randn", "arange", "linspace", "eye", "tensor", "empty_like", "zeros_like"}

KINDS: dict[str, tuple[str, str, str]] = {
    "spectral-codec": ("dance2music.codec.spectral", "SpectralCodecConfig", "SpectralCodec"),
    "vqvae": ("dance2music.codec.vqvae", "VQVAEConfig", "VQVAE"),
    "rhythm": ("dance2music.rhythm.network", "RhythmModelConfig", "RhythmModel"),
    "planned": ("dance2music.methods.planned", "PlannedConfig", "Planned"),
    "d2m-gan": ("dance2music.papers.d2m_gan_any_length", "TemporalD2MGanConfig", "TemporalD2MGan"),
    "d2m-gan-two-seconds": ("dance2music.papers.d2m_gan", "D2MGanConfig", "D2MGan"),
    "d2m-gan-motion-encoder": ("dance2music.nn.conv_stack", "MotionEncoderConfig", "MotionEncoder"),
    "d2m-gan-generator": ("dance2music.papers.d2m_gan", "VQGeneratorConfig", "VQGenerator"),
    "d2m-gan-discriminator": ("dance2music.papers.discriminators", "ReshapedDiscriminatorConfig", "ReshapedDiscriminator"),
    "memory": ("dance2music.methods.memory", "MemoryConfig", "Memory"),
    "music-genre": ("dance2music.perception.genre", "MusicGenreConfig", "MusicGenreClassifier"),
    "music-vector": ("dance2music.papers.creative_gan", "MusicVectorGeneratorConfig", "MusicVectorGenerator"),
    "music-vector-temporal": ("dance2music.papers.creative_gan", "TemporalMusicVectorGeneratorConfig", "TemporalMusicVectorGenerator"),
    "perceptual": ("dance2music.perception.perceptual", "PerceptualConfig", "PerceptualNet"),
    "dance-genre": ("dance2music.perception.dance_genre", "DanceGenreConfig", "DanceGenreClassifier"),
    "dance2music-online": ("dance2music.baselines.dance2music_online", "OnlineConfig", "Dance2MusicOnline"),
    "foley-music": ("dance2music.baselines.foley_music", "FoleyMusicConfig", "FoleyMusic"),
    "inverse-mv": ("dance2music.baselines.inverse_mv", "InverseMvConfig", "InverseMv"),
    "jukebox-prior": ("dance2music.baselines.jukebox", "JukeboxPriorConfig", "JukeboxPrior"),
    "cmt": ("dance2music.baselines.cmt", "CmtConfig", "Cmt"),
}
"""Kind of model file -> module, config class, model class. The model is built as ``Model(config)``."""


def save_model(path: str | Path, model: nn.Module, config: Any, *, state: Mapping[str, Tensor] | None = None,
               provenance: Mapping[str, Any] | None = None, storage: str = "float16",
               eight_bit: Collection[str] = ()) -> None:  # fmt: skip
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : file to write, by custom ``*.safetensors``.
    model : nn.Module, one of the classes in `KINDS`.
    config : its config dataclass.
    state : tensors [...] to write instead of ``model.state_dict()``, as averaged weights.
    provenance : what made it (data, seeds, steps, command, measurements); JSON values.
    storage : 'float32', 'float16', or 'int8': parameters of at least two dimensions in eight bits with a scale per output row, the rest
        (biases, norms, codebooks) in half precision. The model that comes back is float32 in any case.
    eight_bit : names of further tensors for which 'int8' means eight bits, as the finest of many residual codebooks.
    """
    kind = next((k for k, (_, _, name) in KINDS.items() if name == type(model).__name__), None)
    assert kind is not None, f"{type(model).__name__} is not in checkpoint.KINDS"
    assert storage in ("float32", "float16", "int8"), storage
    matrices = {name for name, value in model.named_parameters() if value.ndim >= 2} | set(eight_bit) if storage == "int8" else set()
    tensors: dict[str, Tensor] = {}
    for name, value in (state or model.state_dict()).items():
        value = value.detach().cpu().contiguous().clone()
        if name in matrices:
            tensors[name], tensors[name + _SCALE] = _to_int8(value)
        else:
            tensors[name] = value.half() if storage != "float32" and value.is_floating_point() else value
    metadata = {"format": FORMAT, "kind": kind, "config": to_json(config), "provenance": json.dumps(dict(provenance or {}), sort_keys=True)}
    metadata["digest"] = content_digest(tensors, metadata, _DIGESTED)
    save_tensors(path, tensors, metadata)


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file of tensors [...], whole or not at all; equal content gives equal bytes.

    The library writes the header in an order that changes from process to process; here it is sorted.
    """
    from safetensors.torch import save

    data = save(dict(tensors), dict(metadata))
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = json.dumps({name: header[name] for name in sorted(header)}, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    with whole_file(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.write(memoryview(data)[8 + length :])


def load_model(path: str | Path, *, expected: str | None = None) -> nn.Module:
    """Build the model of a model file, in float32 and evaluation mode.

    Parameters
    ----------
    path : a file that `save_model` wrote.
    expected : kind that the caller can use (a key of `KINDS`); None takes any.

    Raises
    ------
    InputError
        If the file is missing, no model file, of another kind, or not what was written (digest).
    """
    metadata, tensors = _read(path)
    kind = metadata["kind"]
    if kind not in KINDS or expected not in (None, kind):
        raise InputError(f"{path}: holds a {kind!r}; expected {expected or ' or '.join(KINDS)}; choose a file of that kind")
    module_name, config_name, model_name = KINDS[kind]
    module = importlib.import_module(module_name)
    try:
        config = from_json(getattr(module, config_name), metadata["config"], where=str(path))
    except ConfigError as error:
        raise InputError(f"{path}: made by another version of dance2music ({error}); use that version or train again") from error
    model = _built(getattr(module, model_name), config, tensors, path)
    fill(model, _from_int8(tensors), where=str(path))
    return model.eval()


def _built(make: Callable[[Any], nn.Module], config: Any, tensors: Mapping[str, Tensor], path: str | Path) -> nn.Module:
    """The model of a config that a file holds, as long as it is of the size of the file's tensors: raises InputError otherwise."""
    _check_sizes(config, path)
    try:
        with _Limited(_MOST_TIMES_HELD * sum(value.numel() for value in tensors.values()) + _SMALL):
            return make(config)
    except (AssertionError, ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: its config fits no model ({reason}); the file was changed or damaged; get it again") from error


class _Limited(TorchFunctionMode):
    """While it holds, so many numbers may be made room for, in so many calls; raises ValueError."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self._numbers, self._calls = numbers, _MOST_CALLS

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._calls -= 1
        if isinstance(result, Tensor) and getattr(func, "__name__", "") in _MAKERS:
            self._numbers -= result.numel()  # before anything is written there, this takes no memory
        if min(self._numbers, self._calls) < 0:
            raise ValueError("it wants more numbers than the file holds")
        return result


def _check_sizes(value: Any, path: str | Path) -> None:
    """Refuse a config with numbers that no model of ours has: raises InputError."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _check_sizes(getattr(value, field.name), path)
    elif isinstance(value, tuple):
        for one in value[:_LARGEST_LIST]:
            _check_sizes(one, path)
    too_large = (isinstance(value, int) and abs(value) > _LARGEST_SIZE) or (isinstance(value, tuple) and len(value) > _LARGEST_LIST)
    if too_large:
        raise InputError(
            f"{path}: its config holds {str(value)[:40]}; expected sizes of a model; the file was changed or damaged; get it again"
        )


def read_provenance(path: str | Path) -> dict[str, Any]:
    """What made a model file, as given to `save_model`, with its kind and config. Raises InputError as `load_model`."""
    metadata, _ = _read(path)
    return {**json_value(metadata["provenance"]), "kind": metadata["kind"], "config": json_value(metadata["config"])}


def load_embedded(name: str, *, expected: str | None = None) -> nn.Module:
    """Model from the weights that come with the package, as ``codec``, after a check against ``weights/sha256.json``.

    Raises
    ------
    InputError
        If there is no such file or its sha256 is not the listed one.
    """
    folder = resources.files("dance2music") / "weights"
    file = folder / f"{name}.safetensors"
    if not file.is_file():
        raise InputError(f"embedded weights {name!r}: not in this installation; install dance2music again or give a file of your own")
    with resources.as_file(file) as path:
        listed = json_value((folder / "sha256.json").read_text(encoding="utf-8")).get(path.name)
        if listed != sha256_of(path):
            raise InputError(f"{path}: is not the file that was released (sha256 differs); install dance2music again")
        return load_model(path, expected=expected)


def embed(path: str | Path, name: str, folder: str | Path) -> Path:
    """Copy a model file into a package's ``weights`` folder as ``name.safetensors`` and list its sha256 in ``sha256.json`` there.

    Raises
    ------
    InputError
        If the file is no intact model file (see `load_model`) or the folder is not writable.
    """
    _read(path)
    target = Path(folder) / f"{name}.safetensors"
    with whole_file(target) as temporary:
        temporary.write_bytes(Path(path).read_bytes())
    listing = Path(folder) / "sha256.json"
    known = json_value(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    with whole_file(listing) as temporary:
        temporary.write_text(json.dumps({**known, target.name: sha256_of(target)}, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return target


def sha256_of(path: str | Path) -> str:
    """Hexadecimal sha256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fill(model: nn.Module, tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Copy tensors [...] into a model whose state dict must have the same names and shapes; restore codebook averages where it has any.

    Raises
    ------
    InputError
        If names or shapes differ; the message lists the first few of each.
    """
    own = model.state_dict()
    missing = [n for n in own if n not in tensors]
    odd = [n for n in tensors if n not in own]
    shapes = [f"{n} {list(tensors[n].shape)} for {list(own[n].shape)}" for n in own if n in tensors and own[n].shape != tensors[n].shape]
    problems = [f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
                for what, names in (("missing", missing), ("unknown", odd), ("of another shape", shapes)) if names]  # fmt: skip
    if problems:
        raise InputError(f"{where}: does not fit {type(model).__name__}: tensors {'; '.join(problems)}; choose its own preset")
    model.load_state_dict({name: value.to(own[name].dtype) for name, value in tensors.items()})
    for module in model.modules():
        restore = getattr(module, "restore_averages", None)
        if restore is not None:
            restore()


NOT_TORCH = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, OSError, TypeError, AttributeError, AssertionError)
"""What reading a damaged torch file may raise."""


def read_torch_state(path: str | Path) -> dict[str, Tensor]:
    """Tensors [...] of a published torch checkpoint: a bare state dict or one under ``model`` or ``state_dict``; ``module.`` is cut off.

    Raises
    ------
    InputError
        If the file is missing, is no torch file, or holds anything but tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a torch checkpoint; check the path")
    try:
        with torch.serialization.safe_globals(_plain_numbers()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except NOT_TORCH as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{path}: cannot be read as a torch file of tensors only ({reason}); download it again") from error
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path}: holds no state dict; expected tensors by name, bare or under 'model'; choose another file")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _plain_numbers() -> list[Any]:
    """What numpy's numbers are pickled as: JukeBox keeps measurements beside its tensors. None of it runs code."""
    import numpy as np

    scalar: Any = np.float64(0.0).__reduce__()[0]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]  # before and from numpy 2 on
    return [*names, np.dtype, type(np.dtype(np.float32)), type(np.dtype(np.float64)), type(np.dtype(np.int64))]


def read_tensors(path: str | Path, *, what: str = "a model file") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors [...] of a safetensors file; what the numbers are worth is the caller's to check.

    Raises
    ------
    InputError
        If the file is missing or no safetensors file; ``what`` says what was expected.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {what}; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error}); expected {what}; it is damaged or another kind") from error


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    metadata, tensors = read_tensors(path, what="a model file (*.safetensors)")
    if metadata.get("format") != FORMAT or not {"kind", "config", "provenance", "digest"} <= metadata.keys():
        raise InputError(f"{path}: is no model file of dance2music; expected one written by 'dance2music train' or embedded weights")
    if metadata["digest"] != content_digest(tensors, metadata, _DIGESTED):
        raise InputError(f"{path}: content does not match its digest; the file was changed or damaged; get it again")
    return metadata, tensors


def _to_int8(value: Tensor) -> tuple[Tensor, Tensor]:
    """Eight-bit integers and float32 scales [rows, 1, ...] of a float tensor: ``value`` is about ``integers * scales``.

    Rows that have been through this before come out with the same bits: for them one of three neighbouring scales is exact.
    """
    value = value.float()
    scale = value.abs().amax(dim=tuple(range(1, value.ndim)), keepdim=True).clamp_min(1e-12) / 127
    integers = (value / scale).round()
    for near in (torch.nextafter(scale, torch.zeros_like(scale)), torch.nextafter(scale, torch.full_like(scale, torch.inf))):
        exact = (integers * near == value).flatten(1).all(dim=1).view_as(scale)
        scale = torch.where(exact, near, scale)
    return integers.to(torch.int8), scale


def _from_int8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file with eight-bit ones multiplied by their scales."""
    plain = {name: value for name, value in tensors.items() if not name.endswith(_SCALE)}
    return {name: value.float() * tensors[name + _SCALE] if name + _SCALE in tensors else value for name, value in plain.items()}


_DIGESTED = ("format", "kind", "config", "provenance")


def content_digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], keys: Sequence[str]) -> str:
    """sha256 of tensors [...] with their names, types and shapes, and of these keys of the metadata."""
    digest = hashlib.sha256()
    for key in keys:
        digest.update(f"{key}={metadata[key]}\n".encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(_bytes(value))
    return digest.hexdigest()


def codec_digest(codec: nn.Module) -> str:
    """Twelve hexadecimal digits of the sha256 of a codec's tensors and their names: what its codes mean."""
    digest = hashlib.sha256()
    for name, value in sorted(codec.state_dict().items()):
        digest.update(name.encode() + _bytes(value))
    return digest.hexdigest()[:12]


def _bytes(value: Tensor) -> bytes:
    """The numbers of a tensor [...] in order. Copied: a single number may lie with a step of 0, and has no view then."""
    whole = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    return whole.view(-1).view(torch.uint8).numpy().tobytes()


def codec_label(codec: Any) -> str:
    """Name of a codec's codes in a prepared folder: kind, hop length in samples, `codec_digest`; so other weights have other codes."""
    kind = "vqvae" if type(codec).__name__ == "VQVAE" else "spectral"
    return f"{kind}-hop{codec.hop_length}-{codec_digest(codec)}"
