"""The slow net of a layer: from inputs to keys, values, queries and gates."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ...errors import FwpError, pick
from ...rules import Rule
from ..memories.features import FeatureMap, feature_map, key_norm
from ..memories.memory_class import Memory
from .convolution import ShortConvolution
from .gates import make_gate


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
    ):
        super().__init__()
        self.heads, self.query_scale = heads, query_scale
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

    def forward(
        self, x: torch.Tensor, tail: torch.Tensor | None, dtype: torch.dtype
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
        """Return the signals in ``dtype``, and the tail of the convolution (None without
        one)."""
        mixed = self.linear(x).to(dtype)
        if self.convolution is not None:
            mixed, tail = self.convolution(mixed, tail)
        parts = mixed.unflatten(-1, (self.heads, -1)).split(self.sizes, -1)
        signals = {}
        for (name, home), part in zip(self.homes.items(), parts, strict=True):
            if name == "q":
                signals[name] = self.query_scale * self.queries(part)
            else:
                signals[name] = (self.keys if home == "pre" else self.values)(part)
        for name, tie in self.tied.items():
            name = name.removeprefix("tie_")
            signals[name] = self.signs[name] * torch.sigmoid(tie.to(dtype)) * signals["k"]
        for name, gate in self.gates.items():
            signals[name.removeprefix("gate_")] = gate(x, dtype)
        return signals, tail
