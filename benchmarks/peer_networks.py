"""Networks of other software, with which `python -m benchmarks.peers` compares.

Nothing of `keras_astroattn` is used here.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

STAGES = ((4, 2), (8, 2), (12, 3), (20, 2))
"""(channels for each symmetry, convolution blocks) of the four stages."""

ENCODER = "convnext_pico"
"""The smallest encoder whose weights Zoobot offers: ConvNeXt-Pico, 9 million parameters."""

ENCODER_SIZE = 224
"""Pixels of the images that Zoobot's encoders take."""


class SteerableCNN(nn.Module):
    """A p4m network of e2cnn: four stages of group convolutions, then a linear layer.

    The literature's design (Scaife & Porter 2021) with the group, widths, blocks and pixels of
    `EquivariantAGCNN`: 2 x 2 pixels are averaged, each convolution is followed by batch
    normalization and ReLU, the stages by 2 x 2 maxima, and the last stage by the maximum over
    the symmetries and the mean over the pixels. There is no attention. Input (batch, 1, 150,
    150), output logits (batch, 2).
    """

    def __init__(self):
        super().__init__()
        repair_e2cnn()
        from e2cnn import gspaces
        from e2cnn import nn as steerable

        group = gspaces.FlipRot2dOnR2(N=4)
        self.image_type = maps = steerable.FieldType(group, [group.trivial_repr])
        layers = []
        for number, (width, blocks) in enumerate(STAGES):
            if number:
                layers.append(steerable.PointwiseMaxPool(maps, 2))
            for _ in range(blocks):
                before, maps = maps, steerable.FieldType(group, width * [group.regular_repr])
                layers += [
                    steerable.R2Conv(before, maps, 3, padding=1, bias=False),
                    steerable.InnerBatchNorm(maps),
                    steerable.ReLU(maps, inplace=True),
                ]
        layers.append(steerable.GroupPooling(maps))
        self.features = steerable.SequentialModule(*layers)
        self.dense = nn.Linear(STAGES[-1][0], 2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        from e2cnn.nn import GeometricTensor

        x = GeometricTensor(functional.avg_pool2d(image, 2), self.image_type)
        return self.dense(self.features(x).tensor.mean(dim=(2, 3)))

    def plain(self) -> nn.Module:
        """Return the same function as a plain PyTorch network, as e2cnn exports it."""
        features = self.eval().features.export()
        return nn.Sequential(
            nn.AvgPool2d(2), features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), self.dense
        ).eval()


class Encoder(nn.Module):
    """Zoobot's smallest encoder, from timm, without weights, and a linear layer to two logits.

    The image is enlarged to 224 x 224 pixels, the size that Zoobot takes.
    """

    def __init__(self):
        super().__init__()
        import timm

        self.network = timm.create_model(ENCODER, pretrained=False, in_chans=1, num_classes=2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits of images (batch, 1, height, width)."""
        size = (ENCODER_SIZE, ENCODER_SIZE)
        return self.network(functional.interpolate(image, size, mode="bilinear"))


def repair_e2cnn() -> None:
    """Let e2cnn 0.2.3, which was written for numpy 1, run with numpy 2.

    `np.array(x, copy=False)` refuses to copy in numpy 2, and arrays have no `tostring` any more.
    """
    from e2cnn.kernels import irreps_basis, utils

    class NumpyOfOld:
        """numpy, with `array` as it was."""

        def __getattr__(self, name: str):
            return getattr(np, name)

        @staticmethod
        def array(values, copy=True):
            return np.array(values) if copy else np.asarray(values)

    def hash_of(basis) -> int:
        gamma = basis.gamma.tobytes() if isinstance(basis.gamma, np.ndarray) else basis.gamma
        return hash((basis.in_irrep, basis.out_irrep, basis.mu.tobytes(), gamma))

    utils.np = NumpyOfOld()
    for kind in vars(irreps_basis).values():
        if isinstance(kind, type) and kind.__module__ == irreps_basis.__name__:
            kind.__hash__ = hash_of
