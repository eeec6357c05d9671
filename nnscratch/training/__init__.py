"""Training: the Solver and what it works with: optimisers, schedules, callbacks, checkpoints, metrics."""

from nnscratch.training.babysitter import Babysitter
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
from nnscratch.training.solver import Solver, SolverError
from nnscratch.training.weights import device_of_model
