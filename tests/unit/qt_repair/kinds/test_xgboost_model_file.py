"""Files that are no models are refused, whatever is in them."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_repair.kinds.xgboost_model.model_file import InvalidModelError, parse_model
from qt_repair.kinds.xgboost_model.ubjson import UbjsonError, parse


def model(
    features: object = "3", names: object = ("a", "b", "c"), trees: int = 2, said: int = 2
) -> dict[str, Any]:
    return {
        "learner": {
            "feature_names": names,
            "gradient_booster": {
                "model": {"gbtree_model_param": {"num_trees": str(said)}, "trees": [{}] * trees},
                "name": "gbtree",
            },
            "learner_model_param": {"num_feature": features},
        },
        "version": [1, 7, 4],
    }


def ubjson(value: Any) -> bytes:
    """A value as XGBoost writes UBJSON."""
    if isinstance(value, dict):
        pairs = (_sized(key) + ubjson(item) for key, item in value.items())
        return b"{" + b"".join(pairs) + b"}"
    if isinstance(value, str):
        return b"S" + _sized(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, int) for item in value):
        return b"[$l#L" + struct.pack(">q", len(value)) + struct.pack(f">{len(value)}i", *value)
    if isinstance(value, (list, tuple)):
        return b"[#L" + struct.pack(">q", len(value)) + b"".join(map(ubjson, value))
    assert isinstance(value, int)
    return b"i" + struct.pack(">b", value)


def _sized(text: str) -> bytes:
    data = text.encode()
    return b"L" + struct.pack(">q", len(data)) + data


@pytest.mark.parametrize("form", ["JSON", "UBJSON"])
def test_a_model_is_read_in_both_formats(form: str) -> None:
    data = json.dumps(model()).encode() if form == "JSON" else ubjson(model())
    shape = parse_model(data)
    assert (shape.form, shape.features, shape.names, shape.trees) == (form, 3, ("a", "b", "c"), 2)
    assert parse_model(json.dumps(model(names=[])).encode()).names == ()


@pytest.mark.parametrize("cut", range(1, len(ubjson(model())), 7))
def test_a_truncated_model_is_refused(cut: int) -> None:
    for data in (ubjson(model())[:-cut], json.dumps(model()).encode()[:-cut]):
        with pytest.raises(InvalidModelError, match=r"^is not a model: "):
            parse_model(data)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"learner": []},
        {"learner": None},
        {"learner": {"learner_model_param": {"num_feature": "3"}}},
        model(features="-3"),
        model(features="three"),
        model(features=None),
        model(features="4"),
        model(trees=1),
        model(names=["a"]),
    ],
    ids=str,
)
def test_well_formed_data_that_are_no_model_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidModelError, match=r"but not as XGBoost writes it|not a model"):
        parse_model(json.dumps(value).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"{" + b'"a":[' * 100_000,
        b'{"a":' * 100_000,
        b"{\xff\xfe}",
        b'{"learner": NaN}',
        b"{L" + b"\xff" * 8,
        b"{L\x7f" + b"\xff" * 7 + b"x",
        b"{" + (b"L" + bytes(8) + b"{") * 100_000,
        b"{L" + bytes(8) + b"[" * 100_000,
        b"{L" + bytes(8) + b"[#L\x7f" + b"\xff" * 7 + b"Z" * 100,
        b"{L" + bytes(8) + b"[$Z#L" + b"\x7f" * 8,
        b"{L" + bytes(8) + b"[$d#L" + b"\x40" * 8,
        b"{L" + bytes(8) + b"[$d#L" + b"\xff" * 8,
        b"{L" + bytes(8) + b"S" + bytes(100),
        b"{L" + bytes(8) + b"[" + b"Z" * 5_000_000,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_hostile_data_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidModelError):
        parse_model(data)


def test_ubjson_with_bytes_after_its_end_is_refused() -> None:
    with pytest.raises(UbjsonError, match="goes on after its end"):
        parse(ubjson(model()) + b"Z")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_raise_another_error(data: bytes) -> None:
    for start in (b"{", b"{L", ubjson(model())[:40]):
        with pytest.raises(InvalidModelError):
            parse_model(start + data)
