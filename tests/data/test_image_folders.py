"""What a folder or a table of images may be like: whatever a program saved, with a word on what is left out."""

import csv
import itertools
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from picture_files import write_folder
from PIL import Image

from keras_vae.data import open_dataset
from keras_vae.data.image_lists import SPLIT_NAMES
from keras_vae.errors import InputError


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def distinct(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def everything(data) -> np.ndarray:
    return np.concatenate([data.images(split) for split in data.counts])


@pytest.fixture
def folder(tmp_path) -> Path:
    """Thirty grey images of 8 x 8 pixels in two classes."""
    return write_folder(tmp_path / "pictures", noise(30, 8, 8, 1), np.arange(30) % 2)


# What images may be like


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "gif", "webp", "bmp", "tif"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (29, 31, 3)])
def test_images_of_every_usual_format_and_size_are_read(tmp_path, shape, suffix):
    images = noise(12, *shape)
    data = open_dataset(str(write_folder(tmp_path, images, np.arange(12) % 2, suffix)))
    assert data.image_shape[:2] == shape[:2]
    assert data.image_shape[2] == (3 if suffix == "webp" else shape[2])  # WebP has no grey
    assert data.class_names == ("class 0", "class 1")
    if suffix in ("png", "bmp", "tif"):
        assert distinct(everything(data)) == distinct(images)


def half_transparent() -> Image.Image:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 4))
    return image


def turned() -> Image.Image:
    image = Image.new("RGB", (8, 8), (0, 0, 200))
    image.paste((200, 0, 0), (0, 0, 4, 8))  # left, which a turn by a quarter brings to the top
    image.getexif()[0x0112] = 6
    return image


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.full((8, 8), 257 * 100, np.uint16))


CONVERSIONS = {
    "palette": (Image.new("RGB", (8, 8), (200, 0, 0)).quantize(4), "png", (200, 0, 0), (200, 0, 0)),
    "grey palette": (Image.new("L", (8, 8), 100).quantize(4), "png", (100,), (100,)),
    "transparent": (half_transparent(), "png", (255, 255, 255), (200, 0, 0)),
    "grey and transparent": (Image.new("LA", (8, 8), (0, 0)), "png", (255,), (255,)),
    "16 bits": (sixteen_bits(), "png", (100,), (100,)),
    "16 bits, TIFF": (sixteen_bits(), "tif", (100,), (100,)),
    "one bit": (Image.new("1", (8, 8), 1), "png", (255,), (255,)),
    "CMYK": (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "tif", (255, 0, 0), (255, 0, 0)),
    "turned": (turned(), "png", (200, 0, 0), (0, 0, 200)),
}


