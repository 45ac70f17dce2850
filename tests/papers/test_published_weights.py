"""Published checkpoints that a user brings: told apart, checked with names, kept with provenance, never unpickled; music from a folder."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dance2music.checkpoint import load_model, read_provenance, sha256_of
from dance2music.cli import main as cli
from dance2music.codec.vqvae import VQVAE
from dance2music.errors import InputError
from dance2music.generation import job
from dance2music.generation.request import Request, ResolvedJob
from dance2music.methods.base import CodecGenerator, Given
from dance2music.nn.conv_stack import MotionEncoder
from dance2music.nn.convolution import WeightNormConv1d
from dance2music.papers import published_weights as published
from dance2music.papers.d2m_gan import D2MGan, VQGenerator
from dance2music.takes.methods import METHODS, load_method
from dance2music.video.container import VideoInfo
from oracles import filled
from small_gan import CODEC, DISCRIMINATOR, GENERATOR, MOTION


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, nn.Module]:
    """The published kinds in small, and a filled model of each."""
    from dance2music.papers.discriminators import ReshapedDiscriminator

    low = replace(GENERATOR, sequence=344, fused=350, genre_dim=0, frames=172)  # 350 - 344 numbers of motion
    codec = replace(CODEC, levels=(1, 2), level=2, downs=(3, 5, 1), multipliers=(1, 1, 1))
    made = {
        "motion-encoder-aist": (MotionEncoder, MOTION),
        "generator-high-aist": (VQGenerator, GENERATOR),
        "generator-low-tiktok": (VQGenerator, low),
        "discriminator": (ReshapedDiscriminator, DISCRIMINATOR),
        "vqvae": (VQVAE, codec),
    }
    kinds = {name: replace(published.PUBLISHED[name], build=lambda m=m, c=c: (m(c), c)) for name, (m, c) in made.items()}
    monkeypatch.setattr(published, "PUBLISHED", kinds)
    return {name: filled(model(config), "B") for name, (model, config) in made.items()}


def saved(model: nn.Module, path: Path, *, wrapped: bool = False) -> Path:
    state = dict(model.state_dict())
    if wrapped:  # as JukeBox's: measurements beside the tensors, some of them numpy's
        content = {"hps": {"sr": 44100}, "step": 7, "loss": np.float64(0.5), "model": {f"module.{n}": v for n, v in state.items()}}
        torch.save(content, path)
    else:
        torch.save(state, path)
    return path


def test_files_are_told_apart_and_kept_with_where_they_come_from(small: dict[str, nn.Module], tmp_path: Path) -> None:
    files = [
        saved(small["motion-encoder-aist"], tmp_path / "mencoder.pt"),
        saved(small["generator-high-aist"], tmp_path / "netG.pt"),
        saved(small["discriminator"], tmp_path / "netD.pt"),
        saved(small["vqvae"], tmp_path / "vqvae.pth.tar", wrapped=True),
    ]
    written = published.import_weights(files, tmp_path / "out")
    assert [path.name for path in written] == [
        "motion_encoder_aist_high.safetensors", "generator_aist_high.safetensors", "discriminator_high.safetensors",
        "vqvae_high.safetensors",
    ]  # fmt: skip
    for file, path, model in zip(
        files, written, (small[k] for k in ("motion-encoder-aist", "generator-high-aist", "discriminator", "vqvae"))
    ):
        about = read_provenance(path)
        assert about["source"] == file.name and about["sha256"] == sha256_of(file)
        assert ("OpenAI" if "vqvae" in path.name else "no licence") in about["licence"]
        for name, value in load_model(path).state_dict().items():
            assert torch.equal(value, model.state_dict()[name])


def test_a_level_comes_from_the_option_or_the_name_and_must_not_contradict(small: dict[str, nn.Module], tmp_path: Path) -> None:
    low = saved(small["vqvae"], tmp_path / "vqvae_low.pt")
    (written,) = published.import_weights([low], tmp_path)
    assert written.name == "vqvae_low.safetensors" and load_model(written).config.level == 1  # type: ignore[union-attr]
    other = saved(small["vqvae"], tmp_path / "model.pt")
    assert published.import_weights([other], tmp_path)[0].name == "vqvae.safetensors"
    assert published.import_weights([other], tmp_path, level="low")[0].name == "vqvae_low.safetensors"
    assert published.import_weights([other], tmp_path / "mine.safetensors")[0] == tmp_path / "mine.safetensors"
    with pytest.raises(InputError, match="is of the high level; expected low"):
        published.import_weights([saved(small["generator-high-aist"], tmp_path / "netG.pt")], tmp_path, level="low")
    with pytest.raises(InputError, match="one of each kind"):
        published.import_weights([other, saved(small["vqvae"], tmp_path / "again.pt")], tmp_path / "out")


def test_what_is_missing_or_odd_is_listed_and_nothing_is_written(small: dict[str, nn.Module], tmp_path: Path) -> None:
    state = dict(small["motion-encoder-aist"].state_dict())
    state.pop("lin2.bias")
    state["extra"] = torch.zeros(2)
    state["lin1.weight"] = torch.zeros(3, 3)
    torch.save(state, tmp_path / "mencoder.pt")
    good = saved(small["discriminator"], tmp_path / "netD.pt")
    with pytest.raises(InputError, match=r"1 missing \(lin2.bias\); 1 unknown \(extra\); 1 of another shape \(lin1.weight \[3, 3\]"):
        published.import_weights([good, tmp_path / "mencoder.pt"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind_is_refused_with_what_it_is(small: dict[str, nn.Module], tmp_path: Path) -> None:
    file = saved(small["discriminator"], tmp_path / "netD.pt")
    with pytest.raises(InputError, match=r"taken for generator-high-aist, what is nearest is discriminator"):
        published.import_weights([file], tmp_path, kind="generator-high-aist")
    with pytest.raises(InputError, match="--kind 'gan': unknown"):
        published.import_weights([file], tmp_path, kind="gan")
    torch.save({"layer.weight": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="no published network"):
        published.import_weights([tmp_path / "other.pt"], tmp_path)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(small: dict[str, nn.Module], tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"model": {"lin1.weight": torch.zeros(1)}, "hps": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match=r"evil.pt: cannot be read as a torch file of tensors only"):
        published.import_weights([tmp_path / "evil.pt"], tmp_path / "out")
    assert not (tmp_path / "ran").exists() and not (tmp_path / "out").exists()


def test_the_low_level_of_tiktok_runs_with_what_it_lacks_and_says_so(small: dict[str, nn.Module], tmp_path: Path) -> None:
    theirs = small["generator-low-tiktok"]
    assert isinstance(theirs, VQGenerator)
    state = {name: value for name, value in theirs.state_dict().items() if not name.startswith("lin.")}
    torch.save(state, tmp_path / "netG.pt")
    (written,) = published.import_weights([tmp_path / "netG.pt"], tmp_path)
    assert "Linear(350 -> 344)" in read_provenance(written)["added"]
    ours = load_model(written)
    assert isinstance(ours, VQGenerator)
    pictures = torch.randn(1, 1, 344)
    with torch.no_grad():
        whole = ours(torch.cat([torch.randn(1, 1, 6), pictures], dim=2))
        torch.testing.assert_close(whole, theirs.from_sequence(pictures))


def test_a_folder_of_imported_weights_makes_a_generator_and_says_what_it_lacks(small: dict[str, nn.Module], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        published.load_published(tmp_path / "none")
    files = [saved(small[k], tmp_path / n) for k, n in (("motion-encoder-aist", "m.pt"), ("generator-high-aist", "g.pt"))]
    published.import_weights(files, tmp_path / "out")
    with pytest.raises(InputError, match=r"holds generator_aist_high.*expected vqvae_high.safetensors"):
        published.load_published(tmp_path / "out")
    published.import_weights([saved(small["vqvae"], tmp_path / "vqvae_high.pt")], tmp_path / "out")
    method = load_method("d2m-gan", weights=tmp_path / "out", level="high")
    assert isinstance(method.generator, CodecGenerator)
    network, codec = method.generator.network, method.codec
    assert isinstance(network, D2MGan) and isinstance(codec, VQVAE) and not network.training
    assert codec.config.levels == (2,)
    assert not any(isinstance(m, WeightNormConv1d) for m in network.modules())
    with pytest.raises(InputError, match=r"expected motion_encoder_aist_low|expected generator_aist_low"):
        published.load_published(tmp_path / "out", level="low")


def test_half_precision_is_asked_for_and_gives_nearly_the_same_latents(
    small: dict[str, nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"motion-encoder-aist": "m.pt", "generator-high-aist": "g.pt", "vqvae": "vqvae_high.pt"}
    published.import_weights([saved(small[kind], tmp_path / name) for kind, name in parts.items()], tmp_path / "out")
    loaded = [published.load_published(tmp_path / "out", precision=precision) for precision in ("fp32", "bf16")]
    whole, half = (generator.network for generator in loaded)
    assert isinstance(whole, D2MGan) and isinstance(half, D2MGan) and isinstance(loaded[1].codec, VQVAE)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in loaded[1].codec.parameters()} == {torch.float32}
    own = whole.config.motion
    motion, visual = torch.randn(1, own.frames, own.features), torch.randn(1, whole.config.generator.fused - own.out)
    for model in (whole, half):
        model.config = replace(model.config, visual=visual.shape[1])
    with torch.no_grad():
        a, b = (model(motion, visual, torch.tensor([3])).float() for model in (whole, half))
    assert 0 < float((a - b).abs().max()) < 0.05 * float(a.abs().max())
    for has, chosen in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
        assert published.working_precision("auto") == chosen and published.working_precision("fp32") == "fp32"
    with pytest.raises(InputError, match="expected one of fp32, bf16, auto"):
        published.load_published(tmp_path / "out", precision="fp8")
    with pytest.raises(InputError, match="'memory' plays in fp32"):
        load_method("memory", precision="bf16")


def test_weights_belong_to_one_method() -> None:
    with pytest.raises(InputError, match="--weights: method 'memory' has its weights in the package; leave --weights out"):
        load_method("memory", weights="folder")
    with pytest.raises(InputError, match="--codec own: method 'memory' has no use for it; expected method d2m-gan, creative-gan"):
        load_method("memory", codec="own")


def test_the_command_prints_what_it_wrote_and_the_licence(
    small: dict[str, nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(small["vqvae"], tmp_path / "vqvae_high.pt")
    monkeypatch.setattr("sys.argv", ["dance2music", "weights", "import", str(file), "-o", str(tmp_path / "out")])
    cli.main()
    printed = capsys.readouterr().out
    assert "vqvae_high.safetensors: vqvae from vqvae_high.pt" in printed and "Noncommercial" in printed
    assert json.dumps(read_provenance(tmp_path / "out" / "vqvae_high.safetensors"))


def test_i3d_beside_the_weights_is_run_over_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractors = pytest.importorskip("dance2music.perception.extractors")
    monkeypatch.setattr(extractors, "load_extractor", lambda name, folder: f"{name} of {folder.name}")
    monkeypatch.setattr(extractors, "video_features", lambda video, extractor: np.full((3, 2048), len(f"{video} {extractor}")))
    video = VideoInfo(Path("dance.mp4"), 64, 64, 0, 30.0, 3.0, 0.0, 1, False, "h264", "yuv420p")

    def resolved(name: str, video: VideoInfo | None = video) -> ResolvedJob:
        return ResolvedJob(Request(), METHODS[name], Given(weights=tmp_path), Path("dance.mp4"), video, ())

    assert job.picture_watcher(resolved("d2m-gan")) is None
    (tmp_path / "rgb_imagenet.pt").touch()
    watcher = job.picture_watcher(resolved("d2m-gan"))
    assert watcher is not None
    assert watcher().shape == (3, 2048) and float(watcher()[0, 0]) == len(f"dance.mp4 i3d of {tmp_path.name}")
    beside = replace(resolved("d2m-gan"), given=Given(weights=tmp_path / "vqvae_high.pt"))
    found = job.picture_watcher(beside)
    assert found is not None and float(found()[0, 0]) == float(watcher()[0, 0])
    assert job.picture_watcher(resolved("d2m-gan", video=None)) is None
    assert job.picture_watcher(resolved("cmt")) is None
