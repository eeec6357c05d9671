"""The definitions of what augmentation does to images: mirror some, and cut a window out of each."""

from nnscratch.arrays import array_module


def mirror(x, chosen):
    """Flip the images (N, C, H, W) left to right where `chosen` (N,) is True.

    >>> import numpy as np
    >>> mirror(np.array([[[[1, 2, 3]]], [[[4, 5, 6]]]]), np.array([True, False])).reshape(2, 3)
    array([[3, 2, 1],
           [4, 5, 6]])
    """
    return array_module(x).where(chosen[:, None, None, None], x[..., ::-1], x)


def crop(x, top, left, size, pad=0, mode="constant"):
    """Cut a window of `size` (H, W) out of each image (N, C, ., .), its corner at row top[n] and column left[n].

    Around each image lie `pad` more pixels, which rows and columns count too; as in numpy.pad, `mode` says what is
    there: "constant" (zeros) or "reflect" (the image mirrored at its edge).

    >>> import numpy as np
    >>> x = np.arange(1, 10).reshape(1, 1, 3, 3)
    >>> crop(x, np.array([0]), np.array([1]), (2, 3), pad=1)[0, 0]
    array([[0, 0, 0],
           [1, 2, 3]])
    >>> crop(x, np.array([0]), np.array([1]), (2, 3), pad=1, mode="reflect")[0, 0]
    array([[4, 5, 6],
           [1, 2, 3]])
    """
    xp = array_module(x)
    if pad:
        x = xp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode=mode)
    rows, columns = top[:, None] + xp.arange(size[0]), left[:, None] + xp.arange(size[1])
    images = xp.arange(len(x))[:, None, None]
    return x.transpose(0, 2, 3, 1)[images, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2)
