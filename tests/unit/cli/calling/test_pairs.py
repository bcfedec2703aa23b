"""The input of an action from the words of a command line."""

from pathlib import Path
from typing import Any

import pytest

from leveret.cli.calling.pairs import check_data, read_pairs
from leveret.cli.ending.endings import WrongUse
from leveret.wire.limits import LARGEST_REQUEST

MARK = "xq7zw"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("x=Ada", "Ada"),
        ("x=", ""),
        ("x=Ada Lovelace", "Ada Lovelace"),
        ("x=a=b", "a=b"),
        ("x=a:=b", "a:=b"),
        ("x=line\nline", "line\nline"),
        ("x=36", 36),
        ("x=-1.5", -1.5),
        ("x=007", "007"),
        ("x=+1", "+1"),
        ("x=true", True),
        ("x=null", None),
        ("x=NaN", "NaN"),
        ("x=True", "True"),
        ('x={"a": [1]}', {"a": [1]}),
        ('x="36"', "36"),
        ("x:=36", 36),
        ("x:= [1, 2] ", [1, 2]),
        ("x=@@ada", "@ada"),
        ("x=@@@ada", "@@ada"),
        ("x=ada@example.com", "ada@example.com"),
    ],
)
def test_a_value_is_json_where_it_is_json_and_a_text_otherwise(word: str, value: Any) -> None:
    assert read_pairs([word]) == {"x": value}
    assert type(read_pairs([word])["x"]) is type(value)


@pytest.mark.parametrize("text", ["36", "true", "null", '{"a": 1}', '"36"', "", "9" * 30])
def test_a_field_that_takes_a_text_gets_the_text_as_it_is(text: str) -> None:
    assert read_pairs([f"x={text}", "y=36"], {"x"}) == {"x": text, "y": 36}


def test_raw_json_is_json_for_a_field_that_takes_a_text_too() -> None:
    assert read_pairs(["x:=null"], {"x"}) == {"x": None}


def test_a_file_gives_its_text_or_its_json(tmp_path: Path) -> None:
    letter, numbers = tmp_path / "letter.txt", tmp_path / "numbers.json"
    letter.write_text("12\nGrüße\n", encoding="utf-8", newline="")
    numbers.write_text("\ufeff[1, 2]\n", encoding="utf-8")
    assert read_pairs([f"x=@{letter}", f"y:=@{numbers}"]) == {"x": "12\nGrüße\n", "y": [1, 2]}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a=1", MARK], "word 2 behind the action has no =: write each field of the input as name=value"),
        ([f"={MARK}"], "word 1 behind the action has no name"),
        ([f":={MARK}"], "word 1 behind the action has no name"),
        ([f"x={MARK}", f"x={MARK}"], "x is given twice"),
        ([f"x={MARK}", "x:=1"], "x is given twice"),
        ([f"a.b={MARK}"], """Write a:='{"b": ...}'"""),
        ([f"x:={MARK}"], "x is not JSON: Expecting value at character 0. A text is written x=..."),
        (["x:="], "x is not JSON"),
        (["x:=NaN"], "x is not JSON: NaN is not a JSON value"),
        (["x=" + "9" * 30], "x cannot be used: Number past 64 bits"),
        (["x=1e999"], "x cannot be used: Number out of range"),
        (['x={"a": 1, "a": 2}'], "x cannot be used: Name 'a' stands twice in one object"),
        (["x=" + "[" * 100_000], "x cannot be used: It is nested deeper than 64 levels"),
        ([r'x="\u0000"'], "x cannot be used: A text holds the character NUL"),
        (["x=@"], "x: the file '' cannot be read"),
        (["x=@no/such/file"], "x: the file 'no/such/file' cannot be read: No such file or directory"),
        (["x=@a\0b"], "cannot be read: "),
    ],
)
def test_what_cannot_be_used_is_named_and_its_value_is_not_repeated(words: list[str], text: str) -> None:
    with pytest.raises(WrongUse) as refused:
        read_pairs(words)
    assert text in str(refused.value)
    assert MARK not in str(refused.value)


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path) -> None:
    binary, large = tmp_path / "binary", tmp_path / "large"
    binary.write_bytes(b"ab\xff")
    with large.open("wb") as file:
        file.truncate(LARGEST_REQUEST + 1)
    with pytest.raises(WrongUse, match="is not UTF-8: byte 2"):
        read_pairs([f"x=@{binary}"])
    with pytest.raises(WrongUse, match="is too large"):
        read_pairs([f"x=@{large}"])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"x": "\udcff"}, "the input cannot be used: a text in it is not UTF-8"),
        ({"x": "a\0b"}, "the input cannot be used: A text holds the character NUL"),
        ({"x": "a" * LARGEST_REQUEST}, "the input cannot be used: it is too large"),
    ],
)
def test_data_that_no_worker_takes_are_refused_before_they_are_sent(data: dict[str, Any], text: str) -> None:
    with pytest.raises(WrongUse, match=text):
        check_data(data)
