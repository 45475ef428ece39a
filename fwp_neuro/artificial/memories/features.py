"""Feature maps of keys and queries, and normalisations of keys, found by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch.nn import functional

from ...errors import FwpError, pick
from ...registry import Registry
from ...validation import flag, generator, seed_number, whole
from ..tracing import unreadable

FEATURE_MAPS = Registry("feature-map")
register = FEATURE_MAPS.register


class FeatureMap:
    """A map phi of keys and queries [..., dim] -> [..., output_dim(dim)], without learned
    parts."""

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    summary: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Map x [..., dim] to [..., output_dim(dim)]."""
        raise NotImplementedError

    def output_dim(self, dim: int) -> int:
        """Return the number of features of ``dim`` inputs (``dim`` itself unless
        said)."""
        return dim

    def prepare(self, dim: int) -> None:
        """Draw what is random for inputs of ``dim``, which a trace cannot do."""


def _elementwise(
    title: str, function: Callable, what: str, source: str, *other_names: str
) -> None:
    """Register a map that keeps the number of dimensions."""

    class Map(FeatureMap):
        name, aliases, summary, citation = title, other_names, what, source

        def __call__(self, x):
            return function(x)

        # pickle by name, for this class has none of its own in the module
        def __reduce__(self):
            return feature_map, (title,)

    register(Map)


_PLAIN = "this package: a plain function"
_elementwise("identity", lambda x: x, "phi(x) = x", _PLAIN, "none")
_elementwise("elu", lambda x: functional.elu(x) + 1, "phi(x) = elu(x) + 1, positive",
             "katharopoulos2020transformers", "elu+1")  # fmt: skip
_elementwise("relu", torch.relu, "phi(x) = max(x, 0)", _PLAIN)
_elementwise("silu", functional.silu, "phi(x) = x sigmoid(x)", "yang2024parallelizing",
             "swish")  # fmt: skip
_elementwise("softmax", lambda x: x.softmax(-1), "phi(x) = softmax(x)", "irie2022modern")


@register
class Dpfp(FeatureMap):
    """Deterministic parameter-free projection: output_dim = 2 nu dim.

    phi_{i + 2 dim (n - 1)}(x) = r_i r_{i - n} with r = relu([x; -x]) and circular
    indices, n = 1..nu. (The paper writes r_{i + n}: the same products in another order.)

    Source: Schlag, Irie & Schmidhuber 2021, arXiv:2102.11174, eq. 37 and appendix C.
    """

    name, aliases = "dpfp", ()
    summary = "deterministic parameter-free projection, products of rectified entries"
    citation = "schlag2021linear, eq. 37"

    def __init__(self, nu: int = 1):
        self.nu = whole(nu, "feature map dpfp: nu")

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        r = torch.relu(torch.cat([x, -x], -1))
        return torch.cat([r * r.roll(n, -1) for n in range(1, self.nu + 1)], -1)

    def output_dim(self, dim: int) -> int:
        return 2 * self.nu * dim


def _squares(x: torch.Tensor) -> torch.Tensor:
    """Return the dim (dim + 1) / 2 products whose inner product for q and k is
    (q.k)^2."""
    first, second = torch.triu_indices(x.shape[-1], x.shape[-1], device=x.device)
    # a product of two different entries stands for both of its orders
    factor = math.sqrt(2) ** (first != second).to(x)
    return factor * x[..., first] * x[..., second]


@register
class Quadratic(FeatureMap):
    """All products of two entries: phi(q).phi(k) = (q.k)^2 / dim; dim (dim + 1) / 2
    features.

    Source: Aksenov et al. 2024 (ReBased), arXiv:2402.10644, whose learned scale and shift
    before it are in the memory "rebased"; the division by dim is that of
    flash-linear-attention.
    """

    name, aliases = "quadratic", ()
    summary = "all products of two entries"
    citation = "aksenov2024linear"

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return _squares(x) * x.shape[-1] ** -0.5

    def output_dim(self, dim: int) -> int:
        return dim * (dim + 1) // 2


