"""Score to produced sound, 48 kHz stereo: the mix, its stems, the drums alone, and studio drums over other music.

Nothing is drawn but from ``seed``: the same arguments give the same bits on the same machine and library versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dance2music.errors import InputError
from dance2music.sound import mix
from dance2music.sound.borders import border_effects, fade_seconds
from dance2music.sound.master import Levels, Master, MasterSettings, master
from dance2music.sound.mix import STEMS, Strip
from dance2music.sound.transition_sounds import Transition
from dance2music.types import ROLES, Audio, Score

SAMPLE_RATE = 48000
LOWEST_SAMPLE_RATE = 16000

BED_DUCK_DB = 5.0
BED_BELOW_DRUMS_DB = 1.0
_BED_LOW_CUT_HZ = 70.0


def render_studio(
    score: Score,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    instruments: Mapping[str, int] | None = None,
    transitions: Sequence[Transition] | None = None,
) -> Audio:
    """A score played by the instruments of its genre, mixed and mastered.

    Parameters
    ----------
    score : Score. Notes that begin before 0 s ring in; what rings at the end is cut there (10 ms fade), but an ending falls to silence.
    sample_rate : int, Hz, at least `LOWEST_SAMPLE_RATE`.
    seed : int >= 0, of the small differences between strokes, of risers' and records' noise.
    instruments : role -> General MIDI program to play it with, instead of the tracks' own; None: the tracks'.
    transitions : effects at borders between sections; by default those of the score's own (`borders.border_effects`).

    Returns
    -------
    Audio, float32 [2, round(duration_seconds * sample_rate)], -14 LUFS, true peak at most -1 dB of full scale; silence for a score without
    notes.

    Raises
    ------
    InputError
        If the sample rate is too low, a role of ``instruments`` is unknown, or a transition cannot be used.
    """
    return render_measured(score, sample_rate=sample_rate, seed=seed, instruments=instruments, transitions=transitions)[0]


def render_measured(
    score: Score,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    instruments: Mapping[str, int] | None = None,
    transitions: Sequence[Transition] | None = None,
) -> tuple[Audio, Levels | None]:
    """`render_studio`, and the levels by which `section.render_section` sets a section of the piece; None of silence."""
    _check(sample_rate, instruments)
    total, drums_power = mixed(score, sample_rate, seed, instruments or {}, transitions)
    sound, done = master(total, settings_of(score), sample_rate=sample_rate)
    return Audio(sound, sample_rate), None if done.levels is None else done.levels._replace(drums_power=drums_power)


def render_studio_stems(
    score: Score,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    instruments: Mapping[str, int] | None = None,
    transitions: Sequence[Transition] | None = None,
) -> dict[str, Audio]:
    """Each role's part of `render_studio`, with its own room and echo, and with the mix's master (same filter, same gain at each sample).

    The stems add up to `render_studio` with the same arguments, to within rounding, also where the limiter works. Same parameters and
    errors. Returns a dict over `mix.STEMS` (the roles, and 'effects'; silence where one has nothing to play) of Audio [2, N].
    """
    _check(sample_rate, instruments)
    return mastered_stems(score, sample_rate, seed, instruments or {}, transitions, settings_of(score))


def render_studio_drums(score: Score, *, sample_rate: int = SAMPLE_RATE, seed: int = 0) -> Audio:
    """The drums of a score alone, mixed but not mastered: a kick at full velocity peaks at about half of full scale. [2, N]."""
    _check(sample_rate, None)
    drums, _ = mixed(score, sample_rate, seed, {}, (), roles=("drums",))
    return Audio(drums, sample_rate)


def render_hybrid(
    score: Score, bed: Audio, *, seed: int = 0, transitions: Sequence[Transition] | None = None, sample_rate: int = SAMPLE_RATE
) -> Audio:
    """Other music for the same score (a neural performance) under studio drums, mastered together.

    The bed is resampled, set `BED_BELOW_DRUMS_DB` LU under the drums, cut below 70 Hz, and ducked by the kick.

    Parameters
    ----------
    bed : Audio [1 or 2, n] for the score, of any sample rate; it is cut or filled up with silence to the score's length.

    Returns
    -------
    Audio [2, N] as `render_studio`.
    """
    from dance2music.music.audio import resample
    from dance2music.sound import effects
    from dance2music.sound.master import loudness_lufs

    _check(sample_rate, None)
    total, _ = mixed(score, sample_rate, seed, {}, transitions, roles=("drums", "effects"))
    n_samples = total.shape[-1]
    other = np.zeros((2, n_samples), dtype=np.float32)
    samples = resample(bed, sample_rate).samples[:, :n_samples]
    other[:, : samples.shape[-1]] = samples
    other = effects.filtered(other, effects.high_pass(_BED_LOW_CUT_HZ, sample_rate=sample_rate))
    if total.any() and other.any():
        difference = loudness_lufs(total, sample_rate=sample_rate) - BED_BELOW_DRUMS_DB - loudness_lufs(other, sample_rate=sample_rate)
        other *= np.float32(10.0 ** (difference / 20.0))
    total += mix.duck(other, score, sample_rate=sample_rate, depth_db=BED_DUCK_DB)
    sound, _ = master(total, settings_of(score), sample_rate=sample_rate)
    return Audio(sound, sample_rate)


def mastered_stems(
    score: Score,
    sample_rate: int,
    seed: int,
    instruments: Mapping[str, int],
    transitions: Sequence[Transition] | None,
    settings: MasterSettings,
    levels: Levels | None = None,
    n_after: int = 0,
) -> dict[str, Audio]:
    """`render_studio_stems`, of a section of a piece with the piece's ``levels`` and the samples that follow it there: [2, N] each."""
    n_samples = round(score.duration_seconds * sample_rate)
    wet: dict[str, np.ndarray] = {}
    effects, power = border_effects(score) if transitions is None else transitions, None if levels is None else levels.drums_power
    for role, strip in mix.strips(
        score, sample_rate=sample_rate, seed=seed, instruments=instruments, transitions=effects, drums_power=power
    ):
        mix.add_returns(strip.dry, strip.room, strip.echo, score, sample_rate=sample_rate)
        wet[role] = strip.dry
    total = np.zeros((2, n_samples), dtype=np.float32)
    for sound in wet.values():
        total += sound
    _, done = master(total, settings, sample_rate=sample_rate, levels=levels, n_after=n_after)
    silence = np.zeros((2, n_samples), dtype=np.float32)
    return {role: Audio(done.apply(wet[role]) if role in wet else silence.copy(), sample_rate) for role in STEMS}


