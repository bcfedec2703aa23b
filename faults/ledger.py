"""The ledger: compares what clients sent with what broker and database hold. It does no I/O; only it judges.

One request is one id of one user, and asks for one effect: a task whose title is the id. Everything that deviates from
that is counted in a figure that must be 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

PASSING: Final = frozenset({"overloaded", "rate_limited", "deadline_exceeded", "unauthenticated"})
"""Codes of answers that say that nothing was done; a later ok for the same id does not contradict them."""

LETTERED: Final = frozenset({"retries_exhausted", "internal"})
"""Codes of answers that say that there is a dead letter."""

REUSED: Final = "id_reused"

EXAMPLES: Final = 5
"""How many ids are named, at most, for each figure that should be 0."""

Kind = Literal["ask", "send"]
Key = tuple[int, str]
"""A user's id and a request's id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that a client sends.

    Attributes:
        id: the request's id, which is also the title of its task.
        user: id of the user who sends it.
        kind: ``ask`` if the client waits for a reply, ``send`` if not.
        data: the action's input.
        due: see `Entry.due`, which may be set later.
        payload: name of the content, if one id is sent with several contents.
    """

    id: str
    user: int
    kind: Kind = "ask"
    data: Mapping[str, Any] = field(default_factory=dict)
    due: str | None = None
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that came: its bytes, its error code (None for ok), and the content that it answers."""

    body: bytes
    code: str | None = None
    payload: str = ""

    @property
    def final(self) -> bool:
        """Whether the answer says what became of the request."""
        return self.code not in PASSING


