"""Terminal, pictures and page show what was judged."""

import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from rich.console import Console

from taskmanager.compare.forms import FORMS, NAMES
from taskmanager.compare.judging import Moment, Outcome, judge
from taskmanager.compare.page import page
from taskmanager.compare.pictures import Theme, draw
from taskmanager.compare.running import Shown
from taskmanager.compare.scenes import SCENES, Scene, chosen
from taskmanager.compare.shown import COLUMNS, cells, duration
from taskmanager.compare.terminal import bars, failures, show_scene

SCENE = chosen(["restart"])[0]


def played(scene: Scene = SCENE) -> list[Shown]:
    """A scene in which each tenth caller gets nothing."""
    outcomes = tuple(
        Outcome(f"r-{number}", number / 10, 0.25, "answered" if number % 10 else "silent") for number in range(200)
    )
    judged = judge(outcomes, {each.id: 1 for each in outcomes if each.result == "answered"}, left=7)
    return [Shown(scene, form, outcomes, judged) for form in FORMS]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0, "0 ms"), (0.0123, "12 ms"), (0.9994, "999 ms"), (1.0, "1.0 s"), (12.34, "12.3 s")],
)
def test_a_duration_has_its_unit(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_bars_grow_with_the_time_and_stay_within_their_signs() -> None:
    moments = [Moment(0.0, median, median, 1, 0) for median in (None, 0.0, 2.5, 5.0, 99.0)]
    assert bars(moments, 5.0) == " ▁▅██"
    assert failures([Moment(0.0, None, None, 1, 0), Moment(1.0, None, None, 1, 2)]) == " x"


def test_the_terminal_shows_each_form_with_its_figures_and_what_there_is_to_say() -> None:
    console = Console(file=io.StringIO(), width=160, markup=False, highlight=False)
    show_scene(console, played())
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for each in played():
        line = next(line for line in text.splitlines() if line.startswith(NAMES[each.form]))
        assert line.removeprefix(NAMES[each.form]).split("  ")[-1].strip() == "250 ms"
        assert [word for word in re.split(r"  +", line.removeprefix(NAMES[each.form])) if word] == list(
            cells(each.judgement)
        )
    assert "x" in text
    assert "7 s: killed, 8 s: started" in text
    assert SCENE.says.split(".")[0] in text.replace("\n", " ")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_is_the_same_for_the_same_figures_and_names_forms_and_events(theme: Theme) -> None:
    svg = draw(played(), theme, "svg")
    assert svg == draw(played(), theme, "svg")
    text = " ".join(
        "".join(element.itertext()).strip() for element in ET.fromstring(svg).iter() if element.tag.endswith("text")
    )
    for word in (*NAMES.values(), "killed", "started", "seconds waited"):
        assert word in text
    assert draw(played(), theme, "png").startswith(b"\x89PNG")


class Tags(HTMLParser):
    """Collects ids, and whatever the page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        loading = [found.get(name) or "" for name in ("src", "href", "xlink:href")]
        self.loads += [value for value in loading if value and not value.startswith("#")]


def test_the_page_holds_every_scene_and_loads_nothing() -> None:
    scenes = SCENES[:2]
    text = page([played(scene) for scene in scenes], "Measured <today>")
    tags = Tags()
    tags.feed(text)
    assert tags.loads == []
    assert len(tags.ids) == len(set(tags.ids))
    assert {scene.name for scene in scenes} <= set(tags.ids)
    assert "Measured &lt;today&gt;" in text
    for name in COLUMNS:
        assert f">{name}</th>" in text
    assert text.count('<figure class="light"') == text.count('<figure class="dark"') == len(scenes)


def test_a_short_scene_keeps_the_order_of_events_within_its_time() -> None:
    for scene in SCENES:
        times = [event.at for event in scene.shortened().events]
        assert times == sorted(times)
        assert all(0 < at < scene.shortened().seconds for at in times)


def test_scenes_are_chosen_once_each_and_all_without_a_name() -> None:
    assert [scene.name for scene in chosen(["restart", "normal", "restart"])] == ["restart", "normal"]
    assert chosen([]) == SCENES
