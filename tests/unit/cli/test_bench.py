"""`chorus bench`: its options, its table and its warnings. Nothing is measured."""

import msgspec
import pytest
from click.testing import CliRunner

from app.bench.command import Results
from app.bench.figures import Figures
from app.cli import main
from app.cli.bench_tables import figures_table


def figures(**fields: float | None) -> Figures:
    known = {
        "streams": 12, "rate_per_s": 2.0, "refused": 3, "failed": 1, "unfinished": 0, "problem": None,
        "first_playable_p50_s": 0.25, "first_playable_p95_s": 1.5, "real_time_factor": 0.5, "audio_s_per_s": 3.0,
        "codes_per_s": None, "underruns": 2, "c50": 0.75, "c100": 0.875, "c200": 1.0, "late_p99_s": 0.0025,
    }  # fmt: skip
    return Figures(**(known | fields))


def results(**late_p99_s: float) -> Results:
    made = Results()
    made.names = [*late_p99_s, "not begun"]
    made.runs = [*([figures(late_p99_s=late_s)] for late_s in late_p99_s.values()), []]
    return made


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rate", "2"], "such as 2/s, 30/m or 0.5,1,2/s"),
        (["--rates", "1,0/s"], "0/s is out of bounds"),
        (["--rate", "2/s", "--streams", "4"], "--rate goes with neither --streams nor --compare-reference"),
        (["--rate", "2/s", "--compare-reference"], "--rate goes with neither --streams nor --compare-reference"),
        (["--rate", "1000/s", "--duration", "3600"], "more than 100000 requests"),
        (["--seed", "1"], "--duration and --seed belong to --rate"),
        (["--duration", "5"], "--duration and --seed belong to --rate"),
        (["--rate", "1/s", "--duration", "0.5"], "1<=x<=3600"),
        (["--rate", "1/s", "--duration", "3601"], "1<=x<=3600"),
        (["--rate", "1/s", "--seed", "-1"], "0<=x<=4294967295"),
        (["--runs", "0"], "1<=x<=100"),
        (["--runs", "2", "--compare-reference"], "--runs and --sentences do not go with --compare-reference"),
        (["--sentences", "2", "--compare-reference"], "--runs and --sentences do not go with --compare-reference"),
        (["--sentences", "0"], "1<=x<=100"),
        (["--http", "http://127.0.0.1:9", "--codes", "20"], "leave --http out"),
        (["--http", "http://127.0.0.1:9", "--compare-reference"], "leave --http out"),
    ],
)
def test_options_that_do_not_fit_are_told_in_one_line(arguments: list[str], says: str) -> None:
    ended = CliRunner().invoke(main, ["bench", *arguments])
    assert ended.exit_code == 2
    assert says in ended.stderr.splitlines()[-1]


def test_the_help_defines_the_columns() -> None:
    words = " ".join(CliRunner().invoke(main, ["bench", "--help"]).stdout.split())
    assert "a sample of at least -50 dBFS has arrived: no header, no silence" in words
    assert "largest gap in playback is at most 50, 100, 200 ms" in words


def test_the_table_of_an_open_loop_has_a_row_for_each_rate() -> None:
    head, _, first, second = figures_table([("2/s", figures()), ("4/s", figures(c50=None, late_p99_s=0.0))]).split("\n")
    assert head == (
        "| rate | streams | refused | failed | first playable p50 | p95 | real-time factor | audio s/s | codes/s "
        "| C50 | C100 | C200 | late p99 |"
    )
    assert first == "| 2/s | 12 | 3 | 1 | 0.250 s | 1.500 s | 0.50 | 3.00 | - | 75.0% | 87.5% | 100.0% | 2.5 ms |"
    assert second == "| 4/s | 12 | 3 | 1 | 0.250 s | 1.500 s | 0.50 | 3.00 | - | - | 87.5% | 100.0% | 0.0 ms |"


def test_a_load_generator_that_is_too_late_says_so_once_for_each_load() -> None:
    assert results(slow=0.02).warnings == []
    [warning] = results(slow=0.02, fast=0.0345).warnings
    assert warning.startswith("fast: requests began up to 34 ms late (p99; 20 ms are harmless)")


def test_requests_without_audio_are_told_with_an_example() -> None:
    made = results(slow=0.02)
    made.runs[0] = [msgspec.structs.replace(figures(), problem="the device is lost")]
    assert made.warnings == ["slow: 3 requests refused, 1 failed, such as: the device is lost"]


def test_a_load_that_was_not_measured_has_no_row() -> None:
    assert [name for name, _ in results(slow=0.02).rows] == ["slow"]
