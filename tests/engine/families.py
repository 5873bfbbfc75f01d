"""Tiny random models of other families, from stock configuration classes, saved as safetensors."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtAlphaPipeline,
    PixArtTransformer2DModel,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
)

WIDTH = 32


def save_random_stable_diffusion(folder: Path, tiny: Path, prediction_type: str) -> Path:
    """Stable Diffusion 1.x (epsilon) or 2.x (v-prediction), small, with random weights."""
    torch.manual_seed(5)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=8,
        attention_head_dim=2,
        cross_attention_dim=WIDTH,
    )
    if prediction_type == "epsilon":
        _tame(unet)
    pipeline = StableDiffusionPipeline(
        vae=_vae(4, levels=3, sample_size=64),
        text_encoder=_clip(CLIPTextModel, tiny),
        tokenizer=_letters(tiny),
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,  # as real checkpoints are; else random weights amplify rounding
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type=prediction_type,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return _save_as_published(pipeline, folder)


def save_stable_diffusion_xl(folder: Path, tiny: Path) -> Path:
    torch.manual_seed(1)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 1),
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        cross_attention_dim=2 * WIDTH,
    )
    _tame(unet)
    pipeline = StableDiffusionXLPipeline(
        vae=_vae(4, levels=3, sample_size=64, force_upcast=True),
        text_encoder=_clip(CLIPTextModel, tiny),
        text_encoder_2=_clip(CLIPTextModelWithProjection, tiny),
        tokenizer=_letters(tiny),
        tokenizer_2=_letters(tiny),
        unet=unet,
        scheduler=EulerDiscreteScheduler(
            beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
        ),
        force_zeros_for_empty_prompt=True,
    )
    return _save_as_published(pipeline, folder)


def save_pixart(folder: Path, tiny: Path) -> Path:
    """Has no image-to-image, and knows only the old kind of callback."""
    torch.manual_seed(2)
    transformer = PixArtTransformer2DModel(
        sample_size=32,
        num_layers=1,
        patch_size=2,
        attention_head_dim=8,
        num_attention_heads=2,
        caption_channels=WIDTH,
        in_channels=4,
        cross_attention_dim=16,
        out_channels=8,
        norm_num_groups=1,
        use_additional_conditions=False,
    )
    pipeline = PixArtAlphaPipeline(
        tokenizer=_letters(tiny),
        text_encoder=_t5(tiny),
        vae=_vae(4, levels=4),
        transformer=transformer,
        scheduler=DPMSolverMultistepScheduler(),
    )
    return _save(pipeline, folder)


def save_flux(folder: Path, tiny: Path) -> Path:
    """Matches flows, is guided by distillation, and takes a size for image-to-image."""
    torch.manual_seed(3)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    pipeline = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(4, shift_factor=0.0),
        text_encoder=_clip(CLIPTextModel, tiny),
        tokenizer=_letters(tiny),
        text_encoder_2=_t5(tiny),
        tokenizer_2=_letters(tiny),
        transformer=transformer,
    )
    return _save(pipeline, folder)


def save_with_safety_checker(folder: Path, tiny: Path, threshold: float) -> Path:
    """The tiny model with a real safety checker, which flags cosine similarities above `threshold`."""
    torch.manual_seed(4)
    tower = {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            vision_config={**tower, "image_size": 32, "patch_size": 16},
            text_config=tower,
            projection_dim=WIDTH,
        )
    )
    for name in ("concept_embeds", "special_care_embeds"):
        getattr(checker, name).data.fill_(1.0)
        getattr(checker, f"{name}_weights").data.fill_(threshold)
    extractor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    pipeline = StableDiffusionPipeline.from_pretrained(
        tiny, safety_checker=checker, feature_extractor=extractor, requires_safety_checker=True
    )
    return _save(pipeline, folder)


def save_ddim(folder: Path, tiny: Path, **config: Any) -> Path:
    """The tiny model with another configuration of its own scheduler."""
    pipeline = StableDiffusionPipeline.from_pretrained(tiny)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, **config)
    return _save(pipeline, folder)


def _tame(unet: Any, count: int = 16) -> None:
    """Fit the last layer of a random UNet so that it predicts noise, as training would.

    Left random, it lets latents grow to hundreds within a few steps (each divides by the square root of
    a small alpha), and rounding with them.
    """
    generator = torch.Generator().manual_seed(6)
    side = 32
    seen: list[Any] = []
    noise = torch.randn(count, 4, side, side, generator=generator)
    # From nearly clean to the noisiest that there is; a mistake there is multiplied most.
    alpha = torch.logspace(-2.33, -0.005, count)[:, None, None, None]
    clean = torch.randn(count, 4, side // 4, side // 4, generator=generator).repeat_interleave(4, 2)
    noisy = alpha.sqrt() * clean.repeat_interleave(4, 3) + (1 - alpha).sqrt() * noise
    arguments: dict[str, Any] = {}
    if unet.config.addition_embed_type == "text_time":
        told = {"text_embeds": torch.zeros(count, WIDTH), "time_ids": torch.full((count, 6), 64.0)}
        arguments["added_cond_kwargs"] = told
    hook = unet.conv_out.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    words = torch.randn(count, 8, unet.config.cross_attention_dim, generator=generator)
    with torch.no_grad():
        for name, weights in unet.named_parameters():
            if "attn2.to_out" in name:
                weights.mul_(0.02)  # guidance multiplies what the prompt does by 7.5
        unet(noisy, (1 - alpha.flatten()) * 999, words, **arguments)
        hook.remove()
        weight = ((1 - alpha) / alpha).sqrt()
        patches = torch.nn.functional.unfold(seen[0], 3, padding=1) * weight[:, :, :, 0]
        patches = patches.movedim(1, 2).flatten(0, 1)
        wanted = (noise * weight).flatten(2).movedim(1, 2).flatten(0, 1)
        ridge = len(patches) * 1e-3 * torch.eye(patches.shape[1])
        fitted = torch.linalg.solve(patches.T @ patches + ridge, patches.T @ wanted)
        unet.conv_out.weight.copy_(fitted.T.reshape(unet.conv_out.weight.shape))
        unet.conv_out.bias.zero_()


def _save(pipeline: Any, folder: Path) -> Path:
    pipeline.save_pretrained(folder)
    return folder


def _save_as_published(pipeline: Any, folder: Path) -> Path:
    """With the settings for other schedulers than its own that the published checkpoints carry along."""
    pipeline.save_pretrained(folder)
    path = folder / "scheduler" / "scheduler_config.json"
    carried = {"clip_sample": False, "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | carried), "utf-8")
    return folder


def _letters(tiny: Path) -> Any:
    return CLIPTokenizer.from_pretrained(tiny / "tokenizer")


def _vae(latents: int, levels: int = 2, **config: Any) -> Any:
    return AutoencoderKL(
        latent_channels=latents,
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        norm_num_groups=4,
        **config,
    )


def _clip(kind: Any, tiny: Path) -> Any:
    tokenizer = _letters(tiny)
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=tokenizer.model_max_length,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def _t5(tiny: Path) -> Any:
    vocabulary = len(_letters(tiny))
    return T5EncoderModel(
        T5Config(vocab_size=vocabulary, d_model=WIDTH, d_kv=16, d_ff=WIDTH, num_layers=1, num_heads=2)
    )
