from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dance2music.baselines.cmt import CMT_PAPER, FORCED, Cmt, CmtConfig, Program, Writer, word_losses
from dance2music.baselines.cmt_train import CmtTrainConfig, WordData, dance_statistics, losses, piece_words, set_percentiles
from dance2music.baselines.compound_words import (
    BAR,
    BEAT,
    DENSITY,
    DRUMS,
    I_BEAT,
    INSTRUMENT,
    NOTE,
    RHYTHM,
    STRENGTH,
    TYPE,
    note_word,
    rhythm_word,
    words_of,
)
from dance2music.composer.compose import compose_corpus_piece
from dance2music.generation import pipeline
from dance2music.synthetic.synthetic import synthetic_clip
from dance2music.train.symbolic import SymbolicTrainConfig
from dance2music.types import Conditioning

SMALL = CmtConfig(channels=32, heads=2, layers=2, feed_channels=48, field_channels=(4,) * 7, progress_channels=8, prefix_channels=8)
PROGRAM = Program(0, [5, 9, 2], {4: 3, 20: 2, 36: 5})


def built(config: CmtConfig = SMALL) -> Cmt:
    torch.manual_seed(0)
    return Cmt(config).eval()


@pytest.fixture(scope="module")
def conditioning() -> Conditioning:
    return pipeline.condition(synthetic_clip(7, duration_seconds=6.0).motion, genre="pop")


def test_the_published_and_the_embedded_sizes_have_the_specified_number_of_parameters() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Cmt(CMT_PAPER).parameters()) == pytest.approx(39.01e6, rel=2e-4)
        assert sum(p.numel() for p in Cmt().parameters()) == pytest.approx(0.91e6, rel=5e-3)


def test_with_full_density_control_every_bar_word_is_the_programs() -> None:
    words = Writer(built(replace(SMALL, density_control=1.0)), PROGRAM, genre=1, seed=0).run()
    assert [int(w[DENSITY]) for w in words if w[BEAT] == BAR] == PROGRAM.density


def test_every_visual_beat_gets_its_three_words_with_its_strength() -> None:
    words = Writer(built(), PROGRAM, genre=1, seed=0).run()
    for tick, strength in PROGRAM.strength.items():
        found = [
            int(w[INSTRUMENT]) for w in words if w[TYPE] == RHYTHM and w[BEAT] != BAR and w[I_BEAT] == tick and w[STRENGTH] == strength
        ]
        assert all(k in found for k in FORCED)


def test_words_obey_the_grammar_whatever_the_model_says() -> None:
    for seed in range(4):
        words = Writer(built(), PROGRAM, genre=1, seed=seed).run()
        playing = 0
        for word in words:
            if word[TYPE] == NOTE:
                assert playing > 0
                assert word[INSTRUMENT] == playing
            else:
                playing = int(word[INSTRUMENT])
        assert (np.diff([w[I_BEAT] for w in words]) >= 0).all()
        assert sum(w[BEAT] == BAR for w in words) == len(PROGRAM.density)


def test_only_announced_instruments_play() -> None:
    model = built(replace(SMALL, instruments=(DRUMS, 4)))
    words = Writer(model, Program(0, [9, 9], {4: 3}), genre=1, seed=1).run()
    assert {int(w[INSTRUMENT]) for w in words} <= {0, DRUMS, 4}


def test_the_same_seed_gives_the_same_score_on_the_beat_grid_of_the_dance(conditioning: Conditioning) -> None:
    once, again, other = built().generate(conditioning, [3, 3, 4])
    assert [t.notes for t in once.tracks] == [t.notes for t in again.tracks]
    assert [t.notes for t in once.tracks] != [t.notes for t in other.tracks]
    assert once.beat_times_seconds is conditioning.rhythm.beat_times_seconds
    grid = once.time_at(np.array([0.0, 4.0]))
    assert grid[1] - grid[0] == pytest.approx(240 / conditioning.rhythm.tempo_bpm, rel=0.05)


