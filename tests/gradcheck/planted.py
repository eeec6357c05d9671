"""The open set of planted pairs, on which the checks are tuned: correct ones and ones with a known mistake."""

from tests.gradcheck.planted_families.activations import ACTIVATIONS
from tests.gradcheck.planted_families.algebra import ALGEBRA
from tests.gradcheck.planted_families.case import KINDS, Planted, told_apart
from tests.gradcheck.planted_families.dense import DENSE
from tests.gradcheck.planted_families.further_dense import FURTHER_DENSE
from tests.gradcheck.planted_families.further_hard_points import FURTHER_HARD_POINTS
from tests.gradcheck.planted_families.further_images import FURTHER_IMAGES
from tests.gradcheck.planted_families.further_layers import FURTHER_LAYERS
from tests.gradcheck.planted_families.further_losses import FURTHER_LOSSES
from tests.gradcheck.planted_families.further_more import FURTHER_MORE
from tests.gradcheck.planted_families.further_more_layers import FURTHER_MORE_LAYERS
from tests.gradcheck.planted_families.further_more_right import FURTHER_MORE_RIGHT
from tests.gradcheck.planted_families.further_sequences import FURTHER_SEQUENCES
from tests.gradcheck.planted_families.hard_points import HARD_POINTS
from tests.gradcheck.planted_families.images import IMAGES
from tests.gradcheck.planted_families.late_activations import LATE_ACTIVATIONS
from tests.gradcheck.planted_families.late_algebra import LATE_ALGEBRA
from tests.gradcheck.planted_families.late_attention import LATE_ATTENTION
from tests.gradcheck.planted_families.late_convolutions import LATE_CONVOLUTIONS
from tests.gradcheck.planted_families.late_dense import LATE_DENSE
from tests.gradcheck.planted_families.late_faint import LATE_FAINT
from tests.gradcheck.planted_families.late_losses import LATE_LOSSES
from tests.gradcheck.planted_families.late_narrow import LATE_NARROW
from tests.gradcheck.planted_families.late_norms import LATE_NORMS
from tests.gradcheck.planted_families.late_pools import LATE_POOLS
from tests.gradcheck.planted_families.late_recurrent import LATE_RECURRENT
from tests.gradcheck.planted_families.late_right_dense import LATE_RIGHT_DENSE
from tests.gradcheck.planted_families.late_right_images import LATE_RIGHT_IMAGES
from tests.gradcheck.planted_families.late_right_sequences import LATE_RIGHT_SEQUENCES
from tests.gradcheck.planted_families.late_right_sure import LATE_RIGHT_SURE
from tests.gradcheck.planted_families.late_right_tiny import LATE_RIGHT_TINY
from tests.gradcheck.planted_families.late_sequences import LATE_SEQUENCES
from tests.gradcheck.planted_families.late_sequences_more import LATE_SEQUENCES_MORE
from tests.gradcheck.planted_families.losses import LOSSES
from tests.gradcheck.planted_families.more_attention import MORE_ATTENTION
from tests.gradcheck.planted_families.more_dense import MORE_DENSE
from tests.gradcheck.planted_families.more_images import MORE_IMAGES
from tests.gradcheck.planted_families.more_norms import MORE_NORMS
from tests.gradcheck.planted_families.more_right import MORE_RIGHT
from tests.gradcheck.planted_families.more_sequences import MORE_SEQUENCES
from tests.gradcheck.planted_families.normalization import NORMS
from tests.gradcheck.planted_families.sequences import SEQUENCES
from tests.gradcheck.planted_families.wrong_activations import ACTIVATION_BUGS
from tests.gradcheck.planted_families.wrong_affine import AFFINE_BUGS
from tests.gradcheck.planted_families.wrong_algebra import ALGEBRA_BUGS
from tests.gradcheck.planted_families.wrong_images import IMAGE_BUGS
from tests.gradcheck.planted_families.wrong_losses import LOSS_BUGS
from tests.gradcheck.planted_families.wrong_normalization import NORM_BUGS
from tests.gradcheck.planted_families.wrong_sequences import SEQUENCE_BUGS

CORRECT = told_apart(
    [*DENSE, *ACTIVATIONS, *ALGEBRA, *IMAGES, *NORMS, *SEQUENCES, *LOSSES, *HARD_POINTS, *MORE_RIGHT,
     *FURTHER_LAYERS, *FURTHER_HARD_POINTS, *FURTHER_MORE_RIGHT,
     *LATE_RIGHT_TINY, *LATE_RIGHT_DENSE, *LATE_RIGHT_IMAGES, *LATE_RIGHT_SEQUENCES,
     *LATE_RIGHT_SURE],
)  # fmt: skip

WRONG = told_apart(
    [*AFFINE_BUGS, *ACTIVATION_BUGS, *ALGEBRA_BUGS, *IMAGE_BUGS, *NORM_BUGS, *SEQUENCE_BUGS, *LOSS_BUGS,
     *MORE_DENSE, *MORE_IMAGES, *MORE_NORMS, *MORE_SEQUENCES, *MORE_ATTENTION,
     *FURTHER_DENSE, *FURTHER_IMAGES, *FURTHER_SEQUENCES, *FURTHER_LOSSES, *FURTHER_MORE, *FURTHER_MORE_LAYERS,
     *LATE_NARROW, *LATE_ACTIVATIONS, *LATE_ALGEBRA, *LATE_ATTENTION, *LATE_CONVOLUTIONS, *LATE_DENSE, *LATE_FAINT,
     *LATE_LOSSES, *LATE_NORMS, *LATE_POOLS, *LATE_RECURRENT, *LATE_SEQUENCES, *LATE_SEQUENCES_MORE],
    CORRECT,
)  # fmt: skip

__all__ = ["CORRECT", "KINDS", "WRONG", "Planted"]
