"""The rules of CONTRIBUTING.md that a program can hold. Each check is a command in tools/ and can be run alone."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_banned  # noqa: E402
import check_format  # noqa: E402
import check_headers  # noqa: E402
import check_layers  # noqa: E402
import check_size  # noqa: E402
import check_symbols  # noqa: E402
import check_tree  # noqa: E402


def hold(problems):
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_layers_include_only_what_is_below_them():
    hold(check_layers.problems())


def test_no_banned_function_is_called():
    hold(check_banned.problems())


def test_files_and_functions_are_small():
    hold(check_size.problems())


def test_library_exports_what_its_headers_declare():
    hold(check_symbols.problems())


def test_sources_are_formatted():
    hold(check_format.problems())


def test_tree_is_in_order():
    hold(check_tree.problems())


def test_public_functions_are_documented():
    hold(check_headers.document_problems())


@pytest.mark.parametrize("compiler", check_headers.COMPILERS)
@pytest.mark.parametrize("header", check_headers.public_headers(), ids=lambda path: path.name)
def test_header_compiles_alone(header, compiler):
    hold(check_headers.compile_problems(header, compiler))


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_programs_pass_string_literals(compiler):
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Iinclude", "-fsyntax-only"]
    result = subprocess.run([*command, "tests/style/literals.cc"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
