"""The slow net of a layer: from inputs to keys, values, queries and gates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from ...errors import FwpError, pick
from ...rules import Rule
from ..kernels import layer_parts
from ..kernels.layer_parts import Part
from ..kernels.operator import unwatched
from ..memories.features import FeatureMap, feature_map, key_norm
from ..memories.memory_class import Memory
from ..precision import autocasts
from .convolution import ShortConvolution, convolved
from .gates import Gate, make_gate

#: tokens of a batch from which one product for all maps is worth joining their weights
PACKED = 256


class Mapped:
    """A feature map, then a normalisation; pickled as its arguments.

    Args:
        features: name or `FeatureMap`.
        norm: "none", "sum" or "l2".

    Raises:
        FwpError: unknown name.
    """

    def __init__(self, features: str | FeatureMap, norm: str):
        self.map, self.norm, self.norm_name = feature_map(features), key_norm(norm), norm

    def __reduce__(self):
        return Mapped, (self.map, self.norm_name)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map [..., dim] to [..., output_dim]."""
        return self.norm(self.map(x))

    def part(self, width: int, scale: float) -> Part | None:
        """Return what the compiled part of a layer does instead, or None if it cannot."""
        kind = type(self.map)
        silu = kind is type(feature_map("silu"))
        known = silu or kind is type(feature_map("identity"))
        if not known or self.norm_name not in ("none", "l2"):
            return None
        return Part(width, silu, self.norm_name == "l2", scale)


