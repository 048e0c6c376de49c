"""Each kind of channel is a module. The test names each part that is missing."""

from __future__ import annotations

from types import ModuleType

import pytest

from qt_audit.delivery import channels
from qt_audit.delivery.message import channel_name
from qt_audit.settings.table import CHANNELS
from tests.support.checkout import ROOT

KINDS = channels.kinds()


def missing(kind: ModuleType) -> list[str]:
    """What a channel's module lacks, one line each."""
    name = kind.__name__.rpartition(".")[2]
    setting, lacks = getattr(kind, "SETTING", None), []
    if setting not in CHANNELS:
        lacks.append("SETTING, one of CHANNELS in qt_audit/settings/table.py")
    if not str(getattr(kind, "KIND", "")).isidentifier():
        lacks.append("KIND, one word")
    lacks += [f"{row}, for README's table" for row in ("SERVICES", "ADDRESS") if not getattr(kind, row, "")]
    lacks += [
        f"{function}()" for function in ("channel", "problems") if not callable(getattr(kind, function, None))
    ]
    shared = [other for other in KINDS if getattr(other, "SETTING", None) == setting]
    if len(shared) > 1 and not callable(getattr(kind, "recognises", None)):
        lacks.append(f"recognises(parts), for {setting} takes several kinds")
    if not list((ROOT / "tests").glob(f"*/qt_audit/delivery/channels/test_{name}.py")):
        lacks.append(f"a test: tests/integration/qt_audit/delivery/channels/test_{name}.py")
    return lacks


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_a_kind_of_channel_is_whole(kind: ModuleType) -> None:
    lacks = missing(kind)
    assert not lacks, f"{kind.__name__} lacks: " + "; ".join(lacks)


def test_no_two_kinds_have_one_name() -> None:
    assert len({kind.KIND for kind in KINDS}) == len(KINDS)


def test_each_setting_of_channels_has_a_kind_and_each_kind_such_a_setting() -> None:
    assert {kind.SETTING for kind in KINDS} == set(CHANNELS)


def test_a_channels_name_is_the_kind_and_nothing_of_the_address() -> None:
    assert channel_name("discord", "https://example.com/token") == "discord-9198f5"
