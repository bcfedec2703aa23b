"""The test vectors: their records, which are also their schema, and where their files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from leveret.contracts.conformance.scripts import ClientVector

_PACKED: Final = Path(__file__).with_name("vectors")
"""Where the wheel has the files."""

_SOURCE: Final = Path(__file__).resolve().parents[4] / "protocol"
"""Where a checkout has them."""


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """A message's body, in exactly one of three forms.

    Attributes:
        text: UTF-8.
        hex: bytes in hexadecimal, for what is not UTF-8.
        pieces: texts, each as often as the number behind it says, for what is long.
    """

    text: str | UnsetType = UNSET
    hex: str | UnsetType = UNSET
    pieces: list[tuple[str, int]] | UnsetType = UNSET

    def bytes(self) -> bytes:
        """Return the body."""
        if self.hex is not UNSET:
            return bytes.fromhex(self.hex)
        if self.pieces is not UNSET:
            return "".join(text * count for text, count in self.pieces).encode()
        return b"" if self.text is UNSET else self.text.encode()


class ExpectedVerdict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a worker does with a message.

    Attributes:
        verdict: it takes the request, answers with an error, or keeps the request as a dead letter.
        code: that of the error or of the letter; empty for a request that is taken.
        correlation_id: of the reply, where the vector is about it.
    """

    verdict: Literal["accepted", "refused", "letter"]
    code: str = ""
    correlation_id: str | None = None


class BodyInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body; everything else of the message is as it should be."""

    body: Body


class RequestVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body, and whether a worker takes it. The worker has the public action ``v1.health_check``."""

    name: str
    why: str
    input: BodyInput
    expected: ExpectedVerdict


class PropertiesInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Properties of a message whose body is a good request with the id ``message``.

    ``$now`` in a header, alone or with a number of milliseconds behind it as in ``$now-5000``, stands for the present
    as POSIX time in milliseconds, and ``$reply`` in ``reply_to`` for a reply queue of the caller. A property that is
    null is absent; what is not named is as it should be.
    """

    properties: dict[str, Any]


class MessageVector(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Properties of a message, and what a worker does with it.

    Attributes:
        outside: false if a broker may change the message, so that only a worker's own tests can try the vector.
    """

    name: str
    why: str
    input: PropertiesInput
    expected: ExpectedVerdict
    outside: bool = True


class IdInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A request's id."""

    id: str


class Validity(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a text may be an id."""

    valid: bool


class IdVector(Struct, frozen=True, forbid_unknown_fields=True):
    """An id, and whether a worker takes a request that has it."""

    name: str
    why: str
    input: IdInput
    expected: Validity


class ContentInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What the fingerprint of a request is made of; ``data`` is JSON as a text, as a caller wrote it."""

    version: str
    action: str
    data: str


class Fingerprint(Struct, frozen=True, forbid_unknown_fields=True):
    """The canonical JSON of version, action and data, and its BLAKE2b digest of 16 bytes in hexadecimal."""

    canonical: str
    digest: str


class FingerprintVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A request's content and its fingerprint."""

    name: str
    why: str
    input: ContentInput
    expected: Fingerprint


class TokenInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in ``auth``."""

    auth: str


class TokenCaller(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who a token names: ``sub`` is null where nobody is, and ``expired`` says that all else is right."""

    sub: str | None
    expired: bool = False


class TokenVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A token, and whether a worker accepts it."""

    name: str
    why: str
    input: TokenInput
    expected: TokenCaller


class ReadReply(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a client tells its caller of a reply: a result, an error, or that the reply cannot be read."""

    reads_as: Literal["result", "error", "unreadable"]
    data: Any = None
    code: str = ""
    error: str = ""
    details: dict[str, Any] | None = None


class ReplyVector(Struct, frozen=True, forbid_unknown_fields=True):
    """A reply's body to the request with the id ``asked``, and how a client reads it."""

    name: str
    why: str
    input: BodyInput
    expected: ReadReply


class RequestVectors(Struct, frozen=True, tag="requests", tag_field="kind", forbid_unknown_fields=True):
    """The file ``requests.json``."""

    about: str
    vectors: list[RequestVector]


class MessageVectors(Struct, frozen=True, tag="messages", tag_field="kind", forbid_unknown_fields=True):
    """The file ``messages.json``."""

    about: str
    vectors: list[MessageVector]


class IdVectors(Struct, frozen=True, tag="ids", tag_field="kind", forbid_unknown_fields=True):
    """The file ``ids.json``."""

    about: str
    vectors: list[IdVector]


class FingerprintVectors(Struct, frozen=True, tag="fingerprints", tag_field="kind", forbid_unknown_fields=True):
    """The file ``fingerprints.json``."""

    about: str
    vectors: list[FingerprintVector]


class TokenVectors(Struct, frozen=True, tag="tokens", tag_field="kind", forbid_unknown_fields=True):
    """The file ``tokens.json``: the secret, the issuer and the moment (POSIX seconds) hold for all of its vectors."""

    about: str
    secret: str
    issuer: str
    now: int
    vectors: list[TokenVector]


class ReplyVectors(Struct, frozen=True, tag="replies", tag_field="kind", forbid_unknown_fields=True):
    """The file ``replies.json``."""

    about: str
    vectors: list[ReplyVector]


class ClientVectors(Struct, frozen=True, tag="client", tag_field="kind", forbid_unknown_fields=True):
    """The file ``client.json``."""

    about: str
    vectors: list[ClientVector]


VectorFile: TypeAlias = (
    RequestVectors | MessageVectors | IdVectors | FingerprintVectors | TokenVectors | ReplyVectors | ClientVectors
)


def folder() -> Path:
    """Return the folder with the files: the wheel's, or ``protocol`` in a checkout."""
    return _PACKED if _PACKED.is_dir() else _SOURCE


def read_vectors(kind: type[msgspec.Struct]) -> Any:
    """Read the file of a kind, such as `RequestVectors`."""
    name = kind.__struct_config__.tag
    return msgspec.json.decode((folder() / f"{name}.json").read_bytes(), type=kind)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a file of vectors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A file of test vectors"}
    return head | msgspec.json.schema(VectorFile)


if __name__ == "__main__":  # writes the schema anew after a change of the records
    (_SOURCE / "schema.json").write_bytes(msgspec.json.format(msgspec.json.encode(schema())) + b"\n")
