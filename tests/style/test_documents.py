"""The documents keep their word: programs in them compile, man pages format, links lead somewhere, the design pages have
an index."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAM = re.compile(r"^```c\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def programs():
    for document in DOCUMENTS:
        blocks = (text for text in PROGRAM.findall(document.read_text()) if "int main(" in text)
        for number, text in enumerate(blocks, 1):
            yield pytest.param(text, id=f"{document.name}-{number}")


@pytest.mark.parametrize("text", programs())
def test_program_in_a_document_compiles(text):
    command = ["gcc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-xc", "-fsyntax-only", "-"]
    result = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", sorted(ROOT.glob("man/*.[137]")), ids=lambda path: path.name)
def test_man_page_formats_without_warnings(page, tmp_path):
    # A page that stands for another names it as it is installed.
    for section in ("man1", "man3"):
        (tmp_path / section).symlink_to(ROOT / "man")
    command = ["groff", "-mandoc", "-ww", "-z", page]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_links_lead_to_files():
    broken = [f"{document.relative_to(ROOT)}: {target}" for document in DOCUMENTS
              for target in LINK.findall(document.read_text()) if not (document.parent / target).exists()]
    assert broken == []


def test_design_pages_are_in_the_index():
    index = ROOT / "docs" / "design" / "README.md"
    pages = {path.name for path in index.parent.glob("*.md")} - {index.name}
    assert pages - set(LINK.findall(index.read_text())) == set()


def test_reason_codes_are_in_their_table():
    table = (ROOT / "docs" / "reasons.md").read_text()
    sources = "".join(path.read_text() for folder in ("tls", "server") for path in (ROOT / "src" / folder).glob("*.c"))
    codes = set(re.findall(r'"((?:tls|http|handler|server|auth|connections)\.[a-z_.]+)"', sources))
    assert len(codes) > 60
    assert {code for code in codes if f"`{code}`" not in table and not code.startswith("tls.alert.")} == set()


def test_pitfalls_are_held_by_tests():
    page = (ROOT / "docs" / "design" / "runtime.md").read_text().split("## What others have been bitten by")[1].split("\n## ")[0]
    sources = [*ROOT.glob("tests/**/*_test.c"), *ROOT.glob("tests/**/test_*.py")]
    tests = set(re.findall(r"^(?:static void|def) (\w+)\(", "\n".join(path.read_text() for path in sources), re.MULTILINE))
    named = re.findall(r"`(\w+)`", page)
    assert len(named) > 40
    assert set(named) - tests == set()


def test_the_chapter_on_simulation_shows_its_example():
    example = (ROOT / "examples" / "simulated.c").read_text()
    assert example in PROGRAM.findall((ROOT / "docs" / "simulation.md").read_text())
