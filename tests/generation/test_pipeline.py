"""The data flow at each of its levels: from a motion, a conditioning, codes or a score to finished audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

import tiny
from dance2music.errors import InputError
from dance2music.generation import pipeline
from dance2music.methods.base import looked_up
from dance2music.methods.composer import Composer
from dance2music.metrics import sync
from dance2music.metrics.strict import tempo_right
from dance2music.metrics.sync import Heard, measure_sync
from dance2music.music.audio import resample
from dance2music.music.beats import ONSET_HOP_LENGTH, onset_times
from dance2music.music.loudness import loudness
from dance2music.people.dancers import numbered
from dance2music.synthetic.drawing import example_dance
from dance2music.takes import ranking
from dance2music.takes.methods import load_method
from dance2music.takes.ranking import RANKING, best_take, candidates_for, drum_hits, rank
from dance2music.takes.sound import finish, to_audio
from dance2music.takes.take import LEAD_SECONDS, ahead, make_takes
from dance2music.types import GENRES, Audio, Conditioning, Dancer, Latents, Note, Rhythm, Score, Span, Track

SAMPLE_RATE = 22_050


def clicks(times_seconds: np.ndarray, seconds: float) -> Audio:
    y = np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
    for time in times_seconds[(times_seconds > 0) & (times_seconds < seconds - 0.1)]:
        start = round(time * SAMPLE_RATE)
        y[start : start + 1000] = np.random.default_rng(0).standard_normal(1000) * np.exp(-np.arange(1000) / 200) * 0.3
    return Audio(y[None], SAMPLE_RATE)


class Clicker:
    """A generator whose seeds are offsets: take ``i`` clicks ``i % 1000`` centiseconds after the beats. Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, list[int]]] = []

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> list[Latents]:
        self.asked.append((conditioning.duration_seconds, list(seeds)))
        return [Latents(torch.full((1, 1), float(seed)), None, tiny.codec()) for seed in seeds]


@pytest.fixture
def clicker(monkeypatch: pytest.MonkeyPatch) -> Clicker:
    def clicking(music: Latents, *, duration_seconds: float, **_: object) -> Audio:
        return clicks(np.arange(0.5, duration_seconds, 0.5) + 0.01 * (float(music.z) % 1000), duration_seconds)

    monkeypatch.setattr("dance2music.takes.take.to_audio", clicking)
    return Clicker()


def dance(seconds: float, *, late_seconds: float = 0.0) -> Conditioning:
    """A dancer at rest every half second, up to ``late_seconds`` after the beats."""
    rhythm = Rhythm(np.arange(0.0, seconds + 1, 0.5), 0, 120.0, 1.0, np.arange(0.5, seconds, 0.5) + late_seconds)
    return replace(tiny.conditioning(), rhythm=rhythm, duration_seconds=seconds)


def test_a_conditioning_knows_motion_rhythm_and_genre() -> None:
    given = tiny.conditioning(6.0, "lock")
    frames = round(6.0 * pipeline.FEATURE_FPS)
    assert given.motion.ndim == given.visual.ndim == 2
    assert abs(len(given.motion) - frames) <= 1 and len(given.visual) == len(given.motion)
    assert GENRES[given.genre] == "lock" and given.duration_seconds == pytest.approx(6.0, abs=0.05)
    assert tempo_right(120.0, given.rhythm.tempo_bpm, octave=True) and torch.isfinite(given.motion).all()


def test_tempo_and_length_can_be_given() -> None:
    motion, _ = example_dance(4.0)
    given = pipeline.condition(motion, genre="pop", tempo_bpm=96.0, duration_seconds=4.5)
    assert given.rhythm.tempo_bpm == pytest.approx(96.0) and given.duration_seconds == 4.5
    assert given.rhythm.beat_times_seconds[-1] >= 4.5
    with pytest.raises(InputError, match="genre 'polka'"):
        pipeline.condition(motion, genre="polka")


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(InputError, match=r"method 'gan': unknown; expected one of planned, composer, memory, d2m-gan, creative-gan"):
        load_method("gan")
    assert isinstance(load_method("composer").generator, Composer)


