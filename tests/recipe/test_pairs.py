"""Composed pairs: what is written is what is read, files that are there are kept, codes are those of the music that the plan stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import tiny
from dance2music.checkpoint import save_model
from dance2music.errors import InputError
from dance2music.methods.plan import STEPS_PER_BAR, Vocabulary
from dance2music.music.synth import render
from dance2music.recipe.pairs import (
    add_codes,
    corpus_vocabulary,
    dance_features,
    load_music,
    load_pair,
    prepare_pairs,
    save_pair,
    without_drums,
)
from dance2music.seeds import HELD_OUT_PAIRS
from dance2music.synthetic.synthetic import synthetic_clip


def test_a_pair_has_features_at_every_step_of_its_plan() -> None:
    pairs, vocabulary = tiny.pairs()
    for pair in pairs:
        assert pair.plan.n_steps % STEPS_PER_BAR == 0
        assert len(pair.motion) == len(pair.visual) == pair.plan.n_steps == len(pair.plan.drums)
        score = pair.score(vocabulary)
        assert score.duration_seconds == tiny.PAIR_SECONDS and sum(len(track.notes) for track in score.tracks) > 5
        assert np.isclose(pair.tempo_bpm, score.tempo_bpm)


def test_a_pair_comes_back_from_its_file(tmp_path: Path) -> None:
    pair = tiny.pairs()[0][0]
    save_pair(pair, tmp_path / "pair.npz")
    read = load_pair(tmp_path / "pair.npz")
    assert read.plan.programs == pair.plan.programs and (read.plan.key, read.plan.minor) == (pair.plan.key, pair.plan.minor)
    for name in ("drums", "bass", "chords", "lead", "pad", "dynamics"):
        assert np.array_equal(getattr(read.plan, name), getattr(pair.plan, name))
    assert read.codes is not None and pair.codes is not None and np.array_equal(read.codes, pair.codes) and read.codes.dtype == np.int64
    np.testing.assert_allclose(read.motion, pair.motion, atol=4e-3)
    assert read.sections == pair.sections and len(read.sections) >= 2
    assert np.array_equal(read.beat_times_seconds, pair.beat_times_seconds) and read.duration_seconds == pair.duration_seconds


def test_a_pair_of_before_music_had_sections_is_refused(tmp_path: Path) -> None:
    save_pair(tiny.pairs()[0][0], tmp_path / "pair.npz")
    with np.load(tmp_path / "pair.npz") as data:
        before = {name: data[name] for name in data.files if name != "sections"}
    np.savez(tmp_path / "pair.npz", allow_pickle=False, **before)
    with pytest.raises(InputError, match=r"pair\.npz: was written by a version whose music had no sections; remove .* made anew"):
        load_pair(tmp_path / "pair.npz")


def test_files_are_written_once_and_then_get_the_codes_of_their_music(tmp_path: Path) -> None:
    vocabulary = tiny.pairs()[1]
    arguments = {"n": 2, "first_seed": HELD_OUT_PAIRS, "duration_seconds": 3.0, "voicings": vocabulary.voicings, "workers": 1}
    paths = prepare_pairs(tmp_path / "pairs", **arguments)
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert prepare_pairs(tmp_path / "pairs", **arguments) == paths and [path.stat().st_mtime_ns for path in paths] == stamps
    assert load_pair(paths[0]).codes is None
    save_model(tmp_path / "codec.safetensors", tiny.codec(), tiny.codec().config, storage="float32")
    told: list[tuple[int, int]] = []
    add_codes(
        paths[:1],
        codec=tmp_path / "codec.safetensors",
        voicings=vocabulary.voicings,
        workers=1,
        progress=lambda done, of: told.append((done, of)),
    )
    pair = load_pair(paths[0])
    assert told == [(1, 1)] and pair.codes is not None and pair.sketch is not None and load_pair(paths[1]).codes is None
    music = render(pair.score(Vocabulary(vocabulary.voicings)), onset_grid_seconds=256 / 22_050).samples
    expected = tiny.codec().quantize(tiny.codec().encode(torch.from_numpy(music)[None])).codes[0].numpy()
    assert pair.codes.shape == expected.shape and float((pair.codes == expected).mean()) > 0.98
    assert pair.sketch.shape == (tiny.LATENT_DIM, pair.codes.shape[1])
    assert load_music(paths[0]).dtype == np.int16 and np.abs(load_music(paths[0]) / 32767 - music[0]).max() < 1e-4


def test_a_pair_without_its_drums_keeps_all_else_and_has_other_codes(tmp_path: Path) -> None:
    pair = tiny.pairs()[0][0]
    save_pair(pair, tmp_path / "pair.npz")
    (path,) = without_drums([tmp_path / "pair.npz"], tmp_path / "drumless")
    (read, whole), stamp = (load_pair(file) for file in (path, tmp_path / "pair.npz")), path.stat().st_mtime_ns
    assert pair.plan.drums.any() and not read.plan.drums.any() and read.codes is None and read.sketch is None
    scores = [one.score(tiny.pairs()[1]) for one in (read, whole)]
    played = [{track.role: track.notes for track in score.tracks if track.notes} for score in scores]
    assert "drums" not in played[0] and played[0] == {role: notes for role, notes in played[1].items() if role != "drums"}
    assert without_drums([tmp_path / "pair.npz"], tmp_path / "drumless") == [path] and path.stat().st_mtime_ns == stamp


def test_two_processes_write_the_same_pairs_and_codes_as_one(tmp_path: Path) -> None:
    voicings, codec, threads = tiny.pairs()[1].voicings, tmp_path / "codec.safetensors", torch.get_num_threads()
    save_model(codec, tiny.codec(), tiny.codec().config, storage="float32")
    for workers in (1, 2):
        paths = prepare_pairs(
            tmp_path / f"{workers}", n=2, first_seed=HELD_OUT_PAIRS, duration_seconds=3.0, voicings=voicings, workers=workers
        )
        add_codes(paths, codec=codec, voicings=voicings, workers=workers)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("1", "2"))
    assert one == two and len(one) == 4
    assert torch.get_num_threads() == threads, "what trains afterwards has all threads"


def test_a_codec_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "codec.safetensors"
    save_model(file, tiny.codec(), tiny.codec().config, storage="float32")
    vocabulary = tiny.pairs()[1].voicings
    codes = []
    for name in ("before", "after"):
        paths = prepare_pairs(tmp_path / name, n=1, first_seed=HELD_OUT_PAIRS, duration_seconds=3.0, voicings=vocabulary, workers=1)
        add_codes(paths, codec=file, voicings=vocabulary, workers=1)
        codes.append(load_pair(paths[0]).codes)
        torch.manual_seed(1)
        save_model(file, type(tiny.codec())(tiny.codec().config), tiny.codec().config, storage="float32")
    assert not np.array_equal(*codes)


def test_features_are_those_of_the_clip_on_its_grid() -> None:
    clip = synthetic_clip(3, duration_seconds=4.0)
    pair = tiny.pairs()[0][0]
    assert clip.rhythm is not None
    motion, visual = dance_features(clip, clip.rhythm, pair.plan)
    assert motion.shape == (pair.plan.n_steps, pair.motion.shape[1]) and visual.shape == (pair.plan.n_steps, pair.visual.shape[1])
    assert np.isfinite(motion).all() and float(np.abs(motion).sum()) > 0


def test_the_vocabulary_of_the_corpus_is_the_same_each_time() -> None:
    first = corpus_vocabulary(4)
    assert first == corpus_vocabulary(4) and len(first) == len(set(first)) > 2
    assert all(all(0 <= pitch < 128 for pitch in voicing) for voicing in first)