@dataclass(slots=True)
class Entry:
    """What a client knows about one request.

    Attributes:
        request: the request.
        due: a text in the reason of the dead letter that the request has to become; None if it has to succeed.
        accepted: whether the broker has confirmed it, or a worker has answered it.
        tries: how often it was sent.
        denied: how many tries certainly did nothing, because they were not sent, or were refused before execution.
        answers: the responses while the load ran.
        again: the responses to asking again at the end; None if it was not asked again.
    """

    request: Request
    due: str | None = None
    accepted: bool = False
    tries: int = 0
    denied: int = 0
    answers: list[Answer] = field(default_factory=list)
    again: list[Answer] | None = None

    @property
    def key(self) -> Key:
        """The user's id and the request's id."""
        return self.request.user, self.request.id

    @property
    def finals(self) -> list[Answer]:
        """The answers that say what became of the request."""
        return [answer for answer in self.answers if answer.final]

    @property
    def fulfilled(self) -> bool:
        """Whether an answer was ok."""
        return any(answer.code is None for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the id of its request, the user (None if unknown), and the reason."""

    id: str
    user: int | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What broker and database hold after the load, read without the code under test.

    Attributes:
        effects: owner and title of each task.
        effects_after: owner and title of each task after everything was asked again.
        rows: the stored response of each user and id.
        letters: the dead letters.
        queued: ids of the requests that lie in a queue of requests or retries.
        stuck: number of messages that these queues or workers still hold after the wait.
    """

    effects: Sequence[Key]
    effects_after: Sequence[Key] = ()
    rows: Mapping[Key, bytes] = field(default_factory=dict)
    letters: Sequence[Letter] = ()
    queued: Sequence[str] = ()
    stuck: int = 0


@dataclass(kw_only=True, slots=True)
class Figures:
    """The figures of one scene; ``examples`` names some ids for each figure that should be 0."""

    sent: int = 0
    accepted: int = 0
    answered: int = 0
    lost: int = 0
    duplicates: int = 0
    ghosts: int = 0
    stuck: int = 0
    unanswered: int = 0
    contradicting: int = 0
    letters_due: int = 0
    letters_undue: int = 0
    letters_repeated: int = 0
    asked_again: int = 0
    examples: dict[str, list[str]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every figure that must be 0 is 0."""
        return not any(getattr(self, name) for name in MUST_BE_ZERO)

    def counts(self) -> dict[str, int]:
        """Return all figures by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "examples"}

    def count_in(self, name: str, ids: Iterable[str]) -> None:
        """Add ids to a figure that should be 0."""
        found = list(ids)
        setattr(self, name, getattr(self, name) + len(found))
        if found:
            self.examples[name] = (self.examples.get(name, []) + found)[:EXAMPLES]


MUST_BE_ZERO: Final = ("lost", "duplicates", "ghosts", "stuck", "unanswered", "contradicting", "letters_undue")
"""Figures that make a scene red if they are not 0; in a scene with ``letters_once``, repeated due letters do so too."""


def judge(entries: Sequence[Entry], evidence: Evidence) -> Figures:
    """Compare what clients sent with what broker and database hold.

    If one id was sent with several contents, there are several entries of the same user and id. Their answers are
    judged one by one, and their effect is judged together.
    """
    figures = Figures(
        sent=len(entries),
        accepted=sum(entry.accepted for entry in entries),
        answered=sum(bool(entry.finals) for entry in entries),
        asked_again=sum(entry.again is not None for entry in entries),
        stuck=evidence.stuck,
    )
    by_key: dict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_key[entry.key].append(entry)
    written = _judge_letters(figures, by_key, evidence)
    figures.count_in("lost", _lost(by_key, evidence, written))
    figures.count_in("ghosts", _ghosts(by_key, evidence))
    figures.count_in("duplicates", _duplicates(evidence))
    figures.count_in("unanswered", _unanswered(entries))
    figures.count_in("contradicting", _contradicting(by_key, evidence))
    return figures


def _judge_letters(figures: Figures, by_key: Mapping[Key, Sequence[Entry]], evidence: Evidence) -> set[Key]:
    """Count letters that are due, repeated or not due; return the requests that became a letter."""
    by_id: dict[str, list[Key]] = defaultdict(list)
    for key in by_key:
        by_id[key[1]].append(key)
    seen: set[Key] = set()
    for letter in evidence.letters:
        keys = [key for key in by_id[letter.id] if letter.user in (None, key[0])]
        due = [entry.due for key in keys for entry in by_key[key]]
        if not any(wanted is not None and wanted in letter.reason for wanted in due):
            figures.count_in("letters_undue", [f"{letter.id}: {letter.reason}"])
        elif seen.issuperset(keys):
            figures.letters_repeated += 1
        else:
            figures.letters_due += 1
        seen.update(keys)
    return seen


def _lost(by_key: Mapping[Key, Sequence[Entry]], evidence: Evidence, written: set[Key]) -> Iterator[str]:
    effects, queued = set(evidence.effects), set(evidence.queued)
    for key, entries in by_key.items():
        if key in effects:
            continue
        if any(entry.fulfilled for entry in entries) or (
            any(map(_owes, entries)) and key not in written and key[1] not in queued
        ):
            yield key[1]


def _owes(entry: Entry) -> bool:
    """Return whether the request must have left an effect, a letter or a message: it was accepted and not refused.

    A request with a deadline that nobody answered may have been refused each time after its client had stopped
    waiting: it is unanswered, and nobody knows that it is lost.
    """
    if finals := entry.finals:
        return any(answer.code is None or answer.code in LETTERED for answer in finals)
    return entry.request.kind == "send" and entry.accepted and entry.denied < entry.tries


def _ghosts(by_key: Mapping[Key, Sequence[Entry]], evidence: Evidence) -> Iterator[str]:
    for key in sorted(set(evidence.effects)):
        entries = by_key.get(key, ())
        if not any(map(_may_have_effect, entries)):
            yield key[1]


def _may_have_effect(entry: Entry) -> bool:
    """Return whether the request may have an effect: it was sent, does not have to fail, and was not refused."""
    finals = entry.finals
    refused = bool(finals) and all(answer.code is not None and answer.code not in LETTERED for answer in finals)
    return entry.due is None and entry.denied < entry.tries and not refused


def _duplicates(evidence: Evidence) -> Iterator[str]:
    before, after = Counter(evidence.effects), Counter(evidence.effects_after)
    for key, count in (before | after).items():
        yield from [key[1]] * (count - 1)


def _unanswered(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        silent = not (entry.finals if entry.request.kind == "ask" else entry.accepted)
        silent_again = entry.again is not None and not any(answer.final for answer in entry.again)
        if silent or silent_again:
            yield entry.request.id


def _contradicting(by_key: Mapping[Key, Sequence[Entry]], evidence: Evidence) -> Iterator[str]:
    for key, entries in by_key.items():
        if _contradict(entries, evidence.rows.get(key)):
            yield key[1]


def _contradict(entries: Sequence[Entry], row: bytes | None) -> bool:
    """Return whether answers differ from one another, or from the row that was stored before all were asked again."""
    before = [answer for entry in entries for answer in entry.finals]
    answers = before + [answer for entry in entries for answer in entry.again or () if answer.final]
    by_payload: dict[str, set[bytes]] = defaultdict(set)
    for answer in answers:
        by_payload[answer.payload].add(answer.body)
    told = {answer.payload for answer in answers if answer.code != REUSED}
    contents = {entry.request.payload for entry in entries}
    stored = {answer.body for answer in before if answer.code is None}
    if row:
        stored |= {answer.body for answer in answers if answer.code != REUSED}
    return (
        any(len(bodies) > 1 for bodies in by_payload.values())
        or len(told) > 1
        or (len(contents) == 1 and any(answer.code == REUSED for answer in answers))
        or any(row != body for body in stored)
    )
