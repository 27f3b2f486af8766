"""Models, prices and mixes as files and words: what is read, and the one sentence where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.prediction.mix import MixUnreadable, read_mix
from bench.prediction.model import ModelUnreadable, read_model, write_model
from bench.prediction.prices import PricesUnreadable, read_prices
from tests.bench.prediction.models import a_model

GOOD = 'currency = "EUR"\ncore_hour = 0.04\ngib_hour = 0.005\ngb_out = 0.08\n'


def test_model_is_the_same_when_it_is_read_again(tmp_path: Path) -> None:
    model = a_model(send_base=7.5, log_wait=1.25)
    write_model(model, tmp_path / "new" / "model.json")
    assert read_model(tmp_path / "new" / "model.json") == model


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "make one with lobby-bench calibrate-model"),
        ("{", "is not a model"),
        ('{"schema": 2, "commit": "x"}', "is not a model"),
        ('{"schema": 99}', "has schema 99, this lab reads 1 to 3: make it again"),
    ],
)
def test_file_that_is_no_model_is_one_sentence(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(ModelUnreadable, match=said) as caught:
        read_model(tmp_path / "model.json")
    assert "\n" not in str(caught.value)


def as_file(tmp_path: Path, **changed: Any) -> Path:
    """A model with some of it changed."""
    document = json.loads(msgspec.json.encode(a_model(change=400.0)))
    for name, value in changed.items():
        if value is None:
            del document[name]
        else:
            document[name] = value
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document))
    return path


def test_model_of_schema_1_is_read_as_one_that_knows_nothing_cold(tmp_path: Path) -> None:
    model = read_model(as_file(tmp_path, schema=1, coldness=None, clients=None))
    assert (model.schema, model.coldness, model.clients) == (1, None, None)
    assert model.costs.change.value == 400.0
    write_model(model, tmp_path / "again.json")
    assert read_model(tmp_path / "again.json") == model


def test_model_of_schema_2_is_read_as_one_whose_clients_cost_no_more_for_a_longer_list(tmp_path: Path) -> None:
    clients = json.loads(msgspec.json.encode(a_model(ask=30.0).clients))
    older = {name: cost for name, cost in clients.items() if name in ("hear", "sink", "ask")}
    model = read_model(as_file(tmp_path, schema=2, clients=older))
    assert model.clients is not None
    assert (model.schema, model.clients.ask.value) == (2, 30.0)
    assert (model.clients.asked_byte, model.clients.come) == (None, None)
    write_model(model, tmp_path / "again.json")
    assert read_model(tmp_path / "again.json") == model


def a_point(value: float, unit: str = "µs") -> dict[str, object]:
    return {"value": value, "unit": unit, "low": value, "high": value, "n": 1, "source": "by hand"}


@pytest.mark.parametrize(
    "curve",
    [
        {"warm_ms": 1.0, "after_ms": [10.0, 100.0], "more": [a_point(1.0)]},
        {"warm_ms": 1.0, "after_ms": [100.0, 10.0], "more": [a_point(1.0), a_point(2.0)]},
        {"warm_ms": 1.0, "after_ms": [10.0, 100.0], "more": [a_point(2.0), a_point(1.0)]},
        {"warm_ms": 1.0, "after_ms": [10.0], "more": [a_point(-1.0)]},
        {"warm_ms": 1.0, "after_ms": [10.0], "more": [a_point(1.0, "ms")]},
        {"warm_ms": 10.0, "after_ms": [10.0], "more": [a_point(1.0)]},
        {"warm_ms": 0.0, "after_ms": [10.0], "more": [a_point(1.0)]},
    ],
    ids=["a point too few", "times go back", "costs go down", "below nothing", "another unit", "no step", "no time"],
)
def test_curve_that_is_none_is_one_sentence(curve: dict[str, object], tmp_path: Path) -> None:
    coldness = json.loads(msgspec.json.encode(a_model().coldness)) | {"send": curve}
    with pytest.raises(ModelUnreadable, match="coldness of send has not one cost per time, in order"):
        read_model(as_file(tmp_path, coldness=coldness))


@pytest.mark.parametrize("schema", [2, 3])
@pytest.mark.parametrize("name", ["coldness", "clients"])
def test_model_without_what_its_schema_has_is_one_sentence(name: str, schema: int, tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match=f"one of schema {schema} has what cold work and its clients cost"):
        read_model(as_file(tmp_path, schema=schema, **{name: None}))


@pytest.mark.parametrize("name", ["asked_byte", "come"])
def test_model_of_this_schema_without_what_is_new_in_it_is_one_sentence(name: str, tmp_path: Path) -> None:
    clients = json.loads(msgspec.json.encode(a_model().clients))
    del clients[name]
    with pytest.raises(ModelUnreadable, match="one of schema 3 has what clients cost that come and read"):
        read_model(as_file(tmp_path, clients=clients))


@pytest.mark.parametrize("parts", [[], [2.0, 1.0]], ids=["no part", "not in order"])
def test_spread_that_is_none_is_one_sentence(parts: list[float], tmp_path: Path) -> None:
    spread = {"change": [0.0], "shared_change": parts}
    with pytest.raises(ModelUnreadable, match="spread of shared_change has not one time per part, in order"):
        read_model(as_file(tmp_path, spread=spread))


def test_model_that_was_made_without_a_spread_is_read(tmp_path: Path) -> None:
    assert read_model(as_file(tmp_path, spread=None)).spread is None


def test_model_that_cannot_be_written_whole_leaves_the_one_before_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk is full, or somebody presses Ctrl-C."""
    path = tmp_path / "model.json"
    write_model(a_model(change=400.0), path)

    def half(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="no space left"):
        write_model(a_model(change=500.0), path)
    assert read_model(path).costs.change.value == 400.0
    assert [each.name for each in tmp_path.iterdir()] == ["model.json"]


def test_prices_are_read(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(GOOD)
    prices = read_prices(tmp_path / "prices.toml")
    assert (prices.currency, prices.core_hour, prices.gib_hour, prices.gb_out) == ("EUR", 0.04, 0.005, 0.08)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("core_hour", "are not TOML"),
        (GOOD.replace("gb_out", "gb_in"), "gb_in"),
        (GOOD.replace("0.04", '"much"'), "core_hour"),
        (GOOD.replace("0.04", "-1"), "core_hour must be 0 or more"),
        (GOOD.replace("0.04", "nan"), "core_hour must be 0 or more"),
    ],
)
def test_prices_that_are_none_are_one_sentence(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(PricesUnreadable, match=said) as caught:
        read_prices(tmp_path / "prices.toml")
    assert "\n" not in str(caught.value)


def test_mix_is_the_mean_of_its_roles() -> None:
    """A host makes and deletes a room every 120 s."""
    assert read_mix("browser=3,host=1").changes == pytest.approx(2 / 120 / 4)
    assert read_mix("flapper=1").comings == pytest.approx(1 / 60)
    assert read_mix("joiner = 1").commands == pytest.approx(20 / 50 / 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no role has a weight"),
        ("browser=0", "no role has a weight"),
        ("wizard=1", "wizard is no role of a forecast"),
        ("browser", "browser has no weight: write browser=1"),
        ("browser=-1", "must be 0 or more"),
        ("browser=nan", "must be 0 or more"),
    ],
)
def test_mix_that_is_none_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(MixUnreadable, match=said):
        read_mix(text)
