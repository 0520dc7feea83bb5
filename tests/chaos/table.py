"""The outcome as text."""

from collections.abc import Sequence

from tests.chaos.outcome import Outcome, Row


def attack_table(rows: Sequence[Row]) -> str:
    columns = ["attack", "sends", "answers", "seconds", "live max", "gap", "verdict"]
    lines = [columns, ["---"] * len(columns), *(_attack_line(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _attack_line(row: Row) -> list[str]:
    report, beside = row.report, row.beside
    answers = ", ".join([f"{number} x {answer}" for answer, number in sorted(report.answers.items())] + report.details)
    return [
        report.name,
        report.sends,
        answers or "-",
        f"{report.ended_at_s - report.began_at_s:.1f}",
        f"{beside.live_max_ms:.0f} ms" if beside else "-",
        f"{beside.gap_s:.2f} s" if beside else "-",
        report.verdict,
    ]


def figure_table(outcome: Outcome) -> str:
    lines = [["figure", "measured", "goal", "verdict"], ["---"] * 4]
    lines += [
        [figure.name, figure.measured, figure.goal, "met" if figure.is_met else "MISSED"] for figure in outcome.figures
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_text(outcome: Outcome) -> str:
    notes = "".join(f"- {note}\n" for note in outcome.notes)
    return f"{attack_table(outcome.rows)}\n\n{figure_table(outcome)}\n\n{notes}"
