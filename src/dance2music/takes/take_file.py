"""What a take file is made of: the parts of a take as tensors and JSON values, and back with every size and range checked.

The file is safetensors with a JSON header, safe to read from a stranger: nothing is unpickled, sizes, shapes and ranges are checked before
anything is built, and a digest over all of it tells damage. `takes.take` puts the parts together.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dance2music.checkpoint import codec_digest, content_digest, read_tensors, save_tensors
from dance2music.dance.kinematics import MOTION_FEATURES
from dance2music.dance.skeleton import SKELETONS
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.methods.base import CodecGenerator, Given
from dance2music.takes.methods import LoadedMethod
from dance2music.types import (
    GENRES,
    ROLES,
    SECTION_NAMES,
    Conditioning,
    Dancer,
    GenreGuess,
    Hypothesis,
    Latents,
    Motion,
    Note,
    Rhythm,
    Score,
    Section,
    Span,
    Track,
)
from dance2music.video.container import MAX_SECONDS

FORMAT = "dance2music-take-1"
MAX_EDITS, MAX_NOTES, MAX_BEATS, MAX_DANCERS = 10_000, 1_000_000, 100_000, 100
LIBRARIES = ("torch", "numpy", "librosa", "av", "ai-edge-litert", "symusic")
"""What decides the bits of music beside the package itself."""
MAX_BEATS_AROUND = 64
"""Sections may begin before a beat grid and end behind it by so much."""
MAX_DIFFERENCE_SECONDS = 2.0
"""By so much a dance, or what is read from it, may be longer or shorter than its music."""
SLACK_SECONDS = 1.0
"""By so much the parts of a take may be longer than the music."""
_MAX_BYTES = 2 << 30


def versions() -> dict[str, str]:
    """Versions of `LIBRARIES` and of Python."""
    return {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}


def write(path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write header and tensors [...] of a take, whole or not at all. Raises InputError if the file cannot be written."""
    stored = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    metadata = {"format": FORMAT, "take": json.dumps(dict(header))}
    metadata["digest"] = content_digest(stored, metadata, ("format", "take"))
    save_tensors(path, stored, metadata)


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and tensors [...] of a take file, as they were written.

    Raises
    ------
    InputError
        If the file is missing, too large, damaged, no take or one of another version.
    """
    if Path(path).is_file() and Path(path).stat().st_size > _MAX_BYTES:
        raise InputError(f"{path}: has {Path(path).stat().st_size / 1e9:.1f} GB; expected a take of at most {_MAX_BYTES / 1e9:.1f} GB")
    metadata, tensors = read_tensors(path, what="a take that 'generate --take' wrote")
    if metadata.get("format") != FORMAT or "take" not in metadata:
        found = metadata.get("format") or "no take"
        raise InputError(f"{path}: is {found}; expected {FORMAT}, as 'dance2music generate --take' of this version writes it")
    if metadata.get("digest") != content_digest(tensors, metadata, ("format", "take")):
        raise InputError(f"{path}: content does not match its digest; the file was changed or damaged; get it again")
    header = json_value(metadata["take"])
    need(isinstance(header, dict), "the header", type(header).__name__)
    return header, tensors


_GIVEN_FILES = ("weights", "codec", "decoder")


def given_values(given: Given) -> dict[str, Any]:
    """What a user brought for a method, as JSON values; the music that it heard is not brought again."""
    return {
        **{name: None if path is None else str(path) for name, path in zip(_GIVEN_FILES, (given.weights, given.codec, given.decoder))},
        "level": given.level,
        "precision": given.precision,
        "settings": list(given.settings),
        "instruments": list(given.instruments),
        "sound": given.sound,
    }


def given_from(values: Mapping[str, Any]) -> Given:
    """The inverse of `given_values`; raises InputError where a value is of another type."""
    files = {name: values.get(name) for name in _GIVEN_FILES}  # the first takes knew weights alone
    rest: dict[str, Any] = {name: values[name] for name in ("level", "precision", "settings", "instruments", "sound")}
    return Given(**rest | files)


def put_conditioning(given: Conditioning, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Keep the arrays of a dance among ``tensors`` [...]; returns the rest of it as JSON values."""
    rhythm, dance = given.rhythm, given.dance
    tensors |= {"motion": given.motion, "visual": given.visual}
    tensors |= {"rhythm.beats": _double(rhythm.beat_times_seconds), "rhythm.kinematic": _double(rhythm.kinematic_beats_seconds)}
    tensors["hits"] = _double(given.hits_seconds)
    guess = given.genre_guess
    header: dict[str, Any] = {
        "genre": GENRES[given.genre],
        "genre_guess": None if guess is None else {"probabilities": list(guess.probabilities), "sure": guess.sure},
        "fps": given.fps,
        "duration_seconds": given.duration_seconds,
        "rhythm": {
            "downbeat": rhythm.downbeat,
            "tempo_bpm": rhythm.tempo_bpm,
            "confidence": rhythm.confidence,
            "alternatives": [list(other) for other in rhythm.alternatives],
        },
        "sections": _put_sections(given.sections),
    }
    header["dancers"] = [_put_dancer(one, k, dance, tensors) for k, one in enumerate(given.dancers)]
    if dance is not None:
        tensors |= {"dance.joints": torch.from_numpy(dance.joints), "dance.confidence": torch.from_numpy(dance.confidence)}
        if dance.flow_energy is not None:
            tensors["dance.flow_energy"] = torch.from_numpy(dance.flow_energy)
        header["dance"] = {"fps": dance.fps, "skeleton": dance.skeleton, "source": dance.source}
    return header


