"""Pretrained text encoders of Hugging Face: frozen, trained whole, or by low-rank adapters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError, reason
from mmdx.extras import needed_by
from mmdx.models.hub import downloaded, out_of_reach
from mmdx.models.packing import item_mask, pad
from mmdx.models.text.windows import Windows
from mmdx.models.text.words import TextEncoder
from mmdx.models.weights import find_model_folder
from mmdx.registry import TEXT_ENCODERS

OTHERWISE = (
    "download it on a machine with a network, or give the folder of a model (source=FOLDER), an installed package that "
    "carries one (source=PACKAGE), or an encoder that needs no weights (encoder=bilstm_attention)"
)
Source = Annotated[str, Field(description="a name of the hub, a model folder, an installed package")]
_POOLING = "trained_pooling"
"""Under which name an architecture keeps how its source was pooled."""
_FETCHING = ("auto_map", "attn_implementation", "_attn_implementation", "quantization_config", "trust_remote_code")
"""What of an architecture would make the library fetch something, or run what it fetched: it is left out."""
_SWITCHES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}


@TEXT_ENCODERS("transformer")
class Transformer(TextEncoder):
    """Any Hugging Face encoder; pooled is the mean of the last hidden states over real tokens.

    `source` is a hub name, a local model folder, or an installed package that carries one. All its weights are trained;
    `frozen` keeps them, and `lora`, a rank, keeps them and trains low-rank adapters beside every linear layer (Hu et
    al. 2022), through peft. `pooling` may be the state of the first token (`cls`) instead, or what the source was
    trained with, which it says itself. A report longer than `window` tokens is read in windows of so many, which
    overlap by a quarter, so that `max_tokens` may be more than the encoder can place. `architecture`, the saved Hugging
    Face config, is given when saved weights follow.
    """

    def __init__(
        self,
        vocabulary: int,
        architecture: Mapping[str, Any] | None,
        *,
        source: Source = "",
        frozen: bool = False,
        lora: int = 0,
        pooling: Literal["mean", "cls", "trained"] = "mean",
        window: Annotated[int, Field(ge=8)] | None = None,
        max_tokens: int = 256,
    ) -> None:
        super().__init__()
        if lora < 0 or (lora and frozen):
            raise UsageError(
                f"text encoder transformer: lora is {lora} and frozen is {frozen}; give a rank to train, or "
                "frozen alone"
            )
        network: Any = _from_source(source) if architecture is None else _from_architecture(architecture)
        config = network.config
        positions = int(getattr(config, "max_position_embeddings", max_tokens))
        option, longest = ("max_tokens", max_tokens) if window is None else ("window", window)
        if longest > positions:
            raise UsageError(
                f"text encoder transformer: {option} {longest} is more than the {positions} that it can place"
            )
        # A pooler is trained for tasks that are not ours; unused weights would stall distributed training.
        if isinstance(getattr(network, "pooler", None), nn.Module):
            network.pooler = None
        self.network = network
        self.frozen = frozen
        self.dim = self.item_dim = int(config.hidden_size)
        described: dict[str, Any] = config.to_dict()
        self.window, self.pooling = window, pooling
        if pooling == "trained":
            self.pooling = trained_pooling(source) if architecture is None else architecture[_POOLING]
            described[_POOLING] = self.pooling
        self.architecture = described
        if self.pooling == "cls" and window is not None:
            raise UsageError("text encoder transformer: pooling is cls, of one window alone; take mean, or no window")
        if frozen:
            self.network.requires_grad_(False)
        if lora:
            _add_adapters(self.network, lora)

    @classmethod
    def lacking(cls, *, source: str, **_: Any) -> list[str]:
        """Why an encoder of these options cannot be made on this machine, told without making it."""
        if not source:
            return ["transformer has no source; give the name of a model on the hub, a model folder or a package"]
        try:
            problem = _lacks(source)
        except UsageError as error:  # of a folder without a model
            return list(error.problems)
        return [problem] if problem is not None else []

    def train(self, mode: bool = True) -> Transformer:
        """A frozen encoder stays in evaluation: no dropout inside it."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, tokens: Int[Tensor, "n"], lengths: Int[Tensor, "b"]) -> Features:
        mask = item_mask(lengths, tokens)
        ids = pad(tokens, mask)
        if self.window is None:
            items = self._states(ids, mask)
        else:
            windows = Windows.over(mask, self.window)
            items = windows.join(self._states(windows.cut(ids), windows.mask), mask)
        if self.pooling == "cls":
            return Features(items=items, mask=mask, pooled=items[:, 0])
        weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled)

    def _states(self, ids: Int[Tensor, "w t"], mask: Bool[Tensor, "w t"]) -> Float[Tensor, "w t d"]:
        """The last hidden states; those of places that are not real mean nothing."""
        # A row without any token would make the softmax inside 0 / 0; its first place is let through, then replaced.
        visible = mask.clone()
        visible[:, 0] = True
        return self.network(input_ids=ids, attention_mask=visible.long()).last_hidden_state

    def pretrained_layers(self) -> Mapping[str, int]:
        """Embeddings, then one layer per block; what stands behind the last block belongs to it."""
        count = getattr(cast(Any, self.network).config, "num_hidden_layers", 0)
        lists = [name for name, m in self.network.named_modules() if isinstance(m, nn.ModuleList) and len(m) == count]
        layers, layer = {}, 0
        for name, _ in self.network.named_parameters():
            # One list of blocks: a model that shares one block over all its layers (ALBERT) is of one piece.
            if lists and name.startswith(f"{lists[0]}."):
                layer = int(name.removeprefix(f"{lists[0]}.").partition(".")[0]) + 1
            layers[f"network.{name}"] = layer
        return layers


