"""What happens between the epochs of a training: snapshots, checkpoints, progress."""

from .attention_snapshots import AttentionSnapshots, draw_progress
from .checkpoints import Checkpoints, committed, remove_committed
from .epoch_seed import EpochSeed
from .finite_loss import FiniteLoss
from .history_file import HistoryFile, read_history
from .progress import TrainingProgress

__all__ = [
    "AttentionSnapshots",
    "Checkpoints",
    "EpochSeed",
    "FiniteLoss",
    "HistoryFile",
    "TrainingProgress",
    "committed",
    "draw_progress",
    "read_history",
    "remove_committed",
]
