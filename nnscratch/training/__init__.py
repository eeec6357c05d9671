"""Training: the Solver and what it works with: optimisers, schedules, callbacks, checkpoints, metrics."""

from nnscratch.training.babysitter import Babysitter
from nnscratch.training.boxes import (
    Detections,
    average_precision,
    box_iou,
    mask_iou,
    mean_average_precision,
    non_maximum_suppression,
)
from nnscratch.training.callbacks import (
    BestWeights,
    Callback,
    Checkpoint,
    CSVHistory,
    EarlyStopping,
    MaxNorm,
    TrainingWarning,
    WeightAverage,
)
from nnscratch.training.checkpoint import CheckpointError, load_checkpoint, restore_arrays, save_checkpoint
from nnscratch.training.clipping import clip_by_norm, clip_by_value
from nnscratch.training.diagnosis import NonFiniteLoss
from nnscratch.training.ensemble import Ensemble, average_weights, refresh_statistics
from nnscratch.training.evaluation import evaluate
from nnscratch.training.history import History, HistoryError
from nnscratch.training.metrics import (
    MetricError,
    accuracy,
    confusion_matrix,
    per_class_accuracy,
    top_k_accuracy,
)
from nnscratch.training.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    OptimizerError,
    RMSProp,
)
from nnscratch.training.progress import ProgressBar
from nnscratch.training.sanity import expected_first_loss, overfit_small_batch
from nnscratch.training.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    ScheduleError,
    Step,
    Warmup,
)
from nnscratch.training.search import Trial, best, coarse_to_fine, ranked, search, successive_halving
from nnscratch.training.solver import Solver, SolverError
from nnscratch.training.spaces import (
    Choice,
    LogUniform,
    TrialError,
    Uniform,
    grid_settings,
    narrow,
    random_settings,
)
from nnscratch.training.streams import FreshStreams
from nnscratch.training.through_time import gradient_norms
from nnscratch.training.weights import device_of_model
