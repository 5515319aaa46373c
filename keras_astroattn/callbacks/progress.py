"""A progress bar for `model.fit`."""

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class TrainingProgress(keras.callbacks.Callback):
    """Show a progress bar over all epochs, and a line for each finished epoch.

    If the output is not a terminal, only the lines are written.

    Args:
        epochs: number of epochs of the training.
        initial_epoch: number of epochs that are already trained.
        console: console to write to; by default the standard output.
    """

    def __init__(self, epochs: int, initial_epoch: int = 0, console: Console | None = None):
        super().__init__()
        self.epochs = epochs
        self.initial_epoch = initial_epoch
        self.console = console or Console()
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("batches  loss {task.fields[loss]:.4f}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __repr__(self) -> str:
        return f"TrainingProgress({self.epochs} epochs)"

    def on_train_begin(self, logs=None):
        """Show the bar."""
        steps = self.params["steps"]
        self._task = self.progress.add_task(
            "training",
            total=steps * self.epochs,
            completed=steps * self.initial_epoch,
            epoch=f"{self.initial_epoch + 1}/{self.epochs}",
            loss=float("nan"),
        )
        self.progress.start()

    def on_epoch_begin(self, epoch, logs=None):
        """Show the number of the epoch."""
        self.progress.update(self._task, epoch=f"{epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        """Advance the bar."""
        if self.console.is_terminal:
            self.progress.update(self._task, advance=1, loss=float(logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        """Write the line of the epoch."""
        values = "  ".join(
            f"{name.replace('val_', 'validation ')} {float(value):.4f}"
            for name, value in (logs or {}).items()
            if name != "learning_rate"
        )
        self.console.print(
            f"epoch {epoch + 1:>4}/{self.epochs}  {values}", highlight=False, soft_wrap=True
        )

    def on_train_end(self, logs=None):
        """Remove the bar and show the cursor; call it also after an interrupted training."""
        self.progress.stop()
