"""Tables of `chorus bench`, in Markdown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.bench.figures import Figures

if TYPE_CHECKING:  # imports torch
    from app.bench.compare import Comparison


def figures_table(rows: Sequence[tuple[str, Figures]]) -> str:
    """One row for each load: its name and its figures."""
    has_rates = any(figures.rate_per_s is not None for _, figures in rows)
    columns = ("rate", "streams") if has_rates else ("streams",)
    columns += ("refused", "failed", "first playable p50", "p95", "real-time factor", "audio s/s", "codes/s")
    columns += ("C50", "C100", "C200", "late p99")
    return _markdown(
        columns,
        [
            (
                *((name, str(row.streams)) if has_rates else (name,)),
                str(row.refused),
                str(row.failed),
                _number(row.first_playable_p50_s, ".3f", " s"),
                _number(row.first_playable_p95_s, ".3f", " s"),
                _number(row.real_time_factor, ".2f"),
                f"{row.audio_s_per_s:.2f}",
                _number(row.codes_per_s, ".0f"),
                _number(row.c50, ".1%"),
                _number(row.c100, ".1%"),
                _number(row.c200, ".1%"),
                _number(row.late_p99_s and row.late_p99_s * 1000, ".1f", " ms"),
            )
            for name, row in rows
        ],
    )


def comparison_table(rows: "Sequence[Comparison]") -> str:
    columns = ("sequences", "codes each", "TTS package", "Chorus", "ratio", "text to latents", "ratio")
    columns += ("first audio", "same codes")
    return _markdown(
        columns,
        [
            (
                str(row.sequences),
                str(row.codes),
                f"{row.reference_s:.1f} s",
                f"{row.whole_s:.1f} s",
                f"{row.whole_ratio:.2f}x",
                f"{row.reference_decode_s:.1f} s, {row.decode_s:.1f} s",
                f"{row.decode_ratio:.2f}x",
                f"{row.reference_first_audio_s:.3f} s, {row.first_audio_s:.3f} s",
                f"{row.equal_sequences} of {row.sequences}",
            )
            for row in rows
        ],
    )


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
