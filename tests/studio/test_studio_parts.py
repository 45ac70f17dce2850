"""The small parts: time left, faders, beat grids, waveforms, events."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance2music.errors import InputError
from dance2music.generation.pipeline import condition
from dance2music.music.audio import save_wav, to_int16
from dance2music.music.loudness import loudness
from dance2music.people.dancers import numbered
from dance2music.studio.api import Studio, check_who, queued
from dance2music.studio.events import Events
from dance2music.studio.library import Library
from dance2music.studio.making import for_dancer, load_dance, save_dance
from dance2music.studio.mixing import as_played, gains_of, is_neutral, mixed
from dance2music.studio.pace import STAGES, Pace
from dance2music.studio.pictures import check_demuxer
from dance2music.studio.rhythms import changed, check_wish
from dance2music.studio.runner import Runner
from dance2music.studio.uploads import Refused
from dance2music.studio.waves import wave, write_waves
from dance2music.synthetic.drawing import example_dance
from dance2music.types import Audio, Dancer, Rhythm, Span

GRID = Rhythm(np.arange(-1, 9) * 0.5 + 0.1, 1, 120.0, 0.9, np.array([1.0]))
"""120 bpm, beats at -0.4, 0.1, 0.6, ..., the first downbeat at 0.1 s."""


def beats_in(rhythm: Rhythm, seconds: float) -> np.ndarray:
    """Beats [n] within the dance."""
    beats = rhythm.beat_times_seconds
    return beats[(beats >= 0) & (beats <= seconds)]


def downbeats_in(rhythm: Rhythm, seconds: float) -> np.ndarray:
    """Downbeats [n] within the dance."""
    beats = rhythm.beat_times_seconds[rhythm.downbeat % 4 :: 4]
    return beats[(beats >= 0) & (beats <= seconds)]


def test_half_time_keeps_every_second_beat_and_the_downbeat() -> None:
    half = changed(GRID, {"factor": 0.5}, 4.0)
    assert half.tempo_bpm == pytest.approx(60.0)
    np.testing.assert_allclose(beats_in(half, 4.0), [0.1, 1.1, 2.1, 3.1])
    np.testing.assert_allclose(downbeats_in(half, 4.0), [0.1])


def test_a_wish_is_refused_by_the_tempo_alone_where_its_beats_would_be_none() -> None:
    check_wish({"factor": 2}, 120.0)
    with pytest.raises(InputError, match="the rhythm chosen is 242 bpm"):
        check_wish({"factor": 2}, 121.0)
    check_wish({"factor": 2, "taps_seconds": [0.0, 0.6, 1.2, 1.8]}, 121.0)


def test_double_time_puts_a_beat_between_all() -> None:
    double = changed(GRID, {"factor": 2}, 4.0)
    assert double.tempo_bpm == pytest.approx(240.0)
    np.testing.assert_allclose(beats_in(double, 1.0), [0.1, 0.35, 0.6, 0.85])
    np.testing.assert_allclose(downbeats_in(double, 2.5), [0.1, 1.1, 2.1])


def test_beats_and_bars_are_moved() -> None:
    np.testing.assert_allclose(beats_in(changed(GRID, {"shift_beats": 0.5}, 4.0), 1.0), [0.35, 0.85])
    np.testing.assert_allclose(downbeats_in(changed(GRID, {"shift_downbeat": 1}, 4.0), 4.0), [0.6, 2.6])


def test_taps_give_tempo_and_phase_though_one_is_missing_and_they_are_uneven() -> None:
    rng = np.random.default_rng(0)
    taps = 0.3 + 0.5 * np.array([0, 1, 2, 4, 5, 6, 7]) + rng.normal(0, 0.01, 7)
    tapped = changed(GRID, {"taps_seconds": taps.tolist()}, 8.0)
    assert tapped.tempo_bpm == pytest.approx(120.0, rel=0.01)
    assert np.abs(beats_in(tapped, 8.0) - 0.3 - 0.5 * np.arange(len(beats_in(tapped, 8.0)))).max() < 0.06
    assert downbeats_in(tapped, 8.0)[0] == pytest.approx(0.3, abs=0.02)
    with pytest.raises(InputError, match="2 taps; expected at least 4"):
        changed(GRID, {"taps_seconds": [1.0, 1.5]}, 8.0)


def test_a_reading_of_the_dance_becomes_a_grid_that_covers_it() -> None:
    read = changed(GRID, {"tempo_bpm": 100.0, "first_beat_seconds": 1.4}, 6.0)
    np.testing.assert_allclose(beats_in(read, 6.0), 0.2 + 0.6 * np.arange(10))
    np.testing.assert_allclose(downbeats_in(read, 6.0), [1.4, 3.8])
    assert read.beat_times_seconds[-1] >= 6.0 and read.beat_times_seconds[0] <= 0.2


def test_a_tempo_that_is_no_beat_is_refused() -> None:
    with pytest.raises(InputError, match="480 bpm; expected 40 to 240"):
        changed(changed(GRID, {"factor": 2}, 4.0), {"factor": 2}, 4.0)
    assert replace(GRID, confidence=1.0).tempo_bpm == 120.0


def test_solo_silences_the_others_and_mute_and_the_lowest_fader_silence_one() -> None:
    names = ["drums", "bass", "lead"]
    assert gains_of({}, names) == {"drums": 1.0, "bass": 1.0, "lead": 1.0}
    assert gains_of({"bass": {"solo": True, "gain_db": 6.0}}, names) == {"drums": 0.0, "bass": pytest.approx(1.9953, abs=1e-4), "lead": 0.0}
    assert gains_of({"drums": {"mute": True}, "lead": {"gain_db": -60.0}}, names) == {"drums": 0.0, "bass": 1.0, "lead": 0.0}
    assert is_neutral({"drums": {"gain_db": 0.0, "mute": False, "solo": False}}) and not is_neutral({"drums": {"gain_db": -1.0}})


def test_a_mix_is_the_sum_of_its_stems_and_is_brought_to_the_target() -> None:
    rng = np.random.default_rng(1)
    stems = {name: Audio(rng.normal(0, 0.02, (2, 48_000)).astype(np.float32), 48_000) for name in ("drums", "bass")}
    plain = mixed(stems, {"drums": 0.5, "bass": 0.0}, loud=False)
    np.testing.assert_allclose(plain.audio.samples, 0.5 * stems["drums"].samples, atol=1e-7)
    assert list(plain.stems) == ["drums"]
    whole = mixed(stems, {"drums": 0.5, "bass": 1.0})
    assert loudness(whole.audio) == pytest.approx(-14.0, abs=0.3)
    np.testing.assert_allclose(sum(stem.samples for stem in whole.stems.values()), whole.audio.samples, atol=1e-6)


def test_a_sound_is_exported_as_its_take_plays_it_only_where_that_is_what_was_heard() -> None:
    played = Audio(np.random.default_rng(1).uniform(-0.9, 0.9, (2, 4800)).astype(np.float32), 48_000)
    heard = Audio((to_int16(played.samples) / np.float32(32767.0)).astype(np.float32), 48_000)
    assert as_played(played, heard) is played
    other = Audio(heard.samples * np.float32(0.99), 48_000)
    assert as_played(played, other) is other


def test_a_job_that_is_being_cancelled_is_no_answer_to_the_same_wish(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    studio = Studio(library, Runner(library), Events())
    dance = library.add("dances", id="d", title="Dance", state="ready", file="video.mp4", about={})

    def asked() -> str:
        return str(json.loads(bytes(queued(studio, "export", dance, {"sounds": (".wav",)}, once=True).body))["job"]["id"])

    first = asked()
    assert asked() == first
    library.change("jobs", first, state="running")
    assert asked() == first
    studio.runner.cancel(first)
    assert asked() != first
    library.close()


def test_a_waveform_has_the_largest_value_of_each_hundredth(tmp_path: Path) -> None:
    samples = np.zeros((2, 1000), dtype=np.float32)
    samples[1, 250] = -0.5
    heights = wave(Audio(samples, 10_000))
    assert heights.tolist() == [0, 0, 127, 0, 0, 0, 0, 0, 0, 0]
    told = write_waves({"a": Audio(samples, 10_000), "b": Audio(samples, 10_000)}, tmp_path / "waves")
    assert told == {"names": ["a", "b"], "rate_hz": 100, "length": 10} and (tmp_path / "waves").stat().st_size == 20


def test_time_left_goes_by_what_stages_took_before_and_by_the_share_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("dance2music.studio.pace.time.monotonic", lambda: now[0])
    pace = Pace(("start", "watch", "music"), 10.0, {"start": 0.05, "watch": 0.5, "music": 0.25})
    pace.at("start", 0.0)
    assert pace.left_seconds() == pytest.approx(1 + 10 + 5)
    now[0] += 1
    pace.at("watch", 0.0)
    assert pace.left_seconds() == pytest.approx(15)
    now[0] += 10
    pace.at("watch", 0.5)  # by its own speed it has ten more, which counts for four fifths by now
    slower = (2 + 1 + 10) / (2 + 1 + 7)  # it was due after 0.4 + 0.6 * 0.5 of its ten seconds; 1 for the start, 2 as usual
    assert pace.left_seconds() == pytest.approx(0.8 * 10 + 0.2 * 0.5 * (0.5 * 10 * slower) + 5 * slower)
    now[0] += 10
    pace.at("music", 0.0)
    now[0] += 5
    learned = pace.learned()
    assert learned["watch"] == pytest.approx(0.5 * 0.5 + 0.5 * 1.0) and learned["music"] == pytest.approx(0.25)


def test_every_kind_of_job_has_its_stages() -> None:
    from dance2music.studio.making import KINDS

    assert STAGES.keys() == KINDS.keys()


def test_events_reach_every_page_and_one_that_falls_behind_is_told_to_begin_anew() -> None:
    async def scene() -> tuple[list[str], str]:
        events = Events()
        events.start()
        quick, slow = events.listen(), events.listen()
        assert (await anext(quick)).startswith("retry") and (await anext(slow)).startswith("retry")
        heard = []
        for n in range(1500):
            events.tell("takes", {"n": n})
            if n % 100 == 99:
                await asyncio.sleep(0)
                heard += [await anext(quick) for _ in range(100)]
        late = await anext(slow)
        await quick.aclose()  # type: ignore[attr-defined]
        await slow.aclose()  # type: ignore[attr-defined]
        return heard, late

    heard, late = asyncio.run(scene())
    assert len(heard) == 1500 and heard[7] == 'event: takes\ndata: {"n": 7}\n\n'
    assert late.startswith("event: anew")


def test_only_readers_of_video_files_see_an_upload(clip: Path, tmp_path: Path) -> None:
    check_demuxer(clip)
    other = tmp_path / "other.mp4"
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    (tmp_path / "stream.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{clip}\n#EXT-X-ENDLIST\n")
    save_wav(Audio(np.zeros((1, 48_000), np.float32), 48_000), tmp_path / "sound.wav")
    for path in (tmp_path / "list.mp4", tmp_path / "stream.mp4", (tmp_path / "sound.wav").rename(other)):
        with pytest.raises(InputError, match="cannot be read as a video"):
            check_demuxer(path)


def test_a_dancer_is_chosen_among_those_who_were_seen() -> None:
    dance = {"about": {"dancers": [{"number": 1}, {"number": 2}]}}
    for who in (None, "all", "largest", "2"):
        check_who(who, dance)
    for who in ("3", "0", "me"):
        with pytest.raises(Refused, match=f"dancer.*{who}"):
            check_who(who, dance)
    with pytest.raises(Refused, match=r"expected all, largest$"):
        check_who("1", {"about": {}})


def test_a_watched_dance_can_be_given_to_another_dancer(tmp_path: Path) -> None:
    first, second = (example_dance(3.0)[0] for _ in range(2))
    second = replace(second, joints=second.joints[::-1].copy())
    people = numbered([Dancer(first, 0.6, 0.9, (Span(0.0, 3.0),)), Dancer(second, 0.4, 0.9, (Span(0.0, 3.0),))])
    save_dance(condition(people, genre="house"), tmp_path / "dance.take")
    seen = load_dance(tmp_path / "dance.take")
    other = for_dancer(seen, "2")
    assert other.dance is not None and np.array_equal(other.dance.joints, second.joints) and other.genre == seen.genre
    again = for_dancer(other, "all")
    assert [one.share for one in again.dancers] == pytest.approx([one.share for one in people])
    assert np.array_equal(again.rhythm.beat_times_seconds, seen.rhythm.beat_times_seconds)