@pytest.mark.parametrize("kind", CONVERSIONS)
def test_a_colour_mode_becomes_grey_or_colour_of_8_bits(tmp_path, kind):
    image, suffix, top, bottom = CONVERSIONS[kind]
    (tmp_path / "a").mkdir()
    for number in range(6):
        image.save(tmp_path / "a" / f"{number}.{suffix}", exif=image.getexif())
    read = open_dataset(str(tmp_path)).images("train")[0]
    assert read.shape == (8, 8, len(top))
    assert read[0, 0].tolist() == pytest.approx(top, abs=1)
    assert read[-1, 0].tolist() == pytest.approx(bottom, abs=1)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_the_sides_of_an_image_that_is_to_be_turned_are_those_that_it_then_has(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, image in enumerate(noise(12, 8, 12, 3)):
        Image.fromarray(image).save(tmp_path / f"{number}.{suffix}", exif=exif)
    data = open_dataset(str(tmp_path))
    assert data.image_shape[:2] == (12, 8)
    assert sum(data.counts.values()) == 12


def test_the_first_image_of_an_animation_is_taken(tmp_path):
    frames = [Image.new("L", (8, 8), value) for value in (50, 200)]
    for number in range(6):
        frames[0].save(tmp_path / f"{number}.gif", save_all=True, append_images=frames[1:])
    assert np.all(everything(open_dataset(str(tmp_path))) == 50)


def test_grey_images_among_coloured_ones_become_colour(folder):
    Image.new("RGB", (8, 8), (200, 0, 0)).save(folder / "class 1" / "0099.png")
    data = open_dataset(str(folder))
    assert data.image_shape == (8, 8, 3)
    assert sum(data.counts.values()) == 31


def test_images_of_mixed_sizes_ask_for_a_size(folder):
    other = folder / "class 0" / "0099.png"
    Image.new("L", (16, 24)).save(other)
    with pytest.raises(InputError, match=r"is 24 x 16, but .* is 8 x 8: give --image-size 64") as error:
        open_dataset(str(folder))
    assert str(other) in str(error.value)
    assert open_dataset(str(folder), image_size=10).image_shape == (10, 10, 1)


@pytest.mark.parametrize(("size", "shape"), [(16, (16, 16, 1)), ((12, 20), (12, 20, 1))])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_images_are_resized_with_antialiasing_and_cropped_in_the_middle(tmp_path, size, shape, suffix):
    stripes = np.zeros((120, 400), np.uint8)
    stripes[:, ::2] = 255  # too fine for the small image: they must come out grey
    stripes[:, :100] = stripes[:, 300:] = 0
    for number in range(6):
        Image.fromarray(stripes).save(tmp_path / f"{number}.{suffix}", quality=100)
    image = open_dataset(str(tmp_path), image_size=size).images("train")[0]
    assert image.shape == shape
    assert image[:, 4:-4].mean() == pytest.approx(127, abs=15)
    assert image[:, 4:-4].std() < 20


def test_sizes_that_no_network_takes_are_refused_with_the_remedy(tmp_path):
    write_folder(tmp_path, np.zeros((12, 300, 300, 1), np.uint8), np.arange(12) % 2)
    with pytest.raises(InputError, match=r"300 x 300 .* from 8 to 256 .* --image-size 64"):
        open_dataset(str(tmp_path))
    with pytest.raises(InputError, match=r"4 x 4 .* from 8 to 256"):
        open_dataset(str(tmp_path), image_size=4)
    with pytest.raises(InputError, match="--image-size"):
        open_dataset(str(tmp_path), image_size=(1, 2, 3))


# What is left out


def no_image(path: Path) -> str:
    path.write_text("not an image")
    return "is no image"


def truncated_png(path: Path) -> str:
    Image.fromarray(noise(1, 8, 8)[0]).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:-30])
    return "is damaged"


def truncated_jpeg(path: Path) -> str:
    Image.fromarray(noise(1, 8, 8)[0]).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-30])
    return "is damaged"


def floating_point(path: Path) -> str:
    Image.fromarray(np.zeros((8, 8), np.float32)).save(path, "TIFF")
    return "has pixels in floating point"


def empty(path: Path) -> str:
    path.write_bytes(b"")
    return "is no image"


@pytest.mark.parametrize("spoil", [no_image, truncated_png, truncated_jpeg, floating_point, empty])
def test_a_bad_image_is_left_out_and_named_by_its_own_path_before_any_training(folder, cache, capfd, spoil):
    bad = folder / "class 1" / "0001.png"
    reason = spoil(bad)
    shutil.rmtree(cache / "images", ignore_errors=True)
    data = open_dataset(str(folder))
    assert sum(data.counts.values()) == 29
    told = capfd.readouterr().err
    assert f"Left out: {bad} {reason}" in told
    assert "Files left out: 1" in told
    (listed,) = (cache / "images").glob("pictures-*/skipped.csv")
    with listed.open(newline="") as file:
        ((path, why),) = list(csv.reader(file))[1:]
    assert (path, reason in why) == (str(bad), True)


def test_files_that_are_no_images_are_listed_and_hidden_ones_are_not(folder, capfd):
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.png").write_text("")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "a.png").write_text("")
    Image.new("L", (8, 8)).save(folder / "beside.png")
    assert sum(open_dataset(str(folder)).counts.values()) == 30
    told = capfd.readouterr().err
    assert "notes.txt is no image by its name" in told
    assert "beside.png lies beside the folders of the classes" in told
    assert "Files left out: 2" in told


