"""A Stable Diffusion that was never trained, 1 MB or less, made in a moment: for tests of pictures' making.

It shows what the engine does to a picture, not what a picture shows. Its classes are stock; only its
weights are ours. They are set by hand, for a purpose, where plain random weights would give noise:

* The VAE maps 2x2 pixels to their mean colour and back, so that a remix keeps its source.
* The UNet predicts v (https://arxiv.org/abs/2202.00512, where x turns into the picture along
  dx/dphi = v) as a weighted sum of the bands of x's Laplacian pyramid: a positive weight makes a
  band fade, a negative one makes it grow. Fine noise fades, so blotches of colour remain.
* Its cross-attention is random: it tints the coarsest band by what the prompt's letters are.

An activation that must pass its input unchanged gets it as a pair (x, -x), for
silu(x) - silu(-x) = x; a group norm that must, gets a large constant pair (K, -K) beside it, which
drowns the data's own deviation.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

_SEED: Final = 7
_START, _END = "<|startoftext|>", "<|endoftext|>"
_MAX_TOKENS: Final = 256
_TEXT_WIDTH: Final = 32
_PADDING: Final = 0
"""The feature that stands for "no letter here"; attention is blind to it."""
_PLACE: Final = 0.5
"""How much it matters where in the prompt a letter stands."""
_LATENTS: Final = 4
_PIXEL_CHANNELS: Final = 8
_UNET_CHANNELS: Final = 16
_LOUD: Final = 100.0
"""The constant K that drowns data of about 1 in a group norm."""
_BANDS: Final = (-1.2, -0.6, 0.5, 1.8)
"""Weights of the pyramid's bands in v, coarsest first."""
_TINT: Final = 0.12
"""How strongly the prompt acts."""
_SHARPNESS: Final = 20.0
"""How much each place prefers its own few letters of the prompt."""
# Orthonormal rows (of a Hadamard matrix): what three colours are in four latents.
_COLOURS: Final = torch.tensor([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2
_BLUR: Final = torch.outer(torch.tensor([1, 2, 1]), torch.tensor([1, 2, 1])) / 16


def save_tiny(folder: Path) -> Path:
    """The model, saved in `folder`; the same every time."""
    with tempfile.TemporaryDirectory() as scratch:
        _build(Path(scratch)).save_pretrained(folder)
    return folder


def _build(scratch: Path) -> Any:
    with torch.no_grad():
        generator = torch.Generator().manual_seed(_SEED)
        tokenizer = _tokenizer(scratch / "letters")
        return StableDiffusionPipeline(
            vae=_vae(),
            text_encoder=_text_encoder(tokenizer, generator),
            tokenizer=tokenizer,
            unet=_unet(generator),
            scheduler=DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                prediction_type="v_prediction",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def _tokenizer(folder: Path) -> Any:
    """CLIP's own, with a token for each byte and no merges: it reads any text, letter by letter."""
    # CLIP spells bytes as printable characters: those that are, as themselves, the others from 256 on.
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    letters = [chr(code) for code in (*printable, *range(256, 256 + 256 - len(printable)))]
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters), _START, _END]
    # Without model_max_length it would never cut, and overflow the encoder.
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": _MAX_TOKENS, "pad_token": _END}
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return CLIPTokenizer.from_pretrained(folder)


def _text_encoder(tokenizer: Any, generator: torch.Generator) -> Any:
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=_TEXT_WIDTH,
            intermediate_size=2 * _TEXT_WIDTH,
            projection_dim=_TEXT_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=_MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    _randomise(encoder, generator)
    for name, weights in encoder.named_parameters():
        if "token_embedding" in name:
            weights.normal_(generator=generator)
            weights[tokenizer.pad_token_id] = torch.eye(_TEXT_WIDTH)[_PADDING] * _LOUD
        elif "position_embedding" in name:
            weights.normal_(std=_PLACE, generator=generator)
    return encoder


def _vae() -> Any:
    vae = AutoencoderKL(
        latent_channels=_LATENTS,
        block_out_channels=(_PIXEL_CHANNELS, _PIXEL_CHANNELS),
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        norm_num_groups=1,
        mid_block_add_attention=False,
        sample_size=128,
        scaling_factor=2.0,
    )
    _clear(vae)
    encoder, decoder = vae.encoder, vae.decoder
    colours = _pairs(_PIXEL_CHANNELS, 3)
    _at_centre(encoder.conv_in, colours)
    encoder.conv_in.bias.copy_(_loud(_PIXEL_CHANNELS, 6))
    _halve(encoder.down_blocks[0].downsamplers[0].conv)
    encoder.conv_norm_out.weight.fill_(_undo_norm(_PIXEL_CHANNELS))
    mean_only = torch.cat([_COLOURS.T @ colours.T, torch.zeros(_LATENTS, _PIXEL_CHANNELS)])
    _at_centre(encoder.conv_out, mean_only)
    encoder.conv_out.bias[_LATENTS:] = -30.0  # log-variance: as good as none
    _at_centre(vae.quant_conv, torch.eye(2 * _LATENTS))
    _at_centre(vae.post_quant_conv, torch.eye(_LATENTS))
    _at_centre(decoder.conv_in, colours @ _COLOURS)
    _double(decoder.up_blocks[0].upsamplers[0].conv)
    decoder.up_blocks[0].upsamplers[0].conv.bias.copy_(_loud(_PIXEL_CHANNELS, 6))
    decoder.conv_norm_out.weight.fill_(_undo_norm(_PIXEL_CHANNELS))
    _at_centre(decoder.conv_out, colours.T)
    return vae


def _unet(generator: torch.Generator) -> Any:
    levels = len(_BANDS)
    unet = UNet2DConditionModel(
        sample_size=64,
        layers_per_block=1,
        block_out_channels=(_UNET_CHANNELS,) * levels,
        norm_num_groups=1,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        cross_attention_dim=_TEXT_WIDTH,
        attention_head_dim=2,
    )
    _clear(unet)
    latents = _pairs(_UNET_CHANNELS, _LATENTS)
    _at_centre(unet.conv_in, latents)
    for block in unet.down_blocks[:-1]:
        _halve(block.downsamplers[0].conv)
    _set_cross_attention(unet.mid_block.attentions[0], latents, generator)
    same = torch.eye(_UNET_CHANNELS)
    for block, band, finer in zip(unet.up_blocks, _BANDS, (*_BANDS[1:], 0.0), strict=True):
        # Each takes (what comes from below, the downward path's tensor of this size).
        first, second = (resnet.conv_shortcut for resnet in block.resnets)
        _at_centre(first, torch.cat([same, (band - finer) * same], dim=1))
        _at_centre(second, torch.cat([same, 0 * same], dim=1))
        if block.upsamplers:
            _double(block.upsamplers[0].conv)
    # From below, the coarsest level gets its own tensor and the tint: only the tint is wanted.
    coarsest = unet.up_blocks[0].resnets[0].conv_shortcut
    _at_centre(coarsest, torch.cat([same, (_BANDS[0] - _BANDS[1] - 1) * same], dim=1))
    unet.up_blocks[-1].resnets[1].conv_shortcut.bias.copy_(_loud(_UNET_CHANNELS, 8))
    unet.conv_norm_out.weight.fill_(_undo_norm(_UNET_CHANNELS))
    _at_centre(unet.conv_out, latents.T)
    return unet


def _set_cross_attention(attention: Any, latents: torch.Tensor, generator: torch.Generator) -> None:
    _randomise(attention, generator)
    to_text = attention.transformer_blocks[0].attn2
    to_text.to_q.weight.mul_(_SHARPNESS)
    for part in (to_text.to_k, to_text.to_v):
        part.weight[:, _PADDING] = 0
    tint = torch.randn(_LATENTS, _UNET_CHANNELS, generator=generator) * _TINT * _UNET_CHANNELS**-0.5
    _at_centre(attention.proj_out, latents @ tint)


def _randomise(module: Any, generator: torch.Generator) -> None:
    """Matrices that keep the size of what they are fed, no biases, plain norms."""
    for name, weights in module.named_parameters():
        if weights.ndim > 1:
            weights.normal_(std=weights.shape[1] ** -0.5, generator=generator)
        else:
            weights.fill_(0 if name.endswith("bias") else 1)


def _clear(module: Any) -> None:
    """All zero: then a residual block passes its input on, and adds nothing."""
    for weights in module.parameters():
        weights.zero_()


def _pairs(channels: int, count: int) -> torch.Tensor:
    """A (channels, count) matrix that turns each x into the pair (x, -x)."""
    matrix = torch.zeros(channels, count)
    for i in range(count):
        matrix[2 * i, i], matrix[2 * i + 1, i] = 1, -1
    return matrix


def _loud(channels: int, first: int) -> torch.Tensor:
    bias = torch.zeros(channels)
    bias[first], bias[first + 1] = _LOUD, -_LOUD
    return bias


def _undo_norm(channels: int) -> float:
    """The deviation of `channels` values of which two are K and -K, and the others small."""
    return _LOUD * math.sqrt(2 / channels)


def _at_centre(conv: Any, matrix: torch.Tensor) -> None:
    """Make `conv` mix the channels of each place by `matrix` (out, in), and ignore neighbours."""
    middle = conv.kernel_size[0] // 2
    conv.weight[:, :, middle, middle] = matrix


def _halve(conv: Any) -> None:
    """Make a strided 3x3 `conv` the mean of 2x2; the VAE pads after the picture, the UNet around it."""
    first = conv.padding[0]
    conv.weight[:, :, first : first + 2, first : first + 2] = (
        torch.eye(len(conv.weight))[:, :, None, None] / 4
    )


def _double(conv: Any) -> None:
    """Make the 3x3 `conv` behind a nearest-neighbour upsampling smooth its blocks."""
    conv.weight.copy_(torch.eye(len(conv.weight))[:, :, None, None] * _BLUR)
