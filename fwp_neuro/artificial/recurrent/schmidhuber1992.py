"""The first fast-weight programmer: a slow net writes outer products into a squashed fast
net."""

from __future__ import annotations

from torch import nn

from .parts import SQUASHES, outer, read, squash_name
from .recurrent_class import Recurrent
from .registered_networks import register


@register
class Schmidhuber1992(Recurrent):
    """The fast weight programmer of 1991/92, with outer products ("from"/"to" patterns).

        a_t = A x_t,  b_t = B x_t                       [model_dim]
        W_t = sigma(W_{t-1} + a_t b_t')                 [model_dim, model_dim], W_0 = 0
        y_t = W_t x_t

    The input itself is the query, and one head spans the model: there is no projection of
    y.

    Args:
        squash: sigma, one of "tanh", "sigmoid", "identity". The sources ask for a
            function that keeps the weights bounded and leave it open; tanh keeps an
            unwritten weight at zero. "identity" is unnormalised linear attention with
            value a, key b and query x.

    Raises:
        FwpError: unknown squash.

    Source: Schmidhuber 1992, Learning to control fast-weight memories, Neural Computation
    4:131, doi:10.1162/neco.1992.4.1.131; in this notation Schlag, Irie & Schmidhuber
    2021, arXiv:2102.11174, eqs 1-3.
    """

    name = "schmidhuber1992"
    aliases = ("fwp",)
    summary = "outer products written into squashed fast weights; the input is the query"
    citation = "schmidhuber1992learning; schlag2021linear, eqs 1-3"
    no_circuit = (
        "The squashing acts on every weight after each write, which is no sum over local "
        "names."
    )

    def __init__(self, model_dim: int, squash: str = "tanh"):
        super().__init__(model_dim)
        self.squash = squash_name(
            self.name, "squash", squash, ("tanh", "sigmoid", "identity")
        )
        self.value = nn.Linear(model_dim, model_dim, bias=False)
        self.key = nn.Linear(model_dim, model_dim, bias=False)

    def initial(self, batch):
        return {"w": self.zeros(batch, self.model_dim, self.model_dim)}

    def step(self, x, state):
        weights = SQUASHES[self.squash](state["w"] + outer(self.value(x), self.key(x)))
        return read(weights, x), {"w": weights}
