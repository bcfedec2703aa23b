"""What a person reads of a run."""

from __future__ import annotations

from collections.abc import Sequence

from support.doors.case import Answer, Case
from support.doors.http_forms import json_bytes
from support.doors.running import Failure, Tally

_LONGEST = 400


def failure_report(failure: Failure, seed: int, count: int) -> str:
    """Return the report of a failure: the sequence, what each door answered to its last case, and how to repeat it."""
    lines = ["The doors differ. The shortest sequence that shows it:", ""]
    lines += [f"  {number}. {_case(case)}" for number, case in enumerate(failure.cases, 1)]
    lines += ["", "Answers to the last case:", ""]
    lines += [f"  {name:12} {_answer(answer)}" for name, answer in failure.answers.items()]
    lines += ["", "What differs:", "", *(f"  {_cut(text)}" for text in failure.wrong)]
    return "\n".join([*lines, "", f'To repeat it: make doors ARGS="--seed {seed} --cases {count}"'])


def tally_report(tally: Tally, doors: Sequence[str]) -> str:
    """Return how many cases went through each door, and through how many."""
    lines = [f"{'door':12} {'cases':>7}", *(f"{name:12} {tally.doors[name]:>7}" for name in doors), ""]
    lines += [f"through {width} doors: {number}" for width, number in sorted(tally.width.items(), reverse=True)]
    codes = ", ".join(f"{code or 'result'} {number}" for code, number in tally.codes.most_common())
    return "\n".join([*lines, "", f"answers: {codes}"])


def _case(case: Case) -> str:
    shown = f"{case.name} {json_bytes(case.data).decode()}"
    return f"{_cut(shown)}  (id {_cut(case.id, 20)}, token: {case.shows})"


def _answer(answer: Answer) -> str:
    status = f"{answer.status} " if answer.status else ""
    told = f"{answer.code}: {answer.text}" if answer.code else f"result {json_bytes(answer.data).decode()}"
    details = f" {answer.details}" if answer.details else ""
    return _cut(f"{status}{told}{details}".encode(errors="backslashreplace").decode())


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