@register
class Taylor(FeatureMap):
    """Second-order expansion of exp: phi(q).phi(k) = 1 + s + s^2 / 2 with s = q.k /
    sqrt(dim).

    1 + dim + dim (dim + 1) / 2 features.

    Source: Arora et al. 2024 (Based), arXiv:2402.18668; looked up in
    flash-linear-attention (ops/based).
    """

    name, aliases = "taylor", ("based",)
    summary = "second-order expansion of exp"
    citation = "arora2024simple"

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        dim = x.shape[-1]
        second = _squares(x) * (2 * dim) ** -0.5
        return torch.cat([torch.ones_like(x[..., :1]), x * dim**-0.25, second], -1)

    def output_dim(self, dim: int) -> int:
        return 1 + dim + dim * (dim + 1) // 2


@register
class Favor(FeatureMap):
    """Positive random features of the softmax kernel: output_dim = 2 features.

    phi(x) = exp(-|x|^2 / 2) / sqrt(2 m) [exp(R x); exp(-R x)], R [m, dim] with rows ~
    N(0, I), orthogonal in blocks of dim rows, so that E[phi(q).phi(k)] = exp(q.k). The
    features are drawn from ``seed`` and stay the same in every call.

    Source: Choromanski et al. 2021 (Performer, FAVOR+), arXiv:2009.14794; in the form of
    Schlag, Irie & Schmidhuber 2021, arXiv:2102.11174, eqs 31-32.
    """

    name, aliases = "favor", ("favor+", "performer")
    summary = "positive random features of the softmax kernel"
    citation = "choromanski2021rethinking"

    def __init__(self, features: int = 64, seed: int = 0, orthogonal: bool = True):
        self.features = whole(features, "feature map favor: features")
        self.seed = seed_number(seed)
        self.orthogonal = flag(orthogonal, "feature map favor: orthogonal")
        self.drawn: dict[int, torch.Tensor] = {}  # dim -> R

    def prepare(self, dim: int) -> None:
        if dim not in self.drawn and not unreadable():
            with torch.inference_mode(False), torch.device("cpu"):
                self.drawn[dim] = self.projection(dim)

    def projection(self, dim: int) -> torch.Tensor:
        """Return R [features, dim] in float64."""
        rng = generator(self.seed)
        rows = torch.as_tensor(rng.standard_normal((self.features, dim)))
        if not self.orthogonal:
            return rows
        # orthogonal directions, with the lengths of independent Gaussian rows
        directions = [torch.linalg.qr(block.T)[0].T for block in rows.split(dim)]
        lengths = torch.as_tensor(rng.standard_normal((self.features, dim))).norm(dim=1)
        return torch.cat(directions) * lengths[:, None]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        dim = x.shape[-1]
        self.prepare(dim)
        projection = self.drawn[dim] if dim in self.drawn else self.projection(dim)
        projected = x @ projection.to(x).T
        exponents = (
            torch.cat([projected, -projected], -1) - (x * x).sum(-1, keepdim=True) / 2
        )
        return exponents.exp() / (2 * self.features) ** 0.5

    def output_dim(self, dim: int) -> int:
        return 2 * self.features


def feature_maps() -> list[str]:
    """Return the names of all feature maps."""
    return FEATURE_MAPS.names()


def feature_map(name: str | FeatureMap, **options) -> FeatureMap:
    """Return a feature map by name with its options set; a `FeatureMap` passes through.

    Raises:
        FwpError: unknown name or option, with the nearest legal one.
    """
    if not isinstance(name, FeatureMap):
        return FEATURE_MAPS.make(name, **options)
    if options:
        raise FwpError(
            f"feature map {name.name!r} is built already and takes no further options"
        )
    return name


def _sum_norm(x: torch.Tensor) -> torch.Tensor:
    total = x.sum(-1, keepdim=True)
    return x / torch.where(total == 0, torch.ones_like(total), total)


def _no_norm(x: torch.Tensor) -> torch.Tensor:
    return x


def _l2_norm(x: torch.Tensor) -> torch.Tensor:
    return functional.normalize(x, dim=-1)


#: name -> function of [..., dim]; a key of zeros stays one of zeros
KEY_NORMS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": _no_norm,
    "sum": _sum_norm,
    "l2": _l2_norm,
}


def key_norm(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a normalisation of keys [..., dim] by name.

    "none"; "sum": k / sum_j k_j (Schlag, Irie & Schmidhuber 2021, arXiv:2102.11174);
    "l2":
    k / |k| (Yang et al. 2024, arXiv:2406.06484). Keys of zeros stay zeros.

    Raises:
        FwpError: unknown name, with the nearest legal one.
    """
    return KEY_NORMS[pick(name, KEY_NORMS, "key_norm")]
