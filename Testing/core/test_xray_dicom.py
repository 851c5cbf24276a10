"""DICOM X-rays: one picture is one line-integral image, however it is encoded."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, RLELossless
from xray_files import ENHANCED_XA, GEOMETRY, enhanced_groups, intensities, write_xray

from xvrcore.dicom_tags import Tags
from xvrcore.xray import RISES_WITH_ATTENUATION, RISES_WITH_INTENSITY
from xvrcore.xray_io import XrayOptions, dicom_pixels, read_radiograph


def first(path, **options):
    return read_radiograph(path, XrayOptions(**options)).readings[0]


@pytest.fixture
def plain(tmp_path):
    """The picture as plain LIN, the reference."""
    return first(write_xray(tmp_path / "plain.dcm", intensities(), bits=12))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLosslessSV1])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_lossless_encodings_and_photometric_interpretations_give_one_image(tmp_path, plain, syntax, photometric):
    path = write_xray(tmp_path / "x.dcm", intensities(), syntax, PhotometricInterpretation=photometric)
    np.testing.assert_array_equal(first(path).image, plain.image)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("slope", "intercept"), [(None, None), (2, -30)])
def test_simpleitk_gives_the_stored_values_that_pydicom_gives(tmp_path, photometric, slope, intercept):
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, PhotometricInterpretation=photometric,
                      RescaleSlope=slope, RescaleIntercept=intercept)
    tags = Tags(pydicom.dcmread(path), 0, path)
    form = dicom_pixels.pixel_format(tags)
    by_pydicom = next(dicom_pixels.stored_frames(tags, form, range(1)))
    by_simpleitk = dicom_pixels.frames_by_simpleitk(tags, form, range(1), ValueError())[0]
    np.testing.assert_array_equal(by_pydicom, intensities())
    np.testing.assert_array_equal(by_simpleitk, intensities())


def test_lossy_jpeg_differs_by_its_rounding_only(tmp_path):
    exact = first(write_xray(tmp_path / "a.dcm", intensities(top=250).astype(np.uint8), bits=8))
    lossy = first(write_xray(tmp_path / "b.dcm", intensities(top=250).astype(np.uint8), JPEGBaseline8Bit, bits=8))
    assert np.abs(exact.image - lossy.image)[exact.mask].mean() < 0.05


def test_linear_values_become_line_integrals(tmp_path):
    reading = first(write_xray(tmp_path / "x.dcm", intensities(), bits=12))
    line = -np.log(intensities().astype(float))
    inside = reading.mask & (reading.image > reading.image[reading.mask].min()) \
        & (reading.image < reading.image[reading.mask].max())
    assert np.ptp((reading.image - line)[inside]) < 1e-5


@pytest.mark.parametrize("sign", [1, -1])
def test_logarithms_of_either_sense_are_the_same_line_integral(tmp_path, sign):
    log = np.rint(500 * np.log(intensities().astype(float))).astype(np.uint16)
    stored = log if sign > 0 else 4095 - log
    path = write_xray(tmp_path / "x.dcm", stored, bits=12, PixelIntensityRelationship="LOG",
                      PixelIntensityRelationshipSign=sign)
    reading = first(path)
    assert reading.polarity == sign
    scaled = -log.astype(float)
    inside = np.abs(reading.image - np.median(reading.image)) < 0.45 * np.ptp(reading.image)
    assert np.ptp((reading.image - scaled)[inside]) < 1e-3


def test_linear_values_that_fall_with_intensity_follow_their_sign(tmp_path, plain):
    path = write_xray(tmp_path / "x.dcm", 4095 - intensities(), bits=12, PixelIntensityRelationshipSign=-1)
    reading = first(path)
    assert reading.polarity == RISES_WITH_ATTENUATION
    np.testing.assert_allclose(reading.image, plain.image, atol=1e-5)


def test_falling_rescale_slope_turns_the_claimed_sense(tmp_path, plain):
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, RescaleSlope=-1, RescaleIntercept=4095)
    reading = first(path)
    assert reading.polarity == RISES_WITH_ATTENUATION
    np.testing.assert_allclose(reading.image, plain.image, atol=1e-5)


@pytest.mark.parametrize("word", ["LOG", "DISP", "DRM", "", None])
def test_without_evidence_both_polarities_are_readings(tmp_path, word):
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, PixelIntensityRelationship=word)
    radiograph = read_radiograph(path)
    assert {r.polarity for r in radiograph.readings} == {RISES_WITH_INTENSITY, RISES_WITH_ATTENUATION}
    assert radiograph.origins["polarity"].source == "assumed"
    up, down = (r.image for r in radiograph.readings)
    np.testing.assert_allclose(up, -down)


def test_stated_polarity_is_the_only_one(tmp_path):
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, PixelIntensityRelationship="DISP")
    radiograph = read_radiograph(path, XrayOptions(polarity=RISES_WITH_ATTENUATION))
    assert [r.polarity for r in radiograph.readings] == [RISES_WITH_ATTENUATION]
    assert radiograph.origins["polarity"].source == "user"


def test_display_window_is_never_applied(tmp_path, plain):
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, WindowCenter=700, WindowWidth=50)
    np.testing.assert_array_equal(first(path).image, plain.image)


def test_signed_values_below_zero_keep_the_picture(tmp_path, plain):
    stored = intensities().astype(np.int16) - 500
    path = write_xray(tmp_path / "x.dcm", stored, bits=16, RescaleSlope=1, RescaleIntercept=500)
    np.testing.assert_allclose(first(path).image, plain.image, atol=1e-5)


def test_bits_outside_the_stored_ones_are_not_picture(tmp_path, plain):
    overlaid = intensities() | 0x8000
    path = write_xray(tmp_path / "x.dcm", overlaid, bits=16, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(first(path).image, plain.image)
    shifted = (intensities() << 4) | 0x0003
    path = write_xray(tmp_path / "y.dcm", shifted, bits=16, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(first(path).image, plain.image)


def test_modality_lut_leads_a_logarithm_back_to_intensity(tmp_path, plain):
    stored = np.rint(480 * np.log(np.maximum(intensities(), 1.0))).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 16]
    item.ModalityLUTType = "US"
    item.LUTData = np.rint(np.exp(np.arange(4096) / 480)).clip(0, 65535).astype("<u2").tobytes()
    path = write_xray(tmp_path / "x.dcm", stored, bits=12, PixelIntensityRelationship="LOG",
                      ModalityLUTSequence=Sequence([item]))
    radiograph = read_radiograph(path)
    assert radiograph.origins["encoding"].value == "LIN"
    assert len(radiograph.readings) == 1
    assert np.abs(radiograph.readings[0].image - plain.image)[plain.mask].max() < 0.01


def test_a_modality_lut_that_begins_flat_keeps_the_claimed_sense(tmp_path):
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [4096, 40, 16], "US"
    item.LUTData = np.clip(np.arange(4096) - 100, 0, None).astype("<u2").tobytes()
    path = write_xray(tmp_path / "x.dcm", intensities(), bits=12, PixelIntensityRelationshipSign=1,
                      ModalityLUTSequence=Sequence([item]))
    radiograph = read_radiograph(path)
    assert [reading.polarity for reading in radiograph.readings] == [RISES_WITH_INTENSITY]


def test_frames_are_chosen_and_merged(tmp_path):
    frames = np.stack([intensities() // (n + 1) for n in range(4)])
    path = write_xray(tmp_path / "x.dcm", frames, bits=12)
    single = first(write_xray(tmp_path / "one.dcm", frames[2], bits=12))
    np.testing.assert_array_equal(read_radiograph(path, frame="2").readings[0].image, single.image)
    for frame, merged in (("mean", frames.mean(0)), ("max", frames.max(0)), ("min:1-2", frames[1:3].min(0)),
                          ("mean:1-3", frames[1:].mean(0))):
        reading = read_radiograph(path, frame=frame).readings[0]
        ratio = (merged / np.exp(-reading.image.astype(float)))[reading.mask]
        assert np.percentile(ratio, 95) / np.percentile(ratio, 5) < 1.001, frame


def test_colorless_rgb_is_read_as_gray(tmp_path, plain):
    gray = intensities(top=250).astype(np.uint8)
    rgb = np.repeat(gray[..., None], 3, axis=2)
    path = tmp_path / "x.dcm"
    write_xray(path, gray, bits=8)
    dataset = pydicom.dcmread(path)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.PixelData = rgb.tobytes()
    dataset.save_as(tmp_path / "rgb.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(first(tmp_path / "rgb.dcm").image, first(path).image)


def test_enhanced_objects_nest_their_tags_by_frame(tmp_path):
    frames = np.stack([intensities(), intensities() // 2])
    groups = enhanced_groups(
        {"FramePixelDataPropertiesSequence": {"ImagerPixelSpacing": [0.4, 0.3], "PixelIntensityRelationship": "LIN"},
         "XRayGeometrySequence": {"DistanceSourceToIsocenter": 750, "DistanceSourceToDetector": 1100}},
        [{"PositionerPositionSequence": {"PositionerPrimaryAngle": 20 + n, "PositionerSecondaryAngle": -3},
          "PatientOrientationInFrameSequence": {"PatientOrientation": ["L", "F"]}} for n in range(2)])
    absent = dict.fromkeys((*GEOMETRY, "PixelIntensityRelationship"))
    path = write_xray(tmp_path / "x.dcm", frames, bits=12, SOPClassUID=ENHANCED_XA, **absent, **groups)
    radiograph = read_radiograph(path, frame="1")
    reading = radiograph.readings[0]
    assert len(radiograph.readings) == 1
    assert reading.intrinsics.sdd_mm == 1100
    assert reading.intrinsics.spacing_mm == (0.4, 0.3)
    assert (reading.positioner.primary_deg, reading.positioner.secondary_deg) == (21, -3)
    assert reading.positioner.source_isocenter_mm == 750
    assert radiograph.origins["primary_deg"].source == "dicom"


def test_real_frame_of_a_long_run_is_read_alone(shared_data):
    path = shared_data / "dicom" / "xa_multiframe_96_jpeg.dcm"
    options = XrayOptions(sdd_mm=1000, pixel_spacing_mm=(0.3, 0.3))
    later = read_radiograph(path, options, "95")
    assert later.readings[0].image.shape == (512, 512)
    assert later.readings[0].positioner.primary_deg == -32
    assert np.abs(later.readings[0].image - read_radiograph(path, options).readings[0].image).mean() > 0.01


def masked_by(tmp_path, **tags):
    """What a header's shutters hide of a picture without edges of its own."""
    shape = (60, 80)
    stored = np.rint(2000 + 500 * np.sin(np.mgrid[:60, :80].sum(0) / 9)).astype(np.uint16)
    radiograph = read_radiograph(write_xray(tmp_path / "x.dcm", stored, bits=12, **tags))
    mask = radiograph.readings[0].mask
    assert mask.shape == shape
    return ~mask


