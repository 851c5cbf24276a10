"""Laws of files that pretend to be networks: torn, foreign, senseless or hostile, each is refused in one line that
names it, and nothing in it is executed."""

import contextlib
import copy
import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
from checkpoint_files import Hostile, small_checkpoint, xvr_file, xvr_weights
from fixed_network import DESIGN

from xvrcore.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from xvrcore.errors import InputError
from xvrcore.networks.regressor import PoseNetwork

SENSELESS = (None, -1, 0, 1e30, float("nan"), "x", "\0", [], {}, 10**12, [1, 2], [[1]])


def refused(path, said: str | None = None) -> None:
    with pytest.raises(InputError, match=said) as error:
        read_checkpoint(path)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def weights() -> dict:
    return xvr_weights()


@pytest.fixture
def written(tmp_path):
    """A whole network of ours."""
    path = tmp_path / "net.safetensors"
    write_checkpoint(path, small_checkpoint())
    return path


def test_a_truncated_network_is_refused_at_every_seam(written, rng):
    """Within the header's length, at the header's ends, and at both ends of every tensor."""
    whole = written.read_bytes()
    data = 8 + struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:data])
    seams = {data, *(data + end for name, one in header.items() if name != "__metadata__" for end in
                     one["data_offsets"])}
    lengths = {*range(9), 9, data - 1, *seams, *(seam + 1 for seam in seams), *rng.integers(9, len(whole), 5).tolist()}
    for length in sorted(lengths - {len(whole), len(whole) + 1}):
        written.write_bytes(whole[:length])
        refused(written, "not a whole")
    written.write_bytes(whole + b"\0")
    refused(written, "not a whole")