def test_a_score_is_played_and_latents_are_decoded() -> None:
    (score,) = Composer().generate(ahead(tiny.conditioning()), [0])
    (take,) = make_takes(load_method("composer"), tiny.conditioning(), seeds=[0])
    assert isinstance(take.score, Score) and take.score.tracks == score.tracks
    assert take.audio.duration_seconds == pytest.approx(score.duration_seconds, abs=1e-3)
    codes = torch.randint(0, tiny.CODEBOOK_SIZE, (tiny.N_CODEBOOKS, 50))
    audio = to_audio(looked_up(codes, tiny.codec()))
    assert audio.samples.shape == (1, 50 * 256) and audio.sample_rate == SAMPLE_RATE
    cut = to_audio(looked_up(codes, tiny.codec(), score=replace(score, duration_seconds=0.5)))
    assert cut.samples.shape == (1, SAMPLE_RATE // 2)
    assert to_audio(looked_up(codes, tiny.codec()), duration_seconds=0.25).samples.shape == (1, round(SAMPLE_RATE * 0.25))


def test_sync_is_high_in_time_and_at_chance_out_of_time() -> None:
    rhythm = dance(10.0).rhythm
    together = measure_sync(clicks(rhythm.kinematic_beats_seconds, 10.0), rhythm)
    apart = measure_sync(clicks(rhythm.kinematic_beats_seconds + 0.25, 10.0), rhythm)
    assert together["beat_alignment"] > 0.9 and together["lift"] > 0.5
    assert apart["beat_alignment"] < 0.05 and apart["lift"] < 0
    assert together["kinematic_beats"] == 19 and together == measure_sync(clicks(rhythm.kinematic_beats_seconds, 10.0), rhythm)
    finely = resample(clicks(rhythm.kinematic_beats_seconds, 10.0), 48_000)
    assert measure_sync(finely, rhythm)["onsets"] == together["onsets"], "what is heard does not depend on how it is stored"
    silent = measure_sync(Audio(np.zeros((1, SAMPLE_RATE), np.float32), SAMPLE_RATE), rhythm)
    assert silent["beat_alignment"] == 0.0 and silent["onsets"] == 0.0


def test_of_several_candidates_the_one_that_follows_the_dancer_is_kept(clicker: Clicker) -> None:
    take = best_take(tiny.as_method(clicker), dance(8.0, late_seconds=0.03), seed=2, candidates=12)
    assert clicker.asked == [(8.0, list(range(2000, 2012)))]
    assert 2001 <= take.seed <= 2003


@pytest.mark.parametrize("half_a_beat_off", [ONSET_HOP_LENGTH, ONSET_HOP_LENGTH // 2])
def test_a_beat_that_one_of_two_readings_hears_elsewhere_ranks_lower(
    clicker: Clicker, monkeypatch: pytest.MonkeyPatch, half_a_beat_off: int
) -> None:
    conditioning, hear = dance(8.0), sync.hear
    (take,) = make_takes(tiny.as_method(clicker), conditioning, seeds=[1])
    clear = ranking.heard_in(take, conditioning.rhythm)["beat_f"]

    def unsure(audio: Audio, *, around_bpm: float, hop_length: int = ONSET_HOP_LENGTH) -> Heard:
        heard = hear(audio, around_bpm=around_bpm, hop_length=hop_length)
        return replace(heard, beats=heard.beats + 30.0 / around_bpm * (hop_length == half_a_beat_off))

    monkeypatch.setattr(sync, "hear", unsure)
    monkeypatch.setattr(ranking, "hear", unsure)
    assert clear > 0.8 and ranking.heard_in(take, conditioning.rhythm)["beat_f"] < 0.2


def test_short_dances_get_more_candidates(clicker: Clicker) -> None:
    assert [candidates_for(seconds) for seconds in (0.3, 2.0, 5.0, 8.0, 10.0, 600.0)] == [24, 24, 14, 8, 7, 6]
    take = best_take(tiny.as_method(clicker), dance(5.0), seed=3)
    assert clicker.asked == [(5.0, list(range(3000, 3014)))] and take.candidates == 14
    again = best_take(tiny.as_method(clicker), dance(5.0), seed=3)
    assert again.seed == take.seed and np.array_equal(again.audio.samples, take.audio.samples)


HEARD = {"lift": 0.2, "beat_f": 0.8, "beat_lift": 0.1, "pulse_clarity": 0.4, "key_clarity": 0.5, "harmonic_share": 0.4}


@pytest.mark.parametrize("name", list(HEARD))
def test_each_value_that_is_heard_ranks_a_take_higher(name: str) -> None:
    assert rank(HEARD | {name: HEARD[name] + 0.05}) > rank(HEARD)


def test_of_takes_that_are_musical_enough_sync_decides() -> None:
    enough = HEARD | {name: value for name, (_, value) in RANKING.music_weights.items()}
    more = enough | {name: enough[name] + 0.2 for name in RANKING.music_weights}
    assert rank(more) == rank(enough) < rank(enough | {"lift": enough["lift"] + 0.01})


def test_a_thin_take_ranks_lower_and_a_dense_one_no_higher() -> None:
    usual = rank(HEARD | {"fullness": 1.0})
    assert rank(HEARD | {"fullness": 0.5}) == pytest.approx(usual - 0.5 * RANKING.fullness_weight)
    assert rank(HEARD | {"fullness": 1.5}) == usual == rank(HEARD)


def test_drum_hits_are_those_that_begin_within_the_piece() -> None:
    drums = Track("drums", 0, [Note(beat, 0.25, 36, 90) for beat in (-1.0, 0.0, 1.0, 7.9, 8.0)], True)
    assert drum_hits(Score([drums, Track("bass", 33, [Note(0, 1, 40, 90)])], np.arange(10) * 0.5, 0, 4.0, 0, 0, False)) == 3


def test_stops_of_the_dance_are_hits_of_the_music_unless_they_are_not_wanted() -> None:
    motion, _ = example_dance(6.0)
    wanted = pipeline.condition(motion)
    plain = pipeline.condition(motion, hits=False)
    assert not len(plain.hits_seconds) and len(wanted.hits_seconds)
    ((with_hits,), (without,)) = (Composer().generate(ahead(conditioning), [0]) for conditioning in (wanted, plain))
    assert drum_hits(with_hits) >= drum_hits(without) and with_hits.tracks != without.tracks
    assert ahead(wanted).hits_seconds == pytest.approx(wanted.hits_seconds - LEAD_SECONDS)


def test_a_take_in_time_without_key_or_harmony_yields_to_music_that_is_nearly_as_much_in_time() -> None:
    clicks_alone = HEARD | {"lift": 0.3, "pulse_clarity": 0.6, "key_clarity": 0.3, "harmonic_share": 0.1}
    music = HEARD | {"lift": 0.2, "pulse_clarity": 0.5, "key_clarity": 0.7, "harmonic_share": 0.6}
    unmoved = music | {"lift": -0.3}
    assert rank(music) > rank(clicks_alone) > rank(unmoved)


def test_candidates_of_a_long_dance_are_ranked_on_its_beginning(clicker: Clicker) -> None:
    take = best_take(tiny.as_method(clicker), dance(75.0), seed=0, candidates=3)
    assert clicker.asked == [(60.0, [0, 1, 2]), (75.0, [take.seed])]
    assert take.audio.duration_seconds == pytest.approx(75.0)


def test_the_end_is_loud_enough_fades_and_keeps_its_length() -> None:
    (take,) = make_takes(load_method("composer"), tiny.conditioning(), seeds=[1])
    for denoise in (True, False):
        audio = finish(take.audio, denoise=denoise)
        assert audio.samples.shape == take.audio.samples.shape and np.isfinite(audio.samples).all()
        assert loudness(audio) == pytest.approx(-16.0, abs=1.0) and float(np.abs(audio.samples).max()) <= 1.0
        assert float(np.abs(audio.samples[:, -50:]).max()) < 0.02
    assert len(onset_times(audio)) > 3


def test_music_for_several_dancers_is_of_all_or_of_one() -> None:
    first, second = example_dance(6.0)[0], example_dance(6.0)[0]
    second = replace(second, joints=second.joints[::-1].copy())
    people = numbered([Dancer(first, 0.6, 0.9, (Span(0.0, 6.0),)), Dancer(second, 0.4, 0.9, (Span(0.0, 6.0),))])
    both = pipeline.condition(people, genre="house")
    assert both.dance is first and [round(one.share, 2) for one in both.dancers] == [0.6, 0.4]
    alone = pipeline.condition(people, genre="house", dancer="2")
    assert alone.dance is second and [one.share for one in alone.dancers] == [0.0, 1.0]
    assert torch.equal(alone.motion, pipeline.condition(second, genre="house").motion)
    assert np.array_equal(alone.rhythm.beat_times_seconds, pipeline.condition(second, genre="house").rhythm.beat_times_seconds)
    with pytest.raises(InputError, match="--dancer 7: 2 dancers are seen"):
        pipeline.condition(people, dancer="7")
