"""Random requests, as a broken program or a patient attacker would send them; hypothesis chooses their material."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from hypothesis import strategies as st

from support.wild_material import MATERIAL, Material

PASSWORD: Final = "hunter2-correct-horse"
"""The password in every generated body that has one."""

ACTIONS: Final = (
    *((version, name) for version in ("v1", "v2") for name in ("create_task", "get_task", "list_tasks", "update_task")),
    *((version, name) for version in ("v1", "v2") for name in ("delete_task", "health_check", "register", "login")),
    ("v2", "stats"),
)
RAW_VALUES: Final = (
    *("NaN", "Infinity", "-Infinity", "1e999", "9" * 25, "-" + "9" * 400, "1E+9", "01", "+1", ".5", "tru", '"\\ud800"'),
    *('"\\u0000"', '"\\ud83d\\udca9"', '"\x01"', '{"a":1,"a":2}', "[" * 70 + "]" * 70, '{"a":' * 70, "[1,]", "//x", ""),
)
PIECES: Final = (
    *(
        b'"',
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"ey",
    ),
    *(b"\\u0000", b"\\ud800", b"1e999", b"NaN", b'"id":', b'"auth":', b'"password":"' + PASSWORD.encode() + b'"'),
)


@dataclass(frozen=True)
class Sample:
    """A message as it would be published: its body and its properties."""

    body: bytes
    properties: dict[str, Any]


def fuzzers(tokens: Sequence[str], reply_queues: Sequence[str | None]) -> st.SearchStrategy[Fuzzer]:
    """Return a strategy for fuzzers with material and seed chosen by hypothesis; for the arguments, see `Fuzzer`.

    If hypothesis made every choice in a message, that would take longer than the message's whole way. So it chooses a
    fuzzer, and a test takes many samples from each.
    """
    seeds = st.integers(0, 2**64 - 1)
    return st.builds(lambda seed, material: Fuzzer(seed, material, tokens, reply_queues), seeds, MATERIAL)


class Fuzzer:
    """Makes any number of samples.

    Args:
        seed: seed of the random choices; the same seed and material make the same samples.
        material: values that the samples are made from.
        tokens: values of `auth`: good tokens, forged tokens, tickets.
        reply_queues: values of `reply_to`: the caller's own reply queue, and others.
    """

    def __init__(
        self, seed: int, material: Material, tokens: Sequence[str], reply_queues: Sequence[str | None]
    ) -> None:
        self.random = random.Random(seed)
        self._seed = seed
        self._material = material
        self._pieces = PIECES + material.pieces
        self._short = tuple(text for text in material.texts if len(text.encode()) < 256)
        self._tokens = tokens
        self._reply_queues = reply_queues
        self._makers: list[tuple[Callable[[], bytes], int]] = [
            (self._request, 45),
            (self._mutated, 35),
            (self._with_raw_value, 10),
            (self._in_disguise, 10),
            (self._noise, 14),
            (self._large, 1),
        ]
        self._last = b"{}"

    def __repr__(self) -> str:
        return f"Fuzzer({self._seed}, {self._material})"

    def sample(self) -> Sample:
        """Make the next sample."""
        (maker,) = self.random.choices(*zip(*self._makers, strict=True))
        self._last = body = maker()
        return Sample(body, self._properties())

    def document(self) -> dict[str, Any]:
        """Make a request that is valid, or nearly so."""
        version, name = self.random.choice(ACTIONS)
        request: dict[str, Any] = {
            "id": f"f{self.random.getrandbits(40):x}",
            "version": version,
            "action": name,
            "data": self._data(),
            "auth": self.random.choice(self._tokens),
        }
        while self.random.random() < 0.15:
            request[self.random.choice((*request, "ID", "password", "extra"))] = self._value()
        if self.random.random() < 0.1:
            del request[self.random.choice(list(request))]
        return request

    def _data(self) -> dict[str, Any]:
        pick, texts, numbers = self.random.choice, self._material.texts, self._material.numbers
        known: dict[str, Callable[[], Any]] = {
            "title": lambda: pick(("Buy cake", *texts)),
            "description": lambda: pick(texts),
            "status": lambda: pick(("todo", "done", "nope")),
            "priority": lambda: pick(("low", "high", "")),
            "due_date": lambda: pick(texts),
            "task_id": lambda: pick(numbers),
            "limit": lambda: pick(numbers),
            "offset": lambda: pick(numbers),
            "before_id": lambda: pick(numbers),
            "include": lambda: pick((["id"], "id,title", "nope", [])),
            "email": lambda: pick(("a@b", "nobody", *texts)),
            "password": lambda: PASSWORD,
            "simulate_temp_error": lambda: pick((True, False, 1)),
        }
        names = self.random.sample(list(known), self.random.randint(0, 3))
        data = {name: known[name]() if self.random.random() < 0.95 else self._value() for name in names}
        return data if "title" in data or self.random.random() < 0.5 else data | {"title": "Buy cake", "task_id": 1}

    def _value(self, depth: int = 0) -> Any:
        pick, material = self.random.choice, self._material
        choice = self.random.randrange(9 if depth < 4 else 7)
        if choice == 7:
            return [self._value(depth + 1) for _ in range(self.random.randrange(4))]
        if choice == 8:
            return {pick(material.texts): self._value(depth + 1) for _ in range(self.random.randrange(4))}
        if choice == 6 and material.values:
            return pick(material.values)
        return pick((pick(material.texts), pick(material.numbers), None, True, False))

    def _request(self) -> bytes:
        return json.dumps(self.document(), ensure_ascii=self.random.random() < 0.5).encode(errors="surrogatepass")

    def _mutated(self) -> bytes:
        body = bytearray(self._request())
        for _ in range(self.random.randint(1, 4)):
            at, end = sorted((self.random.randrange(len(body) + 1), self.random.randrange(len(body) + 1)))
            kind = self.random.randrange(5)
            if kind == 0 and body:
                body[at % len(body)] ^= 1 << self.random.randrange(8)
            elif kind == 1:
                body[at:at] = self.random.choice(self._pieces)
            elif kind == 2:
                del body[at : min(end, at + 20)]
            elif kind == 3:
                body[at:at] = body[at : min(end, at + 60)]
            else:
                body[at:] = self._last[-200:]
        return bytes(body)

    def _with_raw_value(self) -> bytes:
        return (
            json.dumps(self.document() | {"data": {"x": "@"}}).replace('"@"', self.random.choice(RAW_VALUES)).encode()
        )

    def _in_disguise(self) -> bytes:
        text = self._request().decode(errors="replace")
        disguises: tuple[Callable[[], bytes], ...] = (
            lambda: text.encode("utf-16"),
            lambda: text.encode("utf-32"),
            lambda: text.encode("utf-8-sig"),
            lambda: text.encode("latin-1", "replace") + b"\xe4",
            lambda: zlib.compress(text.encode()),
            lambda: base64.b64encode(text.encode()),
            lambda: repr(json.loads(text)).encode(errors="replace"),
            lambda: json.dumps(text).encode(),
            lambda: json.dumps([text]).encode(),
        )
        return self.random.choice(disguises)()

    def _noise(self) -> bytes:
        return self.random.randbytes(self.random.choice((0, 1, 2, 3, 8, 50, 200)))

    def _large(self) -> bytes:
        size = self.random.choice((5_000, 20_000, 270_000))
        pattern = self.random.choice((b"ey", b'"password"', b"[", b'{"":', b'"\\', b"a.", b" ", b'"%x":1,'))
        if pattern == b'"%x":1,':  # all names differ, but for the last
            return b"{" + b"".join(b'"%x":1,' % number for number in range(size // 9)) + b'"0":1}'
        return (pattern * (size // len(pattern)))[:size]

    def _properties(self) -> dict[str, Any]:
        pick = self.random.choice
        properties: dict[str, Any] = {"reply_to": pick(self._reply_queues)}
        short = (
            *self._short,
            "x" * 255,
            "\u00e4" * 127,
            pick(self._tokens)[:255],
        )
        choices: dict[str, Callable[[], Any]] = {
            "correlation_id": lambda: pick(short),
            "content_type": lambda: pick(short),
            "content_encoding": lambda: pick((*short, "utf-8", "identity", "gzip")),
            "headers": self._headers,
            "delivery_mode": lambda: pick((1, 2)),
            "priority": lambda: pick((0, 1, 4, 4, 255)),
            "message_id": lambda: pick(short),
            "timestamp": lambda: pick((0, 1, 2**31, 2**63 - 1)),
            "type": lambda: pick(short),
            "app_id": lambda: pick(short),
        }
        for name, make in choices.items():
            if self.random.random() < 0.25:
                properties[name] = make()
        return properties

    def _headers(self) -> dict[str, Any]:
        named = {self.random.choice(self._material.headers): self._field() for _ in range(self.random.randrange(4))}
        return named | {"password": PASSWORD} if self.random.random() < 0.1 else named

    def _field(self, depth: int = 0) -> Any:
        pick = self.random.choice
        if depth < 3 and self.random.random() < 0.3:
            if self.random.random() < 0.5:
                return [self._field(depth + 1) for _ in range(self.random.randrange(4))]
            return {pick(self._material.headers): self._field(depth + 1) for _ in range(self.random.randrange(4))}
        plain = (
            0,
            1,
            3,
            -1,
            2**31,
            2**63 - 1,
            True,
            False,
            None,
            0.0,
            1.5,
            float("nan"),
            float("inf"),
            Decimal("0.10"),
        )
        return pick(
            (
                *plain,
                b"\xff\x00",
                datetime(2026, 1, 1, tzinfo=UTC),
                pick(self._material.texts),
                pick(self._tokens),
                *self._material.fields,
            )
        )
