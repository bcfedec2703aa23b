"""Writes the pages of docs/reference; see the package."""

import sys

from scripts.reference.pages import FOLDER, written_pages


def main() -> None:
    """Write all pages, and remove those of modules that are not described any more."""
    pages = written_pages()
    FOLDER.mkdir(exist_ok=True)
    for old in set(FOLDER.glob("*.md")) - {FOLDER / name for name in pages}:
        old.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"Wrote {len(pages)} pages in docs/reference.\n")


if __name__ == "__main__":
    main()
