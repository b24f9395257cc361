import pytest

from analysis_lib.batch.staging import Staging
from analysis_lib.errors import OutputError


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def build_half(folder, error):
    with Staging(folder, "demo") as staging:
        (staging.folder / "new.html").write_text("new")
        assert names(folder / "demo") == ["old.html"]
        raise error


@pytest.fixture
def earlier(tmp_path):
    """An output folder with an earlier run."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/old.html").write_text("old")
    return tmp_path


def test_publish_replaces_the_earlier_run_whole(earlier):
    with Staging(earlier, "demo") as staging:
        (staging.folder / "new.html").write_text("new")
        assert names(earlier / "demo") == ["old.html"]
        staging.publish()
    assert names(earlier) == ["demo/new.html"]


def test_publish_where_there_was_nothing(tmp_path):
    with Staging(tmp_path / "outputs", "demo") as staging:
        (staging.folder / "new.html").write_text("new")
        staging.publish()
    assert names(tmp_path) == ["outputs/demo/new.html"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_whatever_ends_the_block_leaves_the_earlier_run(earlier, error):
    with pytest.raises(error):
        build_half(earlier, error)
    assert names(earlier) == ["demo/old.html"]


def test_what_a_killed_process_left_is_cleaned(earlier):
    (earlier / ".demo.partial/all").mkdir(parents=True)
    (earlier / ".demo.partial/all/half.html").write_text("half")
    with Staging(earlier, "demo") as staging:
        assert names(staging.folder) == []
        staging.publish()
    assert names(earlier) == []


def test_a_process_killed_between_the_two_renames_loses_nothing(earlier):
    (earlier / "demo").rename(earlier / ".demo.previous")
    with pytest.raises(ValueError, match="stop"):
        build_half(earlier, ValueError("stop"))
    assert names(earlier) == ["demo/old.html"]


def test_a_second_process_is_refused_and_does_no_harm(earlier):
    with Staging(earlier, "demo") as first:
        (first.folder / "new.html").write_text("new")
        with pytest.raises(OutputError, match="another run is writing it"), Staging(earlier, "demo"):
            pass
        with Staging(earlier, "other"):
            pass
        first.publish()
    assert names(earlier) == ["demo/new.html"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/outputs: cannot be written \(Not a directory\)"):
        Staging(tmp_path / "file/outputs", "demo").__enter__()
