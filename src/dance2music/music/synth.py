"""Score to sound through a General MIDI soundfont, note by note, with sample-exact starts.

Soundfonts differ in loudness and in how long their samples wait before they sound. So every distinct note is rendered once (`soundfont`),
its leading wait cut, its level set to a reference, and the copies are mixed here at their exact samples with one velocity curve for all
sounds. What is *not* here: reverb, panning, tempo.

Gain rule: fixed, never a per-piece peak normalisation. Each sound is brought to a reference loudness, times `ROLE_GAINS`, the track's gain,
and ``(velocity / 127) ** 1.6``. The sum passes one look-ahead limiter (`LIMIT`): a gain curve of at most 1 that dips for some milliseconds
around peaks. Stems share that curve, so they add up to the mix.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.music.loudness import smooth_gain
from dance2music.music.soundfont import DRUM_BANK, open_soundfont, release_curve
from dance2music.types import ROLES, Audio, Score

SOUNDFONTS: tuple[str, ...] = ("timgm", "fluid", "musescore")
"""Names that `find_soundfonts` may return. TimGM6mb (GPL-2, inside the pretty_midi package) is always there; FluidR3 and MuseScore General
(both MIT) come with the system packages fluid-soundfont-gm and musescore-general-soundfont."""

DEFAULT_SAMPLE_RATE = 22050
ROLE_GAINS: dict[str, float] = {"drums": 0.4, "bass": 0.62, "chords": 0.42, "lead": 0.42, "pad": 0.3}
LIMIT = 0.95
"""Largest absolute sample of a mix."""

DRUM_GAINS: dict[int, float] = {
    36: 1.0, 38: 0.8, 37: 0.5, 39: 0.65, 42: 0.4, 44: 0.3, 46: 0.36, 45: 0.62, 47: 0.6, 50: 0.55, 49: 0.42, 51: 0.5, 54: 0.25, 63: 0.45,
    56: 0.3,
}  # fmt: skip
"""Peak of each drum sound at full velocity, relative to the kick."""

_LIMITER_SECONDS = 0.006
_LEAD_IN_SECONDS = 0.06
_REFERENCE_SECONDS = 0.25
_PITCHED_RMS = 0.25
_MAX_GAIN = 12.0
_DRUM_SECONDS = 1.5
_LONGEST_RING_SECONDS = 2.0
"""Notes that ended longer before the clip are not heard in it."""
_HELD_SECONDS = (0.6, 2.5, 8.0, 20.0)
_SILENT_PEAK = 1e-3
_SYSTEM_FILES = {
    "fluid": ("sf2/FluidR3_GM.sf2", "sf3/FluidR3_GM.sf3", "soundfonts/FluidR3_GM.sf2"),
    "musescore": ("sf3/MuseScore_General_Full.sf3", "sf3/MuseScore_General.sf3", "sf2/MuseScore_General.sf2"),
}
_SYSTEM_FOLDERS = ("/usr/share/sounds", "/usr/local/share/sounds", "/usr/share", "/usr/local/share")


BUILT_IN = "built-in"
"""What plays where a soundfont is missing, or has no sound for a note: tones made of sines (`music.additive`)."""


def find_soundfonts() -> dict[str, Path]:
    """Soundfonts at hand by name (`SOUNDFONTS`): 'timgm' comes with pretty_midi, 'fluid' and 'musescore' where the system has them."""
    carried = _timgm()
    found = {} if carried is None else {"timgm": carried}
    for name, files in _SYSTEM_FILES.items():
        places = (Path(folder) / file for folder in _SYSTEM_FOLDERS for file in files)
        path = next((p for p in places if p.is_file()), None)
        if path is not None:
            found[name] = path
    return found


def render(
    score: Score, *, sample_rate: int = DEFAULT_SAMPLE_RATE, soundfont: str | Path | None = None, onset_grid_seconds: float = 0.0
) -> Audio:
    """Sound of a score; the same bits each time.

    Parameters
    ----------
    score : Score.
    sample_rate : int, Hz.
    soundfont : a name of `SOUNDFONTS`, `BUILT_IN`, a path to an sf2 or sf3 file, or None for 'timgm', or `BUILT_IN` where that is missing.
    onset_grid_seconds : float
        Above 0 note starts and ends are rounded to multiples of it (codec frames, for example). A note starts at sample
        ``round(time * sample_rate)`` and is heard there: the wait at the start of a sample is cut.

    Returns
    -------
    Audio [1, round(duration_seconds * sample_rate)], absolute values at most `LIMIT`.

    Raises
    ------
    InputError
        If the soundfont is unknown, missing or cannot be read.
    """
    mix = np.zeros(round(score.duration_seconds * sample_rate), dtype=np.float32)
    _play(score, _resolve(soundfont), sample_rate, onset_grid_seconds, dict.fromkeys(ROLES, mix))
    mix *= _limiter(mix, sample_rate)
    return Audio(np.clip(mix, -LIMIT, LIMIT, out=mix)[None], sample_rate)


def render_stems(
    score: Score, *, sample_rate: int = DEFAULT_SAMPLE_RATE, soundfont: str | Path | None = None, onset_grid_seconds: float = 0.0
) -> dict[str, Audio]:
    """Sound of each role of a score, with the limiter's gain curve of the whole mix; the stems add up to `render`.

    Same parameters and errors as `render`. Returns a dict over all of `ROLES` (silence where a role has no notes) of Audio [1, N].
    """
    n_samples = round(score.duration_seconds * sample_rate)
    stems = {role: np.zeros(n_samples) for role in ROLES}
    _play(score, _resolve(soundfont), sample_rate, onset_grid_seconds, stems)
    curve = _limiter(sum(stems.values(), np.zeros(n_samples)), sample_rate)
    return {role: Audio((stem * curve).astype(np.float32)[None], sample_rate) for role, stem in stems.items()}


def _play(score: Score, path: str, sample_rate: int, onset_grid_seconds: float, outs: dict[str, np.ndarray]) -> None:
    """Add the sound of every note to the array [N] of its role; roles may share one."""
    assert sample_rate > 0 and score.duration_seconds > 0
    n_samples = round(score.duration_seconds * sample_rate)
    for track in score.tracks:
        out = outs[track.role]
        starts = score.time_at(np.array([n.start_beats for n in track.notes]))
        ends = score.time_at(np.array([n.start_beats + n.duration_beats for n in track.notes]))
        if onset_grid_seconds > 0:
            starts = np.round(starts / onset_grid_seconds) * onset_grid_seconds
            ends = np.maximum(np.round(ends / onset_grid_seconds) * onset_grid_seconds, starts + onset_grid_seconds)
        for note, start, end in zip(track.notes, starts, ends):
            at = round(start * sample_rate)
            if at >= n_samples or end < -_LONGEST_RING_SECONDS:
                continue
            sound, release = _sound(
                path, sample_rate, track.program, track.is_drum, note.pitch, _layer(note.velocity), _bucket(end - start)
            )
            held = max(1, round((end - start) * sample_rate))
            gain = ROLE_GAINS[track.role] * track.gain * (note.velocity / 127) ** 1.6
            n, cut = min(len(sound), n_samples - at), max(0, -at)
            if track.is_drum or n <= held:
                out[at + cut : at + max(n, cut)] += sound[cut:n] * gain
                continue
            out[at + cut : at + max(held, cut)] += sound[cut:held] * gain
            fade = release_curve(release, sample_rate)[: n - held]
            first, last = max(held, cut), held + len(fade)
            out[at + first : at + max(last, first)] += sound[first:last] * fade[first - held :] * gain


def _bucket(seconds: float) -> float:
    """The held length that is kept in the cache for notes of this length."""
    return next((b for b in _HELD_SECONDS if seconds <= b), _HELD_SECONDS[-1])


def _layer(velocity: int) -> int:
    """The velocity whose layer of the soundfont is played: three layers are enough, loudness itself is continuous."""
    return 45 if velocity < 60 else 80 if velocity < 94 else 110


def _limiter(mix: np.ndarray, sample_rate: int) -> np.ndarray:
    """Gain curve in 0..1 that keeps ``mix`` within `LIMIT`: the running minimum of what is needed, smoothed over the same window."""
    need = np.abs(mix, dtype=np.float32)
    np.divide(LIMIT, np.maximum(need, LIMIT, out=need), out=need)
    if need.size == 0 or need.min() >= 1.0:
        return np.ones_like(need)
    return smooth_gain(need, 2 * round(_LIMITER_SECONDS * sample_rate) + 1)


def check_soundfont(soundfont: str | Path | None) -> tuple[str, str]:
    """Name of the soundfont that `render` plays, and the sha256 of its file (nothing for `BUILT_IN`).

    Raises
    ------
    InputError
        As `render`.
    """
    from dance2music.checkpoint import sha256_of

    path = _resolve(soundfont)
    if path == BUILT_IN:
        return BUILT_IN, ""
    open_soundfont(path)
    return Path(path).name, sha256_of(path)


def _resolve(soundfont: str | Path | None) -> str:
    fonts = find_soundfonts()
    if soundfont is None:
        return str(fonts.get("timgm", BUILT_IN))
    if str(soundfont) in fonts or str(soundfont) == BUILT_IN:
        return str(fonts.get(str(soundfont), BUILT_IN))
    path = Path(soundfont)
    if not path.is_file():
        raise InputError(
            f"soundfont {str(soundfont)!r}: no such file; expected one of {', '.join([*fonts, BUILT_IN])} or a path to an .sf2 or "
            ".sf3 file; install it or choose another"
        )
    return str(path)


def _timgm() -> Path | None:
    from importlib.util import find_spec

    # The package is found, not imported: importing pretty_midi takes a second.
    spec = find_spec("pretty_midi")
    path = None if spec is None or spec.origin is None else Path(spec.origin).with_name("TimGM6mb.sf2")
    return path if path is not None and path.is_file() else None


@lru_cache(maxsize=1024)
def _sound(path: str, sample_rate: int, program: int, is_drum: bool, pitch: int, layer: int, seconds: float) -> tuple[np.ndarray, float]:
    """A held note at full velocity from a velocity layer, leading wait cut, level set: float32 [n], and its release in seconds."""
    if is_drum:
        return _drum(path, sample_rate, pitch, layer), 0.0
    sound, release = _raw(path, sample_rate, program, False, pitch, layer, seconds)
    lead_in = _first_sound(sound, sample_rate)
    part = sound[lead_in : lead_in + round(_REFERENCE_SECONDS * sample_rate)]
    rms = float(np.sqrt(np.mean(part**2))) if part.size else 0.0
    level = min(_PITCHED_RMS / rms, _MAX_GAIN) if rms > 0 else 0.0
    return (sound[lead_in:] * level).astype(np.float32), release


@lru_cache(maxsize=256)
def _drum(path: str, sample_rate: int, pitch: int, layer: int) -> np.ndarray:
    sound, _ = _raw(path, sample_rate, 0, True, pitch, layer, _DRUM_SECONDS)
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < _SILENT_PEAK and pitch in (37, 39):
        # Some soundfonts have no hand clap (39) or side stick (37).
        sound = _noise_hit(sample_rate, bursts=3 if pitch == 39 else 1)
    elif peak < _SILENT_PEAK:
        sound, _ = _raw(BUILT_IN, sample_rate, 0, True, pitch, layer, _DRUM_SECONDS)
    peak = float(np.abs(sound).max())
    sound = sound[_first_sound(sound, sample_rate) :]
    return (sound * (DRUM_GAINS.get(pitch, 0.4) / peak)).astype(np.float32)


def _first_sound(sound: np.ndarray, sample_rate: int) -> int:
    """Samples before the note reaches a twentieth of its peak, looked for in its first 60 ms only: slow attacks stay slow."""
    head = np.abs(sound[: round(_LEAD_IN_SECONDS * sample_rate)])
    return int(np.argmax(head > 0.05 * head.max())) if head.size and head.max() > 0 else 0


def _raw(path: str, sample_rate: int, program: int, is_drum: bool, pitch: int, velocity: int, seconds: float) -> tuple[np.ndarray, float]:
    bank = DRUM_BANK if is_drum else 0
    if path != BUILT_IN:
        sound, release = open_soundfont(path).note(sample_rate, bank=bank, program=program, pitch=pitch, velocity=velocity, seconds=seconds)
        if is_drum or np.abs(sound).max(initial=0.0) >= _SILENT_PEAK:
            return sound, release
    from dance2music.music.additive import drum, tone

    return (drum(sample_rate, pitch), 0.0) if is_drum else tone(sample_rate, program, pitch, seconds)


def _noise_hit(sample_rate: int, *, bursts: int) -> np.ndarray:
    """Hand clap or stick from noise: short bursts 11 ms apart, then a tail, around 1.2 kHz."""
    from scipy.signal import butter, lfilter

    n = round(0.25 * sample_rate)
    t = np.arange(n) / sample_rate
    envelope = np.exp(-t / (0.045 if bursts > 1 else 0.012))
    for i in range(bursts - 1):
        since = t - 0.011 * (i + 1)
        envelope = np.where(since < 0, np.exp(-(t - 0.011 * i) / 0.004), envelope)
    noise = np.random.default_rng(39).standard_normal(n)
    b, a = butter(2, [700, 4000], btype="bandpass", fs=sample_rate)
    return np.asarray(lfilter(b, a, noise) * envelope)
