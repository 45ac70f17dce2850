"""The nouns that every public function takes and returns: Motion, Rhythm, Section, Conditioning, Span, Latents, Score, Audio, Clip.

Shape legend, used in all docstrings:
B batch, T video or pose frames, J joints, D feature, N audio samples, C channels, L codec frames, Q residual codebooks,
E codebook dimension, K codebook size, M mel bins, G genres, S scales.

Conventions: times are in seconds from the start of the clip, frame t of a uniform sequence lies at ``t / fps``. Joints have x to the
side, **y up**, z towards depth (or no z at all); their unit is whatever the source used, so features normalise by body size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

GENRES: tuple[str, ...] = (
    "break", "pop", "lock", "middle-hip-hop", "la-hip-hop", "house", "waack", "krump", "street-jazz", "ballet-jazz",
)  # fmt: skip
"""The ten AIST++ genres in the order of the published genre labels (BR PO LO MH LH HO WA KR JS JB)."""

GENRE_CODES: tuple[str, ...] = ("BR", "PO", "LO", "MH", "LH", "HO", "WA", "KR", "JS", "JB")
"""AIST++ letter codes, same order as `GENRES`."""

STEPS_PER_BEAT = 4
BEATS_PER_BAR = 4


@dataclass(frozen=True)
class Motion:
    """Joint trajectories of one dancer on a uniform time axis.

    Attributes
    ----------
    joints : float32 [T, J, 2 or 3], y up; never NaN (gaps are interpolated and have confidence 0).
    confidence : float32 [T, J] in 0..1.
    fps : float, frames per second; frame t lies at t / fps seconds.
    skeleton : str, a key of `dance2music.dance.skeleton.SKELETONS`.
    flow_energy : float32 [T] or None, motion energy from optical flow, where a video was seen.
    source : str, where it came from, for reports.
    """

    joints: np.ndarray
    confidence: np.ndarray
    fps: float
    skeleton: str
    flow_energy: np.ndarray | None = None
    source: str = ""

    @property
    def duration_seconds(self) -> float:
        """Length of the clip: frames over frames per second."""
        return len(self.joints) / self.fps


class Span(NamedTuple):
    """A part of a clip or of a piece of music, in seconds from its beginning."""

    begin_seconds: float
    end_seconds: float


class Dancer(NamedTuple):
    """One of those who were seen in a video.

    ``motion`` covers the whole clip, without confidence where the dancer is away, which ``seen`` says; ``size`` is the median height of the
    body in heights of the picture, ``sureness`` the mean confidence of its joints while it is seen; ``share`` (0..1) is how much it counts
    for the rhythm.
    """

    motion: Motion
    size: float
    sureness: float
    seen: tuple[Span, ...]
    share: float = 1.0


class Hypothesis(NamedTuple):
    """Another rhythm that a dance may have: its tempo, one of its beats (the first at or after 0), and how probable it is, 0..1."""

    tempo_bpm: float
    first_beat_seconds: float
    probability: float


@dataclass(frozen=True)
class Rhythm:
    """Beat grid of a dance: what the music has to follow.

    Attributes
    ----------
    beat_times_seconds : float64 [n_beats], increasing; covers the whole clip and may start before 0 and end after it.
    downbeat : int, index of the first downbeat in ``beat_times_seconds`` (0..3); every fourth beat from there is one.
    tempo_bpm : float, median tempo.
    confidence : float in 0..1, how probable tempo and phase are.
    kinematic_beats_seconds : float64 [n], local minima of the kinetic velocity.
    alternatives : other rhythms that the dance may have, the likeliest first; empty where the rhythm was not estimated.
    """

    beat_times_seconds: np.ndarray
    downbeat: int
    tempo_bpm: float
    confidence: float
    kinematic_beats_seconds: np.ndarray
    alternatives: tuple[Hypothesis, ...] = ()

    def beat_at(self, times_seconds: np.ndarray) -> np.ndarray:
        """Position [...] in beats counted from the first downbeat at the given times [...]; linear beyond both ends."""
        return _interpolate(times_seconds, self.beat_times_seconds, np.arange(len(self.beat_times_seconds)) - float(self.downbeat))

    def time_at(self, beats: np.ndarray) -> np.ndarray:
        """Time [...] in seconds of positions [...] in beats counted from the first downbeat: the inverse of `beat_at`."""
        return _interpolate(beats, np.arange(len(self.beat_times_seconds)) - float(self.downbeat), self.beat_times_seconds)


SECTION_NAMES: tuple[str, ...] = ("intro", "groove", "build", "drop", "break", "outro", "ending")
"""What a section of a piece can be; the ending is one chord that rings out."""


@dataclass(frozen=True)
class Section:
    """A part of the form of a piece, see `rhythm.sections`.

    Attributes
    ----------
    begin_beat, end_beat : int, beats from the first downbeat, as in `Note`; the first section may begin before the music does, the last
        end after it.
    name : one of `SECTION_NAMES`.
    level : float in 0..1, how much goes on in it.
    """

    begin_beat: int
    end_beat: int
    name: str
    level: float


class GenreGuess(NamedTuple):
    """Genre that goes with a dance, index into `GENRES`; probability of each genre; whether how it is danced decided, or, where that is
    not sure, only tempo and energy."""

    genre: int
    probabilities: tuple[float, ...]
    sure: bool


@dataclass(frozen=True)
class Conditioning:
    """All that a generator may look at of one dance, on one uniform time axis.

    Attributes
    ----------
    motion : float32 Tensor [T, D_m], pose features (`dance.kinematics.motion_features`).
    visual : float32 Tensor [T, D_v], visual features (`dance.flow`), zeros where there was no video; or a vector per two seconds [S, D_v]
        of a visual network (`perception.extractors`).
    rhythm : the beat grid that the music follows.
    genre : int, index into `GENRES`.
    fps : float, of `motion` and `visual`.
    duration_seconds : float, length of the music to make.
    dance : the joints, for methods that have encoders of their own; None where only features are known. Of several dancers those of the
        one who counts most.
    dancers : everybody who was seen, numbered from 1 in this order (`dance.dancers`), those who do not count with a share of 0; none
        where no body was seen.
    sections : the form that music for it takes, in order and without gaps; none where music has no form to follow.
    hits_seconds : float64 [n], increasing: moments that the music may stress, off the grid too (`rhythm.stops`).
    genre_guess : what the genre was chosen by; None where the user chose it.
    """

    motion: Tensor
    visual: Tensor
    rhythm: Rhythm
    genre: int
    fps: float
    duration_seconds: float
    dance: Motion | None = None
    sections: tuple[Section, ...] = ()
    hits_seconds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    genre_guess: GenreGuess | None = None
    dancers: tuple[Dancer, ...] = ()


class Quantized(NamedTuple):
    """Result of quantising latents z_e [B, E, L].

    ``z`` [B, E, L] carries the straight-through gradient in training; ``codes`` int64 [B, Q, L]; ``commitment`` is the scalar mean squared
    distance from z_e to its (stopped) quantisation.
    """

    z: Tensor
    codes: Tensor
    commitment: Tensor


class Codec(Protocol):
    """Sound to latents to codes, and back: what everything outside the room ``codec`` may ask of one."""

    sample_rate: int
    hop_length: int
    dim: int
    n_codebooks: int
    codebook_size: int

    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, E, L] before quantisation of audio [B, C, N] at `sample_rate`; C is 1 for the codecs that there are."""
        ...

    def quantize(self, z_e: Tensor) -> Quantized:
        """Codes int64 [B, Q, L] of latents [B, E, L], and the latents that they stand for."""
        ...

    def lookup(self, codes: Tensor) -> Tensor:
        """Latents [B, E, L] of codes [B, q, L], q = 1..Q."""
        ...

    def decode(self, z: Tensor, n_samples: int | None = None) -> Tensor:
        """Audio [B, C, n_samples] of latents [B, E, L]; by default all L * hop_length samples."""
        ...


