"""The training loop: build a compiled network, then fit it on sources."""

from collections.abc import Sequence

import keras
from rich.console import Console

from keras_astroattn.callbacks import EpochSeed, FiniteLoss, TrainingProgress
from keras_astroattn.datasets import Sources
from keras_astroattn.layers import RandomAffine
from keras_astroattn.models import AGCNN, EquivariantAGCNN

from .batches import steps_per_epoch, training_batches, validation_batches
from .configuration import TrainConfig
from .networks import start_from
from .sources import target_probabilities


def build(config: TrainConfig, sources: int) -> keras.Model:
    """Build and compile a network behind its augmentation.

    Args:
        config: options of the run.
        sources: number of training sources, which sets the length of the schedule.

    Returns:
        A compiled model with the layers `augmentation` and `network`.

    Raises:
        InputError: the initial weights belong to another network.
    """
    keras.utils.set_random_seed(config.seed)
    kind = EquivariantAGCNN if config.symmetry == "p4m" else AGCNN
    network = kind(
        gates=config.gates,
        normalization=config.normalization,
        aggregation=config.aggregation,
        pooling=config.pooling,
        scope=config.scope,
        dropout=config.dropout,
        psi_bias=config.psi_bias,
        source_correlation=config.source_correlation,
        stretch=config.stretch,
        padding=config.padding,
        dtype=config.dtype_policy,
        name="network",
    )
    if config.initial_weights is not None:
        start_from(network, config.initial_weights)
    image = keras.Input(network.input.shape[1:], name="image")
    augmented = RandomAffine(**augmentation(config), seed=config.seed, name="augmentation")(image)
    model = keras.Model(image, network(augmented), name="training")
    model.compile(
        optimizer=_optimizer(config, sources),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA cannot compile the resampling on TensorFlow, and is slower on a CPU.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # Otherwise Keras builds it in the first step, and traces the whole step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def _optimizer(config: TrainConfig, sources: int) -> keras.optimizers.Optimizer:
    rate = config.learning_rate
    steps = steps_per_epoch(sources, config.passes, min(config.batch_size, sources))
    if config.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=steps * config.epochs)
    optimizer = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
    }[config.optimizer]
    more = {"momentum": 0.9, "nesterov": True} if config.optimizer == "sgd" else {}
    # AdamW requires a number; the other optimizers treat 0 as a decay that is switched on.
    decay = config.weight_decay if config.optimizer == "adamw" else config.weight_decay or None
    optimizer = optimizer(rate, weight_decay=decay, **more)
    if config.dtype_policy == "mixed_float16":
        # Keras adds it only where the outermost model has the policy.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def augmentation(config: TrainConfig) -> dict:
    """Options of `RandomAffine` for a run."""
    return {
        "rotation": config.rotation,
        "shift": config.shift,
        "zoom": config.zoom,
        "flip": config.flip,
    }


def fit(
    config: TrainConfig,
    model: keras.Model,
    training: Sources,
    console: Console,
    *,
    validation: Sources | None = None,
    done: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Train a model of `build` from the epoch after `done`, and show the progress.

    Args:
        config: the options that `build` was called with.
        model: the model that `build` returned.
        training: sources to train on.
        console: where to show the progress.
        validation: sources to validate on after each epoch.
        done: number of epochs that are already trained.
        callbacks: called after the callbacks that every training has.

    Raises:
        InputError: the loss is no longer finite.
    """
    batch_size = min(config.batch_size, len(training))
    progress = TrainingProgress(config.epochs, done, console)
    validation_data = None
    if validation is not None:
        validation_data = validation_batches(
            validation.image,
            target_probabilities(validation, config.uncertain_confidence),
            passes=config.validation_passes,
            batch_size=max(batch_size, 16),
            augment=augmentation(config),
        )
    try:
        model.fit(
            training_batches(
                training.image,
                target_probabilities(training, config.uncertain_confidence),
                passes=config.passes,
                batch_size=batch_size,
                seed=config.seed,
                epochs=range(done, config.epochs),
            ),
            steps_per_epoch=steps_per_epoch(len(training), config.passes, batch_size),
            initial_epoch=done,
            epochs=config.epochs,
            validation_data=validation_data,
            verbose=0,
            shuffle=False,  # seed and epoch decide the order of the batches
            callbacks=[EpochSeed(config.seed), FiniteLoss(), progress, *callbacks],
        )
    finally:
        progress.on_train_end()  # Keras does not call it after an error
