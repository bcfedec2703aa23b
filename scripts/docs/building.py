"""Builds the site with Zensical, in each language, and checks it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.docs.checking import BuildFailed, problems
from scripts.docs.navigation import navigation, pages_of
from scripts.docs.places import LANGUAGES, ROOT, place_of
from scripts.docs.sources import write_sources

SITE = ROOT / ".run" / "site"
"""The built site: a folder for each language, and a page that leads to them."""

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PALETTES = {"en": ("Switch to dark mode", "Switch to light mode"), "ru": ("Тёмная тема", "Светлая тема")}
HERE = Path(__file__).parent

FIRST = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=en/index.html">
<title>Leveret</title>
<p><a href="en/index.html">English</a> <a href="ru/index.html">Русский</a></p>
</html>
"""


def build() -> int:
    """Build the site anew and return how many pages it has.

    Raises:
        BuildFailed: a link leads to no file, Zensical warns, a page is in no navigation, a link of a built page leads
            nowhere, or a page loads something from elsewhere.
    """
    shutil.rmtree(SITE, ignore_errors=True)
    write_sources(SITE / "sources")
    for language in LANGUAGES:
        config = SITE / f"mkdocs.{language}.yml"
        config.write_text(json.dumps(configuration(language), ensure_ascii=False, indent=1), encoding="utf-8")
        _run_zensical(config)
    (SITE / "index.html").write_text(FIRST, encoding="utf-8")
    if found := problems(SITE):
        raise BuildFailed(found)
    return sum(1 for _ in SITE.rglob("*.html"))


def configuration(language: str) -> dict[str, Any]:
    """Return the configuration of a language's site, beside what all languages share.

    Raises:
        BuildFailed: the index of the language does not lead to a page.
    """
    entries = navigation(LANGUAGES[language] / "index.md")
    if missing := unlisted(language, entries):
        raise BuildFailed([f"{page}: no list of {language}/index.md names this page" for page in missing])
    dark, light = PALETTES[language]
    return {
        "INHERIT": "../../scripts/docs/mkdocs.yml",
        "docs_dir": f"sources/{language}",
        "site_dir": language,
        "nav": entries,
        "theme": {
            "language": language,
            "custom_dir": "../../scripts/docs/theme",
            "palette": [
                _palette("(prefers-color-scheme: light)", "default", "material/weather-night", dark),
                _palette("(prefers-color-scheme: dark)", "slate", "material/weather-sunny", light),
            ],
        },
        "extra": {
            "alternate": [
                {"name": "English", "link": "../en/index.html", "folder": "../en", "lang": "en"},
                {"name": "Русский", "link": "../ru/index.html", "folder": "../ru", "lang": "ru"},
            ],
            "both": translated(),
        },
    }


def unlisted(language: str, entries: list[Any]) -> list[str]:
    """Return the pages of a language that its navigation does not name."""
    places = map(place_of, LANGUAGES[language].rglob("*.md"))
    return sorted({place.path for place in places if place.language == language} - set(pages_of(entries)))


def translated() -> list[str]:
    """Return the pages that there are in every language, as their addresses."""
    named = ({path.relative_to(folder).as_posix() for path in folder.rglob("*.md")} for folder in LANGUAGES.values())
    return sorted(f"{path.removesuffix('.md')}.html" for path in set.intersection(*named))


def _palette(media: str, scheme: str, icon: str, name: str) -> dict[str, Any]:
    colours = {"primary": "teal", "accent": "teal"}
    return {"media": media, "scheme": scheme, "toggle": {"icon": icon, "name": name}, **colours}


def _run_zensical(config: Path) -> None:
    program = Path(sys.executable).with_name("zensical")
    command = [str(program), "build", "--strict", "--config-file", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SITE)  # noqa: S603 - our own words
    output = COLOURS.sub("", done.stdout + done.stderr)
    if done.returncode or "warning" in output.lower():
        raise BuildFailed(output.partition("Traceback")[0].splitlines())
