"""The check of a checkpoint in int8: measured at conversion, recorded, and what is chosen because of it."""

import asyncio
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from app.engine.xtts.checkpoint.agreement import find_voice, measure_agreement
from app.engine.xtts.checkpoint.convert import convert_checkpoint
from app.engine.xtts.checkpoint.inspection import inspect_checkpoint
from app.engine.xtts.checkpoint.int8_weights import with_int8
from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.checkpoint.manifest import Agreement, read_manifest
from app.engine.xtts.checkpoint.precision import Precision, choose_precision
from app.engine.xtts.checkpoint.sample_texts import SAMPLE_TEXTS
from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
from app.engine.xtts.engine import XttsEngine
from app.engine.xtts.model.int8 import QuantizedMatrix, find_row_limit, quantize
from app.errors import Draining
from app.text.languages import LANGUAGES
from tests.support.xtts import CPU, WITHOUT_INT8

pytestmark = [WITHOUT_INT8, pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


def record(folder: Path, **figures: Any) -> None:
    """Write other figures into the manifest; `agreement=None`: none at all."""
    manifest = json.loads((folder / "manifest.json").read_text())
    if figures == {"agreement": None}:
        manifest["int8"]["agreement"] = None
    else:
        manifest["int8"]["agreement"] |= figures
    (folder / "manifest.json").write_text(json.dumps(manifest))


def measured(
    checkpoint: Checkpoint, change: Callable[[QuantizedMatrix], QuantizedMatrix] = lambda matrix: matrix
) -> Agreement | None:
    decoder = checkpoint.networks.decoder
    voice = find_voice(checkpoint.speakers, checkpoint.recording, checkpoint.networks, checkpoint.config)
    assert voice is not None
    return measure_agreement(
        decoder,
        {name: change(quantize(affine.weight)) for name, affine in decoder.matrices.items()},
        config=checkpoint.config,
        tokenizer=read_tokenizer(checkpoint.vocabulary, decoder, checkpoint.config),
        conditioning_latents=voice,
    )


def test_each_language_of_xtts_has_a_sentence() -> None:
    assert set(SAMPLE_TEXTS) == set(LANGUAGES)


def test_a_conversion_records_how_near_int8_comes(converted: Path) -> None:
    manifest = read_manifest(converted)
    assert manifest.int8 is not None
    agreement = manifest.int8.agreement
    assert agreement is not None
    assert agreement.languages == tuple(LANGUAGES)
    assert agreement.num_steps == 17 * 32
    assert agreement.row_limit == find_row_limit()
    # Narrow random networks: two codes are often nearly as likely, and the steps of int8 are wide.
    assert 0.9 < agreement.same_best < 1
    assert 1e-3 < agreement.relative_error < 0.03


def test_measuring_leaves_the_decoder_in_float32_and_gives_the_same_figures_again(converted: Path) -> None:
    checkpoint = load_checkpoint(converted)
    assert checkpoint.int8 is not None
    found = measured(checkpoint)
    assert not checkpoint.networks.decoder.is_int8
    assert found == checkpoint.int8.agreement


@pytest.mark.parametrize(
    "damage",
    [
        lambda matrix: QuantizedMatrix(matrix.values.roll(1, 0), matrix.scales),
        lambda matrix: QuantizedMatrix(matrix.values, torch.full_like(matrix.scales, float("nan"))),
    ],
    ids=["shifted", "not a number"],
)
def test_weights_that_speak_otherwise_fail(
    converted: Path, damage: Callable[[QuantizedMatrix], QuantizedMatrix]
) -> None:
    found = measured(load_checkpoint(converted), damage)
    assert found is not None
    assert not found.is_enough
    assert found.relative_error > 0.03
    assert msgspec.json.decode(msgspec.json.encode(found), type=Agreement) == found


@pytest.mark.parametrize(
    ("same_best", "relative_error", "is_enough"),
    [(0.98, 0.03, True), (0.979, 0.0, False), (1.0, 0.0301, False), (0.994, 0.011, True)],
)
def test_98_of_100_codes_and_3_percent_of_the_logits_are_asked_for(
    same_best: float, relative_error: float, is_enough: bool
) -> None:
    agreement = Agreement(
        same_best=same_best, relative_error=relative_error, num_steps=544, languages=("en",), row_limit=63
    )
    assert agreement.is_enough is is_enough


@pytest.mark.parametrize(
    ("wanted", "same_best", "chosen", "says"),
    [
        ("auto", 0.994, "int8", "passed its check: it has the same best code as float32 in 99.4% of 544 steps"),
        ("auto", 0.5, "float32", "in int8 has the same best code as float32 in 50.0% of 544 steps"),
        ("float32", 0.994, "float32", "CHORUS_PRECISION=float32 asks for it"),
        ("int8", 0.994, "int8", "CHORUS_PRECISION=int8 asks for it"),
        (
            "int8",
            0.5,
            "int8",
            "although the checkpoint failed its check: it has the same best code as float32 in 50.0",
        ),
    ],
)
def test_the_engine_and_the_doctor_say_what_is_chosen_because_of_the_check(
    copy: Path,
    caplog: pytest.LogCaptureFixture,
    wanted: Precision,
    same_best: float,
    chosen: str,
    says: str,
) -> None:
    record(copy, same_best=same_best, relative_error=0.011)
    caplog.set_level(logging.INFO)
    engine = XttsEngine(copy, precision=wanted)
    try:
        assert engine.info.precision == chosen
        assert engine.info.precision_reason is not None
        assert says in engine.info.precision_reason
        assert engine._checkpoint.networks.decoder.is_int8 == (chosen == "int8")
    finally:
        asyncio.run(engine.aclose())
    told = [entry.message for entry in caplog.records if entry.message.startswith("precision")]
    assert told == [f"precision: {chosen}, because {engine.info.precision_reason}"]
    findings = [finding.text for finding in inspect_checkpoint(copy, precision=wanted, device="cpu")]
    assert f"it computes in {chosen}, because {engine.info.precision_reason}" in findings


def test_a_folder_as_published_is_not_checked(tiny_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(tiny_checkpoint)
    assert with_int8(checkpoint) is checkpoint
    assert choose_precision(checkpoint, "auto", CPU).name == "float32"


@pytest.mark.parametrize("change", [{"row_limit": 1000}, {"agreement": None}], ids=["a better CPU", "nowhere"])
def test_weights_that_were_checked_elsewhere_are_checked_here(copy: Path, change: dict[str, Any]) -> None:
    before = read_manifest(copy)
    record(copy, **change)
    made = with_int8(load_checkpoint(copy)).int8
    assert made is not None
    assert made.agreement is not None
    assert made.agreement.row_limit == find_row_limit()
    assert read_manifest(copy) == before


def test_a_checkpoint_without_a_voice_is_not_checked_and_not_asked_again(
    tiny_checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Path(shutil.copytree(tiny_checkpoint, tmp_path / "published"))
    (copy / "speakers_xtts.pth").unlink()
    convert_checkpoint(copy, tmp_path / "converted", model="tiny", revision=None)
    caplog.set_level(logging.INFO)
    checkpoint = with_int8(load_checkpoint(tmp_path / "converted"))
    assert checkpoint.int8 is not None
    assert checkpoint.int8.agreement is None
    assert choose_precision(checkpoint, "auto", CPU).name == "float32"
    assert not [entry for entry in caplog.records if "they are made once" in entry.message]


def test_a_start_that_is_given_up_while_it_checks_leaves_the_manifest_as_it_was(copy: Path) -> None:
    record(copy, agreement=None)
    before = (copy / "manifest.json").read_bytes()
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 5:
            raise Draining("given up")

    with pytest.raises(Draining):
        XttsEngine(copy, check=check)
    assert (copy / "manifest.json").read_bytes() == before
    assert with_int8(load_checkpoint(copy)).int8 is not None  # the lock is free


def test_the_start_can_be_given_up_while_int8_is_checked(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def check() -> None:
        if (tmp_path / "converted" / "model.int8.safetensors").exists():
            raise Draining("given up")

    with pytest.raises(Draining):
        convert_checkpoint(tiny_checkpoint, tmp_path / "converted", model="tiny", revision=None, check=check)
    assert not (tmp_path / "converted" / "manifest.json").exists()
