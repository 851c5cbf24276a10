"""A picture of what a network will be taught: views drawn from its range, as it will see them."""

from xvrcore.files import write_whole
from xvrcore.networks.preview import ACROSS, DOWN, contact_sheet
from xvrcore.training.examples import Examples

ZOOM = 3


def write_views(path, examples: Examples, seed: int) -> None:
    """18 examples side by side as PNG, bone bright.

    :raises InputError: the place cannot be written to, or is full.
    """
    images = examples.draw(ACROSS * DOWN, (seed, 2)).inputs[:, 0].cpu().numpy()
    write_whole(path, contact_sheet(images, ZOOM))
