from __future__ import annotations

import json

import pytest
import torch

from dance2music import checkpoint
from dance2music.checkpoint import (
    content_digest,
    embed,
    load_embedded,
    load_model,
    read_provenance,
    read_torch_state,
    save_model,
    sha256_of,
)
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_config import VQVAEConfig
from dance2music.errors import InputError

SMALL = VQVAEConfig(levels=(1,), level=1, width=4, depth=1, dim=8, codebook_size=16)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = VQVAE(SMALL)
    save_model(tmp_path / "m.safetensors", model, SMALL, provenance={"steps": 7, "seed": 1})
    return tmp_path / "m.safetensors", model


def test_a_model_comes_back_with_its_config_and_origin(saved) -> None:
    path, model = saved
    loaded = load_model(path, expected="vqvae")
    assert isinstance(loaded, VQVAE) and loaded.config == SMALL and not loaded.training
    for name, value in model.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name], value, atol=1e-3)
        assert loaded.state_dict()[name].dtype == torch.float32
    assert read_provenance(path)["steps"] == 7


def test_full_precision_keeps_the_bits(tmp_path) -> None:
    model = VQVAE(SMALL)
    save_model(tmp_path / "m.safetensors", model, SMALL, storage="float32")
    assert all(torch.equal(a, b) for a, b in zip(load_model(tmp_path / "m.safetensors").state_dict().values(), model.state_dict().values()))


def test_eight_bits_stay_within_half_a_step_of_each_row(tmp_path) -> None:
    model = VQVAE(SMALL)
    model.bottleneck.level_blocks["1"].k.normal_()
    save_model(tmp_path / "m.safetensors", model, SMALL, storage="int8")
    loaded = load_model(tmp_path / "m.safetensors")
    for name, value in model.named_parameters():
        row = value.abs().flatten(1).amax(dim=1) if value.ndim >= 2 else torch.full(value.shape[:1], 0.1)
        error = (loaded.get_parameter(name) - value).abs().flatten(1 if value.ndim >= 2 else 0)
        assert bool((error <= row.view(-1, *[1] * (error.ndim - 1)) * 0.51 / 127 + 1e-6).all()), name
    assert torch.allclose(loaded.bottleneck.level_blocks["1"].k, model.bottleneck.level_blocks["1"].k, atol=3e-3)


def test_eight_bits_take_about_half_the_room(tmp_path) -> None:
    config = VQVAEConfig(levels=(1,), level=1, width=64)
    model = VQVAE(config)
    for storage in ("float16", "int8"):
        save_model(tmp_path / f"{storage}.safetensors", model, config, storage=storage)
    sizes = [(tmp_path / f"{storage}.safetensors").stat().st_size for storage in ("float16", "int8")]
    assert sizes[1] < 0.7 * sizes[0]


def test_eight_bits_of_what_eight_bits_gave_are_the_same_bits(tmp_path) -> None:
    torch.manual_seed(3)
    save_model(tmp_path / "first.safetensors", VQVAE(SMALL), SMALL, storage="int8")
    once = load_model(tmp_path / "first.safetensors")
    save_model(tmp_path / "second.safetensors", once, SMALL, storage="int8")
    twice = load_model(tmp_path / "second.safetensors").state_dict()
    assert all(torch.equal(value, twice[name]) for name, value in once.state_dict().items())


def test_embedding_a_file_lists_its_sum_and_a_damaged_file_is_not_embedded(saved, tmp_path) -> None:
    path, _ = saved
    folder = tmp_path / "weights"
    folder.mkdir()
    embed(path, "codec", folder)
    embed(path, "other", folder)
    listed = json.loads((folder / "sha256.json").read_text())
    assert listed == {"codec.safetensors": sha256_of(path), "other.safetensors": sha256_of(path)}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError):
        embed(path, "codec", folder)


def test_one_changed_byte_of_the_weights_is_noticed(saved) -> None:
    path, _ = saved
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="digest"):
        load_model(path)


def test_a_changed_config_is_noticed(saved) -> None:
    path, _ = saved
    content = path.read_bytes()
    assert b'sample_rate\\": 22050' in content
    path.write_bytes(content.replace(b'sample_rate\\": 22050', b'sample_rate\\": 44100'))
    with pytest.raises(InputError, match="digest"):
        load_model(path)


def test_a_model_of_another_kind_or_a_damaged_or_missing_file_is_refused_in_one_line(saved, tmp_path) -> None:
    path, _ = saved
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:200])
    (tmp_path / "text.safetensors").write_text("hello")
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match="holds a 'vqvae'; expected spectral-codec"):
        load_model(path, expected="spectral-codec")
    for name, match in (("cut", "cannot be read"), ("text", "cannot be read"), ("foreign", "no model file"), ("gone", "no such file")):
        with pytest.raises(InputError, match=match) as caught:
            load_model(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(caught.value)


def test_a_config_of_another_version_is_refused(saved, monkeypatch, tmp_path) -> None:
    _, model = saved
    monkeypatch.setattr(checkpoint, "to_json", lambda config: json.dumps({"colour": 3}))
    save_model(tmp_path / "new.safetensors", model, SMALL)
    with pytest.raises(InputError, match=r"another version.*colour"):
        load_model(tmp_path / "new.safetensors")


def test_every_kind_names_classes_that_exist() -> None:
    import importlib

    for module_name, config_name, model_name in checkpoint.KINDS.values():
        module = importlib.import_module(module_name)
        assert hasattr(module, config_name) and hasattr(module, model_name)


def test_embedded_weights_that_are_not_there_are_named() -> None:
    with pytest.raises(InputError, match="embedded weights 'nothing'"):
        load_embedded("nothing")


def test_torch_files_with_other_content_than_tensors_are_refused(tmp_path) -> None:
    torch.save({"model": {"a": 1}}, tmp_path / "a.pt")
    torch.save([1, 2], tmp_path / "b.pt")
    (tmp_path / "c.pt").write_bytes(b"")
    for name in ("a", "b", "c"):
        with pytest.raises(InputError, match=f"{name}.pt"):
            read_torch_state(tmp_path / f"{name}.pt")


def test_equal_models_give_equal_bytes(tmp_path) -> None:
    torch.manual_seed(0)
    model = VQVAE(SMALL)
    for name in "abcde":
        save_model(tmp_path / name, model, SMALL, provenance={"steps": 7})
    assert len({(tmp_path / name).read_bytes() for name in "abcde"}) == 1


def test_a_tensor_of_one_number_with_steps_of_zero_has_the_digest_of_its_number() -> None:
    plain = torch.tensor([1.5], dtype=torch.float64)
    stepless = torch.as_strided(plain, (1,), (0,))
    assert stepless.contiguous().stride() == (0,)
    assert content_digest({"x": stepless}, {}, ()) == content_digest({"x": plain}, {}, ())