@dataclass(frozen=True)
class Latents:
    """Codec latents of one piece, the codes that they were looked up from where there are any, and the codec that both belong to.

    Attributes
    ----------
    z : float32 Tensor [E, L].
    codes : int64 Tensor [Q, L] or None.
    codec : what decodes them; it tells their sample rate and hop length.
    score : the plan that the latents perform, where the method has one.
    """

    z: Tensor
    codes: Tensor | None
    codec: Codec
    score: Score | None = None


class Note(NamedTuple):
    """One note: start and duration in beats from the first downbeat (pick-ups are negative), MIDI pitch, MIDI velocity."""

    start_beats: float
    duration_beats: float
    pitch: int
    velocity: int


@dataclass
class Track:
    """Notes of one instrument. ``role`` is one of `ROLES`; ``gain`` is a linear mixing factor."""

    role: str
    program: int
    notes: list[Note] = field(default_factory=list)
    is_drum: bool = False
    gain: float = 1.0


ROLES: tuple[str, ...] = ("drums", "bass", "chords", "lead", "pad")


@dataclass
class Score:
    """Music as notes. Positions are in beats; `beat_times_seconds` maps them to time, so that a score follows any beat grid.

    Attributes
    ----------
    tracks : list of `Track`.
    beat_times_seconds : float64 [n_beats]; beat ``i - downbeat`` lies at ``beat_times_seconds[i]``.
    downbeat : int, index of beat 0 (a downbeat) in ``beat_times_seconds``.
    duration_seconds : float, length of the music.
    genre : int, index into `GENRES`.
    key : int 0..11 (C = 0), pitch class of the tonic; ``minor`` tells the mode.
    swing, swing_unit_beats : how far off-beats come late, see `swing_beats`; notes carry unswung positions and `time_at` applies it.
    seed : what its form was drawn from, where a section of it can be played anew by the same rules; else None.
    sections : its form, where it has one.
    """

    tracks: list[Track]
    beat_times_seconds: np.ndarray
    downbeat: int
    duration_seconds: float
    genre: int
    key: int
    minor: bool
    swing: float = 0.5
    swing_unit_beats: float = 0.25
    seed: int | None = None
    sections: tuple[Section, ...] = ()

    def time_at(self, beats: np.ndarray) -> np.ndarray:
        """Time [...] in seconds of (unswung) positions [...] in beats; linear beyond both ends of the grid."""
        beats = swing_beats(beats, self.swing, unit_beats=self.swing_unit_beats)
        return _interpolate(beats, np.arange(len(self.beat_times_seconds)) - float(self.downbeat), self.beat_times_seconds)

    def beat_at(self, times_seconds: np.ndarray) -> np.ndarray:
        """(Unswung) positions [...] in beats at the given times [...]: the inverse of `time_at`."""
        grid = self.beat_times_seconds
        swung = _interpolate(times_seconds, grid, np.arange(len(grid)) - float(self.downbeat))
        pair = 2 * self.swing_unit_beats
        whole = np.floor(swung / pair + 1e-9)
        share = np.clip(swung / pair - whole, 0.0, 1.0)
        straight = np.where(share <= self.swing, share / (2 * self.swing), 0.5 + (share - self.swing) / (2 * (1 - self.swing)))
        return np.asarray(pair * (whole + straight))

    @property
    def tempo_bpm(self) -> float:
        """Median tempo of the beat grid."""
        return float(60.0 / np.median(np.diff(self.beat_times_seconds)))


