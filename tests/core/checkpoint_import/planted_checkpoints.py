"""Checkpoint files as other projects would have written them."""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from core.generators.cyclegan import CycleGANConfig, ResnetTranslator, UnetConfig, UnetTranslator
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.generators.ugatit import AttentionTranslator, UGATITConfig

TINY = {"input_nc": 1, "ngf": 4, "n_blocks": 2}


def cyclegan(**config: object) -> ResnetTranslator:
    torch.manual_seed(1)
    return ResnetTranslator(CycleGANConfig(**{**TINY, **config})).eval()


def pix2pixhd(**config: object) -> GlobalGenerator:
    torch.manual_seed(2)
    return GlobalGenerator(GlobalGeneratorConfig(**{**TINY, "n_downsampling": 3, **config})).eval()


def unet(**config: object) -> UnetTranslator:
    torch.manual_seed(3)
    return UnetTranslator(UnetConfig(**{"input_nc": 3, "ngf": 4, "num_downs": 5, **config})).eval()


def ugatit(**config: object) -> AttentionTranslator:
    torch.manual_seed(4)
    return AttentionTranslator(UGATITConfig(**{**TINY, "img_size": 32, "light": True, **config})).eval()


def weights_of(network: nn.Module) -> OrderedDict[str, Tensor]:
    return OrderedDict(network.state_dict())


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


class WholeModule(nn.Module):
    """What ``torch.save(network)`` pickles by the name of its class."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