def test_shutters_hide_what_lies_behind_them(tmp_path):
    v, u = np.mgrid[1:61, 1:81]
    shapes = {
        "RECTANGULAR": ({"ShutterLeftVerticalEdge": 11, "ShutterRightVerticalEdge": 60,
                         "ShutterUpperHorizontalEdge": 9, "ShutterLowerHorizontalEdge": 50},
                        (u < 11) | (u > 60) | (v < 9) | (v > 50)),
        "CIRCULAR": ({"CenterOfCircularShutter": [30, 40], "RadiusOfCircularShutter": 25},
                     np.hypot(v - 30, u - 40) > 25),
        "POLYGONAL": ({"VerticesOfThePolygonalShutter": [5, 40, 55, 75, 55, 5]},
                      (v > 55.5) | (np.abs(u - 40) > (v - 4) * 0.7 + 1)),
    }
    for shape, (tags, hidden) in shapes.items():
        found = masked_by(tmp_path, ShutterShape=shape, ImagerPixelSpacing=[5, 5], **tags)[2:-2, 2:-2]
        assert found[hidden[2:-2, 2:-2]].all(), shape
        assert (found & ~hidden[2:-2, 2:-2]).mean() < 0.05, shape


def test_bitmap_shutters_hide_their_set_pixels(tmp_path):
    hidden = np.zeros((60, 80), np.uint8)
    hidden[:, 50:] = 1
    overlay = {(0x6000, 0x0010): ("US", 60), (0x6000, 0x0011): ("US", 80), (0x6000, 0x0040): ("CS", "G"),
               (0x6000, 0x0050): ("SS", [1, 1]), (0x6000, 0x0100): ("US", 1), (0x6000, 0x0102): ("US", 0),
               (0x6000, 0x3000): ("OB", np.packbits(hidden.ravel(), bitorder="little").tobytes())}
    stored = np.rint(2000 + 500 * np.sin(np.mgrid[:60, :80].sum(0) / 9)).astype(np.uint16)
    path = write_xray(tmp_path / "x.dcm", stored, bits=12, ShutterShape="BITMAP", ShutterOverlayGroup=0x6000)
    dataset = pydicom.dcmread(path)
    for tag, (vr, value) in overlay.items():
        dataset.add_new(tag, vr, value)
    dataset.save_as(path)
    mask = read_radiograph(path).readings[0].mask
    assert not mask[:, 50:].any()
    assert mask[10:-10, 10:35].all()


@pytest.mark.parametrize("limit", [None, 300])
def test_padding_is_no_picture(tmp_path, plain, limit):
    values = intensities(shape=(200, 200)) + 400
    values[:, :60] = np.random.default_rng(1).integers(250, 300, (200, 60)) if limit else 250
    path = write_xray(tmp_path / "x.dcm", values, PixelPaddingValue=250, PixelPaddingRangeLimit=limit,
                      RescaleSlope=-2, RescaleIntercept=9000)
    for reading in read_radiograph(path).readings:
        assert not reading.mask[:, :60].any()
        assert reading.mask[20:-20, 80:-20].all()
