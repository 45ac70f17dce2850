"""Notes from a SoundFont 2 file (or its Vorbis-compressed kind, sf3), one at a time, mono.

SoundFont Technical Specification 2.04 (E-mu, 2006): presets point to instruments, instruments to samples, each through zones with key and
velocity ranges. Done here: zone selection and velocity layers, tuning, loops, the volume envelope, attenuation, a fixed low-pass for
the initial filter. *Not* here: modulators, LFOs, filter sweeps, panning, chorus and reverb. symusic 0.5.9's own synthesiser was measured to
pick wrong zones in SF2 files (a piano's C4 sounds as G#5 with TimGM6mb) and to ignore velocity, which is why this exists.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dance2music.errors import InputError

DRUM_BANK = 128
SILENCE_DB = 100.0
"""Loss at which a fading note counts as silent."""

_PRESET = np.dtype(
    [("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("library", "<u4"), ("genre", "<u4"), ("morph", "<u4")]
)
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATOR = np.dtype([("kind", "<u2"), ("amount", "<i2")])
_SAMPLE = np.dtype(
    [("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"), ("pitch", "u1"),
     ("correction", "i1"), ("link", "<u2"), ("kind", "<u2")]
)  # fmt: skip
_TABLES = {b"phdr": _PRESET, b"pbag": _BAG, b"pgen": _GENERATOR, b"inst": _INSTRUMENT, b"ibag": _BAG, b"igen": _GENERATOR, b"shdr": _SAMPLE}

# Generator numbers of the specification, section 8.1.2.
_START, _END, _LOOP_START, _LOOP_END, _START_COARSE, _END_COARSE, _LOOP_START_COARSE, _LOOP_END_COARSE = 0, 1, 2, 3, 4, 12, 45, 50
_MOD_ENV_TO_FILTER, _FILTER, _SUSTAIN_MOD_ENV = 11, 8, 29
_DELAY, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 33, 34, 35, 36, 37, 38
_INSTRUMENT_ID, _KEY_RANGE, _VELOCITY_RANGE, _ATTENUATION, _COARSE, _FINE, _SAMPLE_ID = 41, 43, 44, 48, 51, 52, 53
_MODES, _SCALE_TUNING, _ROOT = 54, 56, 58
_DEFAULTS = {
    _FILTER: 13500,
    _DELAY: -12000,
    _ATTACK: -12000,
    _HOLD: -12000,
    _DECAY: -12000,
    _RELEASE: -12000,
    _SCALE_TUNING: 100,
    _ROOT: -1,
}
_NOT_ADDED = {_KEY_RANGE, _VELOCITY_RANGE, _INSTRUMENT_ID, _SAMPLE_ID, _MODES, _ROOT}
_VORBIS = 0x10
_MAX_RELEASE_SECONDS = 1.5
_LOWPASS_TAPS = 47
_MOST_ZONES, _MOST_STEP = 1024, 64.0
"""What a damaged file may ask for: zones of an instrument, and how many samples of a wave become one."""


class _Region(NamedTuple):
    """One sample as one note plays it: generator values (already added up) and the row of the sample table."""

    values: dict[int, int]
    sample: int


@dataclass(frozen=True)
class SoundFont:
    """A parsed file; `note` plays it. ``data`` are the raw bytes of the sample chunk (memory-mapped)."""

    path: Path
    tables: dict[bytes, np.ndarray]
    data: np.ndarray

    def note(self, sample_rate: int, *, bank: int, program: int, pitch: int, velocity: int, seconds: float) -> tuple[np.ndarray, float]:
        """Sound of one note that is held, and how long it takes to fade by `SILENCE_DB` once it is let go (see `release_curve`).

        Parameters
        ----------
        sample_rate : int, Hz. bank : 0, or `DRUM_BANK`. program, pitch, velocity : 0..127, velocity chooses the layer only.
        seconds : float, for how long it may be held; the sound is longer by the release.

        Returns
        -------
        float64 [N], empty where the soundfont has no sound for this note; float, seconds of release.
        """
        regions = self._regions(bank, program, pitch, velocity)
        release = max((min(_seconds(r.values[_RELEASE]), _MAX_RELEASE_SECONDS) for r in regions), default=0.0)
        parts = [self._play(region, sample_rate, pitch, seconds + release) for region in regions]
        out = np.zeros(max((len(p) for p in parts), default=0))
        for part in parts:
            out[: len(part)] += part
        return out, release

    def _regions(self, bank: int, program: int, pitch: int, velocity: int) -> list[_Region]:
        presets = self.tables[b"phdr"][:-1]
        found = np.flatnonzero((presets["bank"] == bank) & (presets["preset"] == program))
        if not len(found):
            found = np.flatnonzero((presets["bank"] == bank) & (presets["preset"] == 0))
        if not len(found):
            return []
        regions = []
        for outer in self._zones(b"phdr", int(found[0]), _INSTRUMENT_ID, pitch, velocity):
            for inner in self._zones(b"inst", outer[_INSTRUMENT_ID], _SAMPLE_ID, pitch, velocity):
                values = dict(_DEFAULTS) | inner
                for kind, amount in outer.items():
                    if kind not in _NOT_ADDED:
                        values[kind] = values.get(kind, 0) + amount
                if 0 <= inner[_SAMPLE_ID] < len(self.tables[b"shdr"]) - 1:
                    regions.append(_Region(values, inner[_SAMPLE_ID]))
        return regions

    def _zones(self, header: bytes, index: int, target: int, pitch: int, velocity: int) -> list[dict[int, int]]:
        """Zones of a preset or instrument that answer to the note, with the values of its global zone below them."""
        bags, generators = (b"pbag", b"pgen") if header == b"phdr" else (b"ibag", b"igen")
        heads, bag, table = self.tables[header], self.tables[bags]["generator"], self.tables[generators]
        if not 0 <= index < len(heads) - 1:
            return []
        base: dict[int, int] = {}
        zones: list[dict[int, int]] = []
        first, last = int(heads["bag"][index]), min(int(heads["bag"][index + 1]), len(bag) - 1)
        for i in range(first, min(last, first + _MOST_ZONES)):
            rows = table[int(bag[i]) : int(bag[i + 1])]
            own = {int(k): int(a) for k, a in zip(rows["kind"], rows["amount"])}
            if target not in own:
                if not zones and not base:
                    base = own
                continue
            zone = base | own
            if _within(zone.get(_KEY_RANGE), pitch) and _within(zone.get(_VELOCITY_RANGE), velocity):
                zones.append(zone)
        return zones

    def _play(self, region: _Region, sample_rate: int, pitch: int, seconds: float) -> np.ndarray:
        values, row = region.values, self.tables[b"shdr"][region.sample]
        wave = self._wave(region.sample)
        first = max(0, values.get(_START, 0) + 32768 * values.get(_START_COARSE, 0))
        last = min(len(wave), len(wave) + values.get(_END, 0) + 32768 * values.get(_END_COARSE, 0))
        # The loop points of Vorbis samples already count from the sample's start.
        origin = 0 if row["kind"] & _VORBIS else int(row["start"])
        loop_start = int(row["loop_start"]) - origin + values.get(_LOOP_START, 0) + 32768 * values.get(_LOOP_START_COARSE, 0)
        loop_end = int(row["loop_end"]) - origin + values.get(_LOOP_END, 0) + 32768 * values.get(_LOOP_END_COARSE, 0)
        root = values[_ROOT] if 0 <= values[_ROOT] <= 127 else int(row["pitch"]) if row["pitch"] <= 127 else 60
        cents: float = (pitch - root) * values[_SCALE_TUNING] + 100 * values.get(_COARSE, 0) + values.get(_FINE, 0) + int(row["correction"])
        step = 2.0 ** (min(max(cents, -12_000), 12_000) / 1200) * int(row["rate"]) / sample_rate
        if not len(wave) or not 1 / _MOST_STEP <= step <= _MOST_STEP:
            return np.zeros(0)
        n_samples = max(1, round(seconds * sample_rate))
        looped = values.get(_MODES, 0) & 1 and 0 <= loop_start < loop_end - 1 and loop_end <= last
        n_wave = int(np.ceil(n_samples * step)) + 4
        if looped:
            at = np.arange(first, first + n_wave)
            at = np.where(at < loop_end, at, loop_start + (at - loop_start) % (loop_end - loop_start))
            source = wave[np.minimum(at, len(wave) - 1)]
        else:
            source = wave[first : min(last, first + n_wave)]
        out = _resample(source, step, n_samples)
        gain = 10 ** (-0.4 * max(0, values.get(_ATTENUATION, 0)) / 200)
        out = out * (gain * _envelope(values, len(out), sample_rate))
        return _filter(out, values, sample_rate)

    def _wave(self, index: int) -> np.ndarray:
        """Samples of row ``index`` of the sample table as float in -1..1."""
        row = self.tables[b"shdr"][index]
        if row["kind"] & _VORBIS:
            return _decode(str(self.path), self.data[int(row["start"]) : int(row["end"])].tobytes())
        return self.data.view("<i2")[int(row["start"]) : int(row["end"])].astype(np.float64) / 32768


@lru_cache(maxsize=64)
def release_curve(release_seconds: float, sample_rate: int) -> np.ndarray:
    """Gain from note-off on, float64 [N]: a straight line in dB down to silence."""
    n = max(1, round(release_seconds * sample_rate))
    return np.asarray(10 ** (-SILENCE_DB / 20 * np.arange(n) / n))


@lru_cache(maxsize=4)
def open_soundfont(path: str) -> SoundFont:
    """Read the tables of an sf2 or sf3 file; samples stay on disk until they are played.

    Raises
    ------
    InputError
        If the file cannot be read or is no SoundFont 2.
    """
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a soundfont ({error}); expected an .sf2 or .sf3 file; choose another") from error
    try:
        chunks = _chunks(raw)
        tables = {name: np.frombuffer(chunks[name].tobytes(), dtype=dtype) for name, dtype in _TABLES.items()}
        data = chunks[b"smpl"]
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: not a SoundFont 2 file ({error}); expected an .sf2 or .sf3 file; choose another") from error
    return SoundFont(Path(path), tables, data[: len(data) // 2 * 2])


def _chunks(raw: np.ndarray) -> dict[bytes, np.ndarray]:
    """Chunks of all LISTs of a RIFF file by name."""
    if len(raw) < 12 or raw[:4].tobytes() != b"RIFF" or raw[8:12].tobytes() != b"sfbk":
        raise ValueError("no RIFF header of kind sfbk")
    found: dict[bytes, np.ndarray] = {}
    pending = [(12, len(raw))]
    while pending:
        at, end = pending.pop()
        while at + 8 <= end:
            name, size = raw[at : at + 4].tobytes(), int(np.frombuffer(raw[at + 4 : at + 8].tobytes(), "<u4")[0])
            if at + 8 + size > end:
                raise ValueError(f"chunk {name!r} is cut off")
            if name == b"LIST":
                pending.append((at + 12, at + 8 + size))
            else:
                found[name] = raw[at + 8 : at + 8 + size]
            at += 8 + size + size % 2
    return found


@lru_cache(maxsize=512)
def _decode(path: str, data: bytes) -> np.ndarray:
    """Samples of one Vorbis stream."""
    import soundfile

    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="float64")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(f"{path}: a sample cannot be decoded ({error}); choose another soundfont") from error
    return np.asarray(samples if samples.ndim == 1 else samples[:, 0])


def _within(key_range: int | None, value: int) -> bool:
    """Range generators hold their low end in the low byte and their high end in the high byte."""
    return key_range is None or (key_range & 0xFF) <= value <= ((key_range & 0xFFFF) >> 8)


def _seconds(timecents: int) -> float:
    return float(2.0 ** (max(-12000, min(timecents, 8000)) / 1200))


def _resample(source: np.ndarray, step: float, n_samples: int) -> np.ndarray:
    """``source`` read every ``step`` samples (Catmull-Rom), after a low-pass where that is faster than it was recorded."""
    from scipy.signal import fftconvolve, firwin

    if len(source) < 4:
        return np.zeros(0)
    if step > 1.05:
        source = fftconvolve(source, firwin(_LOWPASS_TAPS, min(0.98, 0.92 / step)), mode="same")
    n = min(n_samples, int((len(source) - 3) / step) + 1)
    at = np.arange(n) * step
    whole = at.astype(np.int64)
    x = at - whole
    padded = np.concatenate([source[:1], source, np.zeros(3)])
    a, b, c, d = (padded[whole + k] for k in range(4))
    return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))


def _envelope(values: dict[int, int], n: int, sample_rate: int) -> np.ndarray:
    """Volume envelope before the release (specification 8.1.2, generators 33 to 37): linear attack, then a straight line in dB."""
    t = np.arange(n) / sample_rate
    delay, attack, hold = (_seconds(values[k]) for k in (_DELAY, _ATTACK, _HOLD))
    decay, sustain_db = _seconds(values[_DECAY]), min(max(values.get(_SUSTAIN, 0), 0) / 10, SILENCE_DB)
    since_decay = t - delay - attack - hold
    loss_db = np.clip(since_decay / decay * SILENCE_DB, 0.0, sustain_db)
    return np.clip((t - delay) / attack, 0.0, 1.0) * 10 ** (-loss_db / 20)


def _filter(sound: np.ndarray, values: dict[int, int], sample_rate: int) -> np.ndarray:
    """Fixed second-order low-pass at the initial cutoff, opened by two thirds of what the modulation envelope would open it."""
    from scipy.signal import butter, lfilter

    sustain = 1 - np.clip(values.get(_SUSTAIN_MOD_ENV, 0) / 1000, 0, 1)
    cents = values[_FILTER] + values.get(_MOD_ENV_TO_FILTER, 0) * (0.33 + 0.34 * sustain)
    cutoff_hz = 8.176 * 2 ** (min(cents, 13500) / 1200)
    if cutoff_hz > 0.4 * sample_rate:
        return sound
    b, a = butter(2, max(cutoff_hz, 40.0), fs=sample_rate)
    return np.asarray(lfilter(b, a, sound))
