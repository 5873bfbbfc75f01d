"""The denoiser: a UNet over 16 by 16 latents, led by the frozen text encoder.

    python -m training.denoiser --steps 6000

The prompt reaches it twice: by cross-attention, and pooled into the time embedding
(`addition_embed_type="text"`), which scales and shifts every block. It predicts v (Salimans and Ho 2022)
on a schedule rescaled to zero terminal SNR (Lin et al. 2023), so that it can make white and black
pictures. Canonical pictures come first, with half of the steps drawn from the noisiest third, where the
prompt decides the layout; then the varied ones.
"""

import argparse

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from training.captions import caption
from training.checkpoints import DEVICE, LOG_EVERY, Run, autocast, averaged
from training.codec import LATENT_CHANNELS
from training.latents import Pictures, load_rounds
from training.places import WORK
from training.sheets import sample_sheet
from training.styles import STYLES
from training.variants import Art, load, unseen
from training.words import WIDTH, load_encoder, load_tokenizer, tokens

CHECKPOINT = WORK / "denoiser.pt"
BATCH = 64
EMPTY = 0.1
"""How many captions are left empty, for classifier-free guidance."""
CANONICAL_SHARE = 0.12
"""The first part of the steps, on canonical pictures alone."""
NOISY_FROM = 700
SHEET_EVERY = 500


def build() -> UNet2DConditionModel:
    """The denoiser with fresh weights."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(96, 128, 256),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def scheduler() -> DDIMScheduler:
    """The noise schedule, and the sampler that the model ships with."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )


class Teacher:
    """Draws batches: noisy latents, steps, text states and the v that is to be predicted."""

    def __init__(
        self, art: Art, tokenizer: CLIPTokenizer, encoder: CLIPTextModel, pictures: Pictures
    ) -> None:
        hidden = unseen(len(art))
        kept = [i for i, v in enumerate(pictures.variants) if (v.thing, v.style) not in hidden]
        self.variants = [pictures.variants[i] for i in kept]
        self.latents = pictures.latents[kept]
        self.art, self.tokenizer, self.encoder = art, tokenizer, encoder
        self.noise = scheduler()
        self.canonical = sum(i < len(art) * len(STYLES) for i in kept)

    def batch(self, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, ...]:
        """`(noisy, steps, states, v)`. `progress` is 0 to 1."""
        first = progress < CANONICAL_SHARE
        picks = torch.randint(self.canonical if first else len(self.variants), (BATCH,), generator=generator)
        latents = self.latents[picks].float()
        steps = torch.randint(0, 1000, (BATCH,), generator=generator)
        noisiest = torch.randint(NOISY_FROM, 1000, (BATCH,), generator=generator)
        steps = torch.where(torch.rand(BATCH, generator=generator) < (0.5 if first else 0.2), noisiest, steps)
        noise = torch.randn(latents.shape, generator=generator)
        texts = [
            ""
            if float(torch.rand(1, generator=generator)) < EMPTY
            else caption(self.art, self.variants[i], generator)
            for i in picks.tolist()
        ]
        with torch.no_grad():
            states = self.encoder(tokens(self.tokenizer, texts).to(DEVICE)).last_hidden_state
        noisy = self.noise.add_noise(latents, noise, steps)
        velocity = self.noise.get_velocity(latents, noise, steps)
        return noisy.to(DEVICE), steps.to(DEVICE), states, velocity.to(DEVICE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    art, tokenizer = load(), load_tokenizer()
    encoder = load_encoder(tokenizer, len(art))
    teacher = Teacher(art, tokenizer, encoder, load_rounds(art, range(options.rounds + 1)))
    run = Run(build(), CHECKPOINT, options.steps, rate=8e-4)
    shown = 0.0
    for generator in run.loop():
        noisy, steps, states, wanted = teacher.batch(generator, run.step / options.steps)
        with autocast():
            said = run.model(noisy, steps, states, return_dict=False)[0]
        loss = F.mse_loss(said.float(), wanted)
        value = run.learn(loss)
        shown = 0.98 * shown + 0.02 * value if shown else value
        if run.step % LOG_EVERY == 0:
            print(f"denoiser {run.step}/{options.steps} loss {shown:.4f}", flush=True)
        if run.step % SHEET_EVERY == 0:
            run.save()
            sample_sheet(averaged(CHECKPOINT, build), scheduler(), WORK / "sheets" / f"{run.step:05}.png")


if __name__ == "__main__":
    main()