def test_a_folder_of_which_no_file_can_be_used_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("")
    with pytest.raises(InputError, match=r"none of its 1 files is an intact image; .*a\.png is no image"):
        open_dataset(str(tmp_path))
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match=r"holds no images: put \.png or \.jpg files into it, or into .*/<class>/"):
        open_dataset(str(tmp_path))


# Classes and splits


def test_images_in_one_folder_have_no_classes(tmp_path):
    images = noise(12, 8, 8)
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    data = open_dataset(str(tmp_path), held_out="in_order")
    assert (data.class_names, data.has_classes) == (("unlabelled",), False)
    assert data.counts == {"train": 8, "validation": 2, "test": 2}
    assert distinct(data.images("validation")[..., 0]) == distinct(images[[5, 11]])


def test_nested_folders_are_classes_by_their_path(tmp_path):
    for name in ("animals/cats", "animals/dogs", "cars"):
        (tmp_path / name).mkdir(parents=True)
        for number in range(6):
            Image.new("L", (8, 8)).save(tmp_path / name / f"{number}.png")
    assert open_dataset(str(tmp_path)).class_names == ("animals/cats", "animals/dogs", "cars")


def test_a_folder_that_links_to_itself_is_read_once(folder):
    (folder / "class 0" / "again").symlink_to(folder)
    assert sum(open_dataset(str(folder)).counts.values()) == 30


def test_a_plain_folder_is_split_evenly_within_every_class_and_always_the_same(tmp_path):
    write_folder(tmp_path, noise(90, 8, 8, 1), np.arange(90) % 3)
    data, again = open_dataset(str(tmp_path)), open_dataset(str(tmp_path))
    assert data.counts == {"train": 60, "validation": 15, "test": 15}
    for split, count in data.counts.items():
        np.testing.assert_array_equal(np.bincount(data.labels(split)), [count // 3] * 3)
        np.testing.assert_array_equal(data.images(split), again.images(split))
    assert len(distinct(everything(data))) == 90


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (("train", "validation", "test"), {"train": 36, "validation": 36, "test": 36}),
        (("train", "val", "test"), {"train": 36, "validation": 36, "test": 36}),
        (("train", "test"), {"train": 30, "validation": 6, "test": 36}),
        (("Training", "Testing"), {"train": 30, "validation": 6, "test": 36}),
        (("train",), {"train": 24, "validation": 6, "test": 6}),
    ],
)
def test_a_folder_that_is_split_already_keeps_its_splits(tmp_path, given, counts):
    rng = np.random.default_rng(0)
    own = {split: rng.integers(0, 256, (36, 8, 8, 1), np.uint8) for split in given}
    for split, images in own.items():
        write_folder(tmp_path / split, images, np.arange(36) % 2)
    data = open_dataset(str(tmp_path))
    assert data.counts == counts
    own = {SPLIT_NAMES[split.lower()]: images for split, images in own.items()}
    for split in ("validation", "test"):
        source = own.get(split, own["train"])
        assert distinct(data.images(split)) <= distinct(source)
    assert not distinct(data.images("train")) & (distinct(data.images("validation")) | distinct(data.images("test")))


@pytest.mark.parametrize("others", [("bus", "car"), ("test", "unlabelled/a")])
def test_a_folder_that_may_be_a_split_or_a_class_hides_no_other(tmp_path, others):
    for name in ("train", *others):
        write_folder(tmp_path / name, noise(12, 8, 8), np.zeros(12, int))
    first = others[-1].partition("/")[0] if "test" in others else "bus, car"
    with pytest.raises(InputError, match=f"has images in {first} too.* rename train if it is a class") as error:
        open_dataset(str(tmp_path))
    assert "\n" not in str(error.value)
    (tmp_path / "train").rename(tmp_path / "trains")
    assert sum(open_dataset(str(tmp_path)).counts.values()) == 36


def test_what_lies_beside_splits_is_listed(tmp_path, capfd):
    write_folder(tmp_path / "train", noise(12, 8, 8), np.arange(12) % 2)
    Image.new("L", (8, 8)).save(tmp_path / "beside.png")
    (tmp_path / "about").mkdir()
    (tmp_path / "about" / "licence.txt").write_text("")
    assert sum(open_dataset(str(tmp_path)).counts.values()) == 12
    told = capfd.readouterr().err
    assert "beside.png lies beside the folders of the splits" in told
    assert "licence.txt is no image by its name" in told


