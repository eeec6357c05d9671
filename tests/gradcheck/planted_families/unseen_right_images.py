"""Correct pairs of image layers not seen before, and known ones at hard points."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import unseen_block_layers as B
from tests.gradcheck.planted_families import unseen_image_layers as L
from tests.gradcheck.planted_families import unseen_net_layers as T
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.hard_points import at, whole


def switched(rng):
    return rng.normal(size=(2, 3, 3, 2)), rng.integers(0, 4, (2, 3, 3, 2))


def channels_dropped(rng):
    mask = rng.random((3, 4)) < 0.6
    mask[0, :2] = True, False
    return rng.normal(size=(3, 4, 2, 3)), mask


def blocks_dropped(rng):
    mask = np.ones((3, 4, 4), bool)
    for image, (r, c) in zip(mask, rng.integers(0, 3, (3, 2))):
        image[r : r + 2, c : c + 2] = False
    return rng.normal(size=(3, 2, 4, 4)), mask


COLUMNS = Planted(
    "columns convolution",
    "convolution",
    L.columns_conv_forward,
    L.columns_conv_backward,
    normal((2, 3, 5, 4), (4, 3, 3, 3), (4,)),
)
COLUMNS_STEP = replace(
    COLUMNS,
    name="columns convolution, stride 2",
    inputs=normal((2, 2, 7, 5), (2, 2, 3, 3), (2,)),
    options={"stride": 2, "pad": 1},
)
COLUMNS_BARE = replace(
    COLUMNS,
    name="columns convolution, no padding",
    inputs=normal((3, 2, 4, 4), (3, 2, 2, 2), (3,)),
    options={"stride": 1, "pad": 0},
)
UNFOLD = Planted("unfold", "convolution", L.unfold_forward, L.unfold_backward, normal((2, 3, 4, 4)))
FOLD = Planted("fold", "convolution", L.fold_forward, L.fold_backward, normal((12, 18)))
DEPTHWISE = Planted(
    "depthwise convolution, even kernel",
    "convolution",
    L.depthwise_forward,
    L.depthwise_backward,
    normal((2, 3, 5, 4), (3, 4, 4)),
)
DEPTHWISE_STEP = replace(
    DEPTHWISE,
    name="depthwise convolution, stride 2",
    inputs=normal((2, 3, 6, 4), (3, 2, 2)),
    options={"stride": 2},
)
CAUSAL = Planted(
    "causal convolution, again",
    "convolution 1d",
    L.causal_conv_forward,
    L.causal_conv_backward,
    normal((3, 2, 4), (2, 7, 2), (4,)),
)
POINTWISE = Planted(
    "pointwise convolution, channels last",
    "convolution",
    L.pointwise_forward,
    L.pointwise_backward,
    normal((2, 3, 4, 4), (4, 4), (4,)),
)
CONV_LAST = Planted(
    "convolution, channels last",
    "convolution",
    L.conv_last_forward,
    L.conv_last_backward,
    normal((2, 3, 3, 3), (3,), (2, 5, 7, 3)),
)
SEPARABLE = Planted(
    "separable convolution",
    "convolution",
    L.separable_forward,
    L.separable_backward,
    normal((2, 3, 4, 4), (3, 2, 2), (3, 4)),
)
MIRRORED = Planted(
    "mirrored convolution",
    "convolution",
    L.mirrored_conv_forward,
    L.mirrored_conv_backward,
    normal((2, 2, 4, 4), (3, 2, 3, 3), (3,)),
)
DECONV1D = Planted(
    "deconvolution of a series",
    "transposed convolution",
    L.deconv1d_forward,
    L.deconv1d_backward,
    normal((2, 3, 4), (3, 2, 5)),
)
DECONV_SQUARE = replace(
    I.CONV_TRANSPOSE, name="transposed convolution, F = C", inputs=normal((2, 3, 3, 4), (3, 3, 3, 3), (3,))
)
GROUPS_OF_ONE = replace(
    I.CONV_GROUPS,
    name="convolution, three groups",
    inputs=normal((2, 6, 4, 4), (6, 2, 3, 3), (6,)),
    options={"groups": 3, "pad": 1},
)

SWITCH_POOL = Planted(
    "switch pool", "max pool", L.switch_pool_forward, L.switch_pool_backward, normal((2, 2, 6, 7))
)
UNPOOL = Planted("unpool", "max pool", L.unpool_forward, L.unpool_backward, switched)
FAIR_POOL = Planted("fair pool", "max pool", L.fair_pool_forward, L.fair_pool_backward, normal((2, 3, 4, 6)))
FAIR_TIES = at("fair pool of whole numbers", FAIR_POOL, whole(0, 3, (2, 3, 4, 6)))
COUNTED_POOL = Planted(
    "average pool that counts padding",
    "average pool",
    L.padded_mean_pool_forward,
    L.padded_mean_pool_backward,
    normal((2, 2, 5, 7)),
)
ADAPTIVE = Planted(
    "adaptive average pool",
    "average pool",
    L.adaptive_pool_forward,
    L.adaptive_pool_backward,
    normal((2, 2, 5, 5)),
)
LP_POOL = Planted("Lp pool", "Lp pool", L.lp_pool_forward, L.lp_pool_backward, normal((2, 2, 4, 6)))
ALEX_LRN = replace(
    N.LRN, name="local response norm, faint", options={"size": 5, "alpha": 0.02, "beta": 0.75, "k": 2.0}
)
L2_POOL = replace(LP_POOL, name="L2 pool", options={"p": 2})
GAP_POOL = replace(
    I.MAX_POOL,
    name="max pool, gaps between windows",
    inputs=normal((2, 2, 8, 8)),
    options={"kernel": 2, "stride": 3},
)
GLOBAL_MAX = Planted(
    "global max pool", "max pool", L.global_max_forward, L.global_max_backward, normal((3, 4, 3, 4))
)
MIXED = Planted(
    "mixed pool", "average pool", L.mixed_pool_forward, L.mixed_pool_backward, normal((2, 3, 4, 4), (3,))
)
SOFT_POOL = Planted("soft pool", "average pool", L.soft_pool_forward, L.soft_pool_backward, normal((2, 2, 4, 6)))
MIN_POOL = Planted("min pool", "max pool", L.min_pool_forward, L.min_pool_backward, normal((2, 2, 7, 7)))
ROI_POOL = Planted("pool of boxes", "max pool", L.roi_pool_forward, L.roi_pool_backward, L.draw_boxes)
CEIL_POOL = Planted(
    "ragged pool of a series", "max pool", L.ceil_pool_forward, L.ceil_pool_backward, normal((3, 8, 3))
)

INSTANCE = Planted(
    "instance norm, again",
    "instance norm",
    B.instance_norm_forward,
    B.instance_norm_backward,
    normal((2, 3, 3, 4), (3,), (3,)),
)
VOLUME = Planted(
    "layer norm of volumes",
    "layer norm",
    B.volume_norm_forward,
    B.volume_norm_backward,
    normal((3, 2, 3), (3, 2, 3), (3, 3, 2, 3)),
)
STEP_NORM = Planted(
    "batch norm in steps",
    "batch norm",
    B.step_norm_forward,
    B.step_norm_backward,
    normal((2, 3, 2, 4), (4,), (4,)),
)
STANDARD_CONV = Planted(
    "weight standardisation",
    "weight norm",
    B.standard_conv_forward,
    B.standard_conv_backward,
    normal((2, 2, 4, 4), (3, 2, 3, 3)),
)
ADAIN = Planted(
    "adaptive instance norm",
    "instance norm",
    B.adain_forward,
    B.adain_backward,
    normal((2, 3, 3, 3), (2, 3, 3, 3), shift=0.5),
)
PIXEL_NORM = Planted("pixel norm", "layer norm", B.pixel_norm_forward, B.pixel_norm_backward, normal((2, 5, 3, 3)))
FILTER_NORM = Planted(
    "filter response norm",
    "instance norm",
    B.filter_norm_forward,
    B.filter_norm_backward,
    normal((2, 3, 3, 4), (3,), (3,), (3,)),
)
SPATIAL_DROPOUT = Planted(
    "spatial dropout, again", "dropout", B.spatial_dropout_forward, B.spatial_dropout_backward, channels_dropped
)
DROP_BLOCK = Planted("drop block", "dropout", B.drop_block_forward, B.drop_block_backward, blocks_dropped)
WIDE_LRN = replace(N.LRN, name="local response norm over five", inputs=normal((2, 8, 2, 2)), options={"size": 5})

BILINEAR = Planted("bilinear upsample", "upsample", B.bilinear_forward, B.bilinear_backward, normal((2, 2, 3, 4)))
GRID_SAMPLE = Planted("grid sample", "upsample", B.grid_sample_forward, B.grid_sample_backward, B.draw_grid)
REFLECT = Planted(
    "reflect padding", "padding", B.reflect_pad_forward, B.reflect_pad_backward, normal((2, 2, 4, 5))
)
FRAME = Planted("zero frame", "padding", B.frame_forward, B.frame_backward, normal((2, 2, 3, 4)))
CROP = Planted("crop of the middle", "padding", B.crop_forward, B.crop_backward, normal((2, 2, 6, 5)))
SHUFFLE = Planted(
    "pixel shuffle, again", "reshape", B.pixel_shuffle_forward, B.pixel_shuffle_backward, normal((2, 8, 3, 3))
)
CHANNEL_SHUFFLE = Planted(
    "channel shuffle", "reshape", B.channel_shuffle_forward, B.channel_shuffle_backward, normal((2, 6, 2, 3))
)
RESIDUAL = Planted(
    "residual block of images",
    "residual",
    B.residual_block_forward,
    B.residual_block_backward,
    normal((2, 2, 4, 4), (3, 2, 3, 3), (3,), (2, 3, 3, 3), (2,), scale=0.7),
)
FAINT_RESIDUAL = replace(
    RESIDUAL,
    name="residual block with a faint branch",
    inputs=normal((2, 2, 4, 4), (3, 2, 3, 3), (3,), (2, 3, 3, 3), (2,), scale=0.02),
)
PROJECTION = Planted(
    "residual block with projection",
    "residual",
    B.projection_block_forward,
    B.projection_block_backward,
    normal((2, 2, 6, 6), (3, 2, 3, 3), (3, 2, 1, 1)),
)
INCEPTION = Planted(
    "inception block",
    "concat",
    B.inception_forward,
    B.inception_backward,
    normal((2, 2, 4, 4), (2, 2, 1, 1), (2, 2, 3, 3), (2, 2, 1, 1)),
)
EXCITE = Planted(
    "squeeze and excitation, again",
    "network",
    B.excite_forward,
    B.excite_backward,
    normal((3, 4, 3, 3), (4, 3), (3, 4), shift=0.3),
)
KEYPOINTS = Planted(
    "spatial softmax", "softmax", B.spatial_softmax_forward, B.spatial_softmax_backward, B.draw_keypoints
)
DENSE_BLOCK = Planted(
    "dense block",
    "concat",
    T.dense_block_forward,
    T.dense_block_backward,
    normal((2, 2, 3, 4), (2, 2, 3, 3), (2, 4, 3, 3)),
)
SKIP_NET = Planted(
    "small U-Net", "concat", T.skip_net_forward, T.skip_net_backward, normal((2, 2, 4, 4), (2, 2, 3, 3), scale=0.7)
)
SPATIAL_GATE = Planted(
    "spatial gate",
    "network",
    T.spatial_gate_forward,
    T.spatial_gate_backward,
    normal((2, 3, 4, 4), (1, 2, 3, 3), (1,)),
)
ROUGHNESS = Planted(
    "roughness of images", "reduction", T.roughness_forward, T.roughness_backward, normal((3, 2, 4, 5))
)
STYLE = Planted("style matrix", "bilinear", T.style_forward, T.style_backward, normal((2, 3, 3, 4)))
UNSHARP = Planted("unsharp mask", "padding", T.unsharp_forward, T.unsharp_backward, normal((2, 3, 3, 5), (3,)))
FIRE = Planted(
    "fire module",
    "concat",
    T.fire_forward,
    T.fire_backward,
    normal((2, 3, 3, 4), (2, 3, 1, 1), (2, 2, 1, 1), (2, 2, 3, 3)),
)
CHANNEL_MAXOUT = Planted(
    "maxout of channels", "maxout", T.channel_maxout_forward, T.channel_maxout_backward, normal((2, 6, 3, 3))
)
THIRDS = Planted("blur pool", "padding", T.thirds_forward, T.thirds_backward, normal((2, 2, 3, 7)))


def with_dark_windows(rng):
    (x,) = LP_POOL.inputs(rng)
    x[:, 0, :2, :2] = 0
    return (x,)


def flat_channel(rng):
    x, gamma, beta = INSTANCE.inputs(rng)
    x[1, 2] = 0.25
    return x, gamma, beta


def photographs(rng):
    return rng.integers(0, 256, (2, 3, 3, 4)).astype(float), *normal((3,), (3,))(rng)


def beside_a_million(rng):
    return (1e6 + rng.integers(-3, 4, (2, 2, 6, 6)).astype(float),)


def scales_by_channel(rng):
    x, w, b = COLUMNS.inputs(rng)
    return x * np.array([1e-6, 1.0, 1e5])[:, None, None], w, b


def dead_separable(rng):
    x, depth, point = SEPARABLE.inputs(rng)
    return -abs(x), abs(depth), point


def hot_keypoints(rng):
    x, temperature = B.draw_keypoints(rng)
    return 20 * x, temperature


UNSEEN_HARD_IMAGES = [
    at("Lp pool with dark windows", L2_POOL, with_dark_windows),
    at("instance norm with a flat channel", INSTANCE, flat_channel),
    at("instance norm of bytes", INSTANCE, photographs),
    at("instance norm of single pixels", INSTANCE, normal((3, 2, 1, 1), (2,), (2,))),
    at("max pool beside a million", I.MAX_POOL, beside_a_million),
    at("global max pool of equal pixels", GLOBAL_MAX, lambda rng: (np.full((2, 3, 2, 2), -1.5),)),
    at("min pool of whole numbers", MIN_POOL, whole(0, 3, (2, 2, 7, 7))),
    at("columns convolution of mixed channels", COLUMNS, scales_by_channel),
    at("columns convolution of one pixel and one filter", COLUMNS, normal((1, 1, 1, 1), (1, 1, 1, 1), (1,)),
       options={"pad": 0}),
    at("separable convolution at dead relus", SEPARABLE, dead_separable),
    at("spatial softmax, nearly one-hot", KEYPOINTS, hot_keypoints),
    at("local response norm of bright pixels", N.LRN, normal((2, 6, 2, 3), scale=30.0)),
    at("pixel norm of faint pixels", PIXEL_NORM, normal((2, 5, 3, 3), scale=1e-4)),
    at("adaptive pool into single pixels", ADAPTIVE, normal((2, 2, 3, 2))),
    at("residual block of tiny weights", RESIDUAL,
       lambda rng: tuple(a * s for a, s in zip(RESIDUAL.inputs(rng), (1, 1e-6, 1e-6, 1e-6, 1e-6)))),
    at("squeeze and excitation, gates shut", EXCITE,
       lambda rng: (EXCITE.inputs(rng)[0] + 2, abs(EXCITE.inputs(rng)[1]), -3 * abs(EXCITE.inputs(rng)[2]))),
    at("maxout of equal channels", CHANNEL_MAXOUT, whole(0, 2, (2, 6, 3, 3))),
    at("fair pool of equal pixels", FAIR_POOL, lambda rng: (np.ones((1, 2, 4, 4)),)),
    at("spatial dropout of all channels", SPATIAL_DROPOUT,
       lambda rng: (rng.normal(size=(2, 3, 2, 2)), np.zeros((2, 3), bool))),
]  # fmt: skip

UNSEEN_RIGHT_IMAGES = [
    COLUMNS, COLUMNS_STEP, COLUMNS_BARE, UNFOLD, FOLD, DEPTHWISE, DEPTHWISE_STEP, CAUSAL, POINTWISE,
    CONV_LAST, SEPARABLE, MIRRORED, DECONV1D, DECONV_SQUARE, GROUPS_OF_ONE, SWITCH_POOL, UNPOOL, FAIR_POOL,
    FAIR_TIES, COUNTED_POOL, ADAPTIVE, LP_POOL, L2_POOL, ALEX_LRN,
    FAINT_RESIDUAL, GAP_POOL, GLOBAL_MAX, MIXED, SOFT_POOL, MIN_POOL,
    ROI_POOL, CEIL_POOL,
    INSTANCE, VOLUME, STEP_NORM, STANDARD_CONV, ADAIN, PIXEL_NORM, FILTER_NORM, SPATIAL_DROPOUT, DROP_BLOCK,
    WIDE_LRN, BILINEAR, GRID_SAMPLE, REFLECT, FRAME, CROP, SHUFFLE, CHANNEL_SHUFFLE, RESIDUAL, PROJECTION,
    INCEPTION, EXCITE, KEYPOINTS, DENSE_BLOCK, SKIP_NET, SPATIAL_GATE, ROUGHNESS, STYLE, UNSHARP, FIRE,
    CHANNEL_MAXOUT, THIRDS, *UNSEEN_HARD_IMAGES,
]  # fmt: skip