def take_conditioning(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Conditioning:
    """The inverse of `put_conditioning`, from ``tensors`` [...]; raises ValueError or KeyError where something cannot be."""
    duration = number(header["duration_seconds"], 0.05, MAX_SECONDS + SLACK_SECONDS)
    fps = number(header["fps"], 1, 1000)
    beats = _beats(tensors["rhythm.beats"])
    rhythm = Rhythm(
        beat_times_seconds=beats,
        downbeat=whole(header["rhythm"]["downbeat"], 0, len(beats) - 1),
        tempo_bpm=number(header["rhythm"]["tempo_bpm"], 10, 1000),
        confidence=number(header["rhythm"]["confidence"], 0, 1),
        kinematic_beats_seconds=_array(tensors["rhythm.kinematic"], torch.float64, 1),
        alternatives=tuple(
            Hypothesis(number(bpm, 10, 1000), number(first, 0, MAX_SECONDS), number(probability, 0, 1))
            for bpm, first, probability in header["rhythm"].get("alternatives", ())
        ),
    )
    dance = None
    if "dance" in header:
        about = header["dance"]
        joints = _array(tensors["dance.joints"], torch.float32, 3)
        confidence = _array(tensors["dance.confidence"], torch.float32, 2)
        flow = _array(tensors["dance.flow_energy"], torch.float32, 1) if "dance.flow_energy" in tensors else None
        known = about["skeleton"] in SKELETONS or about["skeleton"] == "flow"
        need(known and joints.shape[2] in (2, 3) and len(joints) > 0, "joints", (about["skeleton"], *joints.shape))
        need(confidence.shape == joints.shape[:2] and (flow is None or len(flow) == len(joints)), "confidence", confidence.shape)
        dance = Motion(joints, confidence, number(about["fps"], 1, 1000), about["skeleton"], flow, text(about["source"]))
    told_dancers = header.get("dancers", [])
    need(len(told_dancers) <= MAX_DANCERS and (dance is not None or not told_dancers), "dancers", len(told_dancers))
    dancers = tuple(_dancer(one, k, dance, tensors) for k, one in enumerate(told_dancers) if dance is not None)
    features = {}
    for name in ("motion", "visual"):
        features[name] = torch.from_numpy(_array(tensors[name], torch.float32, 2))
        need(len(features[name]) > 0, name, tuple(features[name].shape))
    need(features["motion"].shape[1] == MOTION_FEATURES, "motion", tuple(features["motion"].shape))
    for what, seconds in (("motion", len(features["motion"]) / fps), ("dance", duration if dance is None else dance.duration_seconds)):
        need(abs(seconds - duration) <= MAX_DIFFERENCE_SECONDS, f"the length of the {what}", seconds)
    need(beats[0] < duration and beats[-1] > 0, "beats", "outside the music")
    genre = GENRES.index(header["genre"])
    guess = None
    if (told := header.get("genre_guess")) is not None:
        need(len(told["probabilities"]) == len(GENRES), "genre_guess", told["probabilities"])
        guess = GenreGuess(genre, tuple(number(p, 0, 1) for p in told["probabilities"]), bool(told["sure"]))
    hits = _array(tensors["hits"], torch.float64, 1) if "hits" in tensors else np.zeros(0)  # older takes have none
    sections = _sections(header.get("sections", []), len(beats))
    return Conditioning(features["motion"], features["visual"], rhythm, genre, fps, duration, dance, sections, hits, guess, dancers)


def _put_dancer(one: Dancer, k: int, dance: Motion | None, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """One of those who were seen: its joints among ``tensors`` [...], unless they are those of the dance."""
    if one.motion is not dance:
        tensors |= {
            f"dancer{k}.joints": torch.from_numpy(one.motion.joints),
            f"dancer{k}.confidence": torch.from_numpy(one.motion.confidence),
        }
    seen = [list(span) for span in one.seen]
    return {"share": one.share, "size": one.size, "sureness": one.sureness, "seen": seen, "source": one.motion.source}


def _dancer(told: Mapping[str, Any], k: int, dance: Motion, tensors: Mapping[str, Tensor]) -> Dancer:
    """The inverse of `_put_dancer`."""
    motion = dance
    if f"dancer{k}.joints" in tensors:
        joints = _array(tensors[f"dancer{k}.joints"], torch.float32, 3)
        confidence = _array(tensors[f"dancer{k}.confidence"], torch.float32, 2)
        need(joints.shape == dance.joints.shape and confidence.shape == dance.confidence.shape, "joints of a dancer", joints.shape)
        motion = replace(dance, joints=joints, confidence=confidence, source=text(told["source"]))
    seen = tuple(Span(number(a, 0, MAX_SECONDS), number(b, 0, MAX_SECONDS + SLACK_SECONDS)) for a, b in told["seen"])
    return Dancer(motion, number(told["size"], 0, 100), number(told["sureness"], 0, 1), seen, number(told["share"], 0, 1))


def _put_sections(sections: Sequence[Section]) -> list[dict[str, Any]]:
    return [{"begin_beat": s.begin_beat, "end_beat": s.end_beat, "name": s.name, "level": s.level} for s in sections]


def _sections(values: Sequence[Mapping[str, Any]], n_beats: int) -> tuple[Section, ...]:
    """The inverse of `_put_sections`, of music on a grid of ``n_beats``; takes of before there were sections have none."""
    need(len(values) <= n_beats, "sections", len(values))
    found: list[Section] = []
    reach = n_beats + MAX_BEATS_AROUND
    for value in values:
        begin, end = (whole(value[name], -reach, reach) for name in ("begin_beat", "end_beat"))
        need(value["name"] in SECTION_NAMES, "a section", value["name"])
        need(begin < end and (not found or begin == found[-1].end_beat), "sections", (begin, end))
        found.append(Section(begin, end, str(value["name"]), number(value["level"], 0, 1)))
    return tuple(found)


def put_music(name: str, music: Latents | Score, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Keep a piece's arrays under a name among ``tensors`` [...]; returns the rest of it as JSON values."""
    if isinstance(music, Score):
        return {"score": _put_score(name, music, tensors)}
    assert music.codes is not None, "what a take keeps of latents are their codes"
    tensors[f"{name}.codes"] = music.codes.to(torch.int32)
    return {"score": None if music.score is None else _put_score(name, music.score, tensors), "codes": True}


def _put_score(name: str, score: Score, tensors: dict[str, Tensor]) -> dict[str, Any]:
    notes = [(i, *note) for i, track in enumerate(score.tracks) for note in track.notes]
    tensors[f"{name}.notes"] = torch.tensor(notes, dtype=torch.float64).reshape(-1, 5)
    tensors[f"{name}.beats"] = _double(score.beat_times_seconds)
    return {
        "tracks": [{"role": t.role, "program": t.program, "is_drum": t.is_drum, "gain": t.gain} for t in score.tracks],
        "downbeat": score.downbeat,
        "duration_seconds": score.duration_seconds,
        "genre": GENRES[score.genre],
        "key": score.key,
        "minor": score.minor,
        "swing": score.swing,
        "swing_unit_beats": score.swing_unit_beats,
        "seed": score.seed,
        "sections": _put_sections(score.sections),
    }


def take_music(
    name: str, about: Mapping[str, Any], tensors: Mapping[str, Tensor], method: LoadedMethod, duration: float
) -> Latents | Score:
    """The inverse of `put_music`, from ``tensors`` [...]; raises ValueError or KeyError where something cannot be."""
    score = None if about["score"] is None else _score(name, about["score"], tensors, duration)
    if not flag(about.get("codes", False)):
        need(score is not None and method.codec is None, "music", "without codes")
        assert score is not None
        return score
    codec = method.codec
    need(codec is not None, "codes", method.method.name)
    assert codec is not None
    codes = torch.from_numpy(_array(tensors[f"{name}.codes"], torch.int32, 2)).long()
    frames = math.ceil((duration + SLACK_SECONDS) * codec.sample_rate / codec.hop_length) + 1
    need(0 < codes.shape[1] <= max(frames, 1) and codes.shape[0] >= 1, "codes", tuple(codes.shape))
    with torch.no_grad():
        return Latents(z=codec.lookup(codes[None])[0], codes=codes, codec=codec, score=score)


def _score(name: str, about: Mapping[str, Any], tensors: Mapping[str, Tensor], duration: float) -> Score:
    notes = _array(tensors[f"{name}.notes"], torch.float64, 2)
    need(notes.shape[1] == 5 and len(notes) <= MAX_NOTES and len(about["tracks"]) <= 64, "notes", notes.shape)
    need(bool((np.abs(notes) < 1e7).all() and (notes[:, 3:] >= 0).all() and (notes[:, 3:] <= 127).all()), "notes", "out of range")
    tracks = [Track(t["role"], whole(t["program"], 0, 127), [], flag(t["is_drum"]), number(t["gain"], 0, 100)) for t in about["tracks"]]
    need(all(track.role in ROLES for track in tracks), "roles", [track.role for track in tracks])
    need(bool((notes[:, [0, 3, 4]] % 1 == 0).all()), "notes", "between two pitches, velocities or tracks")
    need(bool((notes[:, 2] > 0).all()), "a note", "shorter than nothing")
    for index, start, length, pitch, velocity in notes.tolist():
        tracks[int(number(index, 0, len(tracks) - 1))].notes.append(Note(start, length, int(pitch), int(velocity)))
    beats = _beats(tensors[f"{name}.beats"])
    downbeat, seconds = whole(about["downbeat"], 0, len(beats) - 1), number(about["duration_seconds"], 0.05, duration + SLACK_SECONDS)
    return Score(
        tracks=tracks,
        beat_times_seconds=beats,
        downbeat=downbeat,
        duration_seconds=seconds,
        genre=GENRES.index(about["genre"]),
        key=whole(about["key"], 0, 11),
        minor=flag(about["minor"]),
        swing=number(about["swing"], 0.5, 0.75),
        swing_unit_beats=number(about["swing_unit_beats"], 0.0625, 4),
        seed=None if about["seed"] is None else whole(about["seed"], 0, 2**63),
        sections=_sections(about.get("sections", []), len(beats)),
    )


def digests(method: LoadedMethod) -> dict[str, str]:
    """Digests of the weights of a method: of the codec that decodes its latents, of the network that draws them."""
    network: Any = method.generator.network if isinstance(method.generator, CodecGenerator) else method.generator
    parts = {"codec": method.codec, "network": network}
    return {name: codec_digest(part) for name, part in parts.items() if isinstance(part, nn.Module)}


def check_digests(wanted: Mapping[str, str], method: LoadedMethod, path: str | Path) -> None:
    """Refuse weights other than those that a take was made with: raises InputError."""
    here = digests(method)
    for part, digest in wanted.items():
        if here.get(part) != digest:
            name, found = method.method.name, here.get(part, "none")
            raise InputError(
                f"{path}: was made with another {part} of method {name!r} ({digest}); here is {found}; open it with the version, or the "
                "--weights, that it was made with"
            )


def soundfont_values(given: Given, soundfont: str | None) -> dict[str, Any] | None:
    """Which soundfont plays the notes, as JSON values; None where none does."""
    if given.sound != "soundfont":
        return None
    from dance2music.music.synth import check_soundfont

    name, sha256 = check_soundfont(soundfont)
    return {"given": soundfont, "name": name, "sha256": sha256}


def soundfont_from(about: Mapping[str, Any] | None, path: str | Path) -> str | None:
    """The soundfont that a take was played with; raises InputError if another one has its name here."""
    if about is None:
        return None
    from dance2music.music.synth import check_soundfont

    given = None if about["given"] is None else text(about["given"])
    if check_soundfont(given)[1] != about["sha256"]:
        raise InputError(f"{path}: was played with soundfont {about['name']}; here is another of that name; put the first back")
    return given


def _double(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


def _array(value: Tensor, dtype: torch.dtype, ndim: int) -> np.ndarray:
    finite = not value.is_floating_point() or bool(value.isfinite().all())
    need(value.dtype == dtype and value.ndim == ndim and finite, "an array", (value.dtype, tuple(value.shape)))
    return value.numpy()


def _beats(value: Tensor) -> np.ndarray:
    beats = _array(value, torch.float64, 1)
    need(2 <= len(beats) <= MAX_BEATS and bool((np.diff(beats) > 1e-3).all()) and bool((np.abs(beats) < 1e5).all()), "beats", len(beats))
    return beats


def number(value: Any, low: float, high: float) -> float:
    """The value, if it is a number within these limits; raises ValueError."""
    need(isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high, "a number", value)
    return value  # type: ignore[no-any-return]


def whole(value: Any, low: int, high: int) -> int:
    """The value, if it is a whole number within these limits; raises ValueError."""
    need(isinstance(value, int), "a whole number", value)
    return int(number(value, low, high))


def flag(value: Any) -> bool:
    """The value, if it is true or false; raises ValueError."""
    need(isinstance(value, bool), "true or false", value)
    return bool(value)


def text(value: Any) -> str:
    """The value, if it is a text; raises ValueError."""
    need(isinstance(value, str), "a text", value)
    return str(value)


def need(holds: bool, what: str, value: object) -> None:
    """Raise ValueError where something does not hold."""
    if not holds:
        raise ValueError(f"{what} cannot be {value}")