class Programmer(nn.Module):
    """x [batch, token, model_dim] -> the signals that a rule needs, and its query.

    One linear map gives q, k, v and the rule's further signals, each through the short
    convolution. Presynaptic ones go through the feature map and the normalisation of keys
    (q through its own normalisation, times ``query_scale``), postsynaptic ones through
    those of values. Gates have linear maps of their own. A tied signal is p =
    sigmoid(d) * k, d [head, key_dim] learned, or p = -sigmoid(d) * k if its name is given
    with a minus sign.

    Args:
        rule: rule or memory.
        model_dim, heads, key_dim, value_dim: sizes, the dims those of one head.
        keys, queries, values: maps of the last axis.
        query_scale: factor of the query.
        convolution: size of the short convolution; 0 for none.
        gates: gate -> kind (see `make_gate`).
        domains: gate -> (low, high).
        tied: presynaptic signals to be tied to the key, such as "p" or "-p".
        compiled: whether the convolution and the maps after it may run as one compiled
            part.

    Raises:
        FwpError: unknown gate or tied signal.
    """

    def __init__(
        self,
        rule: Rule | Memory,
        model_dim: int,
        heads: int,
        key_dim: int,
        value_dim: int,
        *,
        keys: Mapped,
        queries: Mapped,
        values: Mapped,
        query_scale: float,
        convolution: int,
        gates: Mapping[str, str | float],
        domains: Mapping[str, tuple[float, float]],
        tied: tuple[str, ...],
        compiled: bool = True,
    ):
        super().__init__()
        self.heads, self.query_scale, self.compiled = heads, query_scale, compiled
        self.keys, self.queries, self.values = keys, queries, values
        for mapped, dim in ((keys, key_dim), (queries, key_dim), (values, value_dim)):
            mapped.map.prepare(dim)
        feature_dim = keys.map.output_dim(key_dim)
        for name in gates:
            pick(name, rule.gates, f"gate of {rule.name!r}:")
        tieable = [
            name
            for name, home in rule.homes.items()
            if home == "pre"
            and name not in rule.gates
            and name != "k"
            and "k" in rule.homes
        ]
        #: tied signal -> its sign
        self.signs = {
            name.removeprefix("-"): -1 if name[:1] == "-" else 1 for name in tied
        }
        for name in self.signs:
            pick(
                name,
                tieable,
                f"presynaptic signal of {rule.name!r} to be tied to its key:",
            )
        #: signals made by the one linear map -> home
        self.homes = {"q": "pre"} | {
            n: home
            for n, home in rule.homes.items()
            if n not in rule.gates and n not in self.signs
        }
        self.sizes = [
            key_dim if home == "pre" else value_dim for home in self.homes.values()
        ]
        self.channels = heads * sum(self.sizes)
        #: what is done to each signal at once, and what may be left to do
        self.parts, self.left = self._plan()
        self.linear = nn.Linear(model_dim, self.channels, bias=False)
        self.convolution = (
            ShortConvolution(self.channels, convolution) if convolution else None
        )
        sides = {"shared": None, "pre": feature_dim, "post": value_dim}
        # prefixed: a gate may have the name of a method of a module
        self.gates = nn.ModuleDict(
            {
                f"gate_{name}": make_gate(
                    gates.get(name), name, model_dim, heads, sides[home], domains[name]
                )
                for name, home in rule.gates.items()
            }
        )
        self.tied = nn.ParameterDict(
            {
                f"tie_{name}": nn.Parameter(torch.zeros(heads, feature_dim))
                for name in self.signs
            }
        )
        width = values.map.output_dim(value_dim)
        if width != value_dim:
            raise FwpError(
                f"value_map must keep value_dim={value_dim}, and {values.map.name!r} "
                f"gives {width}"
            )

    def _plan(self) -> tuple[tuple[Part, ...], dict[str, tuple[Mapped, float]]]:
        parts, left = [], {}
        for (name, home), size in zip(self.homes.items(), self.sizes, strict=True):
            mapped = self.keys if home == "pre" else self.values
            mapped, scale = (
                (self.queries, self.query_scale) if name == "q" else (mapped, 1.0)
            )
            part = mapped.part(size, scale)
            if part is None:
                left[name] = mapped, scale
            parts.append(part or Part(size, False, False, 1.0))
        return tuple(parts), left

    def forward(
        self, x: torch.Tensor, tail: torch.Tensor | None, dtype: torch.dtype
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
        """Return the signals in ``dtype``, and the tail of the convolution (None without
        one)."""
        if tail is not None and self._runs_compiled(x, tail, dtype):
            parts, tail, gates = self._compiled(x, tail, dtype)
        else:
            mixed, gates = self.linear(x).to(dtype), {}
            if self.convolution is not None:
                mixed, tail = self.convolution(mixed, tail)
            parts = self._mapped(mixed)
        signals = dict(zip(self.homes, parts, strict=True))
        for name, (mapped, scale) in self.left.items():
            signals[name] = _scaled(scale, mapped(signals[name]))
        for name, tie in self.tied.items():
            name = name.removeprefix("tie_")
            signals[name] = self.signs[name] * torch.sigmoid(tie.to(dtype)) * signals["k"]
        for name, gate in self.gates.items():
            found = gates[name] if name in gates else gate(x, dtype)
            signals[name.removeprefix("gate_")] = found
        return signals, tail

    def _mapped(self, mixed: torch.Tensor) -> list[torch.Tensor]:
        """Return the signals [batch, token, head, dim] of what was convolved."""
        split = mixed.unflatten(-1, (self.heads, -1)).split(self.sizes, -1)
        found = []
        for part, x in zip(self.parts, split, strict=True):
            x = functional.silu(x) if part.silu else x
            x = functional.normalize(x, dim=-1) if part.unit else x
            found.append(_scaled(part.scale, x))
        return found

    def _runs_compiled(self, x, tail, dtype) -> bool:
        if not self.compiled or not _bare(self.convolution) or not unwatched((x,)):
            return False
        return layer_parts.runs(tail, self.convolution.weight.to(dtype))

    def _compiled(self, x, tail, dtype):
        """Return the signals, the tail and the gates that one product gave with them."""
        packed = {}
        if x.dtype is dtype and x.shape[0] * x.shape[1] >= PACKED:
            packed = self._packed(x)
        linears = [gate.linear for gate in packed.values()]
        if packed:
            weights = [linear.weight for linear in (self.linear, *linears)]
            mixed = functional.linear(x, torch.cat(weights))
        else:
            mixed = self.linear(x).to(dtype)
        widths = [linear.out_features for linear in linears]

        def plain(mixed, tail, weight):
            y, _ = convolved(mixed[..., : self.channels], tail, weight)
            return (*self._mapped(y), *[mixed[..., self.channels :]] * bool(packed))

        kernel = layer_parts.Mix(self.heads, self.parts, sum(widths), plain)
        weight = self.convolution.weight.to(dtype)
        parts = layer_parts.run(kernel, mixed, tail, weight)
        tail = self.convolution.tail(mixed[..., : self.channels], tail)
        gates = {}
        if packed:
            *parts, rest = parts
            for (name, gate), raw in zip(
                packed.items(), rest.split(widths, -1), strict=True
            ):
                gates[name] = gate.of(raw + gate.linear.bias)
        return parts, tail, gates

    def _packed(self, x) -> dict[str, Gate]:
        """Return the gates whose linear maps may be made in one product with that of the
        signals: nobody has replaced or hooked them."""
        if autocasts(x.device) or not _linear(self.linear):
            return {}
        return {
            name: gate
            for name, gate in self.gates.items()
            if isinstance(gate, Gate)
            and type(gate).forward is Gate.forward
            and _bare(gate)
            and _linear(gate.linear)
        }


def _scaled(scale: float, x: torch.Tensor) -> torch.Tensor:
    return x if scale == 1 else scale * x


def _linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear and _bare(module)


#: whether hooks of all modules are on; no public name of torch
_any_hook = getattr(nn.modules.module, "_has_any_global_hook", lambda: True)


def _bare(module: nn.Module) -> bool:
    """Whether a module runs without hooks, so that what it does may be done for it."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks,
             module._backward_pre_hooks)  # fmt: skip
    return not any(hooks) and not _any_hook()
