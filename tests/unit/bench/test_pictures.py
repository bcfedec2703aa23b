"""Pictures are drawn of what was measured, the same ones each time, and of nothing where nothing was."""

from pathlib import Path

from bench.case import Sample
from bench.figures import Figures, Run
from bench.pictures import bars, draw
from bench.report import Report


def report(*runs: Run) -> Report:
    machine = {"cores": "2", "memory": "24 GB", "system": "Debian", "date": "2026-01-01"}
    return Report(figures=Figures(runs), machine=machine, versions={"RabbitMQ": "3.10.8"}, seconds=61.0, quick=False)


def run(case: str, who: str, setting: str, rate: float) -> Run:
    sample = Sample(values={"rate": rate, "p50_ms": 1.0, "p99_ms": 2.0, "p999_ms": 3.0})
    return Run(case=case, who=who, setting=setting, round=1, sample=sample)


MEASURED = report(
    run("echo", "pika", "64 in flight", 2000.0),
    run("echo", "leveret", "64 in flight", 9000.0),
    run("echo", "leveret", "256 in flight", 9999.0),
    run("latency", "echo, leveret", "one in flight", 900.0),
)


def test_the_most_comes_first_among_the_bars_of_a_setting() -> None:
    assert [(who, spread.median) for who, spread in bars(MEASURED.figures, "echo", "64 in flight", "rate")] == [
        ("leveret", 9000.0),
        ("pika", 2000.0),
    ]


def test_both_pictures_are_drawn_in_both_forms_with_their_words(tmp_path: Path) -> None:
    files = draw(MEASURED, tmp_path / "new")
    assert [file.name for file in files] == ["rates.png", "rates.svg", "latency.png", "latency.svg"]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in files if file.suffix == ".png")
    assert all(text in files[1].read_text() for text in ("leveret", "pika", "9,000", "RabbitMQ 3.10.8"))
    latency = files[3].read_text()
    assert "p99.9" in latency
    assert all(f">{tick}<" in latency for tick in (1, 2))
    assert "\N{MULTIPLICATION SIGN}" not in latency  # numbers as people read them, and none for the small ticks


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    first, second = draw(MEASURED, tmp_path / "first"), draw(MEASURED, tmp_path / "second")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert draw(report(), tmp_path) == []
