"""Synthetic clips and the corpus on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dance2music.dance.kinematics import kinetic_velocity
from dance2music.dance.motion_files import load_motion, save_motion
from dance2music.errors import InputError
from dance2music.rhythm.sections import has_form
from dance2music.synthetic.synthetic import synthetic_clip, write_corpus
from dance2music.synthetic.timing import TimingConfig
from dance2music.types import GENRES


def test_a_clip_is_a_pure_function_of_its_seed() -> None:
    first, again, other = (synthetic_clip(s, duration_seconds=4.0) for s in (5, 5, 6))
    assert np.array_equal(first.motion.joints, again.motion.joints)
    assert first.score is not None and again.score is not None and other.score is not None
    assert first.score.tracks == again.score.tracks != other.score.tracks
    assert first.name == again.name != other.name and first.song != other.song


def test_dance_music_and_beats_share_one_time_axis() -> None:
    for seed in range(12):
        clip = synthetic_clip(seed, duration_seconds=5.0)
        assert clip.rhythm is not None and clip.score is not None
        beats = clip.rhythm.beat_times_seconds
        assert np.array_equal(clip.score.beat_times_seconds, beats) and clip.score.downbeat == clip.rhythm.downbeat
        assert clip.motion.duration_seconds == clip.score.duration_seconds == 5.0
        assert beats[0] < 0.0 and beats[-1] > 5.0
        assert 75.0 < clip.rhythm.tempo_bpm < 141.0
        assert len(clip.rhythm.kinematic_beats_seconds) > 0


def test_dancers_are_slowest_earlier_in_the_beat_than_they_are_choreographed() -> None:
    def slowest(timing: TimingConfig | None) -> float:
        """Place in the beat, in turns of a circle."""
        turns = np.zeros(1, complex)
        for seed in range(16):
            clip = synthetic_clip(seed, duration_seconds=6.0, timing=timing)
            assert clip.rhythm is not None
            speed = kinetic_velocity(clip.motion)
            beats = clip.rhythm.beat_at(np.arange(len(speed)) / clip.motion.fps)
            turns += np.mean((speed.mean() - speed) / speed.std() * np.exp(2j * np.pi * beats))
        return float(np.angle(turns[0]) / (2 * np.pi))

    assert 0.08 < (slowest(None) - slowest(TimingConfig())) % 1.0 < 0.3


def test_music_with_form_has_the_sections_of_its_dance_and_ends_on_purpose() -> None:
    plain, formed = (synthetic_clip(8, duration_seconds=40.0, formed=formed) for formed in (False, True))
    assert plain.score is not None and formed.score is not None and not plain.score.sections
    assert has_form(formed.score.sections) and formed.score.sections[-1].name == "ending"
    last = formed.score.sections[-1].begin_beat
    notes = [note for track in formed.score.tracks if not track.is_drum for note in track.notes]
    assert max(note.start_beats for note in notes) == last and np.array_equal(
        plain.score.beat_times_seconds, formed.score.beat_times_seconds
    )
    assert not np.array_equal(plain.motion.joints, formed.motion.joints), "it is danced to"


def test_dances_to_music_with_form_move_more_where_its_sections_are_louder() -> None:
    clip = synthetic_clip(8, duration_seconds=40.0, formed=True)
    assert clip.score is not None
    speed = kinetic_velocity(clip.motion)
    loud = np.array([s.level for s in clip.score.sections[:-1]])
    spans = [clip.score.time_at(np.array([s.begin_beat, s.end_beat], float)) for s in clip.score.sections[:-1]]
    moved = np.array([speed[max(0, int(a * clip.motion.fps)) : int(b * clip.motion.fps)].mean() for a, b in spans])
    assert np.corrcoef(loud, moved)[0, 1] > 0.5


def test_genres_and_tempi_are_all_drawn() -> None:
    clips = [synthetic_clip(s, duration_seconds=1.0) for s in range(80)]
    assert {c.genre for c in clips} == set(range(len(GENRES)))
    tempi = np.array([c.rhythm.tempo_bpm for c in clips if c.rhythm is not None])
    assert np.ptp(tempi) > 45.0


def test_audio_is_rendered_only_on_demand() -> None:
    assert synthetic_clip(3, duration_seconds=2.0).audio.samples.shape == (1, 0)
    sound = synthetic_clip(3, duration_seconds=2.0, audio=True).audio
    assert sound.samples.shape == (1, 2 * sound.sample_rate) and np.abs(sound.samples).max() > 0.05


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(InputError, match="genre: 11"):
        synthetic_clip(0, genre=11)
    with pytest.raises(InputError, match="seed: -1"):
        synthetic_clip(-1)
    with pytest.raises(InputError, match=r"duration_seconds: 0\.2"):
        synthetic_clip(0, duration_seconds=0.2)


def test_a_saved_motion_comes_back(tmp_path: Path) -> None:
    motion = synthetic_clip(1, duration_seconds=1.0).motion
    save_motion(motion, tmp_path / "m.npz", genre=3)
    back = load_motion(tmp_path / "m.npz")
    assert np.array_equal(back.joints, motion.joints)
    assert (back.fps, back.skeleton, back.source, back.flow_energy) == (motion.fps, motion.skeleton, motion.source, None)


def test_a_corpus_is_written_once_and_completed_where_files_are_missing(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path, 3, 18, duration_seconds=2.0, filmed_share=0.0, workers=1)
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    assert [row["seed"] for row in rows] == [18, 19, 20]
    assert [row["split"] for row in rows] == ["train", "held-out", "train"]
    files = {p: p.stat().st_mtime_ns for p in tmp_path.glob("syn*")}
    assert len(files) == 12  # motion, midi, wav and row of each
    lost = tmp_path / rows[1]["motion"]
    lost.unlink()
    text = manifest.read_text(encoding="utf-8")
    write_corpus(tmp_path, 3, 18, duration_seconds=2.0, filmed_share=0.0, workers=1)
    assert lost.exists() and manifest.read_text(encoding="utf-8") == text
    kept = [p for p in files if not p.name.startswith(rows[1]["name"])]
    assert all(p.stat().st_mtime_ns == files[p] for p in kept)


def test_two_processes_write_the_same_corpus_as_one(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    for workers in (1, 2):
        folder = tmp_path / f"{workers}"
        write_corpus(folder, 3, 18, duration_seconds=1.0, workers=workers, filmed_share=0.0, progress=lambda *about: seen.append(about))
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("1", "2"))
    assert one == two and len(one) == 3 * 4 + 1
    assert seen == [(1, 3), (2, 3), (3, 3)] * 2


def test_a_filmed_clip_has_the_motion_that_the_pose_estimator_saw(tmp_path: Path) -> None:
    manifest = write_corpus(tmp_path, 1, 40, duration_seconds=1.0, filmed_share=1.0, audio=False, workers=1)
    row = json.loads(manifest.read_text(encoding="utf-8"))
    seen = load_motion(tmp_path / row["filmed"])
    assert seen.skeleton == "blazepose-33" and seen.duration_seconds == pytest.approx(1.0, abs=0.1)
    assert not list(tmp_path.glob(".film*"))


def test_an_impossible_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="n 0"):
        write_corpus(tmp_path, 0, 1)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        write_corpus(tmp_path / "file" / "sub", 1, 1)
