import subprocess

import pytest

from analysis_lib.batch.manifest import git_state, hash_file


def git(folder, *arguments):
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git checkout with one commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init")
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_git_state_is_the_commit_and_whether_it_was_changed(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    assert git_state(checkout) == {"commit": commit, "dirty": False}
    (checkout / "a.txt").write_text("b")
    assert git_state(checkout) == {"commit": commit, "dirty": True}


def test_git_state_outside_a_checkout_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) == {"commit": None, "dirty": None}


def test_git_state_without_git_is_unknown(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_state(checkout) == {"commit": None, "dirty": None}


def test_hash_is_sha256(tmp_path):
    (tmp_path / "abc").write_text("abc")
    # FIPS 180-2, appendix B.1: the digest of "abc".
    assert hash_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
