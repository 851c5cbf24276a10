"""Laws of fitting a batch into memory: as large as asked for where there is room, else smaller, and never silently."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from training_scene import EXAMPLE, RANGE

from xvrcore.training.finetune import Task, make_trainer
from xvrcore.training.memory import USED_SHARE, Memory, fitting
from xvrcore.training.settings import TrainingSettings
from xvrcore.training.trainer import LEAST_BATCH

BASE, EACH = 500_000_000, 10_000_000


@dataclass(frozen=True)
class Imagined(Memory):
    """A device with so many bytes free, on which work takes ``EACH`` for every image; it tells what was rehearsed."""

    device: str = "imagined"
    available: int = 0
    rehearsed: list[int] = field(default_factory=list)

    def used(self) -> int:
        return BASE

    def free(self) -> int:
        return self.available

    def peak_of(self, work) -> int:
        work()
        return BASE + EACH * self.rehearsed[-1]

    def fits(self, wish: int) -> int:
        return fitting(self, self.rehearsed.append, wish, LEAST_BATCH)


def test_a_batch_is_as_large_as_memory_allows_and_no_larger_than_asked_for(rng):
    for room in rng.uniform(2 * LEAST_BATCH, 200, 50):
        found = Imagined(available=int(EACH * room / USED_SHARE)).fits(116)
        assert found <= 116
        assert found == 116 or found <= room < found + 1.001


def test_a_batch_never_shrinks_below_the_least_and_little_is_rehearsed(rng):
    for available in (0, EACH):
        memory = Imagined(available=available)
        assert memory.fits(116) == LEAST_BATCH
        assert max(memory.rehearsed) <= 2 * LEAST_BATCH
    assert Imagined(available=0).fits(2) == 2


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_rehearsal_that_does_not_fit_leaves_the_least_and_mistakes_of_ours_are_not_swallowed(error):
    def crowded(count):
        raise error

    assert fitting(Imagined(), crowded, 116, LEAST_BATCH) == LEAST_BATCH
    with pytest.raises(RuntimeError, match="shapes"):
        fitting(Imagined(), lambda count: (_ for _ in ()).throw(RuntimeError("shapes differ")), 116, LEAST_BATCH)


class Scarce(Memory):
    """The computer's memory, nearly all of it taken by others."""

    def free(self) -> int:
        return 0


@pytest.mark.parametrize("groups", [1, 2])
def test_a_rehearsal_leaves_no_trace_in_training_and_a_smaller_batch_is_said_and_saved(groups, patient, tmp_path):
    def trainer():
        return make_trainer(Task(patient, RANGE, EXAMPLE, TrainingSettings(iterations=4, batch=32, groups=groups)))

    roomy, plain, scarce = trainer(), trainer(), trainer()
    assert roomy.fit_into_memory(Memory("cpu")) == ""
    for one in (roomy, plain):
        one.step()
    assert roomy.batch == plain.batch == 32
    assert roomy.figures() == plain.figures()
    said = scarce.fit_into_memory(Scarce("cpu"))
    assert scarce.batch < 32
    assert scarce.batch % groups == 0
    assert f"{scarce.batch} images, not 32" in said
    scarce.step()
    scarce.save(tmp_path / "state.pt", {})
    resumed = trainer()
    resumed.load(tmp_path / "state.pt")
    assert resumed.batch == scarce.batch
    assert resumed.fit_into_memory(Memory("cpu")) == ""     # never larger again: the data order stays the same


def test_the_peak_of_a_piece_of_work_is_seen_though_it_is_given_back():
    big, here = 400 << 20, Memory("cpu")
    before = here.used()
    assert here.peak_of(lambda: np.ones(big, np.uint8).sum()) - before > 0.9 * big
    assert here.used() - before < 0.5 * big
