"""Keras callbacks for training: attention snapshots, checkpoints, history, progress."""

from .attention_snapshots import AttentionSnapshots, draw_progress
from .checkpoints import Checkpoints, committed, remove_committed
from .history_file import HistoryFile, read_history
from .progress import TrainingProgress
from .safeguards import EpochSeed, FiniteLoss

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
