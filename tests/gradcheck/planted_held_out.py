"""The held-out set of planted pairs: written without sight of the hypotheses, never used to tune them."""

from tests.gradcheck.planted_families.held_out_dense import HELD_OUT_DENSE
from tests.gradcheck.planted_families.held_out_hard_points import HELD_OUT_HARD_POINTS
from tests.gradcheck.planted_families.held_out_images import HELD_OUT_IMAGES
from tests.gradcheck.planted_families.held_out_layers import HELD_OUT_LAYERS
from tests.gradcheck.planted_families.held_out_losses import HELD_OUT_LOSSES
from tests.gradcheck.planted_families.held_out_more import HELD_OUT_MORE
from tests.gradcheck.planted_families.held_out_more_layers import HELD_OUT_MORE_LAYERS
from tests.gradcheck.planted_families.held_out_more_right import HELD_OUT_MORE_RIGHT
from tests.gradcheck.planted_families.held_out_sequences import HELD_OUT_SEQUENCES

CORRECT = [*HELD_OUT_LAYERS, *HELD_OUT_HARD_POINTS, *HELD_OUT_MORE_RIGHT]

WRONG = [*HELD_OUT_DENSE, *HELD_OUT_IMAGES, *HELD_OUT_SEQUENCES, *HELD_OUT_LOSSES, *HELD_OUT_MORE,
         *HELD_OUT_MORE_LAYERS]  # fmt: skip

__all__ = ["CORRECT", "WRONG"]