@pytest.mark.parametrize("header", [
    b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}',
    b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', b'{"a":', b"[]", b"\xff" * 20])
def test_a_header_that_lies_about_its_tensors_is_refused(tmp_path, header):
    path = tmp_path / "liar.safetensors"
    for length in (len(header), 2**63, 2**64 - 1):
        path.write_bytes(struct.pack("<Q", length) + header + bytes(8))
        refused(path, "not a whole")


def places_in(content, place=()):
    yield place
    if isinstance(content, dict):
        for name in content:
            yield from places_in(content[name], (*place, name))
    elif isinstance(content, list) and content:
        yield from places_in(content[0], (*place, 0))


def put(content, place, value):
    changed = holder = copy.deepcopy({"": content})
    for name in ("", *place)[:-1]:
        holder = holder[name]
    holder[("", *place)[-1]] = value
    return changed[""]


def test_a_description_with_a_senseless_value_is_refused_or_harmless(written, rng):
    weights = read_checkpoint(written).weights
    with safetensors.safe_open(written, "pt") as file:
        content = json.loads(file.metadata()["xvrcore"])
    places = list(places_in(content))
    for number in rng.permutation(len(places))[:30]:
        changed = put(content, places[number], SENSELESS[rng.integers(len(SENSELESS))])
        written.write_bytes(safetensors.torch.save(weights, {"xvrcore": json.dumps(changed)}))
        with contextlib.suppress(InputError):
            found = read_checkpoint(written)
            assert np.isfinite(found.frame.relative.decoded(np.eye(3)[None], np.zeros((1, 3)))).all()
            assert found.intrinsics.rows == found.intrinsics.cols == found.design.size


@pytest.mark.parametrize("place", ["model_name", "height", "delx", "sdd", "orientation", "parameterization",
                                   "unit_conversion_factor"])
def test_a_checkpoint_of_xvr_with_a_senseless_value_is_refused(weights, tmp_path, place):
    for value in (float("nan"), -1, "x", [], {}):
        refused(xvr_file(tmp_path / "xvr.pth", weights, config={place: value}))


WRONG_WEIGHTS = {
    "not finite": lambda tensor: tensor * float("nan"), "complex": lambda tensor: tensor.to(torch.complex64),
    "whole numbers": lambda tensor: tensor.int(), "sparse": lambda tensor: tensor.to_sparse(),
    "nowhere": lambda tensor: tensor.to("meta"), "a list": lambda tensor: tensor.flatten()[:3].tolist()}


@pytest.mark.parametrize("change", WRONG_WEIGHTS.values(), ids=WRONG_WEIGHTS)
def test_weights_that_are_no_plain_finite_tensors_are_refused(weights, tmp_path, change):
    name = "backbone.bn1.weight"
    refused(xvr_file(tmp_path / "xvr.pth", {**weights, name: change(weights[name])}), "does not fit")


def test_weights_of_ours_that_are_not_finite_are_refused(written):
    ours = read_checkpoint(written)
    broken = {name: tensor / 0 for name, tensor in ours.weights.items()}
    write_checkpoint(written, Checkpoint(ours.design, ours.intrinsics, ours.frame, broken))
    refused(written, "finite")


@pytest.mark.parametrize("content", [None, 3, "x", [1], {1: torch.zeros(1), "a": 2}, {}])
def test_what_stands_where_weights_should_be_is_refused(tmp_path, weights, content):
    refused(xvr_file(tmp_path / "xvr.pth", content))


def foreign_files(folder):
    """Files of other libraries under a checkpoint's name."""
    network = PoseNetwork(DESIGN)
    yield "state dict", lambda path: torch.save(network.state_dict(), path)
    yield "whole module", lambda path: torch.save(network, path)
    yield "TorchScript", lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    yield "another trainer's", lambda path: torch.save({"state_dict": network.state_dict(), "epoch": 3}, path)
    yield "NumPy archive", lambda path: np.savez(path.open("wb"), weights=np.zeros(3))
    yield "zip", lambda path: zipfile.ZipFile(path, "w").close()
    yield "pickled dictionary", lambda path: path.write_bytes(pickle.dumps({"model_state_dict": {}, "config": 3}))


@pytest.mark.parametrize("content", [b"", b"torn", b"\x80\x02}q\x00.", os.urandom(4096),
                                     b"PK\x03\x04" + os.urandom(500)])
@pytest.mark.parametrize("name", ["foreign.safetensors", "foreign.pth"])
def test_noise_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path)


def test_tensors_of_another_program_and_missing_files_are_refused(tmp_path):
    from safetensors.torch import save_file
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no pose network"):
        read_checkpoint(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="does not exist"):
        read_checkpoint(tmp_path / "gone.safetensors")


@pytest.mark.filterwarnings("ignore")
def test_files_of_other_libraries_are_refused(tmp_path):
    for name, write in foreign_files(tmp_path):
        path = tmp_path / f"{name}.pth"
        write(path)
        refused(path)


def hostile_opcodes(mark) -> dict[str, bytes]:
    """Pickles, written by hand, that call what they must not."""
    touch = f"X{struct.pack('<I', len(str(mark))).decode('latin1')}{mark}".encode("latin1") + b"\x85R."
    return {"os.mkdir": b"\x80\x02cos\nmkdir\n" + touch, "posix.mkdir": b"\x80\x02cposix\nmkdir\n" + touch,
            "eval": b"\x80\x02c__builtin__\neval\n" + touch, "torch.load": b"\x80\x02ctorch\nload\n" + touch,
            "a method of an allowed class": b"\x80\x02cdatetime\ndatetime.fromisoformat\n" + touch,
            "an allowed class misused": b"\x80\x02cdatetime\ndatetime\n" + touch,
            "built": b"\x80\x02cos\nmkdir\n(" + touch[:-3] + b"o.",
            "nested beyond any stack": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
            "nothing": b"", "an empty stack": b"\x80\x02.", "a missing memo": b"\x80\x02h\x05."}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in an archive of torch"])
def test_no_pickle_executes_anything(tmp_path, wrapped):
    mark, model = tmp_path / "executed", tmp_path / "model.pth"
    torch.save({"a": 1}, model)
    with zipfile.ZipFile(model) as archive:
        files = {one.filename: archive.read(one) for one in archive.infolist()}
    for name, code in hostile_opcodes(mark).items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(code)
        if wrapped:
            with zipfile.ZipFile(path, "w") as archive:
                for member, content in files.items():
                    archive.writestr(member, code if member.endswith("data.pkl") else content)
        refused(path)
        assert not mark.exists(), name


@pytest.mark.parametrize("place", ["config", "date", "model_state_dict"])
def test_a_hostile_pickle_is_refused_and_executes_nothing(weights, tmp_path, place):
    mark = tmp_path / "executed"
    path = xvr_file(tmp_path / "evil.pth", weights)
    content = torch.load(path, weights_only=False)
    content[place] = Hostile(mark)
    torch.save(content, path)
    with pytest.raises(InputError, match="refused: reading it would execute code"):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_protocol_of_pickle_executes_anything(tmp_path, protocol):
    path, mark = tmp_path / "evil.pth", tmp_path / "executed"
    path.write_bytes(pickle.dumps({"model_state_dict": Hostile(mark), "config": {}}, protocol))
    refused(path)
    assert not mark.exists()