def test_many_small_classes_are_split_without_regard_to_them(tmp_path):
    data = open_dataset(str(write_folder(tmp_path, noise(36, 8, 8, 1), np.arange(36) // 3)))
    assert data.counts == {"train": 24, "validation": 6, "test": 6}


def test_a_folder_is_split_as_it_is_asked_and_prepared_for_each_way(tmp_path):
    images = np.arange(36, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 8, 8, 1), np.uint8)
    folder = str(write_folder(tmp_path, images, np.zeros(36, int)))
    for _ in range(2):
        in_order = open_dataset(folder, held_out="in_order").images("test")[:, 0, 0, 0]
        assert sorted(in_order.tolist()) == list(range(4, 36, 6))
        assert set(open_dataset(folder).images("test")[:, 0, 0, 0].tolist()) != set(in_order.tolist())


@pytest.mark.parametrize("given", [("train",), ("train", "test")])
def test_the_first_images_of_a_split_are_of_all_classes_and_always_the_same_and_known_by_their_files(tmp_path, given):
    for split in given:
        write_folder(tmp_path / split, noise(180, 8, 8), np.arange(180) // 60)
    (tmp_path / "train" / "class 1" / "0060.png").write_text("not an image")
    for held_out in ("shuffled", "in_order"):
        data = open_dataset(str(tmp_path), held_out=held_out)
        again = open_dataset(str(tmp_path), held_out=held_out, data_dir=tmp_path / "elsewhere")
        for split, count in data.counts.items():
            assert set(data.labels(split, 15)) == {0, 1, 2}
            images, ids = data.images(split), data.ids(split, 0, count)
            np.testing.assert_array_equal(images, again.images(split))
            assert [Path(each).parent.name for each in ids] == [f"class {label}" for label in data.labels(split)]
            read = np.stack([np.asarray(Image.open(tmp_path / each))[..., None] for each in ids])
            np.testing.assert_array_equal(images, read)


@pytest.mark.parametrize(
    "options", [{"value_range": (0, 255)}, {"class_names": ["a", "b"]}], ids=lambda given: next(iter(given))
)
def test_what_is_for_arrays_is_refused_for_files_and_not_dropped(folder, options):
    with pytest.raises(InputError, match="for arrays"):
        open_dataset(folder, **options)
    with pytest.raises(InputError, match="for arrays"):
        open_dataset("fashion_mnist", **options)


def test_a_prepared_folder_is_a_data_set_too(folder, tmp_path):
    whole = open_dataset(str(folder), data_dir=tmp_path / "cache")
    (prepared,) = (tmp_path / "cache").iterdir()
    data = open_dataset(prepared)
    assert data.counts == whole.counts
    assert data.ids("test", 0, 3) == whole.ids("test", 0, 3)
    assert data.digest() == open_dataset(prepared).digest() != whole.digest()


@pytest.mark.parametrize(
    "options",
    [{"value_range": (0, 15)}, {"class_names": ["a", "b"]}, {"image_size": (9, 8)}],
    ids=lambda given: next(iter(given)),
)
def test_what_is_done_already_is_refused_for_a_folder_of_arrays_and_not_dropped(tmp_path, options):
    open_dataset((noise(30, 8, 8), np.arange(30) % 2)).keep(tmp_path / "kept")
    assert open_dataset(tmp_path / "kept", image_size=8).image_shape == (8, 8, 1)
    with pytest.raises(InputError, match=r"the arrays in .*kept are .*; leave it out") as error:
        open_dataset(tmp_path / "kept", **options)
    assert "\n" not in str(error.value)


def test_too_few_images_to_split_are_refused(tmp_path):
    folder = write_folder(tmp_path, np.zeros((5, 8, 8, 1), np.uint8), np.arange(5) % 2)
    with pytest.raises(InputError, match="too few images for a validation split"):
        open_dataset(str(folder))


# Once


def test_images_are_decoded_once_and_again_only_when_a_file_changes(folder, monkeypatch, capfd):
    decoded = []
    original = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: decoded.append(self) or original(self))
    first = everything(open_dataset(str(folder)))
    assert decoded
    assert "Preparing 30 images" in capfd.readouterr().err
    decoded.clear()
    np.testing.assert_array_equal(everything(open_dataset(str(folder))), first)
    assert not decoded
    Image.new("L", (8, 8), 255).save(folder / "class 0" / "0000.png")
    os.utime(folder / "class 0" / "0000.png", (0, 0))
    assert not np.array_equal(everything(open_dataset(str(folder))), first)
    assert decoded


def test_where_no_image_of_a_split_is_intact_the_folder_is_named_that_the_user_gave(folder):
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        part = folder / ("test" if number % 3 == 0 else "train") / path.parent.name
        part.mkdir(parents=True, exist_ok=True)
        path.rename(part / path.name)
        if number % 3 == 0:
            truncated_png(part / path.name)
    for emptied in folder.glob("class*"):
        shutil.rmtree(emptied)
    with pytest.raises(InputError, match=rf"^{folder}: no image of the test split is intact"):
        open_dataset(str(folder))


def test_a_preparation_without_room_is_refused_and_leaves_nothing(folder, cache, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(InputError, match="are needed: make room there"):
        open_dataset(str(folder), image_size=32)
    assert not list((cache / "images").glob(".pictures*"))


def test_what_a_killed_preparation_left_is_cleared_away(folder, cache):
    shutil.rmtree(cache / "images", ignore_errors=True)
    open_dataset(str(folder))
    (made,) = (cache / "images").glob("pictures-*")
    for name, age in (("old", 90_000), ("new", 0)):
        leftover = made.with_name(f".{made.name}-{name}")
        leftover.mkdir()
        os.utime(leftover, (time.time() - age,) * 2)
    shutil.rmtree(made)
    open_dataset(str(folder))
    assert [path.name for path in (cache / "images").glob(".pictures-*")] == [f".{made.name}-new"]
    shutil.rmtree(cache / "images")


# Tables


def write_table(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_table_of_paths_has_labels_and_splits(folder):
    paths = sorted(folder.rglob("*.png"))
    splits = itertools.cycle(("train", "train", "val", "test"))
    rows = [(str(path.relative_to(folder)), path.parent.name, next(splits)) for path in paths]
    data = open_dataset(str(write_table(folder / "list.csv", [("path", "label", "split"), *rows])))
    assert data.class_names == ("class 0", "class 1")
    assert data.counts == {"train": 16, "validation": 7, "test": 7}
    assert distinct(everything(data)) == {np.asarray(Image.open(path)).tobytes() for path in paths}


def test_a_table_needs_no_labels(folder):
    rows = [(str(path),) for path in sorted(folder.rglob("*.png"))]
    data = open_dataset(str(write_table(folder / "list.csv", [("Image",), *rows])))
    assert not data.has_classes
    assert sum(data.counts.values()) == 30


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "no column 'path'"),
        ([("name", "label"), ("a.png", "1")], r"no column 'path' \(its columns: name, label\)"),
        ([("path",)], "names no images"),
        ([("path", "label"), ("", "1")], "line 2: there is no path"),
        ([("path", "label"), ("a.png", "1"), ("b.png", " ")], "1 of 2 images have no label: label them all"),
        ([("path", "split"), ("a.png", "tset")], "line 2: the split 'tset' is none of"),
        ([("path", "label"), ("a.png", "1", ""), ("a.png", "1", "2")], r"list\.csv, line 3: it has more fields"),
        ([("path",), ("nowhere.png",)], r"none of its 1 files is an intact image; .*nowhere\.png is not there"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_line(tmp_path, rows, problem):
    with pytest.raises(InputError, match=problem) as error:
        open_dataset(str(write_table(tmp_path / "list.csv", rows)))
    assert "\n" not in str(error.value)


def test_a_table_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe.png\n")
    with pytest.raises(InputError, match=r"list\.csv cannot be read as a CSV file in UTF-8"):
        open_dataset(str(tmp_path / "list.csv"))
