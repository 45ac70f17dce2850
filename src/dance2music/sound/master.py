"""The master: tone, width and a mono low end, glue, loudness, soft clipping and a limiter that looks ahead and between samples.

All of it is one linear filter on middle and side and one gain curve over time that both channels share. So a stem that passes the mix's
filter and curve (`Master.apply`) is that stem's part of the mastered mix, exactly: mastered stems add up also where the limiter works.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dance2music.music.audio import raised_cosine
from dance2music.music.loudness import OVERSAMPLING, loudness, smooth_gain
from dance2music.sound import effects
from dance2music.sound.dynamics import compression
from dance2music.types import Audio

RUMBLE_HZ = 25.0
MONO_BELOW_HZ = 120.0
LOW_SHELF_HZ, HIGH_SHELF_HZ = 90.0, 9000.0
SHORTEST_BLOCK_SECONDS = 0.05

_PASSES = 3
_TOLERANCE_LU = 0.15
_MOST_GAIN_DB = 40.0
_LIMITER_SECONDS = 0.006
_BLOCK, _CONTEXT = 256, 24
_HOT, _HOT_BLOCKS = 0.5, 1024
_MARGIN_DB = 0.1


@dataclass(frozen=True)
class MasterSettings:
    """Targets of a master.

    ``target_lufs``: integrated loudness. ``ceiling_db``: true peak, dB of full scale. ``crest_db``: peaks are clipped softly so far above
    the mean level. ``width``: side / (mid + side) that the side signal is brought towards, by at most ``most_width_db``. ``low_db``,
    ``high_db``: shelves at 90 Hz and 9 kHz. ``knee``: share of the clipping level from which the clipper bends.
    ``end_fade_seconds``: of the fall to silence at the end; ``begin_fade_seconds``: of the rise at the beginning, where music that is
    under way would begin with a tick.
    """

    target_lufs: float = -14.0
    ceiling_db: float = -1.0
    crest_db: float = 10.3
    width: float = 0.22
    most_width_db: float = 6.0
    low_db: float = 0.0
    high_db: float = 0.0
    knee: float = 0.6
    end_fade_seconds: float = 0.01
    begin_fade_seconds: float = 0.003


class Levels(NamedTuple):
    """What the desk measures of a whole piece and sets itself by; a section that is rendered alone has it from its piece.

    Attributes
    ----------
    drums_power : mean power of the drum bus, which its compressor goes by; 0 without drums: those of a section have their own then.
    side_gain : gain of the side signal.
    glue_power : mean power of the mix, which the master's compressor goes by.
    power : mean power behind that compressor.
    gain_db : gain that brings the piece to its loudness.
    """

    drums_power: float
    side_gain: float
    glue_power: float
    power: float
    gain_db: float


LEVEL_RANGES = ((0.0, 1e8), (0.0, 10.0), (0.0, 1e8), (1e-30, 1e8), (-90.0, 60.0))
"""Least and most that the `Levels` of a piece can be, each in turn: all that follows from them stays a number."""


@dataclass(frozen=True)
class Master:
    """What the master does to a mix, for its stems: sections for middle and side, gain of the side, and the gain of each sample [N]; and
    the levels that it goes by (None of silence), without those of the drums."""

    middle: np.ndarray
    side: np.ndarray
    side_gain: float
    curve: np.ndarray = field(repr=False)
    levels: Levels | None = None

    def apply(self, sound: np.ndarray) -> np.ndarray:
        """The part of the mastered mix that ``sound``, float32 [2, N], is."""
        made = _toned(sound, self.middle, self.side, self.side_gain, out=np.empty_like(sound))
        made *= self.curve
        return made


def master(
    mix: np.ndarray, settings: MasterSettings, *, sample_rate: int, levels: Levels | None = None, n_after: int = 0
) -> tuple[np.ndarray, Master]:
    """Master a mix, float32 [2, N], in place: the mastered sound [2, N] and what was done. Silence stays silent.

    ``levels`` are those of the whole piece where the mix is a section of one, and ``n_after`` the samples that follow it there.
    """
    n = mix.shape[-1]
    shelves = [
        effects.high_pass(RUMBLE_HZ, sample_rate=sample_rate),
        effects.shelf(LOW_SHELF_HZ, settings.low_db, sample_rate=sample_rate, high=False),
        effects.shelf(HIGH_SHELF_HZ, settings.high_db, sample_rate=sample_rate, high=True),
    ]
    middle = np.concatenate(shelves)
    side = np.concatenate([*shelves, effects.high_pass(MONO_BELOW_HZ, sample_rate=sample_rate)])
    if n == 0 or not mix.any():
        return np.zeros_like(mix), Master(middle, side, 1.0, np.ones(n, dtype=np.float32))
    toned = _toned(mix, middle, side, 1.0, out=mix)
    side_gain = _side_gain(toned, settings) if levels is None else levels.side_gain
    if side_gain != 1.0:
        mid, wide = (toned[0] + toned[1]) * np.float32(0.5), (toned[0] - toned[1]) * np.float32(0.5 * side_gain)
        np.add(mid, wide, out=toned[0])
        np.subtract(mid, wide, out=toned[1])
        del mid, wide
    glue, glue_power = compression(
        toned,
        sample_rate=sample_rate,
        ratio=2.0,
        over_db=1.5,
        attack_seconds=0.02,
        release_db_per_second=35.0,
        most_db=3.0,
        mean_power=None if levels is None else levels.glue_power,
    )
    toned *= glue
    peaks = np.maximum(np.abs(toned[0]), np.abs(toned[1]))
    if levels is not None:
        curve = _curve(toned, peaks, levels.power, levels.gain_db, settings, sample_rate, n_after)
        toned *= curve
        curve *= glue
        return toned, Master(middle, side, side_gain, curve, levels)
    power = _power(toned)
    gain_db = min(_MOST_GAIN_DB, settings.target_lufs - loudness_lufs(toned, sample_rate=sample_rate))
    for left in reversed(range(_PASSES)):
        curve = _curve(toned, peaks, power, gain_db, settings, sample_rate)
        missing = settings.target_lufs - loudness_lufs(toned, sample_rate=sample_rate, gain=curve)
        if abs(missing) < _TOLERANCE_LU or not left or gain_db + missing > _MOST_GAIN_DB:
            break
        # Clipping takes part of what is added.
        gain_db += missing * (1.3 if missing > 0 else 1.0)
    toned *= curve
    curve *= glue
    return toned, Master(middle, side, side_gain, curve, Levels(0.0, side_gain, glue_power, power, gain_db))


def loudness_lufs(sound: np.ndarray, *, sample_rate: int, gain: np.ndarray | None = None) -> float:
    """`music.loudness.loudness` of float [C, N], times a gain [N] where given; silence has 0, so that no gain follows."""
    measured = loudness(Audio(sound, sample_rate), gain=gain) if sound.shape[-1] >= SHORTEST_BLOCK_SECONDS * sample_rate else -math.inf
    return measured if math.isfinite(measured) else 0.0


def _toned(sound: np.ndarray, middle: np.ndarray, side: np.ndarray, side_gain: float, *, out: np.ndarray) -> np.ndarray:
    """Shelves for all, a high pass for the side signal, and its gain; into ``out`` [2, N], which may be the sound itself."""
    half = np.float32(0.5)
    mid = effects.filtered((sound[0] + sound[1]) * half, middle)
    wide = effects.filtered((sound[0] - sound[1]) * (half * np.float32(side_gain)), side)
    np.add(mid, wide, out=out[0])
    np.subtract(mid, wide, out=out[1])
    return out


def _side_gain(sound: np.ndarray, settings: MasterSettings) -> float:
    """Gain of the side signal that brings the width to the target, within limits; mono stays mono."""
    mid = float(np.sqrt(np.mean(np.square(sound[0] + sound[1]))))
    side = float(np.sqrt(np.mean(np.square(sound[0] - sound[1]))))
    if side < 1e-4 * mid or mid == 0.0:
        return 1.0
    wanted = settings.width / (1.0 - settings.width) * mid / side
    most = 10.0 ** (settings.most_width_db / 20.0)
    return float(np.clip(wanted, 1.0 / most, most))


def _power(sound: np.ndarray) -> float:
    """Mean power of a sound [C, N]."""
    blocks = range(0, sound.shape[-1], effects.BLOCK)
    return sum(float(np.square(sound[:, i : i + effects.BLOCK]).sum(dtype=np.float64)) for i in blocks) / sound.size


def _curve(
    toned: np.ndarray, peaks: np.ndarray, power: float, gain_db: float, settings: MasterSettings, sample_rate: int, n_after: int = 0
) -> np.ndarray:
    """Gain of each sample: loudness, soft clipping, limiter, fades at both ends; float32 [N]."""
    gain = np.float32(10.0 ** (gain_db / 20.0))
    ceiling = 10.0 ** ((settings.ceiling_db - _MARGIN_DB) / 20.0)
    rms = float(gain) * math.sqrt(power)
    clip = np.float32(min(ceiling, rms * 10.0 ** (settings.crest_db / 20.0)))
    curve = np.full(len(peaks), gain, dtype=np.float32)
    over = np.flatnonzero(peaks > settings.knee * clip / gain)
    level = peaks[over] * (gain / clip)
    room = np.float32(1.0 - settings.knee)
    curve[over] *= (settings.knee + room * np.tanh((level - settings.knee) / room)) / level
    need = _true_peak_gain(toned, curve, peaks, ceiling)
    if need is not None:
        curve *= smooth_gain(need, 2 * round(_LIMITER_SECONDS * sample_rate / 2) + 1)
    n = len(curve)
    fade = min(n + n_after, round(settings.end_fade_seconds * sample_rate))
    fall = raised_cosine(fade)[::-1]
    begin = n + n_after - fade
    rise = min(n, round(settings.begin_fade_seconds * sample_rate))
    curve[:rise] *= raised_cosine(rise)
    curve[max(begin, 0) :] *= fall[max(-begin, 0) : max(n - begin, 0)]
    return curve


def _true_peak_gain(toned: np.ndarray, curve: np.ndarray, peaks: np.ndarray, ceiling: float) -> np.ndarray | None:
    """Gain that keeps ``toned * curve`` under the ceiling between samples too (fourfold oversampling), or None if it is; float32 [N].

    Only blocks whose samples come within 6 dB of the ceiling are looked at: music seldom peaks more than 4 dB higher between samples.
    """
    from scipy.signal import resample_poly

    n = len(curve)
    blocks = -(-n // _BLOCK)
    hot = np.flatnonzero(np.maximum.reduceat(peaks * curve, np.arange(0, n, _BLOCK)) > _HOT * ceiling)
    if not len(hot):
        return None
    need, over = np.ones((blocks, _BLOCK), dtype=np.float32), False
    for some in np.array_split(hot, -(-len(hot) // _HOT_BLOCKS)):
        at = some[:, None] * _BLOCK + np.arange(-_CONTEXT, _BLOCK + _CONTEXT)[None]
        inside = (at >= 0) & (at < n)
        at = np.clip(at, 0, n - 1)
        highest = np.zeros((len(some), _BLOCK + 1), dtype=np.float32)
        for channel in toned:
            finer = np.abs(resample_poly(channel[at] * curve[at] * inside, OVERSAMPLING, 1, axis=-1))
            finer = finer[:, _CONTEXT * OVERSAMPLING - OVERSAMPLING : (_CONTEXT + _BLOCK) * OVERSAMPLING]
            highest = np.maximum(highest, finer.reshape(len(some), _BLOCK + 1, OVERSAMPLING).max(axis=-1))
        # A peak after a sample belongs to the next one as well.
        highest = np.maximum(highest[:, 1:], highest[:, :-1])
        over |= bool(highest.max() > ceiling)
        need[some] = np.float32(ceiling) / np.maximum(highest, np.float32(ceiling))
    return need.reshape(-1)[:n] if over else None
