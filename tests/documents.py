"""What people read of this repository, by its name from the root."""

from dropcut_cli.clone.places import REPOSITORY

PAGES = {
    str(page.relative_to(REPOSITORY)): page
    for page in sorted(
        [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "samples/README.md"]
    )
}
DOCUMENTS = {name: page.read_text(encoding="utf-8") for name, page in PAGES.items()}
