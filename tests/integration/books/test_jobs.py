"""Books that a server makes: `/jobs`."""

import io
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest

from app.books.jobs import keeper, worker
from app.setting_values import ApiKeys, Marks
from tests.support.book_server import CHAPTERS, WAITS, create, events, make_novel, settings_of, wait_for
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def looks_often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "LOOK_S", 0.1)
        patch.setattr(keeper, "MIN_SHOW_S", 0.01)
        yield


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of one server, for tests that hold nothing back and count nothing."""
    settings = settings_of(tmp_path_factory.mktemp("data"), max_book_chars=200)
    with serve(settings, FakeEngine) as running, running.client() as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with serve(settings_of(tmp_path), FakeEngine) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


def release(server: RunningServer) -> None:
    assert isinstance(server.engine, FakeEngine)
    server.on_loop(server.engine.release.set)


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


def test_a_book_is_made_and_told_about_until_it_is_done(shared_client: httpx.Client) -> None:
    job = create(shared_client, title="Bells", format="flac")
    assert (job["status"], job["title"], job["source"]) == ("queued", "Bells", "novel.epub")
    assert [chapter["title"] for chapter in job["chapters"]] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    told = list(events(shared_client, job["id"]))
    assert [name for name, _ in told[:1] + told[-1:]] == ["progress", "done"]
    shares = [data["progress"]["percent"] for _, data in told]
    assert shares == sorted(shares)
    done = shared_client.get(f"/jobs/{job['id']}").json()
    assert (done["status"], done["progress"]["percent"], done["num_ready"]) == ("finished", 100.0, 3)
    answer = shared_client.get(f"/jobs/{job['id']}/audio")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "audio/flac")
    assert answer.content.startswith(b"fLaC")
    assert b"trainedAlgorithmicMedia" in answer.content
    assert done["seconds"] == pytest.approx(seconds_of(answer.content), abs=0.01)


def test_a_finished_book_is_signed(tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    with serve(settings_of(tmp_path, marks=Marks("metadata,c2pa")), FakeEngine) as running, running.client() as client:
        id = create(client, format="flac")["id"]
        wait_for(client, id, "finished")
        book = client.get(f"/jobs/{id}/audio").content
    assert book.startswith(b"ID3\x04")  # FLAC has its manifest in an ID3 tag
    assert b"jumb" in book
    assert seconds_of(book) > 1


def test_the_report_of_a_finished_book_has_each_segment(shared_client: httpx.Client) -> None:
    job = create(shared_client)
    early = shared_client.get(f"/jobs/{job['id']}/report")
    wait_for(shared_client, job["id"], "finished")
    assert early.status_code in (200, 409)
    report = shared_client.get(f"/jobs/{job['id']}/report").json()
    assert report["num_segments"] == 5
    assert report["chapters"][1]["segments"][0]["text"] == CHAPTERS[1]


def test_a_chapter_is_heard_while_the_rest_is_made(server: RunningServer, client: httpx.Client) -> None:
    job = create(client, WAITS)
    id = job["id"]
    wait_for(client, id, "speaking", num_ready=2)  # 1 and 3, in any order
    first = client.get(f"/jobs/{id}/audio")
    assert (first.status_code, first.headers["Content-Type"]) == (200, "audio/mpeg")
    assert first.content == client.get(f"/jobs/{id}/audio", params={"chapter": 1}).content
    waits = client.get(f"/jobs/{id}/audio", params={"chapter": 2})
    assert (waits.status_code, waits.json()["error"]["code"]) == (409, "audio_not_ready")
    assert client.get(f"/jobs/{id}/report").status_code == 409
    release(server)
    wait_for(client, id, "finished")
    whole = client.get(f"/jobs/{id}/audio")
    assert whole.headers["Content-Type"] == "audio/mp4"
    assert client.get(f"/jobs/{id}/audio", params={"chapter": 9}).status_code == 404
    for query in ("chapter=null", "chapter=1&chapter=2", "chapter=0", "chapter=x"):
        assert client.get(f"/jobs/{id}/audio?{query}").status_code == 400


def test_chapters_that_are_ready_are_one_file_that_only_grows(server: RunningServer, client: httpx.Client) -> None:
    chapters = ("One bell rang here.", "Two bells rang there.", "We wait for the third bell.")
    id = create(client, chapters)["id"]
    wait_for(client, id, "speaking", num_ready=2)
    both = client.get(f"/jobs/{id}/audio").content
    parts = [client.get(f"/jobs/{id}/audio", params={"chapter": number}).content for number in (1, 2)]
    assert both.startswith(parts[0])
    assert len(both) < sum(map(len, parts))  # without the tags of the second one
    assert seconds_of(both) == pytest.approx(sum(map(seconds_of, parts)), abs=0.1)
    release(server)


def test_ranges_of_the_audio_are_answered(shared_client: httpx.Client) -> None:
    id = create(shared_client, format="mp3")["id"]
    wait_for(shared_client, id, "finished")
    path = f"/jobs/{id}/audio"
    whole = shared_client.get(path)
    length, etag = len(whole.content), whole.headers["ETag"]
    assert whole.headers["Content-Length"] == str(length)
    part = shared_client.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{length}"
    assert shared_client.get(path, headers={"Range": "bytes=-50"}).content == whole.content[-50:]
    assert shared_client.get(path, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert shared_client.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200
    beyond = shared_client.get(path, headers={"Range": f"bytes={length}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{length}")
    head = shared_client.head(path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(length))


def test_a_paused_job_waits_until_it_is_resumed(server: RunningServer, client: httpx.Client) -> None:
    id = create(client, WAITS)["id"]
    wait_for(client, id, "speaking", num_ready=1)
    assert client.post(f"/jobs/{id}/pause").json()["status"] == "paused"
    release(server)
    with server.client() as other:
        assert other.get("/tts", params={}).status_code == 405  # the server answers, and the job still waits
    assert client.get(f"/jobs/{id}").json()["status"] == "paused"
    assert client.get("/jobs").json()["jobs"][0]["status"] == "paused"
    assert client.post(f"/jobs/{id}/resume").json()["status"] in ("queued", "speaking")
    assert wait_for(client, id, "finished")["num_ready"] == 3
    assert client.post(f"/jobs/{id}/pause").json()["status"] == "finished"


def test_a_job_that_is_deleted_while_it_runs_leaves_nothing(
    server: RunningServer, client: httpx.Client, tmp_path: Path
) -> None:
    id = create(client, WAITS)["id"]
    wait_for(client, id, "speaking", num_ready=1)
    assert client.delete(f"/jobs/{id}").status_code == 204
    assert client.get(f"/jobs/{id}").status_code == 404
    assert client.get("/jobs").json() == {"jobs": [], "count": 0}
    release(server)
    other = create(client)["id"]
    wait_for(client, other, "finished")
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == [other]


def test_a_server_that_stops_in_the_middle_goes_on_when_it_starts_again(tmp_path: Path) -> None:
    spoken: list[int] = []
    for data, is_stopped in ((tmp_path / "whole", False), (tmp_path / "stopped", True)):
        with serve(settings_of(data), FakeEngine) as first, first.client() as client:
            id = create(client, WAITS)["id"]
            if not is_stopped:
                release(first)
            wait_for(client, id, num_ready=1 if is_stopped else 3)
            if not is_stopped:
                wait_for(client, id, "finished")
                whole = client.get(f"/jobs/{id}/audio").content
        if is_stopped:
            with serve(settings_of(data), FakeEngine) as second, second.client() as client:
                release(second)
                wait_for(client, id, "finished")
                assert client.get(f"/jobs/{id}/audio").content == whole
                assert isinstance(second.engine, FakeEngine)
                spoken += [len(second.engine.requests)]
    assert spoken == [1]


def test_a_caller_sees_its_own_jobs_only(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, api_keys=ApiKeys("first-key,second-key"), max_jobs=1)
    with serve(settings, FakeEngine) as server, server.client() as client:
        first, second = ({"Authorization": f"Bearer {key}-key"} for key in ("first", "second"))
        assert client.get("/jobs").status_code == 401
        client.headers.update(first)
        id = create(client)["id"]
        again = client.post("/jobs", files={"file": ("novel.epub", make_novel())})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "too_many_jobs")
        client.headers.update(second)
        assert client.get("/jobs").json()["count"] == 0
        for method, path in (
            ("GET", ""),
            ("GET", "/events"),
            ("GET", "/audio"),
            ("GET", "/report"),
            ("POST", "/pause"),
            ("POST", "/resume"),
            ("DELETE", ""),
        ):
            answer = client.request(method, f"/jobs/{id}{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_job"), path
        create(client)
        client.headers.update(first)
        wait_for(client, id, "finished")
    # The order of the keys is another one, and each caller still has its job.
    settings = settings_of(tmp_path, api_keys=ApiKeys("second-key,first-key"))
    with serve(settings, FakeEngine) as server, server.client() as client:
        assert [job["id"] for job in client.get("/jobs", headers=first).json()["jobs"]] == [id]


@pytest.mark.parametrize(
    ("files", "fields", "status", "code"),
    [
        (b"no book", {"chapters": "7"}, 400, "invalid_field"),
        (b"no book", {"speed": "9"}, 400, "invalid_field"),
        (b"no book", {"typo": "1"}, 400, "invalid_field"),
        (b"no book", {"voice": "nobody"}, 404, "unknown_speaker"),
        (b"no book", {"language": "fi"}, 400, "unsupported_language"),
        (b"no book", {"check": "report"}, 501, "transcription_unavailable"),
        (b"[voice:nobody] no book", {}, 404, "unknown_speaker"),
        (b"PK\x03\x04 broken", {}, 415, "unreadable_book"),
        (b"...", {}, 415, "unreadable_book"),
        (b"word " * 100, {}, 413, "text_too_long"),
    ],
)
def test_what_cannot_be_made_is_refused_and_not_kept(
    shared_client: httpx.Client, files: bytes, fields: dict[str, str], status: int, code: str
) -> None:
    count = shared_client.get("/jobs").json()["count"]
    name = "novel.epub" if files.startswith(b"PK") else "novel.txt"
    answer = shared_client.post("/jobs", files={"file": (name, files)}, data=fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert shared_client.get("/jobs").json()["count"] == count


def test_a_text_is_taken_as_json(shared_client: httpx.Client) -> None:
    answer = shared_client.post(
        "/jobs", json={"text": "Chapter 1\n\nOne bell.\n\nChapter 2\n\nTwo bells.", "chapters": "2"}
    )
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert [(chapter["number"], chapter["title"]) for chapter in job["chapters"]] == [(2, "Chapter 2")]
    wait_for(shared_client, job["id"], "finished")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text": ""}', b'{"text": "a", "typo": 1}', b"{"])
def test_json_that_is_no_job_is_refused(shared_client: httpx.Client, body: bytes) -> None:
    assert shared_client.post("/jobs", content=body, headers={"Content-Type": "application/json"}).status_code == 400


def test_a_book_that_does_not_fit_on_the_disk_is_refused(
    shared_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "BYTES_PER_CHAR", 1 << 50)
    answer = shared_client.post("/jobs", files={"file": ("novel.epub", make_novel())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_failure")
    assert "MB" in answer.json()["error"]["message"]


@pytest.mark.parametrize("id", ["0" * 24, "..", "x", "novel-0123456789ab"])
def test_an_id_that_is_none_is_unknown(shared_client: httpx.Client, id: str) -> None:
    assert shared_client.get(f"/jobs/{id}/audio").status_code == 404


def test_a_server_without_jobs_says_so(tmp_path: Path) -> None:
    with serve(settings_of(tmp_path, max_jobs=0), FakeEngine) as server, server.client() as client:
        answer = client.post("/jobs", files={"file": ("novel.epub", make_novel())})
        assert (answer.status_code, "CHORUS_MAX_JOBS" in answer.json()["error"]["message"]) == (409, True)


def test_a_job_that_has_failed_says_why_and_can_be_resumed(shared_client: httpx.Client) -> None:
    id = create(shared_client, ("One bell rang here.", "The engines fail us now."))["id"]
    failed = wait_for(shared_client, id, "failed")
    assert failed["error"]["code"] == "engine_failure"
    assert shared_client.post(f"/jobs/{id}/resume").json()["error"] is None
    assert wait_for(shared_client, id, "failed")["error"] == failed["error"]


def test_a_live_request_is_taken_while_the_queue_is_full_of_a_book(server: RunningServer, client: httpx.Client) -> None:
    id = create(client, tuple(f"We wait for bell {number}." for number in range(20)))["id"]
    wait_for(client, id, "speaking")
    answer = client.post("/tts", json={"text": "Hello there."})
    assert answer.status_code == 200
    release(server)


def test_jobs_are_in_the_metrics(shared_client: httpx.Client) -> None:
    id = create(shared_client)["id"]
    wait_for(shared_client, id, "finished")
    lines = shared_client.get("/metrics").text.splitlines()
    num_finished = sum(job["status"] == "finished" for job in shared_client.get("/jobs").json()["jobs"])
    assert f'chorus_jobs{{status="finished"}} {num_finished:.1f}' in lines
    [made] = [line for line in lines if line.startswith("chorus_book_audio_seconds_total ")]
    assert float(made.split()[1]) > 1
