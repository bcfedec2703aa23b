"""The ids of requests are random UUIDs."""

from uuid import RFC_4122, UUID

from leveret.wire.ids import new_id


def test_an_id_is_a_uuid_of_version_4_in_32_digits() -> None:
    for identifier in {new_id() for _ in range(1000)}:
        found = UUID(hex=identifier)
        assert (found.version, found.variant, found.hex) == (4, RFC_4122, identifier)


def test_every_bit_but_version_and_variant_is_left_to_chance() -> None:
    numbers = [int(new_id(), 16) for _ in range(1000)]
    assert len(set(numbers)) == 1000
    changing = 0
    for number in numbers:
        changing |= number ^ numbers[0]
    assert changing == (1 << 128) - 1 - 0xF000_C000_0000_0000_0000
