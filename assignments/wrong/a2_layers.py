"""Wrong answers to a2-layers, as learners write them, and what the check must say."""

from tests.course.wrong import Wrong

WRONG = [
    Wrong(
        "a2.affine_backward",
        "the batch is averaged twice",
        """
def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout / len(x)
    return dx, dw, dout.sum(axis=0)
""",
        says=("constant-factor",),
    ),
    Wrong(
        "a2.affine_forward",
        "the bias is forgotten",
        """
def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)
""",
        says=("b is missing",),
    ),
]
