"""Hypotheses about what is wrong with a gradient: one small function for each, the simplest first."""

from nnscratch.gradcheck.hypotheses.accumulation import (
    neighbours_overwritten,
    one_slice_of_a_sum,
    one_slice_of_an_input,
    repeated_index,
)
from nnscratch.gradcheck.hypotheses.cache import another_cached_array, quotient_of_cached_arrays
from nnscratch.gradcheck.hypotheses.factors import (
    constant_factor,
    factor_along_axes,
    factor_in_some,
    factor_twice,
    opposite_sign,
    part_scaled,
    slope_off,
    zero_gradient,
)
from nnscratch.gradcheck.hypotheses.guesses import (
    a_term_turned_round,
    exchanged,
    misplaced,
    other_condition,
    other_numbers,
    other_winners,
    overwritten,
    part_of_the_whole,
    reaches_too_far,
    same_size,
    slope_left_out,
    steps_differ,
    term_of_the_other_sign,
    way_back_missing,
    weights_overwritten,
)
from nnscratch.gradcheck.hypotheses.masks import (
    mask_forgotten,
    mask_inside,
    missing_mask,
    sides_swapped,
    wrong_at_ties,
    wrong_mask,
)
from nnscratch.gradcheck.hypotheses.order import another_axis, other_axes, other_axes_in_cache, swapped_gradients
from nnscratch.gradcheck.hypotheses.places import (
    at_the_border,
    border_outputs,
    moved_along_one_axis,
    other_stride,
    shifted,
    shifted_outputs,
)
from nnscratch.gradcheck.hypotheses.terms import invariance_lost, path_missing, proportional_error

# In this order they are tried and reported; a new one needs a function, a row here and a planted bug.
HYPOTHESES = [
    zero_gradient,
    wrong_at_ties,
    constant_factor,
    opposite_sign,
    other_axes,
    swapped_gradients,
    another_axis,
    repeated_index,
    shifted,
    at_the_border,
    border_outputs,
    shifted_outputs,
    other_stride,
    sides_swapped,
    other_axes_in_cache,
    moved_along_one_axis,
    same_size,
    wrong_mask,
    mask_inside,
    factor_in_some,
    part_scaled,
    slope_off,
    one_slice_of_a_sum,
    mask_forgotten,
    another_cached_array,
    missing_mask,
    one_slice_of_an_input,
    neighbours_overwritten,
    invariance_lost,
    factor_along_axes,
    quotient_of_cached_arrays,
    proportional_error,
]

# What fits these needs no second explanation.
CONCLUSIVE = [zero_gradient, constant_factor, opposite_sign, other_axes, swapped_gradients]

# These put backward right, or say what it computes instead: after them there is nothing to guess.
EXACT = [
    *CONCLUSIVE,
    wrong_at_ties,
    shifted,
    other_axes_in_cache,
    part_scaled,
]

# These look at the table of derivatives as a whole, and are asked only where fewer than two explanations fit.
GUESSES = [
    slope_left_out,
    factor_twice,
    misplaced,
    steps_differ,
    other_winners,
    exchanged,
    term_of_the_other_sign,
    reaches_too_far,
    other_condition,
    weights_overwritten,
    part_of_the_whole,
    overwritten,
    way_back_missing,
    other_numbers,
    a_term_turned_round,
    path_missing,
]

__all__ = ["CONCLUSIVE", "EXACT", "GUESSES", "HYPOTHESES"]
