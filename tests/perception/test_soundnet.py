"""SoundNet: published sizes, and weights in the forms in which they are passed around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dance2music.errors import InputError
from dance2music.perception.soundnet import SoundNet, SoundNetConfig, load_soundnet


@pytest.fixture(scope="module")
def reference() -> SoundNet:
    """A net with random weights and statistics."""
    torch.manual_seed(0)
    net = SoundNet()
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            value.normal_()
    return net.eval()


def as_tensorflow(state: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Names and axes of the TensorFlow conversion."""
    found = {}
    for name, value in state.items():
        layer, what = name.split(".")
        if what == "num_batches_tracked":
            continue
        if layer.startswith("batchnorm"):
            what = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "var"}[what]
            found[f"{layer.replace('batchnorm', 'conv')}.{what}"] = value.numpy()
        else:
            layer = {"conv8_objs": "conv8", "conv8_scns": "conv8_2"}.get(layer, layer)
            array = value.permute(2, 1, 0)[:, None] if what == "weight" else value
            found[f"{layer}.{'weights' if what == 'weight' else 'biases'}"] = array.numpy()
    return found


def as_blocks(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of nested blocks, kernels with a fourth axis."""
    found = {}
    for name, value in state.items():
        layer, what = name.split(".")
        index = "1" if layer.startswith("batchnorm") else "0"
        layer = {"conv8_objs": "conv8", "conv8_scns": "conv8_2"}.get(layer, layer.replace("batchnorm", "conv"))
        found[f"{layer}.{index}.{what}"] = value[..., None] if value.ndim == 3 else value
    return found


def test_sizes_are_the_published_ones() -> None:
    state = SoundNet().state_dict()
    kernels = {name: list(state[f"{name}.weight"].shape) for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "conv7")}
    assert kernels == {
        "conv1": [16, 1, 64], "conv2": [32, 16, 32], "conv3": [64, 32, 16], "conv4": [128, 64, 8],
        "conv5": [256, 128, 4], "conv6": [512, 256, 4], "conv7": [1024, 512, 4],
    }  # fmt: skip
    assert list(state["conv8_objs.weight"].shape) == [1000, 1024, 8] and list(state["conv8_scns.weight"].shape) == [401, 1024, 8]


def test_two_seconds_give_features_of_conv5_to_conv7_and_twenty_give_logits(reference: SoundNet) -> None:
    with torch.no_grad():
        features = reference.features(0.1 * torch.randn(1, 1, 44_100))
        assert [list(f.shape) for f in features] == [[1, 256, 23], [1, 512, 3], [1, 1024, 2]]
        objects, scenes = reference(0.1 * torch.randn(1, 1, 20 * 22_050))
    assert objects.shape == (1, 1000, 4) and scenes.shape == (1, 401, 4)
    with pytest.raises(InputError, match="5 s or more"):
        reference(torch.zeros(1, 1, 44_100))


def test_samples_are_brought_to_the_scale_that_it_was_trained_at(reference: SoundNet) -> None:
    audio = 0.1 * torch.randn(1, 1, 22_050)
    seen: list[Tensor] = []
    handle = reference.get_submodule("conv1").register_forward_hook(lambda _, given, __: seen.append(given[0]))
    with torch.no_grad():
        reference.features(audio)
    handle.remove()
    assert torch.allclose(seen[0], 256 * audio)


@pytest.mark.parametrize("form", ["own.pt", "blocks.pth", "tensorflow.npz", "own.safetensors"])
def test_every_known_form_of_the_weights_gives_the_same_features(form: str, reference: SoundNet, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state, path = reference.state_dict(), tmp_path / form
    if form == "own.pt":
        torch.save({"state_dict": {f"module.{n}": v for n, v in state.items()}}, path)
    elif form == "blocks.pth":
        torch.save(as_blocks(state), path)
    elif form == "tensorflow.npz":
        np.savez(path, **as_tensorflow(state))
    else:
        save_file(state, path)
    loaded = load_soundnet(path, SoundNetConfig(compared=(1, 7)))
    audio = 0.1 * torch.randn(2, 1, 22_050)
    with torch.no_grad():
        ours, theirs = loaded.features(audio), SoundNet.features(reference, audio)
    assert not any(p.requires_grad for p in loaded.parameters()) and len(ours) == 2
    assert torch.allclose(ours[-1], theirs[-1], atol=1e-5) and float(ours[-1].abs().max()) > 0


def test_objects_in_a_file_are_never_unpickled(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (ran,)  # type: ignore[return-value]

    np.save(tmp_path / "sound8.npy", np.array({"conv1": Trap()}, dtype=object), allow_pickle=True)
    np.savez(tmp_path / "trap.npz", conv1=np.array([Trap()], dtype=object))
    torch.save({"conv1": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(InputError, match="never unpickled here"):
        load_soundnet(tmp_path / "sound8.npy")
    for name in ("trap.npz", "trap.pt"):
        with pytest.raises(InputError, match="cannot be read"):
            load_soundnet(tmp_path / name)
    assert not ran.exists()


def test_a_missing_file_says_where_the_weights_are_and_a_wrong_one_what_differs(reference: SoundNet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file.*cvondrick/soundnet.*MIT"):
        load_soundnet(tmp_path / "sound8.pt")
    state = dict(reference.state_dict())
    state.pop("conv3.weight")
    state["conv1.weight"] = torch.zeros(16, 1, 32)
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(InputError, match=r"1 missing \(conv3.weight\).*1 of another shape \(conv1.weight"):
        load_soundnet(tmp_path / "odd.pt")
