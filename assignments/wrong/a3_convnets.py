"""Wrong answers to a3-convnets, as learners write them, and what the check must say."""

from tests.course.slips import slip
from tests.course.wrong import Wrong

WRONG = [
    slip(
        "a3.output_size",
        "the last place is not counted",
        "room // stride + 1",
        "room // stride",
        "last place were not counted",
    ),
    slip("a3.output_size", "padding at one end only", "size + 2 * pad", "size + pad", "one end only"),
    slip("a3.output_size", "a true division", "room // stride + 1", "room / stride + 1", "whole"),
    slip("a3.output_size", "a window that does not fit counts 0", "if room < 0:", "if room < -99:", "ValueError"),
    slip(
        "a3.conv_naive_forward",
        "the stride is forgotten",
        "top, left = i * stride, j * stride",
        "top, left = i, j",
        "moved on by 1",
    ),
    slip("a3.conv_naive_forward", "the bias is forgotten", " + b[f]", "", "bias were forgotten"),
    slip(
        "a3.conv_naive_forward",
        "the filter is flipped",
        "* w[f])",
        "* w[f, :, ::-1, ::-1])",
        "filters were flipped",
    ),
    slip(
        "a3.conv_naive_forward",
        "the channels are padded too",
        "((0, 0), (0, 0), (pad",
        "((0, 0), (pad, pad), (pad",
        "could not be broadcast",
    ),
    slip(
        "a3.conv_naive_backward",
        "windows overwrite each other",
        "dpadded[here] +=",
        "dpadded[here] =",
        "not-accumulated",
    ),
    slip(
        "a3.conv_naive_backward",
        "the padding is not cut off",
        "dpadded[:, :, pad : pad + H, pad : pad + W]",
        "dpadded",
        "wrong-shape",
    ),
    slip(
        "a3.conv_naive_backward",
        "the batch is averaged",
        "return dpadded",
        "dw = dw / N\n    return dpadded",
        "constant-factor",
    ),
    slip(
        "a3.conv_naive_backward",
        "forward's stride is forgotten",
        "top, left = i * stride, j * stride",
        "top, left = i, j",
        "stride",
    ),
    slip(
        "a3.im2col",
        "rows and columns of the window are swapped",
        "cols[:, :, k, l] = padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride]",
        "cols[:, :, k, l] = padded[:, :, l : l + stride * OH : stride, k : k + stride * OW : stride]",
        "columns of the window came before its rows",
    ),
    slip(
        "a3.im2col",
        "the channel goes last",
        "return cols.reshape",
        "cols = cols.transpose(0, 2, 3, 1, 4, 5)\n    return cols.reshape",
        "channel came last",
    ),
    slip("a3.col2im", "the pixels are set, not added up", "stride] += cols", "stride] = cols", "+= is needed"),
    slip(
        "a3.conv_forward",
        "im2col without padding",
        "im2col(x, KH, KW, stride, pad)",
        "im2col(x, KH, KW, stride)",
        "reshape",
    ),
    slip("a3.conv_forward", "the channels are not compared", "if channels != C:", "if False:", "ValueError"),
    slip(
        "a3.conv_backward",
        "dw of the last image only",
        ".sum(axis=0).reshape(w.shape)",
        "[-1].reshape(w.shape)",
        "not-accumulated in w",
    ),
    slip(
        "a3.conv_backward",
        "db is a mean",
        "dout.sum(axis=(0, 2, 3))",
        "dout.mean(axis=(0, 2, 3))",
        "constant-factor in b",
    ),
    Wrong(
        "a3.conv_fast_forward",
        "a loop over places and examples",
        """
def conv_fast_forward(x, w, b, stride=1, pad=0):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    (N, _, H, W), (F, _, KH, KW) = padded.shape, w.shape
    OH, OW = (H - KH) // stride + 1, (W - KW) // stride + 1
    out = np.empty((N, F, OH, OW), x.dtype)
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                covered = padded[n, :, i * stride : i * stride + KH, j * stride : j * stride + KW]
                for f in range(F):
                    out[n, f, i, j] = np.sum(covered * w[f]) + b[f]
    return out
""",
        says=("times as fast",),
    ),
    slip(
        "a3.max_pool_forward",
        "the place in the window instead of in the image",
        "row * W + column)",
        "winner)",
        "places in the window",
    ),
    slip(
        "a3.max_pool_forward",
        "zeros count as pixels",
        "[..., 0]\n",
        "[..., 0].clip(0)\n",
        "zeros counted",
    ),
    slip(
        "a3.max_pool_backward",
        "a pixel that won twice gets one gradient",
        "np.add.at(dx, (maps, switches.reshape(N * C, -1)), dout.reshape(N * C, -1))",
        "dx[maps, switches.reshape(N * C, -1)] += dout.reshape(N * C, -1)",
        "won several windows",
    ),
    slip(
        "a3.average_pool_backward",
        "each pixel gets all of dout",
        "+= dout / kernel**2",
        "+= dout",
        "constant-factor",
    ),
    slip(
        "a3.lrn_forward",
        "alpha is divided by the size",
        "k + alpha * sum",
        "k + alpha / size * sum",
        "alpha were divided",
    ),
    slip(
        "a3.lrn_forward",
        "the window is one-sided",
        "((0, 0), (half, half), (0, 0), (0, 0))",
        "((0, 0), (0, 2 * half), (0, 0), (0, 0))",
        "only channels after c",
    ),
    slip(
        "a3.lrn_backward", "the neighbours are forgotten", " - 2 * alpha * beta * x * shared", "", "missing-term"
    ),
    slip(
        "a3.spatial_batch_norm_forward",
        "each image has its own mean",
        "x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))",
        "x.mean(axis=0).mean(axis=(1, 2)), x.var(axis=0).mean(axis=(1, 2))",
        "images' variances",
    ),
    slip(
        "a3.spatial_batch_norm_backward",
        "mean and variance count as constants",
        "if own:",
        "if not own:",
        "missing-term",
    ),
    slip(
        "a3.spatial_batch_norm_backward",
        "M is the batch size",
        "dout.size // dout.shape[1]",
        "len(dout)",
        "missing-term in x",
    ),
    slip(
        "a3.grouped_conv_forward",
        "every group sees the first channels",
        "x[:, g * channels : (g + 1) * channels]",
        "x[:, :channels]",
        "first channels",
    ),
    slip(
        "a3.grouped_conv_backward",
        "dx is added up instead of joined",
        "np.concatenate(dxs, axis=1)",
        "sum(dxs)",
        "wrong-shape",
    ),
    slip("a3.ten_crop", "mirrored upside down", "crops[..., ::-1]", "crops[..., ::-1, :]", "up and down"),
    slip(
        "a3.alexnet_parameters",
        "fan_in of a filter without its channels",
        "np.prod(shape[1:])",
        "np.prod(shape[2:])",
        "standard deviation",
    ),
    slip(
        "a3.alexnet_loss",
        "a ReLU is forgotten before the last layer",
        '    go("relu", relu_forward)\n    go("affine7"',
        '    go("affine7"',
        "scores[",
    ),
]
