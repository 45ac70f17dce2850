"""A dance in, music out: the data flow on one page.

Every line of `generate` is a public function that can be used alone, so that one can enter with a file, a `Motion`, a `Conditioning` or
codes:

    video --read_motion--> Motion --condition--> Conditioning --make_take--> Take (Audio, Score) --finish--> Audio --mux--> video
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance2music.errors import InputError
from dance2music.models.base import MusicGenerator
from dance2music.models.sampling import side_by_side
from dance2music.types import GENRES, Audio, Conditioning, Latents, Motion, Rhythm, Score

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0..1."""

WATCH_FPS = 24.0
"""Pictures per second of video that are looked at. Kinematic beats of filmed drawn dances agree with those of their true motion as well as
at 30 (benchmarks/RESULTS.md); the tracker's time is in proportion to it."""
FEATURE_FPS = 30.0
CANDIDATES, MOST_CANDIDATES, CANDIDATE_SECONDS = 6, 24, 70.0
"""Takes that are made and ranked for each take that is kept: 70 s of music, but at least 6 and at most 24 (`candidates_for`)."""
LEAD_SECONDS = 0.02
"""How far ahead of the dance's beat grid the music is placed: an attack is heard, and found by onset detection, some 15 ms after it
starts, and beat tracking adds to that."""
BEAT_SHARE = 0.5
"""Weight of a candidate's beat F-measure, and of the lift of its beats, beside the lift of its onsets."""
MUSIC_SHARE = {"pulse_clarity": (1.0, 0.6), "key_clarity": (0.3, 0.7), "harmonic_share": (0.2, 0.65)}
"""Weight of a candidate's musical values beside that, and what of each is enough: beyond it a take does not rank higher, so that among
takes that are music sync decides. Chosen on drawn dances of 2 to 12 s."""
RANKED_SECONDS = 60.0
"""Of longer dances only this much of each candidate is heard before the best is made whole."""


@dataclass(frozen=True)
class Take:
    """One piece of music for a dance, and how well it follows.

    Attributes
    ----------
    audio : Audio as the method made it, before `finish`.
    score : Score or None, the notes behind it where the method has notes.
    seed : int, the seed that the method was given for this take.
    candidates : int, how many takes it was chosen from.
    """

    audio: Audio
    score: Score | None
    seed: int
    candidates: int = 1


@dataclass
class Stages:
    """Seconds spent per stage, and the progress callback."""

    progress: Progress | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage; yields a function that reports the share done."""
        start = time.perf_counter()

        def report(share: float) -> None:
            if self.progress is not None:
                self.progress(name, share)

        report(0.0)
        yield report
        report(1.0)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def read_motion(video: str | Path, *, progress: Callable[[float], None] | None = None) -> Motion:
    """Watch a dance video: pose, hands, face and motion energy, in one pass over its frames."""
    from dance2music.dance.pose import estimate
    from dance2music.dance.video import probe, read_frames

    duration = probe(video).duration_seconds

    def share(time_seconds: float) -> None:
        if progress is not None:
            progress(min(1.0, time_seconds / duration))

    return estimate(read_frames(video, fps=WATCH_FPS), progress=share)


def condition(
    motion: Motion, *, genre: str | None = None, tempo_bpm: float | None = None, duration_seconds: float | None = None
) -> Conditioning:
    """All that a generator may look at.

    Parameters
    ----------
    motion : the dance.
    genre : one of `GENRES`, or None to choose one from the dance.
    tempo_bpm : None to estimate it from the dance.
    duration_seconds : length of the music; the motion's own by default.

    Raises
    ------
    InputError
        If the genre is unknown or the tempo cannot be played.
    """
    from dance2music.dance.kinematics import motion_features
    from dance2music.dance.rhythm import estimate_rhythm
    from dance2music.dance.visual import visual_features

    duration = motion.duration_seconds if duration_seconds is None else duration_seconds
    rhythm = estimate_rhythm(motion, tempo_bpm=tempo_bpm, duration_seconds=duration)
    return Conditioning(
        motion=torch.from_numpy(motion_features(motion, fps=FEATURE_FPS))[None],
        visual=torch.from_numpy(visual_features(motion, fps=FEATURE_FPS))[None],
        rhythm=[rhythm],
        genre=torch.tensor([genre_index(genre) if genre is not None else choose_genre(motion)]),
        fps=FEATURE_FPS,
        duration_seconds=duration,
        dance=motion,
    )


def genre_index(genre: str) -> int:
    """Index of a genre's name in `GENRES`."""
    if genre not in GENRES:
        raise InputError(f"genre {genre!r}: unknown; expected one of {', '.join(GENRES)}")
    return GENRES.index(genre)


