"""tools/need.sh on machines that have next to nothing: a PATH of a few links, and an apt-get that only writes down what
it was asked for."""

import pathlib
import shutil
import subprocess

import pytest

NEED = pathlib.Path(__file__).resolve().parents[2] / "tools" / "need.sh"
DAEMONS = ("nginx", "apache", "haproxy", "lighttpd")


@pytest.fixture
def bare(tmp_path):
    """bare(apt_status): a PATH with sh, id, uname and, unless apt_status is None, an apt-get that ends with it."""

    def make(apt_status=None):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("sh", "id", "uname", "env"):
            (folder / name).symlink_to(shutil.which(name))
        if apt_status is not None:
            sudo = folder / "sudo"
            sudo.write_text('#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
            (folder / "true").symlink_to(shutil.which("true"))
            apt = folder / "apt-get"
            apt.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\nexit {apt_status}\n')
            sudo.chmod(0o755)
            apt.chmod(0o755)
        return str(folder)

    return make


def need(path, *sets):
    return subprocess.run([NEED, *sets], env={"PATH": path}, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def test_names_the_packages_in_one_line_where_it_cannot_install(bare):
    result = need(bare(), "build")
    assert result.returncode != 0
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert {"gcc", "meson", "ninja-build", "pkg-config"} <= set(result.stderr.split())


def test_names_the_packages_when_apt_get_fails(bare):
    result = need(bare(100), "build")
    assert result.returncode != 0
    assert "meson" in result.stderr.splitlines()[-1]


def test_installs_without_asking_and_without_daemons(bare, tmp_path):
    result = need(bare(0), "build", "test")
    assert result.returncode == 0
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install -y") and " clang " in install
    assert not any(daemon in install for daemon in DAEMONS)


def test_does_nothing_when_nothing_is_missing(bare, tmp_path):
    path = pathlib.Path(bare(0))
    for name in ("gcc", "meson", "ninja", "pkg-config"):
        (path / name).symlink_to("/bin/true")
    result = need(str(path), "build")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not (tmp_path / "asked").exists()
