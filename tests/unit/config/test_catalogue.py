"""Rules that every declared setting keeps."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tricorn.config import Config
from tricorn.config.catalogue import SECTIONS, SETTINGS, heading
from tricorn.config.setting import Declaration, Setting

each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


@pytest.mark.parametrize("names", ["flag", "name", "env", "key"])
def test_names_are_unique(names: str) -> None:
    values = [getattr(setting, names) for setting in SETTINGS]
    assert len(values) == len(set(values))


def test_short_flags_are_unique() -> None:
    shorts = [setting.declared.get("short", setting.flag) for setting in SETTINGS]
    assert len(shorts) == len(set(shorts))


def test_no_flag_is_the_negation_of_another() -> None:
    flags = {setting.flag for setting in SETTINGS}
    assert not flags & {f"--no-{flag[2:]}" for flag in flags}


@each_setting
def test_names_are_well_formed(setting: Setting) -> None:
    assert re.fullmatch(r"--[a-z]+[0-9]?(-[a-z]+)*", setting.flag)
    assert re.fullmatch(r"TRICORN_[A-Z]+[0-9]?(_[A-Z]+)*", setting.env)
    assert re.fullmatch(r"[a-z]+[0-9]?\.[a-z]+[0-9]?(-[a-z]+)*", setting.key)
    assert re.fullmatch(r"-[a-zA-Z]", setting.declared.get("short", "-x"))


@each_setting
def test_has_help_that_is_a_sentence(setting: Setting) -> None:
    assert setting.help.endswith(".")
    assert setting.help[0].isupper() or setting.help.startswith("json")


@each_setting
def test_default_is_one_of_its_own_values(setting: Setting) -> None:
    assert setting.convert(setting.default) == setting.default


@each_setting
def test_default_can_be_written_as_text(setting: Setting) -> None:
    if setting.default not in (None, (), ""):
        assert setting.convert(setting.kind.show(setting.default)) == setting.default


@each_setting
def test_words_with_a_meaning_of_their_own_are_values(setting: Setting) -> None:
    for word in (setting.declared.get("bare"), setting.declared.get("negated")):
        assert word is None or setting.convert(word) == word


@each_setting
def test_declares_nothing_unknown(setting: Setting) -> None:
    assert set(setting.declared) <= Declaration.__optional_keys__


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_are_frozen_and_have_a_heading(section: str) -> None:
    title, about = heading(section)
    assert title and about
    instance = getattr(Config.make(), section)
    field = dataclasses.fields(instance)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(instance, field, None)


def test_config_has_a_field_for_each_section() -> None:
    fields = [field.name for field in dataclasses.fields(Config)]
    assert fields == [*SECTIONS, "origins", "tls_context", "overlooked"]


def test_the_shape_the_core_reads() -> None:
    """The core takes these attributes by name; a rename here must be made there too."""
    config = Config.make()
    assert config.limits.head_size == 64 * 1024
    assert config.limits.head_fields == 100
    assert config.limits.target_size == 16 * 1024
    assert config.limits.body_size == 0
    assert config.limits.discard_size == 256 * 1024
    assert config.limits.write_buffer == 64 * 1024
    assert config.limits.connections == 0
    assert config.timeouts.head == 10.0
    assert config.timeouts.keep_alive == 5.0
    assert config.timeouts.body == 30.0
    assert config.timeouts.body_rate == 240
    assert config.timeouts.write == 30.0
    assert config.timeouts.linger == 2.0
    assert config.http.underscore_headers == "drop"
    assert config.listen.bind == ("127.0.0.1:8000",)
