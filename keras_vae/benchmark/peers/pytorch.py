"""A VAE in PyTorch: modules, a `DataLoader`, and a loop over its batches; eager or by `torch.compile`."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from keras_vae.benchmark.peers.task import Ready, Settings


class ExampleVAE(nn.Module):
    """Convolutions, two latents, Bernoulli pixels."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        small = (64, height // 4, width // 4)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(math.prod(small), 16),
            nn.ReLU(),
        )
        self.mean = nn.Linear(16, 2)
        self.log_var = nn.Linear(16, 2)
        self.decoder = nn.Sequential(
            nn.Linear(2, math.prod(small)),
            nn.ReLU(),
            nn.Unflatten(1, small),
            nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 3, padding=1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """The loss of a batch, in nats per image."""
        hidden = self.encoder(images)
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        logits = self.decoder(_drawn(mean, log_var))
        reconstruction = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum") / len(images)
        return reconstruction + _kl(mean, log_var)


class DenseVAE(nn.Module):
    """Dense layers, forty latents, Gaussian pixels with their best variance."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(height * width, 1024), nn.SiLU(), nn.Linear(1024, 1024), nn.SiLU()
        )
        self.mean = nn.Linear(1024, 40)
        self.log_var = nn.Linear(1024, 40)
        self.decoder = nn.Sequential(
            nn.Linear(40, 1024),
            nn.SiLU(),
            nn.Linear(1024, 1024),
            nn.SiLU(),
            nn.Linear(1024, height * width),
            nn.Sigmoid(),
            nn.Unflatten(1, (1, height, width)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """The loss of a batch, in nats per image."""
        hidden = self.encoder(images)
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        squares = functional.mse_loss(self.decoder(_drawn(mean, log_var)), images)
        return 0.5 * images[0].numel() * torch.log(squares) + 0.1 * _kl(mean, log_var)


def make(settings: Settings) -> Ready:
    """Set up model, optimizer and loader, and make the first steps."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    images = torch.from_numpy(settings.pixels).permute(0, 3, 1, 2).float() / 255
    loader = DataLoader(TensorDataset(images), settings.batch_size, shuffle=True, drop_last=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = (ExampleVAE if settings.network == "example" else DenseVAE)(*images.shape[2:]).to(device)
    loss_of: Callable[[Tensor], Tensor] = torch.compile(model) if settings.variant == "compiled" else model
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = _endless(loader)

    def train(steps: int) -> float:
        start = time.perf_counter()
        for (batch,) in itertools.islice(batches, steps):
            optimizer.zero_grad()
            loss = loss_of(batch.to(device))
            loss.backward()
            optimizer.step()
        loss.item()
        return time.perf_counter() - start

    train(3)
    return Ready(train, f"PyTorch {torch.__version__}", sum(each.numel() for each in model.parameters()))


def _endless(loader: DataLoader) -> Iterator[list[Tensor]]:
    while True:
        yield from loader


def _drawn(mean: Tensor, log_var: Tensor) -> Tensor:
    return mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)


def _kl(mean: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(dim=1).mean()