def test_a_dance_that_does_not_move_still_ends(conditioning: Conditioning) -> None:
    assert conditioning.dance is not None
    still = replace(conditioning.dance, joints=np.zeros_like(conditioning.dance.joints))
    [score] = built().generate(replace(conditioning, dance=still), [0])
    assert score.duration_seconds == conditioning.duration_seconds


def test_a_word_is_predicted_from_earlier_ones_only() -> None:
    model = built()
    words = torch.from_numpy(words_of(compose_corpus_piece(3, duration_seconds=12.0)))[None, :60]
    other = words.clone()
    other[:, 40:, :9] = torch.from_numpy(words_of(compose_corpus_piece(4, duration_seconds=12.0)))[None, :20, :9]
    genre, instruments = torch.tensor([1]), torch.ones(1, 5, dtype=torch.bool)
    with torch.no_grad():
        a, b = model(words, genre, instruments), model(other, genre, instruments)
    assert torch.allclose(a[0][:, :41], b[0][:, :41], atol=1e-5)  # the type of word 40 does not depend on word 40
    assert torch.allclose(a[1][:, :40], b[1][:, :40], atol=1e-5)


def test_the_model_learns_one_piece_by_heart() -> None:
    config = CmtTrainConfig(model=replace(SMALL, dropout=0.0), training=SymbolicTrainConfig(batch_size=2), crop_words=48)
    items = [piece_words(5, seconds=6.0)]
    data = WordData(items, config, seed=0)
    torch.manual_seed(0)
    model = Cmt(config.model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = float(losses(model, data[0])["cross_entropy"])
    for step in range(60):
        loss = losses(model, data[step])["cross_entropy"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.25 * first


def test_padding_does_not_change_the_loss() -> None:
    model = built()
    words = torch.from_numpy(words_of(compose_corpus_piece(3, duration_seconds=12.0)))[None, :40]
    genre, instruments = torch.tensor([1]), torch.ones(1, 5, dtype=torch.bool)
    longer = torch.cat([words, torch.zeros(1, 9, 10, dtype=torch.long)], dim=1)
    mask = torch.arange(49)[None] < 40
    with torch.no_grad():
        a = word_losses(model, words, genre, instruments, torch.ones(1, 40, dtype=torch.bool))
        b = word_losses(model, longer, genre, instruments, mask)
    assert a == pytest.approx(float(b), rel=1e-4)


def test_percentiles_share_the_bars_of_the_dances_evenly() -> None:
    model = built()
    dances = [dance_statistics(seed, seconds=6.0) for seed in range(3)]
    set_percentiles(model, dances)
    speeds = np.concatenate([d["speed"] for d in dances])
    classes = np.searchsorted(model.get_buffer("density_edges").numpy(), speeds)
    assert np.bincount(classes, minlength=17).max() <= np.ceil(len(speeds) / 17) + 1


def test_a_bar_lasts_four_beats_of_the_dances_tempo(conditioning: Conditioning, monkeypatch: pytest.MonkeyPatch) -> None:
    words = []
    for bar in range(3):
        words += [rhythm_word(BAR, 2, bar=bar, n_bars=3), rhythm_word(1, 1, bar=bar, n_bars=3, instrument=DRUMS, strength=1)]
        words.append(note_word(36, 1, DRUMS, bar=bar, tick=0, n_bars=3))
    monkeypatch.setattr(Writer, "run", lambda _: words)
    rhythm = replace(conditioning.rhythm, beat_times_seconds=np.arange(16) * 60 / 93, downbeat=0, tempo_bpm=93.0)
    score = built().write(PROGRAM, replace(conditioning, rhythm=rhythm), seed=0)
    (drums,) = score.tracks
    onsets = score.time_at(np.array([note.start_beats for note in drums.notes]))
    assert np.diff(onsets) == pytest.approx(240 / 93)
