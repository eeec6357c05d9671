"""Write docs/gradient-doctor.md: ten mistakes and the reports that the gradient checks print for them."""

import inspect
import sys
from pathlib import Path

from nnscratch.gradcheck import check_pair

HERE = Path(__file__).parent
OPENING = """\
# The gradient doctor

A backward pass that is wrong is found by comparing it with differences of the forward pass. The checks of
`nnscratch.gradcheck` go on from there and say what is wrong, where, and what to do about it:

```python
from nnscratch.gradcheck import check_pair

print(check_pair(affine_forward, affine_backward, (x, w, b)))
```

From a terminal it is `nnscratch gradcheck my_layers.py`, in a test
`assert_gradients(affine_forward, affine_backward, (x, w, b))`, and in a notebook the report shows itself with a
map of the error.

A check goes from cheap to dear. It looks at the form (shapes, dtypes, finite values), then at manners
(nothing edited in place, nothing remembered between calls, linear in `dout`, no single precision inside double),
then at the numbers:
differences with several steps, extrapolated, each with an estimate of its own error. Where the function has
a corner, every output is judged by itself, and any slope between the left and the right one is right. What
round-off hides is called too small to tell, not wrong.

The name of a mistake comes from hypotheses, each a small function in `nnscratch/gradcheck/hypotheses/`: what
would explain the wrong numbers exactly is tried first; where little or nothing does, the table of every output's
derivatives is looked at as a whole, which gives good guesses. `python -m benchmarks.gradcheck` counts how often
they are right about planted mistakes, beside two other checkers.

Here are ten mistakes that everybody makes once, and what the doctor says about each. The likeliest explanation
comes first. This page is written by `docs/make_gradient_doctor.py`, so the reports are as they print.
"""


def page() -> str:
    """Return the page as Markdown."""
    sys.path.insert(0, str(HERE))
    from gradient_doctor_mistakes import MISTAKES

    parts = [OPENING]
    for number, (heading, forward, backward, inputs) in enumerate(MISTAKES, 1):
        report = check_pair(forward, backward, inputs, rng=0)
        code = f"{inspect.getsource(forward)}\n\n{inspect.getsource(backward)}"
        parts.append(f"## {number}. {heading}\n\n```python\n{code}```\n\n```text\n{report}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    (HERE / "gradient-doctor.md").write_text(page(), encoding="utf-8")