@dataclass(frozen=True)
class Audio:
    """Sound of one piece: float32 [C, N] in -1..1, one item of the [B, C, N] that codecs work on, and its sample rate in Hz."""

    samples: np.ndarray
    sample_rate: int

    @property
    def duration_seconds(self) -> float:
        """Length: samples per channel over samples per second."""
        return self.samples.shape[-1] / self.sample_rate

    def to_tensor(self) -> Tensor:
        """The sound as a batch of one, float32 [1, C, N]: what codecs and networks hear. It shares the memory."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(self.samples, dtype=np.float32))[None]

    @classmethod
    def from_tensor(cls, batch: Tensor, sample_rate: int) -> Audio:
        """The sound of a batch of one [1, C, N], as a codec decodes it: the way back of `to_tensor`."""
        assert batch.ndim == 3 and len(batch) == 1, f"audio {list(batch.shape)}; expected one item [1, C, N]"
        return cls(batch[0].detach().cpu().numpy(), sample_rate)


@dataclass(frozen=True)
class Clip:
    """One training or test item: a dance and its music on the same time axis, with what is known of both."""

    name: str
    song: str
    motion: Motion
    audio: Audio
    rhythm: Rhythm | None = None
    score: Score | None = None
    genre: int | None = None


def swing_beats(beats: np.ndarray, swing: float, *, unit_beats: float = 0.25) -> np.ndarray:
    """Positions in beats with swing: of each pair of units the second starts at the share ``swing`` of the pair.

    0.5 is straight, 2/3 is a triplet feel. Linear between, so that finer notes keep their order and whole pairs (all beats, for units of
    1/4 or 1/2 beat) stay where they are.

    Parameters
    ----------
    beats : float [...], unswung positions.
    swing : float in 0.5..0.75.
    unit_beats : float, length of the swung unit: 0.25 for 16ths, 0.5 for eighths.

    Returns
    -------
    float64 [...], of the same shape.
    """
    beats = np.asarray(beats, dtype=np.float64)
    if swing == 0.5:
        return beats
    pair = 2 * unit_beats
    whole = np.floor(beats / pair + 1e-9)
    share = np.clip(beats / pair - whole, 0.0, 1.0)
    return pair * (whole + np.where(share <= 0.5, 2 * swing * share, swing + (share - 0.5) * 2 * (1 - swing)))


def _interpolate(x: np.ndarray, xp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Piecewise linear map through (xp, fp), continued beyond both ends with the slope of the outermost pieces."""
    assert len(xp) >= 2, "a beat grid needs at least two beats"
    x = np.asarray(x, dtype=np.float64)
    y = np.interp(x, xp, fp)
    below, above = x < xp[0], x > xp[-1]
    y = np.where(below, fp[0] + (x - xp[0]) * (fp[1] - fp[0]) / (xp[1] - xp[0]), y)
    return np.where(above, fp[-1] + (x - xp[-1]) * (fp[-1] - fp[-2]) / (xp[-1] - xp[-2]), y)