def mixed(
    score: Score,
    sample_rate: int,
    seed: int,
    instruments: Mapping[str, int],
    transitions: Sequence[Transition] | None,
    roles: Sequence[str] = STEMS,
    drums_power: float | None = None,
) -> tuple[np.ndarray, float]:
    """The sum of all strips and returns before the master, float32 [2, N], and `Levels.drums_power`, which a section has from its piece."""
    n_samples = round(score.duration_seconds * sample_rate)
    total = np.zeros((2, n_samples), dtype=np.float32)
    room, echo = np.zeros(n_samples, dtype=np.float32), np.zeros(n_samples, dtype=np.float32)
    bus_power = 0.0
    strip: Strip
    effects = border_effects(score) if transitions is None else transitions
    desk = mix.strips(
        score,
        sample_rate=sample_rate,
        seed=seed,
        instruments=instruments,
        transitions=effects,
        roles=roles,
        drums_power=drums_power,
    )
    for _, strip in desk:
        total += strip.dry
        room += strip.room
        if len(strip.echo):
            echo += strip.echo
        bus_power = max(bus_power, strip.bus_power)
        del strip  # before the next one is made
    mix.add_returns(total, room, echo, score, sample_rate=sample_rate)
    return total, bus_power


def settings_of(score: Score) -> MasterSettings:
    """What the genre asks of the master, and the length of the fall to silence at the end."""
    sound = mix.genre_sound(score)
    return MasterSettings(low_db=sound.low_db, high_db=sound.high_db, end_fade_seconds=fade_seconds(score))


def _check(sample_rate: int, instruments: Mapping[str, int] | None) -> None:
    if sample_rate < LOWEST_SAMPLE_RATE:
        raise InputError(f"sample rate {sample_rate} Hz: expected at least {LOWEST_SAMPLE_RATE} Hz; choose {SAMPLE_RATE}")
    unknown = set(instruments or {}) - set(ROLES)
    if unknown:
        raise InputError(f"instruments for {', '.join(sorted(unknown))}: expected roles among {', '.join(ROLES)}; correct the names")


__all__ = [
    "SAMPLE_RATE",
    "STEMS",
    "Master",
    "Transition",
    "render_hybrid",
    "render_measured",
    "render_studio",
    "render_studio_drums",
    "render_studio_stems",
]