def choose_genre(motion: Motion) -> int:
    """Genre that goes with a dance, by the embedded classifier of dances (`models.genre`)."""
    from dance2music.dance.kinematics import motion_features

    with torch.no_grad():
        return int(dance_genre_classifier()(torch.from_numpy(motion_features(motion, fps=FEATURE_FPS))[None]).argmax())


@cache
def dance_genre_classifier() -> torch.nn.Module:
    """The embedded classifier of dances, loaded once."""
    from dance2music.checkpoint import load_embedded

    return load_embedded("dance_genre", expected="dance-genre")


def load_method(method: str, *, weights: str | Path | None = None, level: str | None = None, precision: str = "fp32") -> MusicGenerator:
    """The generator of that name with its embedded weights, or with those in the folder ``weights`` (`published.import_weights`).

    ``level`` is 'high' or 'low', for methods that have both; of the embedded JukeBox VQ-VAE one of `models.jukebox.EMBEDDED_LEVELS`.
    ``precision`` is one of `published.PRECISIONS`, for d2m-gan with ``weights``.
    """
    from dance2music.models import GENERATORS
    from dance2music.published import load_published, working_precision

    if working_precision(precision) == "bf16" and (method != "d2m-gan" or weights is None) and precision != "auto":
        raise InputError(f"--precision bf16: method {method!r} plays in fp32; expected method d2m-gan with --weights; leave it out")

    if method not in GENERATORS:
        raise InputError(f"method {method!r}: unknown; expected one of {', '.join(GENERATORS)}")
    if method == "d2m-gan" and weights is not None:
        return load_published(weights, level=level or "high", precision=precision)
    if weights is not None or level is not None:
        return _brought(method, weights, level)
    return GENERATORS[method]()


def _brought(method: str, weights: str | Path | None, level: str | None) -> MusicGenerator:
    """A generator with weights that the user brings, or the embedded one of a level."""
    from dance2music.models import FROM_MODEL_FILE, ready
    from dance2music.published import load_codec

    if method in FROM_MODEL_FILE and weights is not None:
        from dance2music.checkpoint import load_model

        return ready(load_model(weights, expected=FROM_MODEL_FILE[method]))
    if method not in ("d2m-gan", "jukebox-reconstruction"):
        raise InputError(f"--weights, --level: method {method!r} has its weights in the package; expected method d2m-gan; leave them out")
    if weights is None and method == "jukebox-reconstruction":
        from dance2music.models.jukebox import JukeboxReconstruction, embedded_vqvae

        return JukeboxReconstruction(embedded_vqvae(str(level)))
    if weights is None:
        raise InputError(f"--level {level}: its weights are not in the package; expected --weights with a folder of imported ones")
    from dance2music.models.jukebox import JukeboxReconstruction

    return JukeboxReconstruction(load_codec(weights, level=level))


def make_takes(
    generator: MusicGenerator, conditioning: Conditioning, *, seeds: Sequence[int], soundfont: str | Path | None = None
) -> list[Take]:
    """One take per seed, `LEAD_SECONDS` ahead of the dance's beat grid, each as long as the dance to the sample."""
    ahead = [replace(rhythm, beat_times_seconds=rhythm.beat_times_seconds - LEAD_SECONDS) for rhythm in conditioning.rhythm]
    play = partial(to_audio, codec=getattr(generator, "codec", None), soundfont=soundfont, duration_seconds=conditioning.duration_seconds)
    made = list(generator.generate(replace(conditioning, rhythm=ahead), seeds=seeds))
    return [
        Take(audio=audio, score=music if isinstance(music, Score) else music.score, seed=seed)
        for audio, music, seed in zip(side_by_side(play, made), made, seeds)
    ]


def to_audio(
    music: Latents | Score, *, codec: Any = None, soundfont: str | Path | None = None, duration_seconds: float | None = None
) -> Audio:
    """Sound of what a generator made: latents are decoded by their codec (the embedded one), a score is played through a soundfont.

    Parameters
    ----------
    codec : whose latents they are; the embedded one by default.
    soundfont : see `music.synth.render`.
    duration_seconds : length of decoded latents; by default that of their score, or all of their hops.
    """
    if isinstance(music, Score):
        from dance2music.music.synth import render

        return render(music, soundfont=soundfont)
    from dance2music.models import embedded_codec

    codec = embedded_codec() if codec is None else codec
    if music.score is not None:
        duration_seconds = music.score.duration_seconds
    n_samples = None if duration_seconds is None else round(duration_seconds * codec.sample_rate)
    with torch.no_grad():
        samples = codec.decode(music.z, n_samples)
    return Audio(samples=samples.numpy(), sample_rate=codec.sample_rate)


