"""The training loop: build a compiled network, then fit it on sources."""

import dataclasses
import logging
from collections.abc import Sequence

import keras
from rich.console import Console

from keras_astroattn.callbacks import EpochSeed, FiniteLoss, TrainingProgress
from keras_astroattn.datasets import Sources
from keras_astroattn.images import IMAGE_SIZE
from keras_astroattn.layers import RandomAffine
from keras_astroattn.models import AGCNN, ConsistentNetwork, EquivariantAGCNN
from keras_astroattn.models.framed_network import FramedNetwork

from .batches import steps_per_epoch, training_batches, validation_batches
from .configuration import TrainConfig
from .frames import FramedTraining
from .networks import start_from
from .sources import size_weights, target_probabilities

CONSISTENCY_LEARNING_RATE = 1e-3
"""Initial learning rate of the consistency training; a cosine takes it to zero."""


def build(config: TrainConfig, sources: int) -> keras.Model:
    """Build and compile a network behind its augmentation.

    Args:
        config: options of the run.
        sources: number of training sources, which sets the length of the schedule.

    Returns:
        A compiled model with the layers `augmentation` and `network`. With `fit_frames`, the
        batches are augmented, and its layer `frames` holds the network (`FramedNetwork`).

    Raises:
        InputError: The initial weights belong to another network.
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
        stretch=config.stretch,
        padding=config.padding,
        source_alone=config.source_alone,
        dtype=config.dtype_policy,
        name="network",
    )
    if config.initial_weights is not None:
        start_from(network, config.initial_weights)
    classifier = FramedNetwork(network, name="frames") if config.fit_frames else network
    return _compiled(config, classifier, _optimizer(config, sources))


def build_consistency(config: TrainConfig, network: keras.Model, sources: int) -> keras.Model:
    """Build and compile the model of the last passes, which train for consistency.

    Args:
        config: options of the run.
        network: the network that the earlier passes have trained.
        sources: number of training sources, which sets the length of the schedule.

    Returns:
        A compiled model with the layers `augmentation` and `consistency`, which holds the
        network (`ConsistentNetwork`).
    """
    layer = ConsistentNetwork(network, config.consistency, config.seed, name="consistency")
    last = dataclasses.replace(
        config,
        learning_rate=CONSISTENCY_LEARNING_RATE,
        schedule="cosine",
        epochs=config.consistency_passes,
    )
    return _compiled(config, layer, _optimizer(last, sources))


def network_of(model: keras.Model) -> keras.Model:
    """Return the network in a model of `build` or `build_consistency`."""
    layer = model.layers[-1]
    return layer.network if isinstance(layer, (ConsistentNetwork, FramedNetwork)) else layer


def number_of_epochs(config: TrainConfig) -> int:
    """Return the number of epochs of a run: the ordinary and the consistency training's."""
    return config.epochs + (config.consistency_passes if config.consistency else 0)


def _compiled(
    config: TrainConfig, classifier: keras.Layer, optimizer: keras.optimizers.Optimizer
) -> keras.Model:
    """Compile a classifier of images, behind the augmentation if they are whole."""
    if isinstance(classifier, FramedNetwork):
        logging.getLogger("tensorflow").addFilter(_is_surprising)
        image = keras.Input((None, None, 1), name="image")
        model = FramedTraining(image, classifier(image), name="training")
    else:
        image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
        augment = RandomAffine(**augmentation(config), seed=config.seed, name="augmentation")
        model = keras.Model(image, classifier(augment(image)), name="training")
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        # XLA cannot compile the resampling on TensorFlow, and is slower on a CPU.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    # Otherwise Keras builds it in the first step, and traces the whole step twice.
    model.optimizer.build(model.trainable_variables)
    return model


def _is_surprising(record: logging.LogRecord) -> bool:
    """Return False for TensorFlow's warning that a step is traced often: once for each frame."""
    return "triggered tf.function retracing" not in record.getMessage()


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
        # Keras adds it only if the outermost model has the policy.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def augmentation(config: TrainConfig) -> dict:
    """Return the options of `RandomAffine` for a run."""
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
    """Train a model from the epoch after `done`, and show the progress.

    After `config.epochs` epochs the consistency training follows, if the options ask for it.

    Args:
        config: options with which the model was built.
        model: the model of `build`, or that of `build_consistency` if the consistency training
            has begun.
        training: training sources.
        console: console for the progress.
        validation: validation sources, evaluated after each epoch.
        done: number of epochs that are already trained.
        callbacks: callbacks in addition to those of every training; called after them.

    Raises:
        InputError: The loss is no longer finite.
    """
    if done < config.epochs:
        _fit(config, model, training, console, validation, range(done, config.epochs), callbacks)
        done = config.epochs
    if done < number_of_epochs(config):
        if done == config.epochs:
            model = build_consistency(config, network_of(model), len(training))
        rest = range(done, number_of_epochs(config))
        _fit(config, model, training, console, validation, rest, callbacks)


def _fit(
    config: TrainConfig,
    model: keras.Model,
    training: Sources,
    console: Console,
    validation: Sources | None,
    epochs: range,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    batch_size = min(config.batch_size, len(training))
    weights = size_weights(training.image, training.label) if config.balance_sizes else None
    progress = TrainingProgress(number_of_epochs(config), epochs.start, console)
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
                weights,
                passes=config.passes,
                batch_size=batch_size,
                seed=config.seed,
                epochs=epochs,
                augment=augmentation(config) if isinstance(model, FramedTraining) else None,
            ),
            steps_per_epoch=steps_per_epoch(len(training), config.passes, batch_size),
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            validation_data=validation_data,
            verbose=0,
            shuffle=False,  # seed and epoch decide the order of the batches
            callbacks=[EpochSeed(config.seed), FiniteLoss(), progress, *callbacks],
        )
    finally:
        progress.on_train_end()  # Keras does not call it after an error
