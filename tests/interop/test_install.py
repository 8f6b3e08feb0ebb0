"""What `make install` puts in place is enough to compile, link and run a program with nothing but pkg-config."""

import os
import re
import subprocess

import pytest

PROGRAM = """
#include <stdio.h>
#include <wharf/wharf.h>

int main(void) {
    return printf("%s %s\\n", wharf_version(), wharf_strerror(-WHARF_EEOF)) < 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the build was installed beneath."""
    folder = tmp_path_factory.mktemp("installed")
    build = os.environ.get("WHARF_BUILD", "build")
    command = ["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def pkg_config(installed, *words):
    (file,) = installed.rglob("wharf.pc")
    env = {**os.environ, "PKG_CONFIG_PATH": str(file.parent), "PKG_CONFIG_SYSROOT_DIR": str(installed)}
    result = subprocess.run(["pkg-config", *words, "wharf"], env=env, check=True, capture_output=True, text=True)
    return result.stdout.split()


def test_flags_carry_the_stack_clash_protection(installed):
    assert "-fstack-clash-protection" in pkg_config(installed, "--cflags")


def test_installed_tree_holds_the_parts(installed):
    names = {path.name for path in installed.rglob("*")}
    assert {"wharf", "wharf.h", "wharf.pc", "libwharf.so", "libwharf.so.0", "libwharf.a"} <= names


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_program_builds_and_runs_with_pkg_config(installed, tmp_path, static, root):
    (library,) = installed.rglob("libwharf.a")
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(PROGRAM)
    flags = pkg_config(installed, "--cflags", "--libs", *(["--static"] if static else []))
    if static:
        flags = [str(library) if flag == "-lwharf" else flag for flag in flags]
    subprocess.run(["gcc", source, "-o", program, *flags], check=True)
    result = subprocess.run([program], env={"LD_LIBRARY_PATH": str(library.parent)}, capture_output=True, text=True)
    version = re.search(r"^  version: '([^']+)'", (root / "meson.build").read_text(), re.MULTILINE).group(1)
    assert result.returncode == 0
    assert result.stdout.startswith(version + " ")


def test_command_says_its_version(wharf, run):
    result = run(wharf, "--version")
    assert result.returncode == 0
    assert b"0." in result.stdout
