import errno
import os
import stat
import time
from hashlib import sha256
from pathlib import Path

import pytest

from bot.core.errors import DiskFullError, SourceGoneError
from bot.history.images import FileImages

DATA = b"\x89PNG and so on"
NAME = sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def images(folder: Path) -> FileImages:
    return FileImages(folder)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_put_is_got_back_under_its_hash(images: FileImages) -> None:
    name = await images.put(DATA)
    assert (name, await images.get(name)) == (NAME, DATA)


async def test_a_file_lies_where_its_hash_says(images: FileImages, folder: Path) -> None:
    await images.put(DATA)
    assert files(folder) == [folder / NAME[:2] / f"{NAME[2:]}.png"]


async def test_the_same_bytes_are_stored_once_and_not_written_again(images: FileImages, folder: Path) -> None:
    await images.put(DATA)
    (file,) = files(folder)
    before = file.stat()
    await images.put(DATA)
    assert (files(folder), file.stat()) == ([file], before)


async def test_a_file_that_was_cut_short_is_written_anew(images: FileImages, folder: Path) -> None:
    await images.put(DATA)
    (file,) = files(folder)
    file.write_bytes(DATA[:3])
    await images.put(DATA)
    assert await images.get(NAME) == DATA


async def test_a_missing_picture_is_an_error_that_names_it(images: FileImages) -> None:
    with pytest.raises(SourceGoneError) as caught:
        await images.get(NAME)
    assert (caught.value.what, caught.value.name) == ("picture", NAME)


async def test_a_discarded_file_is_gone(images: FileImages, folder: Path) -> None:
    await images.put(DATA)
    await images.discard(NAME)
    assert files(folder) == []


async def test_discarding_what_is_gone_is_no_error(images: FileImages) -> None:
    await images.discard(NAME)
    await images.discard(NAME)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "/" * 64])
async def test_only_a_hash_becomes_a_path(images: FileImages, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        await images.get(name)
    with pytest.raises(ValueError, match="not a SHA-256"):
        await images.discard(name)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_said_to_be_full_and_nothing_is_left_behind(
    images: FileImages, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskFullError) as caught:
        await images.put(DATA)
    assert (caught.value.path, files(folder)) == (str(folder), [])


async def test_another_fault_of_the_disk_stays_what_it_is(
    images: FileImages, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        await images.put(DATA)
    assert files(folder) == []


async def test_a_full_disk_does_not_touch_the_file_that_is_there(
    images: FileImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    await images.put(DATA)

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", fail)
    await images.put(DATA)
    assert await images.get(NAME) == DATA


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be synced on Windows")
async def test_the_bytes_are_synced_before_their_name_and_the_name_after(
    images: FileImages, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []
    file = folder / NAME[:2] / f"{NAME[2:]}.png"
    sync = os.fsync

    def record(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, file.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    await images.put(DATA)
    assert synced == [(False, False), (True, True), (True, True)]


def test_what_a_killed_process_left_half_written_is_removed_at_the_next_start(folder: Path) -> None:
    FileImages(folder)
    leftover = folder / "incoming" / "half"
    leftover.write_bytes(b"half a pic")
    yesterday = time.time() - 86_400
    os.utime(leftover, (yesterday, yesterday))
    FileImages(folder)
    assert files(folder) == []


def test_what_another_process_is_writing_now_is_left_alone(folder: Path) -> None:
    FileImages(folder)
    young = folder / "incoming" / "young"
    young.write_bytes(b"half a pic")
    FileImages(folder)
    assert files(folder) == [young]
