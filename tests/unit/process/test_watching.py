"""Which files are watched, and when a change of them counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from leveret.process.watching import FileWatch, Sight, forget_bytecode, look_at


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(sight: Sight, folder: Path) -> set[str]:
    return {Path(path).relative_to(folder).as_posix() for path in sight}


def sight(**files: int) -> Sight:
    return {f"{name}.py": (when, 10) for name, when in files.items()}


class Scene:
    """What is seen at one look after the other, and how long somebody waits between them."""

    def __init__(self, *sights: Sight) -> None:
        self._sights: Iterator[Sight] = iter(sights)
        self.waits: list[float] = []
        self.pauses: list[float] = []
        self.now = 0.0

    def look(self) -> Sight:
        self.now += 0.01
        return next(self._sights)

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def watch(self) -> FileWatch:
        return FileWatch(self.look, wait=self.wait, pause=self.pause, clock=lambda: self.now)


def test_python_files_in_all_folders_are_seen_but_not_those_of_others(tmp_path: Path) -> None:
    for name in ("app.py", "shop/orders.py", "shop/deep/er/x.py", "venv_of_words/y.py"):
        write(tmp_path / name)
    for name in (".venv/a.py", ".git/hook.py", ".leveret/b.py", "node_modules/c.py", "shop/__pycache__/d.py"):
        write(tmp_path / name)
    write(tmp_path / "mine" / "pyvenv.cfg")
    write(tmp_path / "mine" / "lib" / "e.py")
    write(tmp_path / "readme.md")
    seen = names(look_at([tmp_path]), tmp_path)
    assert seen == {"app.py", "shop/orders.py", "shop/deep/er/x.py", "venv_of_words/y.py"}


def test_a_folder_that_is_itself_a_virtual_environment_is_watched_when_it_is_named(tmp_path: Path) -> None:
    write(tmp_path / "pyvenv.cfg")
    write(tmp_path / "app.py")
    assert names(look_at([tmp_path]), tmp_path) == {"app.py"}


def test_a_single_file_is_watched_and_places_that_are_not_there_are_no_error(tmp_path: Path) -> None:
    one = write(tmp_path / "one.py")
    write(tmp_path / "other.py")
    assert names(look_at([one, tmp_path / "gone", tmp_path / "gone.py"]), tmp_path) == {"one.py"}


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "app" / "a.py")
    try:
        (tmp_path / "app" / "loop").symlink_to(tmp_path / "app", target_is_directory=True)
    except OSError:
        pytest.skip("this system has no links for everybody")
    assert names(look_at([tmp_path / "app"]), tmp_path / "app") == {"a.py"}


def test_a_file_that_only_its_time_tells_from_before_has_changed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "x = 1")
    before = look_at([tmp_path])
    os.utime(file, ns=(1, before[str(file)][0] + 1))
    assert look_at([tmp_path]) != before


async def test_changed_new_and_removed_files_are_told() -> None:
    after = sight(a=1, b=2, d=1)
    scene = Scene(sight(a=1, b=1, c=1), after, after)
    assert await scene.watch().change() == ["b.py", "c.py", "d.py"]


async def test_a_burst_of_changes_is_one_change() -> None:
    last = sight(a=4, b=3)
    scene = Scene(sight(a=1), sight(a=2), sight(a=3), sight(a=4), last, last)
    watch = scene.watch()
    assert await watch.change() == ["a.py", "b.py"]
    assert len(scene.pauses) == 4
    assert scene.waits == []
    assert watch.count == 2


async def test_a_burst_without_an_end_is_told_all_the_same() -> None:
    scene = Scene(*(sight(a=number) for number in range(100)))
    assert await scene.watch().change() == ["a.py"]
    assert len(scene.pauses) <= 20


async def test_a_burst_that_ends_as_it_began_is_not_a_change() -> None:
    first, last = sight(a=1), sight(a=2, b=1)
    scene = Scene(first, sight(a=2), first, first, last, last)
    assert await scene.watch().change() == ["a.py", "b.py"]
    assert len(scene.waits) == 1


async def test_the_pause_between_two_looks_grows_with_what_a_look_costs() -> None:
    scene = Scene(sight(a=1), sight(a=1), sight(a=1), sight(a=2), sight(a=2))
    watch = scene.watch()
    assert await watch.change() == ["a.py"]
    assert scene.waits == [0.3, 0.3]
    slow = Scene(sight(a=1), sight(a=1), sight(a=2), sight(a=2))

    def look() -> Sight:
        slow.now += 1.0
        return Scene.look(slow)

    watch = FileWatch(look, wait=slow.wait, pause=slow.pause, clock=lambda: slow.now)
    assert await watch.change() == ["a.py"]
    assert slow.waits == [pytest.approx(20.2)]


async def test_what_changes_between_two_waits_for_a_change_is_not_missed() -> None:
    scene = Scene(sight(a=1), sight(a=2), sight(a=2), sight(a=3), sight(a=3))
    watch = scene.watch()
    assert await watch.change() == ["a.py"]
    assert await watch.change() == ["a.py"]
    assert scene.waits == []


def test_what_python_compiled_of_a_changed_file_is_removed(tmp_path: Path) -> None:
    source = write(tmp_path / "a.py")
    compiled = write(Path(cache_from_source(str(source))))
    forget_bytecode([str(source), str(tmp_path / "never_compiled.py"), "no_source.txt"])
    assert not compiled.exists()
    assert source.exists()
