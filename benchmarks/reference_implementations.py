"""Network and augmentation in plain PyTorch, as a reference for speed and results.

Nothing of `keras_astroattn` is used here.
"""

import math

import torch
from torch import nn
from torch.nn import functional

STAGES = ((6, 3), (16, 3), (32, 3), (64, 2))
INTERMEDIATE_CHANNELS = 64


class Gate(nn.Module):
    """Attention gate: a = range_norm(psi(relu(theta(x) + upsample(phi(g))))).

    Input: x (batch, channels, height, width) and g (batch, gating channels, h, w). Output: x a,
    and a (batch, 1, height, width).
    """

    def __init__(self, channels: int, gating_channels: int):
        super().__init__()
        self.theta = nn.Conv2d(channels, INTERMEDIATE_CHANNELS, 1, bias=False)
        self.phi = nn.Conv2d(gating_channels, INTERMEDIATE_CHANNELS, 1, bias=False)
        self.psi = nn.Conv2d(INTERMEDIATE_CHANNELS, 1, 1)
        for convolution in (self.theta, self.phi, self.psi):
            nn.init.kaiming_normal_(convolution.weight)
        nn.init.constant_(self.psi.bias, 10.0)

    def forward(self, x: torch.Tensor, g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (x a, a)."""
        gating = functional.interpolate(
            self.phi(g), size=x.shape[2:], mode="bilinear", align_corners=False
        )
        s = self.psi(functional.relu(self.theta(x) + gating))
        low = s.amin(dim=(1, 2, 3), keepdim=True)
        high = s.amax(dim=(1, 2, 3), keepdim=True)
        a = (s - low) / (high - low).clamp_min(1e-12)
        return x * a, a


class ReferenceAGCNN(nn.Module):
    """The proposed network: three gates, range_norm per image, sum, ft; logits (batch, 2).

    Input (batch, 1, 150, 150), float32 in [-1, 1]. 101,447 trainable parameters.
    """

    def __init__(self):
        super().__init__()
        stages, channels = [], 1
        for width, blocks in STAGES:
            layers = []
            for _ in range(blocks):
                convolution = nn.Conv2d(channels, width, 3, padding=1)
                nn.init.kaiming_normal_(convolution.weight)
                nn.init.zeros_(convolution.bias)
                layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
                channels = width
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)
        gated = [width for width, _ in reversed(STAGES[:-1])]
        self.gates = nn.ModuleList(Gate(width, channels) for width in gated)
        self.dropout = nn.Dropout(0.5)
        self.dense_per_gate = nn.ModuleList(nn.Linear(width, 2) for width in gated)
        self.dense = nn.Linear(2 * len(gated), 2)

    def forward_with_attention(
        self, image: torch.Tensor
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return logits and attention maps (batch, h, w), the coarsest first."""
        x, outputs = image, []
        for number, stage in enumerate(self.stages):
            x = stage(functional.max_pool2d(x, 2) if number else x)
            outputs.append(x)
        *finer, g = outputs
        votes, maps = [], []
        for x, gate, dense in zip(reversed(finer), self.gates, self.dense_per_gate, strict=True):
            attended, a = gate(x, g)
            votes.append(functional.relu(dense(self.dropout(attended.sum(dim=(2, 3))))))
            maps.append(a[:, 0])
        return self.dense(torch.cat(votes, dim=1)), maps

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits (batch, 2)."""
        return self.forward_with_attention(image)[0]


def random_affine(
    images: torch.Tensor, rotation: float = 180.0, shift: float = 2.0, zoom: float = 0.1
) -> torch.Tensor:
    """Transform each image at random, with bilinear interpolation.

    Args:
        images: (batch, 1, size, size). Pixels from outside of an image become black (-1).
        rotation: largest rotation to either side, degrees.
        shift: largest shift to either side, pixels.
        zoom: largest change of scale to either side, as a fraction.
    """
    batch, _, size, _ = images.shape

    def uniform(extent: float) -> torch.Tensor:
        return (2 * torch.rand(batch) - 1) * extent

    angle, scale = uniform(math.radians(rotation)), 1 / (1 + uniform(zoom))
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift_x, shift_y = (uniform(shift * 2 / size) for _ in range(2))
    theta = torch.stack(
        [torch.stack([cosine, -sine, shift_x], 1), torch.stack([sine, cosine, shift_y], 1)], 1
    )
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    # grid_sample fills with 0: black is moved to 0 and back.
    sampled = functional.grid_sample(images + 1, grid, mode="bilinear", align_corners=False)
    return sampled - 1
