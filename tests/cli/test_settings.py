"""The defaults of a training run, and the types of its options."""

import inspect
from typing import Any

import pytest

from nnscratch.cli import main
from nnscratch.cli.parser import Parser
from nnscratch.cli.settings import (
    DEFAULTS,
    MODEL_OPTIONS,
    SettingError,
    model_options,
    named,
    refuse_changes,
    resolve,
)
from nnscratch.cli.train import register
from nnscratch.models import MODELS
from nnscratch.training import OPTIMIZERS, SCHEDULES


def test_the_default_recipe():
    settings = resolve({}, data_name="CIFAR-10")
    assert (settings["optimizer"], settings["schedule"], settings["rate"]) == ("nesterov", "one-cycle", 0.06)
    assert (settings["momentum"], settings["weight_decay"], settings["clip_norm"]) == (0.9, 5e-4, None)
    assert (settings["batch_size"], settings["epochs"], settings["augment"]) == (128, 10, "standard")
    assert settings["options"] == {"width": 32, "norm": "batch", "activation": "relu", "pool": 3, "drop": 0.5}


def test_shapes10_has_a_recipe_of_its_own_that_gives_way():
    settings = resolve({"drop": "0.3", "epochs": 2}, data_name="shapes10")
    assert settings["data"] == "shapes10"
    assert settings["options"]["width"] == 16 and settings["options"]["drop"] == 0.3
    assert settings["epochs"] == 2 and settings["rate"] == pytest.approx(0.03)


@pytest.mark.parametrize("norm", ["lrn", "none"])
def test_without_batch_norm_the_rate_is_low_and_the_gradient_clipped(norm):
    settings = resolve({"norm": norm})
    assert settings["rate"] <= 0.02 and settings["clip_norm"] == 5.0
    assert resolve({"norm": norm, "clip_norm": 0.0})["clip_norm"] == 0.0


def test_adaptive_rules_have_their_own_rate():
    settings = resolve({"optimizer": "adam"})
    assert settings["rate"] == 1e-3 and settings["momentum"] is None
    assert resolve({"optimizer": "adamw"})["weight_decay"] == 1e-2


@pytest.mark.parametrize("model", MODELS)
def test_every_option_of_every_model_is_on_the_command_line(model):
    builder: Any = MODELS[model]
    from_data = {"classes", "image", "characters", "streams"}
    options = set(inspect.signature(builder).parameters) - from_data - {"seed", "dtype"}
    assert options <= set(MODEL_OPTIONS)
    with pytest.raises(SettingError, match="has no such option"):
        model_options(model, {(set(MODEL_OPTIONS) - options).pop(): "1"})


def test_every_setting_has_an_option_and_the_list_names_every_model(capsys):
    parser = Parser(prog="nnscratch")
    commands = parser.add_subparsers()
    register(commands)
    given = vars(parser.parse_args(["train"]))
    assert set(DEFAULTS) | set(MODEL_OPTIONS) <= set(given)
    assert "nnscratch models" in commands.choices["train"].format_help()
    assert main(["models"]) == 0
    said = capsys.readouterr().out.split()
    assert all(model in said for model in MODELS)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_can_be_named(name):
    assert named(name, SCHEDULES, "schedule") == (name, {})


def test_settings_in_a_name():
    assert named("adam:beta2=0.99,rate=1", OPTIMIZERS, "optimizer") == ("adam", {"beta2": 0.99, "rate": 1})
    with pytest.raises(ValueError, match="did you mean 'beta2'"):
        named("adam:beta=0.99", OPTIMIZERS, "optimizer")


def test_a_resumed_run_may_change_what_has_no_influence(tmp_path):
    settings = {**resolve({"epochs": 3}), "threads": 2}
    refuse_changes({"threads": 1, "checkpoint_every": 5, "epochs": 3, "width": "32"}, settings, tmp_path)
    with pytest.raises(SettingError, match="--width is 32"):
        refuse_changes({"width": "16"}, settings, tmp_path)
    with pytest.raises(SettingError, match="--hidden is not set"):
        refuse_changes({"hidden": "16"}, settings, tmp_path)


def test_a_network_that_was_published_with_its_settings_has_them():
    settings = resolve({"model": "18pct"})
    assert (settings["optimizer"], settings["rate"], settings["momentum"]) == ("momentum", 0.001, 0.9)
    assert settings["weight_decay"] == {"conv*.w": 0.004, "affine*.w": 1.0}
    assert (settings["preprocess"], settings["clip_norm"]) == ("mean-image-255", None)
    assert resolve({"model": "11pct"})["augment"] == "mirror,window24"
    own = resolve({"model": "18pct", "rate": 0.01, "weight_decay": 0.0, "preprocess": "scale"})
    assert (own["rate"], own["weight_decay"], own["preprocess"]) == (0.01, 0.0, "scale")
    assert resolve({"model": "18pct", "optimizer": "adam"})["weight_decay"] == 5e-4
    assert resolve({"model": "resnet20"})["rate"] == 0.06


def test_alexnet_is_trained_on_pictures_as_in_2012():
    settings = resolve({"model": "alexnet", "data": "photos"})
    expected = {
        "image_size": (256, 256), "augment": "mirror,window227,colour", "preprocess": "mean-image-255",
        "optimizer": "momentum", "momentum": 0.9, "rate": 0.01, "weight_decay": 5e-4, "clip_norm": 5.0,
        "schedule": "reduce-on-plateau", "epochs": 90, "batch_size": 128,
    }  # fmt: skip
    assert {name: settings[name] for name in expected} == expected
    assert settings["options"] == {"width": 96, "drop": 0.5}
    assert resolve({"model": "alexnet", "data": "photos", "batch_size": 32})["rate"] == 0.0025
    smaller = resolve({"model": "alexnet-one-tower", "data": "photos", "image_size": (128, 200), "rate": 0.002})
    assert (smaller["augment"], smaller["rate"]) == ("mirror,window112,colour", 0.002)
    other_rule = resolve({"model": "alexnet", "data": "photos", "optimizer": "adam"})
    assert (other_rule["rate"], other_rule["epochs"]) == (1e-3, 90)
    assert resolve({"model": "alexnet-torchvision", "data": "photos"})["image_size"] is None
