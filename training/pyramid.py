"""The encoder without training: principal components of 8 x 8 blocks, written as AutoencoderKL weights.

The picture's blocks of 8 x 8 x 3 values are projected on their first components. Each stride-2
convolution of the encoder turns 2 x 2 neighbours into channels (3 -> 12 -> 48 -> components), every
residual branch is silent, and the last normalisation is undone by pairs: SiLU(a) - SiLU(-a) = a.
"""
import numpy as np
import torch

HOLD = 16.0  # a constant beside each value: it keeps a group's deviation nearly the same in all pictures
NOISE = .08  # deviation of the posterior: how much noise in the latents the decoder is used to


def blocks(pictures):
    """float pictures [N,256,256,3] -> [N*1024, 192], each row one 8 x 8 block as (y, x, rgb)."""
    n, side = len(pictures), pictures.shape[1] // 8
    return pictures.reshape(n, side, 8, side, 8, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 192)


def components(pictures, count):
    """PCA of the blocks -> (encode [count,192], decode [192,count], mean [192]).

    Scales are half whitened (deviation ** 0.5), then normalised to a mean variance of 1, so that what matters
    most to the eye also has most weight in diffusion.
    """
    rows = blocks(pictures)
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov((rows - mean).T))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    vectors = vectors * np.sign(vectors.sum(0) + 1e-9)
    scale = values ** -.25
    scale /= np.sqrt(np.mean(values * scale ** 2))
    return (vectors * scale).T, vectors / scale, mean


@torch.no_grad()
def set_encoder(vae, encode, mean):
    """Write the projection into the weights of an AutoencoderKL with (32, 48, 96, 128) channels."""
    count = len(encode)
    for module in vae.encoder.modules():
        if hasattr(module, "conv2"):
            module.conv2.weight.zero_()
            module.conv2.bias.zero_()
            if module.conv_shortcut is not None:
                identity(module.conv_shortcut)
    for attention in vae.encoder.mid_block.attentions:
        attention.to_out[0].weight.zero_()
        attention.to_out[0].bias.zero_()
    identity(vae.encoder.conv_in, 3)
    downs = [block.downsamplers[0].conv for block in vae.encoder.down_blocks[:3]]
    for conv, channels in zip(downs[:2], (3, 12)):
        conv.weight.zero_()
        conv.bias.zero_()
        for y in range(2):
            for x in range(2):
                for c in range(channels):
                    conv.weight[(2 * y + x) * channels + c, c, y, x] = 1
    # column order after two foldings: (y2, x2, y1, x1, rgb), where the pixel inside a block of 4 is 2 * y2 + y1
    last = torch.tensor(encode.reshape(count, 2, 2, 2, 2, 2, 2, 3)).float()  # (c, y3, y2, y1, x3, x2, x1, rgb)
    last = last.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(count, 2, 2, 48).permute(0, 3, 1, 2)
    offset = -torch.tensor(encode @ mean).float()
    conv = downs[2]
    conv.weight.zero_()
    conv.bias.zero_()
    for i in range(count):
        conv.weight[4 * i, :48, :2, :2] = last[i]
        conv.weight[4 * i + 1, :48, :2, :2] = -last[i]
        conv.bias[4 * i:4 * i + 4] = torch.tensor([offset[i], -offset[i], HOLD, -HOLD])
    read_pairs(vae.encoder.conv_out, vae.encoder.conv_norm_out, count, HOLD)
    vae.encoder.conv_out.weight[count:] = 0
    vae.encoder.conv_out.bias[count:] = 2 * np.log(NOISE)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        identity(conv, conv.weight.shape[0])


def projection_of(vae, count):
    """What set_encoder wrote, read back: projection [count,3,8,8] and offset [count] of one convolution with stride 8."""
    conv = vae.encoder.down_blocks[2].downsamplers[0].conv
    rows = conv.weight[0:4 * count:4, :48, :2, :2].detach()  # (c, y2 x2 y1 x1 rgb, y3, x3)
    rows = rows.permute(0, 2, 3, 1).reshape(count, 2, 2, 2, 2, 2, 2, 3)  # (c, y3, x3, y2, x2, y1, x1, rgb)
    blocks = rows.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(count, 8, 8, 3)
    return blocks.permute(0, 3, 1, 2).contiguous().clone(), conv.bias[0:4 * count:4].detach().clone()


@torch.no_grad()
def set_decoder(vae, decode, mean):
    """Start the decoder so that the mean colour of every block passes from the first step on."""
    colours = torch.tensor(decode.reshape(64, 3, -1).mean(0)).float()  # [3, count]
    mean_colour = torch.tensor(mean.reshape(64, 3).mean(0)).float()
    kept, hold = 12, 4.0
    for module in vae.decoder.modules():
        if hasattr(module, "conv2"):
            module.conv2.weight.mul_(.3)
            module.conv2.weight[:kept] = 0
            if module.conv_shortcut is not None:
                identity(module.conv_shortcut, kept)
    for block in vae.decoder.up_blocks[:3]:
        identity(block.upsamplers[0].conv, kept)
    first = vae.decoder.conv_in
    first.weight[:kept] = 0
    for i in range(3):
        first.weight[4 * i, :, 1, 1] = colours[i]
        first.weight[4 * i + 1, :, 1, 1] = -colours[i]
        first.bias[4 * i:4 * i + 4] = torch.tensor([mean_colour[i], -mean_colour[i], hold, -hold])
    last = vae.decoder.conv_out
    read_pairs(last, vae.decoder.conv_norm_out, 3, hold)
    last.weight[:, kept:] *= .3


def identity(conv, channels=None):
    """Let the first channels of a convolution pass unchanged (all of the common ones by default)."""
    channels = channels or min(conv.weight.shape[:2])
    conv.weight[:channels] = 0
    conv.bias[:channels] = 0
    centre = conv.weight.shape[-1] // 2
    for i in range(channels):
        conv.weight[i, i, centre, centre] = 1


def read_pairs(conv, norm, count, hold):
    """Read `count` values back out of quadruples (+v, -v, +hold, -hold) behind GroupNorm and SiLU."""
    norm.weight[:4 * count] = 1
    norm.bias[:4 * count] = 0
    conv.weight[:count] = 0
    conv.bias[:count] = 0
    for i in range(count):
        conv.weight[i, 4 * i, 1, 1] = hold / 2 ** .5
        conv.weight[i, 4 * i + 1, 1, 1] = -hold / 2 ** .5
