"""Names the sentences that are hard to read: over 25 words, or with a word that this project replaced.

It reads what people read: the docs, and the docstrings, comments and messages of the code. Of a table it reads each
cell by itself. It leaves out code, addresses and the strings of tests, which repeat messages.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_WORDS = 25
REPLACED = {
    r"\bset(s|ting)? (it |them |\w+ message )?aside\b": "dead-letter",
    r"\btold\b|\btell(s|ing)? of\b": "publish, notify, say",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\b(the|its|a|an|one|no|which|\w+'s) standings?\b(?! (by|in|on|at)\b)": "state, status",
    r"\b(each|one|every|this|next|last|first|another|whole) round\b(?! (trip|number))|\bin rounds\b": "batch",
    r"\b(payment|paid|same|work) units?\b(?! (of|tests?)\b)|\bunits? of work\b": "payment key",
    r"\b(by|of|with|some|random) chance\b": "jitter, at random",
    r"\bbooked (up|out)\b(?! to\b)|\bfully taken\b": "fully booked",
    r"\bscratch (room|space|disc)\b": "disk, ephemeral storage",
    r"\b(were|had) (it|they) (not|to|been)\b|(^|[,;] )should (it|they)\b": "if it ...",
}
"""The words that `make check` refuses, each with what to write in its place."""

PYTHON = ("app.py", "bench", "cli", "examples", "functions", "infra", "local", "stand_in", "tools")
PYTHON_WITHOUT_MESSAGES = ("tests",)
PROSE = ("*.md", "*/*.md", "docs/*/**/*.md")
_LEFT_OUT = {"node_modules", "cdk.out", "__pycache__", "build", "dist"}

_NEW_BLOCK = re.compile(r"\s*([-*+] |\d+\. |#|>|<|$)")
_SECTION = re.compile(r"\s*(Args|Attributes|Raises|Returns|Yields):$")
_COLUMNS = re.compile(r"\S {2,}\S")
_BETWEEN = re.compile(r"(?<=[.!?])(?<!\.\.\.)(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.)(?:[\"')\]*_]*\s+)(?=\S)")
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"``.+?``|`[^`]+`")
_LINK = re.compile(r"!?\[([^][]*)\]\([^)]*\)|<?https?://\S+")
_PRAGMA = re.compile(r"#\s*(noqa|type:|fmt:|pragma|mypy:|ruff:|!).*")


@dataclass(frozen=True)
class Block:
    """A paragraph, an entry of a list, a cell, a comment or a message: sentences that belong together."""

    line: int
    text: str
    """With its line breaks, so that a sentence's own line is known."""


@dataclass(frozen=True)
class Finding:
    """A sentence to rewrite."""

    path: str
    line: int
    trouble: str
    sentence: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: {self.trouble}: "{self.sentence}"'


def hard_sentences(repository: Path) -> list[Finding]:
    """Every sentence of the repository that is to be rewritten, by path and line."""
    return [
        Finding(str(path.relative_to(repository)), *found)
        for path, blocks in _all_blocks(repository)
        for block in blocks
        for found in _troubles(block)
    ]


def prose(text: str) -> Iterator[Block]:
    """The paragraphs, list entries and cells of tables of a Markdown text, without headings and code."""
    lines: list[str] = []
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.lstrip().startswith("```")
        is_code ^= fence
        left_out = fence or is_code or line.lstrip().startswith(("|", "#", "<"))
        lines.append("" if left_out else line)
        if line.startswith("|") and not is_code:
            yield from (Block(number, cell) for cell in _BETWEEN_CELLS.split(line))
    yield from _paragraphs(lines, 1)


def words_of_code(source: str, *, messages: bool) -> Iterator[Block]:
    """The docstrings and comments of a Python source, and with `messages` its other sentences.

    What DynamoDB is to do (`SET x = :x`) is none.
    """
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = {node.value: _text(node.value) for node in nodes if isinstance(node, ast.Expr) and _text(node.value)}
    for docstring, text in docstrings.items():
        lines = ["" if _COLUMNS.search(line) else line for line in text.splitlines()]
        yield from _paragraphs(lines, docstring.lineno)
    yield from _comments(source)
    if messages:
        known = {*docstrings, *(part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values)}
        for node in nodes:
            if isinstance(node, ast.Constant | ast.JoinedStr) and node not in known:
                lines = _text(node).split("\n")
                yield from (Block(node.lineno, line) for line in lines if line.count(" ") > 2 and " = :" not in line)


def _all_blocks(repository: Path) -> Iterator[tuple[Path, Iterator[Block]]]:
    for path in _ours(repository, *PROSE):
        yield path, prose(path.read_text(encoding="utf-8"))
    for name in (*PYTHON, *PYTHON_WITHOUT_MESSAGES):
        for path in _ours(repository, name if name.endswith(".py") else f"{name}/**/*.py"):
            yield path, words_of_code(path.read_text(encoding="utf-8"), messages=name in PYTHON)


def _ours(repository: Path, *patterns: str) -> Iterator[Path]:
    """The files that we wrote: not those that a program put into a folder of its own."""
    for pattern in patterns:
        for path in sorted(repository.glob(pattern)):
            folders = path.relative_to(repository).parts[:-1]
            if not _LEFT_OUT & set(folders) and not any(folder.startswith(".") for folder in folders):
                yield path


def _paragraphs(lines: list[str], first: int) -> Iterator[Block]:
    """Cut lines at blank ones, at list entries, and at the entries of a docstring's sections."""
    begun, block, entry_indent = first, list[str](), -1
    for number, line in enumerate(lines, first):
        indent = len(line) - len(line.lstrip())
        is_section = bool(_SECTION.match(line))
        if is_section or _NEW_BLOCK.match(line) or indent == entry_indent:
            yield Block(begun, "\n".join(block))
            begun, block = number, []
        if is_section:
            entry_indent = indent + 4
        block.append(line)
    yield Block(begun, "\n".join(block))


def _comments(source: str) -> Iterator[Block]:
    """Comments; those on lines of their own that follow each other are one block."""
    begun, last, block = 0, (-1, -1), list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = _PRAGMA.sub("", token.string).lstrip("#: ")
        if (token.start[0] - 1, token.start[1]) != last:
            yield Block(begun, "\n".join(block))
            begun, block = token.start[0], []
        block.append(text)
        last = token.start
    yield Block(begun, "\n".join(block))


def _text(node: ast.expr) -> str:
    """What a string literal says; a value that is put into an f-string counts as one word."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "`value`" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _troubles(block: Block) -> Iterator[tuple[int, str, str]]:
    """Line, trouble and beginning of each hard sentence of a block."""
    text = _LINK.sub(r"\1", _CODE.sub(lambda code: "`code`" + "\n" * code[0].count("\n"), block.text))
    start = 0
    for sentence in _sentences(text):
        start = text.index(sentence, start)
        line = block.line + text[:start].count("\n")
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        if len(words) > MOST_WORDS:
            yield line, f"{len(words)} words", " ".join(words[:10])
        for pattern, better in REPLACED.items():
            if found := re.search(pattern, " ".join(sentence.split()), re.IGNORECASE):
                yield line, f"{found[0]!r}, better {better}", " ".join(words[:10])


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _BETWEEN.split(text.strip()) if sentence]


def main() -> int:
    """Print what is to be rewritten; 1 if anything is."""
    found = hard_sentences(Path(__file__).resolve().parent.parent)
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
