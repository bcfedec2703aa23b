"""Where an application is: on the command line, in pyproject.toml; and what its module may do while it is imported."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leveret import App
from leveret.cli.command_line import with_target
from leveret.cli.ending.endings import WrongUse
from leveret.cli.finding.target import Target, split_target

VALUED = ("--id", "--folder", "--data", "--log-level")


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """The import path and the modules as they were before."""
    path, known = sys.path[:], set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def default(folder: Path, app: str = "guestbook:app") -> None:
    (folder / "pyproject.toml").write_text(f'[tool.leveret]\napp = "{app}"\n')


def split(folder: Path, line: str) -> tuple[str, str]:
    words, target = split_target(line.split(), folder, VALUED)
    return " ".join(words), target.text


def test_an_id_that_looks_like_an_option_stays_behind_the_application(tmp_path: Path) -> None:
    target = Target("guestbook:app", folder=tmp_path)
    write(tmp_path, guestbook="")
    words = with_target(["letters", "redrive", "--", "--all", "one"], target.words())
    assert split_target(words, tmp_path, VALUED) == (["letters", "redrive", "--", "--all", "one"], target)
    assert with_target(["worker"], ["guestbook:app"]) == ["worker", "guestbook:app"]


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("worker guestbook:app", "worker"),
        ("worker -w 2 guestbook:app", "worker -w 2"),
        ("worker guestbook:app -w 2", "worker -w 2"),
        ("worker --migrate guestbook:app", "worker --migrate"),
        ("letters redrive guestbook:app a b", "letters redrive a b"),
        ("letters redrive a b guestbook:app", "letters redrive a b"),
        ("letters guestbook:app redrive a:b", "letters redrive a:b"),
        ("letters redrive a:b guestbook:app", "letters redrive a:b"),
        ("call guestbook:app sign --id a:b", "call sign --id a:b"),
        ("call --id a:b guestbook:app sign", "call --id a:b sign"),
        ("call --id guestbook:x guestbook:app sign", "call --id guestbook:x sign"),
        ("call guestbook:app sign name=a:b at:=1", "call sign name=a:b at:=1"),
        ("broker --folder C:node guestbook:app", "broker --folder C:node"),
        ("call guestbook:app sign path=C:\\temp C:\\temp C:/temp", "call sign path=C:\\temp C:\\temp C:/temp"),
    ],
)
def test_the_word_of_a_module_that_is_there_names_the_application(tmp_path: Path, line: str, rest: str) -> None:
    write(tmp_path, guestbook="")
    assert split(tmp_path, line) == (rest, "guestbook:app")
    default(tmp_path)
    assert split(tmp_path, line) == (rest, "guestbook:app"), "the same where pyproject.toml names it too"


def test_a_misspelt_module_is_named_where_nothing_else_names_one(tmp_path: Path) -> None:
    assert split(tmp_path, "worker guestbok:app") == ("worker", "guestbok:app")
    assert split(tmp_path, "call guestbok:app sign --id a:b") == ("call sign --id a:b", "guestbok:app")


@pytest.mark.parametrize(
    "line", ["call sign --id a:b", "letters redrive a:b", "call sign -- guestbook:app", "guestbook:app"]
)
def test_what_only_looks_like_an_application_is_left_alone_where_there_is_a_default(tmp_path: Path, line: str) -> None:
    write(tmp_path, guestbook="")
    default(tmp_path)
    words, target = split_target(line.split(), tmp_path, VALUED)
    assert " ".join(words) == line
    assert (target.text, target.default) == ("guestbook:app", True)


@pytest.mark.parametrize(
    "line",
    [
        "call --url amqp://h --queues guestbook a:b",
        "call a:b --url=amqp://h --queues=guestbook",
        "call sign --id a:b --queues q --url amqp://h",
    ],
)
def test_who_says_where_the_application_listens_need_not_name_it(tmp_path: Path, line: str) -> None:
    assert split(tmp_path, line) == (line, "")


def test_who_says_where_it_listens_may_name_it_too(tmp_path: Path) -> None:
    write(tmp_path, guestbook="")
    line = "call --url amqp://h --queues q guestbook:app a:b"
    assert split(tmp_path, line) == ("call --url amqp://h --queues q a:b", "guestbook:app")


def test_without_a_name_and_a_default_there_is_none_and_loading_says_how_to_name_one(tmp_path: Path) -> None:
    words, target = split_target(["worker"], tmp_path)
    assert (words, target.text) == (["worker"], "")
    with pytest.raises(WrongUse, match="which application"):
        target.load()


def test_an_application_in_a_package_is_imported(tmp_path: Path) -> None:
    write(tmp_path, shop____init__="", shop__api="from leveret import App\nclass Held:\n    app = App('shop')\n")
    words, target = split_target(["worker", "shop.api:Held.app"], tmp_path)
    assert target.load().name == "shop"
    assert words == ["worker"]


@pytest.mark.parametrize("line", ["worker --app-dir src shop2:app", "worker shop2:app --app-dir=src"])
def test_a_module_is_found_in_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    write(
        tmp_path / "src",
        shop2="import shop2_parts\napp = shop2_parts.app",
        shop2_parts="import leveret\napp = leveret.App('shop2')",
    )
    monkeypatch.chdir(tmp_path)
    words, target = split_target(line.split(), Path())
    assert (words, target.load().name) == (["worker"], "shop2")
    assert target.words() == ["shop2:app", "--app-dir", str(tmp_path / "src")]


def test_a_folder_with_the_form_of_a_windows_path_is_taken_as_it_is(tmp_path: Path) -> None:
    _, target = split_target(["worker", "--app-dir", "C:\\code", "guestbook:app"], tmp_path)
    assert (str(target.folder), target.text) == ("C:\\code", "guestbook:app")


def test_a_factory_makes_the_application(tmp_path: Path) -> None:
    write(tmp_path, makes="from leveret import App\ndef make():\n    return App('made')\n")
    words, target = split_target(["worker", "--factory", "makes:make"], tmp_path)
    assert (words, target.load().name) == (["worker"], "made")
    assert target.words()[-1] == "--factory"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml [", "cannot be read"),
        ("[tool.leveret]\napp = 1", 'and "module:name" is expected'),
        ('[tool.leveret]\napp = "guestbook"', 'and "module:name" is expected'),
        ('[tool]\nleveret = "guestbook:app"', "[tool.leveret] has to be a table"),
    ],
)
def test_a_default_that_cannot_be_used_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    _, target = split_target(["worker"], tmp_path)
    with pytest.raises(WrongUse) as refused:
        target.load()
    assert words in str(refused.value)
    assert "pyproject.toml" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[tool]", "[tool.leveret]", '[project]\nname = "x"'])
def test_a_pyproject_without_a_default_is_no_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert split(tmp_path, "worker") == ("worker", "")


UNDECORATED = """
import leveret
class Own(leveret.Settings):
    x: int = 1