def source_of(source: str) -> str:
    """Where transformers should load `source` from: the local folder that it names, or that a download left, else
    itself as a hub name. Raises `UsageError` where it is none of them, or the hub cannot be reached."""
    folder = find_model_folder(source) or _snapshot(source)
    if folder is None and (problem := _lacks(source)) is not None:
        raise UsageError(f"text encoder transformer: {problem}")
    return str(folder) if folder is not None else source


def _snapshot(source: str) -> Path | None:
    """The folder of an earlier download, where it has config, tokenizer and weights."""
    config = downloaded(source, "config.json")
    rest = downloaded(source, "tokenizer.json", "vocab.txt"), downloaded(source, "model.safetensors")
    return config.parent if config is not None and None not in rest else None


def _lacks(source: str) -> str | None:
    """Why the model of `source` cannot be had; None where it is here, or the hub answers."""
    if find_model_folder(source) is not None or _snapshot(source) is not None:
        return None
    if source.startswith((".", "/", "~")) or source.count("/") > 1:
        return f"source '{source}' is neither a model folder nor an installed package, and no name of the hub"
    problem = out_of_reach()
    return problem and f"source '{source}' is neither a folder nor an installed package, and {problem}; {OTHERWISE}"


def trained_pooling(source: str) -> Literal["mean", "cls"]:
    """How the states of `source` were pooled when it was trained, by the file that sentence-transformers leave.

    Raises `UsageError` where there is no such file, or where it says something else than the mean or the first token.
    """
    from transformers.utils.hub import cached_file

    try:
        # What an earlier download left may lack this one file.
        place = str(find_model_folder(source) or source)
        raw = json.loads(Path(str(cached_file(place, "1_Pooling/config.json"))).read_text(encoding="utf-8"))
    except OSError:  # transformers' word for a file that is not there
        raise UsageError(
            f"text encoder transformer: '{source}' does not say its pooling; give pooling: mean or cls"
        ) from None
    # Newer files name the mode, older ones have one switch per mode.
    modes = {name for name in ("mean", "cls") if raw.get("pooling_mode") == name or raw.get(_SWITCHES[name])}
    if len(modes) != 1:
        raise UsageError(f"text encoder transformer: '{source}' is pooled neither by mean nor by cls; give one of them")
    return "cls" if "cls" in modes else "mean"


def _add_adapters(network: Any, rank: int) -> None:
    """Adapters of that rank beside every linear layer, which add nothing until they are trained; all else is frozen.

    Raises `UsageError` where peft is not installed.
    """
    with needed_by("text encoder transformer: lora", "peft", "lora"):
        from peft import LoraConfig, inject_adapter_in_model

    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"), network)


def _from_source(source: str) -> nn.Module:
    from transformers import AutoModel

    if not source:
        raise UsageError(
            "text encoder transformer: give source, a hub name, a local model folder or an installed package"
        )
    folder = find_model_folder(source)
    if folder is not None and (folder / "adapter_config.json").is_file():
        # Which model they belong to stands in that file, and would be looked for on the hub.
        raise UsageError(
            f"text encoder transformer: '{source}' holds adapters; merge them into their model and save it"
        )
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True}
    options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
    try:
        with _quietly_loading():
            network, loaded = cast(tuple[Any, Any], AutoModel.from_pretrained(source_of(source), **options))
    except Exception as error:  # a download fails in a dozen unrelated types
        raise UsageError(f"text encoder transformer: '{source}' could not be loaded ({reason(error)})") from None
    unfit = {*loaded["missing_keys"], *(name for name, *_ in loaded["mismatched_keys"])}
    unfit = sorted(name for name in unfit if not name.startswith("pooler."))
    if unfit:
        raise UsageError(
            f"text encoder transformer: '{source}': its weights are of another architecture than its config.json: "
            f"{len(unfit)} are missing or of another size, such as {unfit[0]}"
        )
    if network.config.is_encoder_decoder:
        raise UsageError(f"text encoder transformer: '{source}' is an encoder-decoder; choose an encoder such as BERT")
    return network


def _from_architecture(architecture: Mapping[str, Any]) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    options = {k: v for k, v in architecture.items() if k not in ("model_type", _POOLING, *_FETCHING)}
    return AutoModel.from_config(AutoConfig.for_model(architecture["model_type"], **options), dtype=torch.float32)


@contextmanager
def _quietly_loading() -> Iterator[None]:
    """transformers without its bar over weights that are on this machine, and without its account of those that do not
    fit, which are refused in a line of our own; the bars of downloads stay."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    shown, downloads = logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()  # those of the hub with it
    if downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
        if not downloads:
            disable_progress_bars()
