"""How hard a registration tries: a quick search first, then slower ones that see through what misled it.

Wide windows on small images forgive a distant start, but scatter, metal or soft tissue that the CT shows
differently can outvote the bones in them. Narrow windows on larger images are harder to mislead and need
denser sampling. Each next attempt is made only if the result so far does not convince.
"""

from dataclasses import dataclass, replace

from xvrcore.initialize.regions import AROUND_DOUBTED_HEADER, AROUND_HEADER, SearchRange
from xvrcore.initialize.tournament import Round
from xvrcore.objective import Comparison
from xvrcore.refine.lm import LmStage


@dataclass(frozen=True)
class Attempt:
    """One search.

    ``header_range``: how far around the header's pose; ``samples``: orientations and depths drawn per region,
    compared at ``sampled_at``; ``descended``: how many of them, over all regions, enter the ``rounds``;
    ``bones``: render bones alone; ``all_views``: search around the standard views, whatever the header says.
    """

    name: str
    header_range: SearchRange
    samples: int
    sampled_at: Comparison
    descended: int
    rounds: tuple[Round, ...]
    bones: bool = False
    all_views: bool = False


RANK = Comparison(128, 7)
"""Where the finalists of every attempt are ranked."""
WIDE_WINDOWS = (
    Round("first descent", (LmStage(Comparison(32, 13), 8),), rank=Comparison(64, 15), survivors=24, per_start=2),
    Round("second descent", (LmStage(Comparison(48, 13), 8),), rank=Comparison(64, 15), survivors=6, margin=0.3),
    Round("third descent", (LmStage(Comparison(64, 15)), LmStage(Comparison(64, 9))),
          rank=RANK, survivors=6, margin=0.2),
    Round("refinement", (LmStage(Comparison(128, 11)),), rank=RANK, survivors=6),
)
NARROW_WINDOWS = (
    Round("first descent", (LmStage(Comparison(48, 11), 8),), rank=Comparison(64, 9), survivors=32, per_start=2),
    Round("second descent", (LmStage(Comparison(64, 9), 8),), rank=Comparison(128, 11), survivors=8, margin=0.3),
    Round("third descent", (LmStage(Comparison(64, 9)),), rank=RANK, survivors=6, margin=0.2),
    Round("refinement", (LmStage(Comparison(128, 11)),), rank=RANK, survivors=6),
)
LAST_ROUND = Round("fine refinement", (LmStage(RANK, 6), LmStage(Comparison(256, 5), 12, 1e-4)),
                   rank=Comparison(256, 11), survivors=1)
"""Small windows at the end: what moves the optimum along the beam, scatter and soft tissue, is smooth."""

ATTEMPTS = (
    Attempt("search", AROUND_HEADER, 256, Comparison(32, 11), 96, WIDE_WINDOWS),
    Attempt("finer search", AROUND_HEADER, 512, Comparison(48, 11), 192, NARROW_WINDOWS),
    Attempt("search by bones", AROUND_HEADER, 512, Comparison(48, 11), 192, NARROW_WINDOWS, bones=True),
    Attempt("search of all views", AROUND_HEADER, 256, Comparison(32, 11), 96, WIDE_WINDOWS, all_views=True),
    Attempt("wider search", AROUND_DOUBTED_HEADER, 2048, Comparison(48, 11), 256, NARROW_WINDOWS),
    Attempt("wider search by bones", AROUND_DOUBTED_HEADER, 2048, Comparison(48, 11), 256, NARROW_WINDOWS, bones=True),
)
HANDED_IN = replace(ATTEMPTS[0], name="refining the poses handed in", samples=0)
"""Poses from elsewhere are refined from where they are; if that does not convince, the attempts search around them."""
