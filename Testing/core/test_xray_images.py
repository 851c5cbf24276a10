"""X-rays in common image formats, with geometry by options or by a sidecar."""

import hashlib
import json

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from xray_files import intensities, write_xray

from xvrcore.xray_io import XrayOptions, read_radiograph

SIDECAR = {"sdd_mm": 1000, "pixel_spacing_mm": [0.5, 0.25], "source_isocenter_mm": 700, "primary_deg": 10,
           "secondary_deg": -5, "patient_orientation": ["L", "F"], "encoding": "LIN"}


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.nrrd", "x.nii.gz", "x.nii", "x.mha"])
def test_formats_with_a_sidecar_give_what_dicom_gives(tmp_path, name):
    if name.endswith(("png", "tif")):
        Image.fromarray(intensities()).save(tmp_path / name)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(intensities()), str(tmp_path / name))
    (tmp_path / "x.json").write_text(json.dumps(SIDECAR))
    radiograph = read_radiograph(tmp_path / name)
    reference = read_radiograph(write_xray(tmp_path / "reference.dcm", intensities()))
    reading, expected = radiograph.readings[0], reference.readings[0]
    np.testing.assert_array_equal(reading.image, expected.image)
    np.testing.assert_array_equal(reading.mask, expected.mask)
    assert (reading.intrinsics, reading.positioner, reading.polarity) \
        == (expected.intrinsics, expected.positioner, expected.polarity)
    assert len(radiograph.readings) == 1
    assert radiograph.origins["sdd_mm"].source == "sidecar"
    assert radiograph.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_options_outrank_the_sidecar_and_one_spacing_serves_both_axes(tmp_path):
    Image.fromarray(intensities()).save(tmp_path / "x.png")
    (tmp_path / "x.json").write_text(json.dumps({"sdd_mm": 900, "pixel_spacing_mm": 0.3}))
    intrinsics = read_radiograph(tmp_path / "x.png", XrayOptions(sdd_mm=1100)).readings[0].intrinsics
    assert (intrinsics.sdd_mm, intrinsics.spacing_mm) == (1100, (0.3, 0.3))


def test_spacing_of_medical_headers_is_taken_and_that_of_paper_is_not(tmp_path):
    image = sitk.GetImageFromArray(intensities())
    image.SetSpacing((0.25, 0.5))
    sitk.WriteImage(image, str(tmp_path / "x.mha"))
    radiograph = read_radiograph(tmp_path / "x.mha", XrayOptions(sdd_mm=1000))
    assert radiograph.readings[0].intrinsics.spacing_mm == (0.5, 0.25)
    assert radiograph.origins["pixel_spacing_mm"].source == "derived"
    Image.fromarray(intensities()).save(tmp_path / "x.png", dpi=(100, 100))
    with pytest.raises(ValueError, match="--pixel-spacing-mm"):
        read_radiograph(tmp_path / "x.png", XrayOptions(sdd_mm=1000))


def test_gray_stored_as_color_and_with_alpha(tmp_path):
    gray = intensities(top=250).astype(np.uint8)
    options = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.5, 0.25))
    Image.fromarray(gray).save(tmp_path / "gray.png")
    expected = read_radiograph(tmp_path / "gray.png", options).readings[0].image
    Image.fromarray(gray).convert("RGB").save(tmp_path / "rgb.png")
    Image.fromarray(gray).convert("RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(gray).convert("LA").save(tmp_path / "la.png")
    for name in ("rgb.png", "rgba.png", "la.png"):
        np.testing.assert_array_equal(read_radiograph(tmp_path / name, options).readings[0].image, expected)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
def test_pages_of_a_tiff_are_frames(tmp_path, depth):
    pages = [intensities(top=top).astype(depth) for top in (120, 200, 250)]
    first, *others = map(Image.fromarray, pages)
    first.save(tmp_path / "x.tif", save_all=True, append_images=others)
    options = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.5, 0.25))
    for frame, expected in (("0", pages[0]), ("2", pages[2]), ("mean:1-2", (pages[1] + pages[2].astype(float)) / 2)):
        Image.fromarray(np.asarray(expected, np.float32)).save(tmp_path / "one.tif")
        np.testing.assert_array_equal(read_radiograph(tmp_path / "x.tif", options, frame).readings[0].image,
                                      read_radiograph(tmp_path / "one.tif", options).readings[0].image)


def test_one_slice_volumes_are_pictures(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(intensities()[None]), str(tmp_path / "x.nrrd"))
    radiograph = read_radiograph(tmp_path / "x.nrrd", XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.5, 0.25)))
    assert radiograph.readings[0].image.shape == intensities().shape
