"""The rule of CHORUS_REQUIRE_CONSENT, and the consent recordings that stand in for a statement."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import ConsentRequired, InvalidField, StorageFailure, UnknownConsent
from app.observability.request_context import RequestContext, request_context
from app.voices.consent import ConsentRule, GivenConsent
from app.voices.consents import Consents
from app.voices.shared_folder import SharedFolder

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STATEMENT = "This is my own voice."


@pytest.fixture
def caller() -> Iterator[str]:
    token = request_context.set(RequestContext(caller="ada-laptop"))
    yield "ada-laptop"
    request_context.reset(token)


def consents(data: Path) -> Consents:
    return Consents(data, SharedFolder(), max_consents=10, now=lambda: NOW)


def check(data: Path, sent: str | None, *, is_required: bool = True, is_kept: bool = False) -> GivenConsent:
    rule = ConsentRule(consents(data), is_required=is_required)
    return asyncio.run(rule.check(sent, field="description", is_kept=is_kept))


@pytest.mark.parametrize("sent", [None, "", "  \t\n "])
def test_no_statement_is_refused_where_one_is_required_and_the_field_is_named(tmp_path: Path, sent: str | None) -> None:
    with pytest.raises(ConsentRequired, match=r"CHORUS_REQUIRE_CONSENT.*'description'") as refused:
        check(tmp_path, sent)
    assert refused.value.param == "description"
    assert check(tmp_path, sent, is_required=False) == GivenConsent(None, None)


@pytest.mark.parametrize("is_required", [True, False])
def test_a_voice_that_is_kept_needs_a_statement_on_every_server(tmp_path: Path, is_required: bool) -> None:
    with pytest.raises(InvalidField, match="'description'"):
        check(tmp_path, "", is_required=is_required, is_kept=True)


@pytest.mark.parametrize("sent", ["yes", "yes       .", "          y          "])
def test_a_statement_of_a_few_characters_is_none(tmp_path: Path, sent: str) -> None:
    if len(sent.strip()) < 10:
        with pytest.raises(InvalidField, match="10 characters"):
            check(tmp_path, sent, is_required=False)
    else:
        assert check(tmp_path, sent).statement == sent


def test_the_consent_names_its_caller(tmp_path: Path, caller: str) -> None:
    assert check(tmp_path, f" {STATEMENT} ") == GivenConsent(STATEMENT, caller)


def test_the_id_of_a_consent_recording_stands_for_its_statement(tmp_path: Path) -> None:
    kept = asyncio.run(consents(tmp_path).save("Ada's yes", "en", "a" * 64))
    assert check(tmp_path, kept.id).statement == kept.statement
    with pytest.raises(UnknownConsent):
        check(tmp_path, "cons_0123456789abcdef")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"id": 1}'])
def test_a_damaged_consent_recording_is_left_out_refused_and_can_be_filed_again_or_deleted(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    kept = consents(tmp_path)
    ada, bea = (asyncio.run(kept.save(name, "en", "a" * 64)) for name in ("Ada", "Bea"))
    file = tmp_path / "consents" / f"{ada.id}.json"
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(kept.list()) == [bea]
    assert ada.id in caplog.text
    with pytest.raises(StorageFailure, match="cannot be read"):
        check(tmp_path, ada.id)
    assert asyncio.run(kept.save("Ada", "en", "a" * 64)) == ada
    assert check(tmp_path, ada.id).statement == ada.statement
    file.write_bytes(content)
    asyncio.run(kept.delete(ada.id))
    with pytest.raises(UnknownConsent):
        asyncio.run(kept.delete(ada.id))
