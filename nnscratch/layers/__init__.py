"""Layers: forward/backward pairs that anyone can read, and the thin objects that hold their parameters."""

from nnscratch.layers.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    LeakyReLU,
    Maxout,
    PReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
    elu_backward,
    elu_forward,
    gelu_backward,
    gelu_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    prelu_backward,
    prelu_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    softplus_backward,
    softplus_forward,
    tanh_backward,
    tanh_forward,
)
from nnscratch.layers.affine import Affine, affine_backward, affine_forward
from nnscratch.layers.attention import (
    SelfAttention,
    attention_backward,
    attention_forward,
    causal_mask,
    multi_head_attention_backward,
    multi_head_attention_forward,
)
from nnscratch.layers.base import Layer
from nnscratch.layers.cells import (
    gru_step_backward,
    gru_step_forward,
    lstm_step_backward,
    lstm_step_forward,
    rnn_step_backward,
    rnn_step_forward,
)
from nnscratch.layers.containers import Concat, Container, Identity, Sequential, Sum
from nnscratch.layers.convolution import (
    Conv,
    ConvTranspose,
    LocalConv,
    conv_backward,
    conv_forward,
    conv_naive_backward,
    conv_naive_forward,
    conv_transpose_backward,
    conv_transpose_forward,
    local_conv_backward,
    local_conv_forward,
)
from nnscratch.layers.dropout import Dropout, dropout_backward, dropout_forward
from nnscratch.layers.embedding import Embedding, embedding_backward, embedding_forward
from nnscratch.layers.hierarchical import ClassTree, hierarchical_log_probs, hierarchical_softmax_loss
from nnscratch.layers.losses import (
    binary_svm_loss,
    l1_loss,
    l2_loss,
    log_softmax,
    logistic_loss,
    pixel_softmax_loss,
    smooth_l1_loss,
    softmax,
    softmax_loss,
    svm_loss,
)
from nnscratch.layers.normalization import (
    LRN,
    BatchNorm,
    GroupNorm,
    LayerNorm,
    batch_norm_backward,
    batch_norm_forward,
    group_norm_backward,
    group_norm_forward,
    layer_norm_backward,
    layer_norm_forward,
    lrn_backward,
    lrn_forward,
)
from nnscratch.layers.pooling import (
    AveragePool,
    GlobalAveragePool,
    MaxPool,
    average_pool_backward,
    average_pool_forward,
    global_average_pool_backward,
    global_average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    max_pool_naive_backward,
    max_pool_naive_forward,
)
from nnscratch.layers.recurrent import (
    CELLS,
    GRU,
    LSTM,
    RNN,
    gru_backward,
    gru_forward,
    lstm_backward,
    lstm_forward,
    rnn_backward,
    rnn_forward,
    state_gradients,
)
from nnscratch.layers.regularizers import elastic_net_penalty, l1_penalty, l2_penalty, max_norm
from nnscratch.layers.reshaping import Flatten, flatten_backward, flatten_forward
from nnscratch.layers.shortcut import PadChannels, pad_channels_backward, pad_channels_forward
from nnscratch.layers.temporal import (
    TemporalAffine,
    temporal_affine_backward,
    temporal_affine_forward,
    temporal_softmax_loss,
)