def measure_sync(audio: Audio, rhythm: Rhythm, *, seed: int = 0) -> dict[str, float]:
    """Beat Alignment of the music's onsets with the dancer's kinematic beats, and the same under random circular shifts.

    Returns
    -------
    dict with ``beat_alignment``, ``shifted_mean``, ``shifted_error`` (standard error), ``lift`` (their difference), ``beat_f`` (F-measure
    at 70 ms of the beats that a listener who expects about the dance's tempo hears in the music against the dance's beat grid),
    ``beat_lift`` (the lift of those beats in place of the onsets), ``pulse_clarity`` (`metrics.musicality.pulse_clarity`),
    ``kinematic_beats`` and ``onsets`` (counts).
    Values are 0 where there are no beats.
    """
    from dance2music.metrics.rhythm import beat_f, shift_lift
    from dance2music.music.beats import band_rises, beats_heard, onsets_in, pulse_in

    rises, fps = band_rises(audio)
    envelope = rises.mean(axis=0)
    onsets = onsets_in(envelope, fps)
    grid, kinematic = rhythm.beat_times_seconds, rhythm.kinematic_beats_seconds
    heard = beats_heard(np.median(rises, axis=0), fps, around_bpm=rhythm.tempo_bpm)
    return {
        **shift_lift(kinematic, onsets, audio.duration_seconds, seed=seed),
        "beat_f": beat_f(grid[(grid >= 0) & (grid < audio.duration_seconds)], heard),
        "beat_lift": shift_lift(kinematic, heard, audio.duration_seconds, seed=seed)["lift"],
        "pulse_clarity": pulse_in(envelope, fps),
        "kinematic_beats": float(len(kinematic)),
        "onsets": float(len(onsets)),
    }


def candidates_for(duration_seconds: float) -> int:
    """How many takes are made for each that is kept: short dances, whose takes are cheap and whose few notes vary most, get more."""
    return int(np.clip(CANDIDATE_SECONDS // duration_seconds, CANDIDATES, MOST_CANDIDATES))


def best_take(
    generator: MusicGenerator,
    conditioning: Conditioning,
    *,
    seed: int,
    candidates: int | None = None,
    soundfont: str | Path | None = None,
) -> Take:
    """Make ``candidates`` takes (`candidates_for` by default) from one seed and keep the one that ranks highest for this dancer (`rank`).

    A generator may ask for fewer (its attribute ``candidates``): published systems that are compared with make one, as they were published.
    Of dances longer than `RANKED_SECONDS` the candidates are ranked on their beginning, then the winner is made whole.
    """
    from dance2music.music.tones import tones

    candidates = candidates_for(conditioning.duration_seconds) if candidates is None else candidates
    limit = getattr(generator, "candidates", candidates) if getattr(generator, "takes_differ", True) else 1
    seeds = [seed * 1000 + i for i in range(max(1, min(candidates, limit)))]
    if len(seeds) == 1:
        return make_takes(generator, conditioning, seeds=seeds, soundfont=soundfont)[0]
    heard = replace(conditioning, duration_seconds=min(conditioning.duration_seconds, RANKED_SECONDS))
    rhythm = conditioning.rhythm[0]
    beats = rhythm.kinematic_beats_seconds
    rhythm = replace(rhythm, kinematic_beats_seconds=beats[beats < heard.duration_seconds])
    takes = make_takes(generator, heard, seeds=seeds, soundfont=soundfont)
    scores = side_by_side(lambda take: rank(measure_sync(take.audio, rhythm) | tones(take.audio)), takes)
    best = takes[scores.index(max(scores))]
    if heard.duration_seconds < conditioning.duration_seconds:
        (best,) = make_takes(generator, conditioning, seeds=[best.seed], soundfont=soundfont)
    return replace(best, candidates=len(seeds))


def rank(heard: dict[str, float]) -> float:
    """What candidates are ranked by, of the values of `measure_sync` and `music.tones.tones`.

    How well their onsets and their beats follow the dancer, how clearly their beat is the dance's, and how much they are music
    (`MUSIC_SHARE`).
    """
    music = sum(weight * min(heard[name] / enough, 1.0) for name, (weight, enough) in MUSIC_SHARE.items())
    return heard["lift"] + BEAT_SHARE * (heard["beat_f"] + heard["beat_lift"]) + music


def finish(audio: Audio, *, denoise: bool = True) -> Audio:
    """Take out the noise floor, set the loudness, fade the edges.

    Both papers run noisereduce with its defaults on what was decoded; that takes sustained notes for noise, so a milder reduction is used
    here (`music.audio.reduce_hiss`; the published one is `music.audio.denoise`).
    """
    from dance2music.music import audio as sound

    if denoise:
        audio = sound.reduce_hiss(audio)
    audio = sound.normalize_loudness(audio)
    return sound.fade(audio, in_seconds=0.01, out_seconds=min(0.25, audio.duration_seconds / 10))
