"""The codec: 256 px pictures to 16 by 16 latents of 12 channels, and back.

    python -m training.codec --steps 1700

An `AutoencoderTiny` with a fifth stage (f16) and Kaiming initialisation. It learns on crops of 128 px
by squared, absolute and edge errors (the edges ramped in), with a little noise on the latents, so that
its decoder forgives a denoiser's mistakes, and a weak pull towards unit latents.
"""

import argparse

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import nn

from training.checkpoints import DEVICE, LOG_EVERY, Run, autocast, averaged
from training.places import WORK
from training.styles import SIDE, STYLES
from training.variants import CELL, Art, Variant, draw, load, unseen

CHECKPOINT = WORK / "codec.pt"
LATENT_CHANNELS = 12
CROP = 128
SPREAD = 0.35
"""Standard deviation of a colour in 0..1, roughly."""
BATCH = 16
POOL_PER_PAIR = 3


def build() -> AutoencoderTiny:
    """The codec with fresh weights."""
    width, stages = 64, 5
    codec = AutoencoderTiny(
        encoder_block_out_channels=(width,) * stages,
        decoder_block_out_channels=(width,) * stages,
        num_encoder_blocks=(0, 1, 2, 3, 4),
        num_decoder_blocks=(6, 4, 3, 1, 0),
        latent_channels=LATENT_CHANNELS,
    )
    for coder in (codec.encoder.layers, codec.decoder.layers):
        for layer in coder:
            _start(layer)
    _carry_colours(codec)
    return codec


def _start(layer: nn.Module) -> None:
    """Kaiming's weights in the blocks, each near the identity; between them, the identity and a little."""
    convolutions = [module for module in layer.modules() if isinstance(module, nn.Conv2d)]
    for conv in convolutions:
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
    if not convolutions:
        return
    if len(convolutions) > 1:
        convolutions[-1].weight.data.mul_(0.2)
    elif layer.in_channels == layer.out_channels:
        layer.weight.data.mul_(0.1)
        layer.weight.data += nn.init.dirac_(torch.empty_like(layer.weight))


@torch.no_grad()
def _carry_colours(codec: AutoencoderTiny) -> None:
    """Lets the first three latents carry the colours from the start: else they take an hour to appear.

    A channel behind a ReLU holds no negative number, so the decoder gets each colour twice, once negated.
    """
    first, last = codec.encoder.layers[0], codec.encoder.layers[-1]
    begin, end = codec.decoder.layers[0], codec.decoder.layers[-1]
    for conv in (first, last, begin, end):
        conv.weight.mul_(0.3)
    for colour in range(3):
        for conv, rows in ((first, (colour,)), (begin, (colour, colour + 3))):
            conv.weight[list(rows)] = 0
        last.weight[colour] = 0
        first.weight[colour, colour, 1, 1] = 1.0
        last.weight[colour, colour, 1, 1] = 1 / SPREAD
        last.bias[colour] = -0.5 / SPREAD
        begin.weight[colour, colour, 1, 1] = 1.0
        begin.weight[colour + 3, colour, 1, 1] = -1.0
        end.weight[colour, [colour, colour + 3], 1, 1] += torch.tensor([SPREAD, -SPREAD])
    end.bias.fill_(0.5)


def pool(art: Art) -> torch.Tensor:
    """Pictures to crop from, uint8 `(n, 3, 256, 256)`: all pairs that training may see, placed at random."""
    hidden = unseen(len(art))
    pairs = [(thing, style) for thing in range(len(art)) for style in STYLES]
    variants = [Variant(*pair, None) for pair in pairs if pair not in hidden] * POOL_PER_PAIR
    generator = torch.Generator().manual_seed(1)
    batches = [variants[i : i + 32] for i in range(0, len(variants), 32)]
    return torch.cat([(draw(art, batch, generator) * 255).round().byte() for batch in batches])


def crops(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A batch of random crops in -1..1; on the grid of the latents, so that pixel art stays on its own."""
    picks = torch.randint(len(pictures), (BATCH,), generator=generator)
    corners = torch.randint((SIDE - CROP) // CELL + 1, (BATCH, 2), generator=generator) * CELL
    cut = [
        pictures[p, :, y : y + CROP, x : x + CROP]
        for p, (y, x) in zip(picks.tolist(), corners.tolist(), strict=True)
    ]
    return torch.stack(cut).float() / 127.5 - 1


def gradients(picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences of neighbours, across and down."""
    return picture[..., 1:] - picture[..., :-1], picture[..., 1:, :] - picture[..., :-1, :]


def loss_of(codec: AutoencoderTiny, real: torch.Tensor, noise: torch.Tensor, progress: float) -> torch.Tensor:
    """The error of one batch. `progress`, 0 to 1, brings the edges in."""
    with autocast():
        latents = codec.encoder(real)
        made = codec.decoder(latents + noise)
    made, latents = made.float(), latents.float()
    spread = latents.std(dim=(0, 2, 3))
    unit = (spread - 1).square().mean() + latents.mean(dim=(0, 2, 3)).square().mean()
    edge = sum(F.l1_loss(a, b) for a, b in zip(gradients(made), gradients(real), strict=True))
    sharp = min(1.0, progress * 4)
    return F.mse_loss(made, real) + 0.5 * F.l1_loss(made, real) + sharp * edge + 0.02 * unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1700)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    pictures = pool(load())
    run = Run(build().to(memory_format=torch.channels_last), CHECKPOINT, steps, rate=1.5e-3, decay=0.995)
    for generator in run.loop():
        real = crops(pictures, generator).to(DEVICE, memory_format=torch.channels_last)
        shape = (BATCH, LATENT_CHANNELS, CROP // CELL, CROP // CELL)
        amount = torch.rand(BATCH, 1, 1, 1, generator=generator) * 0.2
        noise = (torch.randn(shape, generator=generator) * amount).to(DEVICE)
        loss = loss_of(run.model, real, noise, run.step / steps)
        value = run.learn(loss)
        if run.step % LOG_EVERY == 0:
            print(f"codec {run.step}/{steps} loss {value:.4f}", flush=True)
        if run.step % 300 == 0:
            run.save()
            print(
                f"codec {run.step}/{steps} {decibels(averaged(CHECKPOINT, build), pictures):.2f} dB",
                flush=True,
            )


@torch.no_grad()
def decibels(codec: AutoencoderTiny, pictures: torch.Tensor) -> float:
    """Mean peak signal-to-noise ratio over 50 whole pictures, each style alike."""
    real = pictures[:: max(1, len(pictures) // 50)].float() / 127.5 - 1
    errors = [F.mse_loss(codec.decoder(codec.encoder(p)).clamp(-1, 1), p) for p in real.to(DEVICE).split(1)]
    return float(torch.stack([10 * torch.log10(4 / e) for e in errors]).mean())


if __name__ == "__main__":
    main()