app = leveret.App("a", settings=Own)
"""
FAILING = {
    "does not exist": (None, "there is no module bad in {folder}, nor is one installed"),
    "imports what is missing": ("import no_such", "ModuleNotFoundError: No module named 'no_such' ({file}, line 1)"),
    "does not compile": ("app = (", "bad cannot be imported: '(' was never closed (bad.py, line 1)"),
    "raises": ("\nraise ValueError('a\\n b')", "ValueError: a b ({file}, line 2)"),
    "ends the program": ("import sys\nsys.exit('bye')", "it ends the program with 'bye' ({file}, line 2)"),
    "has no such name": ("x = 1", "bad ({file}) has no app"),
    "has something else": ("app = 1", "bad:app is not an App, but a int"),
    "has the class": ("from leveret import App as app", "is not an App, but a type: add --factory if it makes"),
    "has a bad name": ("import leveret\napp = leveret.App('A B')", "beginning with a letter ({file}, line 2)"),
    "has no settings": ("import leveret\napp = leveret.App('a', settings=dict)", "cannot be the settings of a"),
    "forgets a decorator": (
        UNDECORATED,
        "cannot be the settings of a: write a subclass of leveret.Settings, decorated",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_module_that_cannot_be_used_is_told_in_one_line_with_the_place(tmp_path: Path, case: str) -> None:
    text, expected = FAILING[case]
    if text is not None:
        write(tmp_path, bad=text)
    with pytest.raises(WrongUse) as refused:
        Target("bad:app", folder=tmp_path).load()
    told = str(refused.value)
    assert expected.format(folder=tmp_path, file=tmp_path / "bad.py") in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "def make():\n    raise KeyError('x')",
            "bad:make cannot make the application: KeyError: 'x' ({file}, line 2)",
        ),
        ("def make():\n    raise SystemExit(3)", "it ends the program with 3 ({file}, line 2)"),
        ("def make(settings): ...", "bad:make cannot make the application: TypeError: make() missing 1 required"),
        ("def make(): ...", "what bad:make makes is not an App, but a NoneType"),
        ("import leveret\nmake = leveret.App('a')", "is not a function that makes an application: leave --factory out"),
        ("make = 1", "is not a function that makes an application"),
    ],
)
def test_a_factory_that_cannot_be_used_is_told_in_one_line_with_the_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    write(tmp_path, bad=text)
    with pytest.raises(WrongUse) as refused:
        Target("bad:make", factory=True, folder=tmp_path).load()
    assert expected.format(file=tmp_path / "bad.py") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_a_module_prints_at_its_import_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, loud="import leveret\nprint('hello')\napp = leveret.App('loud')")
    write(tmp_path, makes="def make():\n    print('made')\n    from loud import app\n    return app")
    loaded = Target("loud:app", folder=tmp_path).load()
    assert Target("makes:make", factory=True, folder=tmp_path).load() is loaded
    assert isinstance(loaded, App)
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "hello\nmade\n")


def test_a_module_that_runs_its_application_at_its_import_is_told_how_not_to(tmp_path: Path) -> None:
    write(tmp_path, runs="from leveret import App\napp = App('runs')\napp.run()\n")
    with pytest.raises(WrongUse, match='under if __name__ == "__main__"'):
        Target("runs:app", folder=tmp_path).load()


@pytest.mark.parametrize(
    ("line", "rest", "text"),
    [
        ("letters redrive shop:ada", "letters redrive shop:ada", "shop:app"),
        ("letters redrive shop:app ada", "letters redrive ada", "shop:app"),
        ("letters other:app redrive shop:ada", "letters redrive shop:ada", "other:app"),
        ("call hello name=a", "call hello name=a", "shop:app"),
        ("call other:app hello", "call hello", "other:app"),
        ("db revision shop:add", "db revision shop:add", "shop:app"),
    ],
)
def test_where_pyproject_names_the_application_an_id_is_not_taken_for_another(
    line: str, rest: str, text: str, tmp_path: Path
) -> None:
    for module in ("shop", "other"):
        (tmp_path / f"{module}.py").touch()
    (tmp_path / "pyproject.toml").write_text('[tool.leveret]\napp = "shop:app"\n')
    words, target = split_target(line.split(), tmp_path)
    assert (" ".join(words), target.text) == (rest, text)


def test_pyproject_names_the_application_of_another_folder_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.leveret]\napp = "shop.app:app"\n')
    words, target = split_target(["db", "current", "--app-dir", "src"], tmp_path)
    assert (words, target) == (["db", "current"], Target("shop.app:app", folder=Path("src"), default=True))


def test_a_pyproject_that_cannot_be_read_is_told_by_those_who_need_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("this is no TOML")
    words, target = split_target(["--version"], tmp_path)
    assert words == ["--version"]
    with pytest.raises(WrongUse, match=r"pyproject\.toml cannot be read"):
        target.load()


def test_the_option_for_the_folder_needs_one(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="--app-dir needs a folder"):
        split_target(["db", "current", "--app-dir"], tmp_path)


def test_a_module_of_the_same_name_that_is_there_already_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "calendar.py").write_text("app = 1")
    with pytest.raises(WrongUse, match=r"calendar \(.*calendar\.py\) has no app"):
        Target("calendar:app", folder=tmp_path).load()
