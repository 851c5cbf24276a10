"""Files appear whole or not at all, also while others read them."""

import errno
from pathlib import Path

import pytest

from xvrcore import files
from xvrcore.errors import InputError
from xvrcore.files import staged, write_whole


@pytest.fixture
def read_by_others(monkeypatch):
    """A list of the refusals that are still to come: Windows does not replace a file that somebody reads."""
    left, replace = [], Path.replace

    def refuse(self, target):
        if left:
            raise left.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    return left


def refusals(count: int) -> list[PermissionError]:
    return [PermissionError(errno.EACCES, "used by another process") for _ in range(count)]


@pytest.mark.parametrize("write", ["whole", "staged"])
def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, read_by_others, write):
    (tmp_path / "a").write_text("old")
    read_by_others += refusals(3)
    if write == "whole":
        write_whole(tmp_path / "a", "new")
    else:
        with staged(tmp_path) as stage:
            (stage / "a").write_text("new")
    assert not read_by_others
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "new")]


def test_a_reader_that_never_ends_is_not_waited_for(tmp_path, read_by_others, monkeypatch):
    monkeypatch.setattr(files, "READERS_S", 0.1)
    (tmp_path / "a").write_text("old")
    read_by_others += refusals(1000)
    with pytest.raises(InputError, match="no permission"):
        write_whole(tmp_path / "a", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_new_file_that_is_refused_is_not_tried_again(tmp_path, read_by_others):
    read_by_others += refusals(2)
    with pytest.raises(InputError, match="no permission"):
        write_whole(tmp_path / "a", "new")
    assert len(read_by_others) == 1
    assert not list(tmp_path.iterdir())
