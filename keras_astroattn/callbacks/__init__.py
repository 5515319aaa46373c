"""What happens between the epochs of a training: snapshots, checkpoints, progress."""

from .attention_snapshots import AttentionSnapshots, draw_progress
from .checkpoints import Checkpoints
from .epoch_seed import EpochSeed
from .history_file import HistoryFile, read_history
from .progress import TrainingProgress

__all__ = [
    "AttentionSnapshots",
    "Checkpoints",
    "EpochSeed",
    "HistoryFile",
    "TrainingProgress",
    "draw_progress",
    "read_history",
]
