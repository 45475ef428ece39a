"""Exact real-time recurrent learning: gradients through all of the past without keeping
it."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, vmap

from ..arguments import inside, takes
from ..errors import FwpError, shown
from ..validation import affordable, whole
from .precision import HALF
from .recurrent import network
from .recurrent.elementwise_recurrence import Elementwise


def _elementwise():
    return network("elstm", 4)


@takes(
    network=inside("a network of elementwise recurrence", _elementwise),
    batch=inside("a whole number of at least 1", lambda: 1),
)
class RealTimeLearner:
    """Run a network of elementwise recurrence token by token, its past differentiated
    forward.

    With the sensitivity S_t = d c_t / d theta of the state to every parameter of the
    recurrence,

        S_t = J_t * S_{t-1} + d recur(x_t, c_{t-1}; theta) / d theta,   S_0 = 0
        d loss_t / d theta = (d loss_t / d c_t) . S_t

    where J_t = d c_t / d c_{t-1} is diagonal: a vector. A parameter that drives one
    channel alone (``own`` of the network) has only the sensitivities of that channel:
    with a scalar state a channel, one number a parameter and sequence, in place of the
    whole past that back-propagation through time keeps. A ``shared`` parameter has those
    of all state elements.

    The gradients are those of back-propagation through time, as long as the parameters
    stay as they are; with an update at every token the sensitivities mix old and new
    parameters, which is the usual approximation of online learning. The input is data: it
    gets no gradient, so learning is exact for one layer (what lies above it is reached at
    each token, what lies below it not).

        learner = RealTimeLearner(network("elstm", 8), batch=4)
        for token, target in zip(x.unbind(1), targets.unbind(1)):
            y = learner.step(token)                 # [batch, model_dim]
            (y - target).square().sum().backward()  # adds the exact gradient to every .grad
        optimiser.step()

    Args:
        network: any network of the package of class `Elementwise`, e.g. "elstm", "s4d",
            "s6".
        batch: number of sequences that run side by side.

    Attributes:
        c: the state [batch, channel, ...], without a graph.
        sensitivities: name -> S: [batch, channel, ..., parameter row] for own parameters,
            [batch, channel, ..., parameter] for shared ones.

    Raises:
        FwpError: the network has no elementwise recurrence, batch is no whole number.

    Source: Irie, Gopalakrishnan & Schmidhuber 2023, arXiv:2305.19044; Mozer 1989,
    Complex Systems 3:349; Williams & Zipser 1989, doi:10.1162/neco.1989.1.2.270.
    """  # noqa: E501

    def __init__(self, network: Elementwise, batch: int):
        if not isinstance(network, Elementwise):
            got = getattr(network, "name", "") or type(network).__name__
            raise FwpError(
                "RealTimeLearner needs a network with elementwise recurrence (elstm, "
                f"s4d, s6 or another Elementwise), got {got!r}"
            )
        self.network = network
        one = sum(p.numel() for p in network.parameters()) + network.model_dim
        affordable(
            whole(batch, "RealTimeLearner: batch") * one,
            f"RealTimeLearner: the sensitivities of {shown(batch)} sequences",
        )
        self.c = network.initial(batch)["c"].detach()
        if self.c.dtype in HALF:
            raise FwpError(
                "RealTimeLearner adds up sensitivities in float32 or float64, and the "
                f"network has parameters of {self.c.dtype}; use network.float()"
            )
        self._recur = _Recur(network)
        shape = self.c.shape
        self.sensitivities = {
            name: self.c.new_zeros(
                *shape, *parameter.shape[1 if name in network.own else 0 :]
            )
            for name, parameter in self._parameters().items()
        }

    def __repr__(self) -> str:
        return f"RealTimeLearner({self.network.name!r}, batch={self.c.shape[0]})"

    def step(self, x: torch.Tensor) -> torch.Tensor:
        """Take one token: x [batch, model_dim] -> y [batch, model_dim], ready for
        `backward`.

        Raises:
            FwpError: x has another shape or dtype.
        """
        legal = (self.c.shape[0], self.network.model_dim)
        if not isinstance(x, torch.Tensor) or x.layout is not torch.strided:
            raise FwpError(
                f"RealTimeLearner: x must be a dense torch tensor, got {shown(x)}"
            )
        if x.device != self.c.device:
            raise FwpError(
                f"RealTimeLearner: the network is on {self.c.device}, and x on {x.device}"
            )
        if tuple(x.shape) != legal or x.dtype != self.c.dtype:
            raise FwpError(
                f"RealTimeLearner: x must be [batch, model_dim] = {legal} of "
                f"{self.c.dtype}, got {tuple(x.shape)} of {x.dtype}"
            )
        x = x.detach()
        with torch.no_grad():
            self._advance(x)
        return self.network.readout(x, self._with_gradients())

    def _parameters(self) -> dict[str, nn.Parameter]:
        names = (*self.network.own, *self.network.shared)
        return {name: self.network.get_parameter(name) for name in names}

    def _advance(self, x: torch.Tensor) -> None:
        """Move the state and its sensitivities on by one token."""
        parameters = {
            name: tensor.detach() for name, tensor in self._parameters().items()
        }
        own = {name: parameters[name] for name in self.network.own}
        shared = {name: parameters[name] for name in self.network.shared}

        def new(own, shared, c, x):
            every = {
                f"network.{name}": tensor for name, tensor in {**own, **shared}.items()
            }
            return functional_call(self._recur, every, (x[None], c[None]))[0]

        def total(*arguments):
            return new(*arguments).sum()

        def over_channels(*arguments):
            # row i drives channel i alone: the sum over channels keeps every derivative
            # apart
            return new(*arguments).sum(0)

        def each(function):
            return vmap(function, in_dims=(None, None, 0, 0))(own, shared, self.c, x)

        jacobian = each(grad(total, 2))
        direct = {
            # [batch, ..., channel, row] -> [batch, channel, ..., row]
            name: tensor.movedim(self.c.ndim - 1, 1)
            for name, tensor in each(jacrev(over_channels, 0)).items()
        }
        if shared:
            direct |= each(jacrev(new, 1))
        self.sensitivities = {
            name: _expand(jacobian, past) * past + direct[name]
            for name, past in self.sensitivities.items()
        }
        self.c = each(new)

    def _with_gradients(self) -> torch.Tensor:
        """Return c with its first-order dependence on the parameters, which adds exactly
        zero."""
        c = self.c
        for name, parameter in self._parameters().items():
            shift = parameter - parameter.detach()
            sensitivity = self.sensitivities[name]
            if name in self.network.own:
                inner = c.ndim - 2
                shift = shift.reshape(shift.shape[:1] + (1,) * inner + shift.shape[1:])
            product = sensitivity * shift
            c = c + product.unsqueeze(-1).flatten(c.ndim).sum(-1)
        return c


class _Recur(nn.Module):
    """The recurrence as the call of a module, so that `functional_call` reaches it."""

    def __init__(self, network: Elementwise):
        super().__init__()
        self.network = network

    def forward(self, x, c):
        return self.network.recur(x, c)


def _expand(jacobian: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return jacobian.reshape(jacobian.shape + (1,) * (like.ndim - jacobian.ndim))
