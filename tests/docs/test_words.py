"""Plain English: no turn of phrase of support/odd_words.txt, and nouns as names of things."""

import ast
import re
import tokenize
from pathlib import Path

import pytest

import documents

ROOT = documents.ROOT
WORDS = Path(documents.__file__).with_name("odd_words.txt")
CODE = sorted(
    path for folder in ("streaminstr", "backends") for path in (ROOT / folder).rglob("*.py")
)
PAGES = [*documents.PAGES, ROOT / "CHANGELOG.md"]
NO_NOUNS = {"found", "known", "made", "said", "wanted"}


def odd_words():
    """Each pattern, and what to write instead."""
    lines = WORDS.read_text().splitlines()
    pairs = (line.split("=>") for line in lines if line and not line.startswith("#"))
    return {pattern.strip(): instead.strip() for pattern, instead in pairs}


ODD = re.compile(rf"\b(?:{'|'.join(odd_words())})(?!\w)", re.IGNORECASE)


def odd_lines(text):
    return [line.strip() for line in text.splitlines() if ODD.search(line)]


def odd_texts(path):
    """The odd lines of a file's comments, docstrings and other texts."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None)}
    with path.open() as file:
        tokens = [token for token in tokenize.generate_tokens(file.readline) if token.type in kinds]
    return [line for token in tokens for line in odd_lines(token.string)]


def names(path):
    """The names that a file defines: variables, parameters, attributes, functions, classes."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name.strip("_")
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name.strip("_")


def words_of(name):
    """The words of a class's name, without the endings of a plural or a participle."""
    return {re.sub("p?ed$|ing$|s$", "", word.lower()) for word in re.findall("[A-Z][a-z]+", name)}


def glossary():
    """The words that the glossary explains: each first column, and what is in italics."""
    text = (ROOT / "docs/explanation/glossary.md").read_text()
    pairs = re.findall(r"^\| (\w+)|\*(\w+)\*", text, re.MULTILINE)
    return set().union(*(words_of("".join(pair).title()) for pair in pairs))


@pytest.mark.parametrize("path", CODE, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_text_of_the_code_has_an_odd_turn_of_phrase(path):
    assert odd_texts(path) == []


@pytest.mark.parametrize("page", PAGES, ids=documents.name_of)
def test_no_page_has_one(page):
    assert odd_lines(page.read_text()) == []


def test_things_are_named_by_nouns():
    assert not {(path.name, name) for path in CODE for name in names(path) if name in NO_NOUNS}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "streaminstr/_core").glob("*.py")), ids=lambda path: path.stem
)
def test_a_word_that_is_not_in_the_glossary_names_no_class_of_the_core(path):
    classes = [
        one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ClassDef)
    ]
    used = set().union(*(words_of(one.name) for one in classes))
    assert used - glossary() <= {"async"}


@pytest.mark.parametrize(
    ("source", "odd"),
    [
        ("# nobody is there\n", 1),
        ('"""Asks; gives\nwhat whoever asks."""\n', 2),
        ('message = "It is told."\n', 1),
        ("nobody = 'once for every nobodys'\n", 0),
        ("# append gives it back, forever\n", 0),
    ],
)
def test_an_odd_turn_of_phrase_is_found(tmp_path, source, odd):
    path = tmp_path / "module.py"
    path.write_text(source)
    assert len(odd_texts(path)) == odd


def test_a_name_that_is_no_noun_is_found(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def f(wanted): self._made = wanted.known\nclass Said: pass\n")
    assert NO_NOUNS & {name.lower() for name in names(path)} == {"wanted", "made", "said"}
