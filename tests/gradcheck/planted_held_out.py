"""The held-out set: written without sight of the checks and the hypotheses, and never used to tune them."""

from tests.gradcheck import planted
from tests.gradcheck.planted_families.case import told_apart
from tests.gradcheck.planted_families.unseen_algebra import UNSEEN_ALGEBRA
from tests.gradcheck.planted_families.unseen_attention import UNSEEN_ATTENTION
from tests.gradcheck.planted_families.unseen_blocks import UNSEEN_BLOCKS
from tests.gradcheck.planted_families.unseen_convolutions import UNSEEN_CONVOLUTIONS
from tests.gradcheck.planted_families.unseen_dense import UNSEEN_DENSE
from tests.gradcheck.planted_families.unseen_losses import UNSEEN_LOSSES
from tests.gradcheck.planted_families.unseen_nets import UNSEEN_NETS
from tests.gradcheck.planted_families.unseen_norms import UNSEEN_NORMS
from tests.gradcheck.planted_families.unseen_pools import UNSEEN_POOLS
from tests.gradcheck.planted_families.unseen_recurrent import UNSEEN_RECURRENT
from tests.gradcheck.planted_families.unseen_right_dense import UNSEEN_RIGHT_DENSE
from tests.gradcheck.planted_families.unseen_right_images import UNSEEN_RIGHT_IMAGES
from tests.gradcheck.planted_families.unseen_right_sequences import UNSEEN_RIGHT_SEQUENCES
from tests.gradcheck.planted_families.unseen_sequences import UNSEEN_SEQUENCES

CORRECT = told_apart(
    [*UNSEEN_RIGHT_DENSE, *UNSEEN_RIGHT_IMAGES, *UNSEEN_RIGHT_SEQUENCES], planted.CORRECT, planted.WRONG
)

WRONG = told_apart(
    [*UNSEEN_DENSE, *UNSEEN_LOSSES, *UNSEEN_ALGEBRA, *UNSEEN_CONVOLUTIONS, *UNSEEN_POOLS, *UNSEEN_NORMS,
     *UNSEEN_BLOCKS, *UNSEEN_RECURRENT, *UNSEEN_ATTENTION, *UNSEEN_SEQUENCES, *UNSEEN_NETS],
    planted.CORRECT, planted.WRONG, CORRECT,
)  # fmt: skip

__all__ = ["CORRECT", "WRONG"]
