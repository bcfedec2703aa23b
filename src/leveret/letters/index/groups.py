"""Puts the kinds of letters that are the same failure together. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leveret.letters.index.kinds import KindRow
from leveret.letters.index.records import LetterGroup


def groups_of(kinds: Iterable[KindRow]) -> list[LetterGroup]:
    """Return the groups, that with the most letters in the queue first."""
    by_fingerprint: dict[str, list[KindRow]] = {}
    for kind in kinds:
        by_fingerprint.setdefault(kind.fingerprint, []).append(kind)
    groups = [_group(members) for members in by_fingerprint.values()]
    return sorted(groups, key=lambda group: (-group.present, -group.last_seen, group.fingerprint))


def _group(kinds: Sequence[KindRow]) -> LetterGroup:
    first = kinds[0]
    return LetterGroup(
        fingerprint=first.fingerprint,
        action=first.action,
        exception=first.exception,
        place=first.place,
        codes=_different(kind.code for kind in kinds),
        versions=_different(kind.worker_version for kind in kinds),
        present=sum(kind.present for kind in kinds),
        total=sum(kind.total for kind in kinds),
        first_seen=min((kind.first_seen for kind in kinds if kind.first_seen), default=0) / 1000,
        last_seen=max(kind.last_seen for kind in kinds) / 1000,
    )


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))
