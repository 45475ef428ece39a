"""``Layer``: a slow net that programs fast weights, an ordinary ``nn.Module``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ...arguments import FLAG, inside, takes
from ...errors import FwpError, shown
from ...programs import Program
from ...rules import Rule
from ...validation import affordable, flag, real, whole
from ..lookup import keeps_tokens
from ..memories.features import FeatureMap
from ..memories.memory_class import Memory
from ..packed import run_module
from ..precision import dense, full, same_device
from .fast_weights import FastWeights
from .layer_arguments import gate_maps, is_auto, one_of_batch, own_dim, tied_names
from .layer_conventions import conventions, domains
from .programmer import Mapped, Programmer
from .readout import ReadOut
from .start import Start

#: name of the convolution's part of a state
TAIL = "convolution_tail"


@takes(
    rule=inside("the name of a rule or memory, a Rule, or a Memory", lambda: "delta"),
    model_dim=inside("a whole number of at least 1", lambda: 8),
    heads=inside("a whole number of at least 1"),
    key_dim=inside("a whole number of at least 1, or None"),
    value_dim=inside("a whole number of at least 1, or None"),
    feature_map=inside("the name of a feature map, or a FeatureMap"),
    key_norm=inside("'none', 'sum', 'l2' or 'auto'"),
    query_norm=inside("'none', 'sum', 'l2' or 'auto'"),
    query_scale=inside("a finite number"),
    value_map=inside("the name of a feature map, or a FeatureMap"),
    value_norm=inside("'none', 'sum', 'l2' or 'auto'"),
    beta_range=inside("(0, 1), (0, 2) or None"),
    gates=inside("a dict from gate to convention or number, or None"),
    tied=inside("names of presynaptic signals, or None"),
    convolution=inside("a whole number of at least 0"),
    output_norm=inside("'rms', 'layer' or 'none'"),
    output_gate=FLAG,
    initial_state=inside("'zeros' or 'learned'"),
    form=inside("a form of the rule, or 'auto'"),
)
class Layer(nn.Module):
    """Fast weights written and read by a slow net: x [batch, token, model_dim] -> the
    same shape.

        q, k, v, gates = slow net of x           [batch, token, head(, dim)]  (see `Programmer`)
        y_t = W_t q_t,  W_t = rule(W_{t-1}; k_t, v_t, gates_t)                (read after write)
        output = O (norm(y) * swish(G x))

    Args:
        rule: name of a rule or memory, a `Rule`, or a `Memory`.
        model_dim: size of input and output.
        heads: number of heads.
        key_dim, value_dim: sizes of one head before the feature map; model_dim / heads if
            None.
        feature_map: of q, k and the like, a name or a `FeatureMap`; "auto": "silu" (for a
            memory that maps or compares keys itself, "identity").
        key_norm: "none", "sum" or "l2", after the feature map; "auto": "l2" ("none"
            there).
        query_norm: likewise of q; "auto": as the key.
        query_scale: factor of q. There is no hidden scaling.
        value_map, value_norm: likewise of v and the like; "auto": "silu" and "none", but
            "l2" where the value decides how much is kept, as in Oja's rule.
        beta_range: (0, 1) or (0, 2), the range of the write strengths beta, beta2, ...;
            None: the domain that the rule declares.
        gates: gate -> "sigmoid", "softplus", "identity", "mamba", "forget", "gla", "gsa",
            "rwkv7", "xlstm", "constant" (RetNet) or a number. Gates not named get the
            convention of their paper, else the map onto their domain; gates alpha, decay
            and gamma are decays ("mamba") unless their paper has another.
        tied: presynaptic signals p = sigmoid(d) * k with d learned, instead of
            projections of their own ("-p": with a minus sign); None: the convention of
            the paper (p of Comba).
        convolution: size of the short causal convolution on q, k, v and the like; 0 for
            none.
        output_norm: "rms", "layer" or "none", over the value_dim of each head.
        output_gate: whether the read-out is multiplied by swish(G x).
        initial_state: "zeros" or "learned" (see `Start`).
        form: of the computation, as for `fwp_neuro.artificial.apply`. With "auto" and
            "compiled" the convolution, the maps after it, the norm and the output gate
            run as compiled parts too, on a CPU with a compiler.

    The slow constants of a memory are parameters. Fast weights are kept in float32 at
    least, whatever the number format of the parameters or of autocast.

    Raises:
        FwpError: an option is not legal.

    Source: Irie & Gershman 2025, arXiv:2508.08435; layout of the layer as in Yang et al.
    2024, arXiv:2406.06484, and Yang, Kautz & Hatamizadeh 2025, arXiv:2412.06464.
    """  # noqa: E501

    def __init__(
        self,
        rule: str | Rule | Memory,
        model_dim: int,
        heads: int = 1,
        *,
        key_dim: int | None = None,
        value_dim: int | None = None,
        feature_map: str | FeatureMap = "auto",
        key_norm: str = "auto",
        query_norm: str = "auto",
        query_scale: float = 1.0,
        value_map: str | FeatureMap = "auto",
        value_norm: str = "auto",
        beta_range: tuple[float, float] | None = None,
        gates: Mapping[str, str | float] | None = None,
        tied: Sequence[str] | None = None,
        convolution: int = 4,
        output_norm: str = "rms",
        output_gate: bool = True,
        initial_state: str = "zeros",
        form: str = "auto",
    ):
        super().__init__()
        self.fast = FastWeights(rule, form)
        rule = self.fast.rule
        where = f"Layer(rule={rule.name!r})"
        self.model_dim = whole(model_dim, f"{where}: model_dim")
        self.heads = whole(heads, f"{where}: heads")
        self.key_dim = own_dim(where, "key_dim", key_dim, model_dim, heads)
        self.value_dim = own_dim(where, "value_dim", value_dim, model_dim, heads)
        width = heads * (2 * self.key_dim + self.value_dim)
        affordable(
            width * (model_dim + whole(convolution, f"{where}: convolution", least=0))
            + heads * self.key_dim * self.value_dim,
            f"{where}: a layer of model_dim={shown(model_dim)} and {shown(heads)} heads",
            4,
        )
        usual = conventions(rule, self.fast.given)
        choice = lambda given, default: default if is_auto(given) else given  # noqa: E731
        features = choice(feature_map, usual.feature_map)
        key_norm = choice(key_norm, usual.key_norm)
        given, names = (
            gate_maps(where, gates),
            tied_names(where, usual.tied if tied is None else tied),
        )
        self.slow = Programmer(
            rule,
            model_dim,
            heads,
            self.key_dim,
            self.value_dim,
            keys=Mapped(features, key_norm),
            queries=Mapped(features, choice(query_norm, key_norm)),
            values=Mapped(
                choice(value_map, usual.value_map), choice(value_norm, usual.value_norm)
            ),
            query_scale=real(query_scale, f"{where}: query_scale"),
            convolution=whole(convolution, f"{where}: convolution", least=0),
            gates=usual.gates | given,
            domains=domains(rule, usual, self.key_dim, beta_range),
            tied=names,
            compiled=form in ("auto", "compiled"),
        )
        #: key dimensions of the fast weights, after the feature map
        self.feature_dim = self.slow.keys.map.output_dim(self.key_dim)
        self.start = Start(rule, (heads, self.value_dim, self.feature_dim), initial_state)
        constants = (
            rule.constants(self.value_dim, self.feature_dim) if self.is_memory else {}
        )
        self.constants = _of_every_head(constants, heads)
        self.readout = ReadOut(
            where, model_dim, heads, self.value_dim, output_norm, output_gate,
            form in ("auto", "compiled"),
        )  # fmt: skip

    @property
    def rule(self) -> Rule | Memory:
        """The rule or memory of the fast weights."""
        return self.fast.rule

    @property
    def is_memory(self) -> bool:
        """Whether the fast weights are those of a `Memory`."""
        return self.fast.is_memory

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the fast weights: that of the parameters, float32 at least."""
        return torch.promote_types(self.readout.linear.weight.dtype, torch.float32)

    def extra_repr(self) -> str:
        return (
            f"{self.rule.name!r}, model_dim={self.model_dim}, heads={self.heads}, "
            f"key_dim={self.key_dim}, value_dim={self.value_dim}, form={self.fast.form!r}"
        )

    def forward(
        self,
        x: torch.Tensor,
        state: dict[str, torch.Tensor] | None = None,
        return_state: bool = False,
        *,
        cu_seqlens: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ):
        """Run over a sequence.

        Args:
            x: [batch, token, model_dim].
            state: to carry on from, as ``return_state=True`` gave it; the start if None.
                It is not changed in place.
            return_state: whether to return the state after the last token too: the states
                of the rule or memory, and the last inputs of the convolution.
            cu_seqlens: offsets [sequence + 1] of sequences packed into a batch of one,
                from 0 to the number of tokens. States then have the sequences in place of
                the batch.
            mask: [batch, token] of bool, False for padding: the sequence is that of the
                other tokens, and the output of padding is zero.

        With either of them a memory that keeps or counts tokens gives, and takes, a list
        of one state for each sequence.

        Returns:
            y [batch, token, model_dim], or (y, state).

        Raises:
            FwpError: x or state does not fit.
        """
        flag(return_state, f"{self.start.where}: return_state")
        if cu_seqlens is not None or mask is not None:
            self._check(x)
            apart, dim = keeps_tokens(self.rule), self.model_dim
            y, state = run_module(
                self, x, state, cu_seqlens, mask,
                lambda count: self.initial(x.new_zeros(count, 1, dim)), apart, dim,
            )  # fmt: skip
            return (y, state) if return_state else y
        readout, state = self.read(x, state)
        y = self.readout(readout, x)
        return (y, state) if return_state else y

    def read(self, x: torch.Tensor, state: dict[str, torch.Tensor] | None = None):
        """Run the fast weights alone: x as for `forward`.

        Returns:
            read-out W_t q_t [batch, token, head, value_dim], before norm, gate and output
            map, and the state after the last token.
        """
        states = self.initial(x)
        if state is not None:
            states = self.start.check(state, states)
        else:  # nothing is counted yet, and a trace may know it
            states = {n: s for n, s in states.items() if n not in self.start.counters}
        signals, tail = self.slow(x, states.pop(TAIL, None), self.dtype)
        for name, constant in self.constants.items():
            signals[name.removeprefix("constant_")] = constant.to(self.dtype)
        with full(x.device):  # products of fast weights without autocast
            readout, states = self.fast(signals, states)
        return readout, states if tail is None else {**states, TAIL: tail}

    def initial(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the state before the first token of x [batch, token, model_dim].

        Raises:
            FwpError: x does not fit.
        """
        self._check(x)
        states = self.start(x, self.dtype)
        if self.slow.convolution is not None:
            shape = (x.shape[0], self.slow.convolution.size - 1, self.slow.channels)
            states[TAIL] = x.new_zeros(shape, dtype=self.dtype)
        return states

    def _check(self, x) -> None:
        where, weight = self.start.where, self.readout.linear.weight
        dense(f"{where}: x", x)
        if x.ndim != 3 or x.shape[-1] != self.model_dim or not x.shape[1]:
            raise FwpError(
                f"{where}: x must be [batch, token, model_dim={self.model_dim}] with at "
                f"least one token, got {tuple(x.shape)}"
            )
        same_device(where, x, weight)
        if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
            raise FwpError(
                f"{where} has parameters of {weight.dtype}, so x must be {weight.dtype}, "
                f"got {x.dtype}"
            )

    def initial_weights(self):
        """Return W before the first token as an array [head, value_dim, key_dim], for
        `run`.

        Raises:
            FwpError: the layer has a memory, which no circuit realises.
        """
        self._refuse_memory()
        numbers = self.start.numbers("w")
        if numbers is None:
            numbers = torch.zeros(self.start.shapes["w"])
        return numbers.detach().double().cpu().numpy()

    def program(self, x: torch.Tensor, batch_index: int | None = None) -> Program:
        """Return what the slow net commands for one sequence, for any realisation of the
        rule.

        ``fwp_neuro.run(layer.program(x), layer.rule,
        initial_weights=layer.initial_weights())`` gives the read-out of `read`
        (initial_weights may be left out if they are zeros).

        Args:
            x: [batch, token, model_dim].
            batch_index: which sequence; needed where x has several.

        Raises:
            FwpError: no such sequence, several and none chosen, or the layer has a
                memory, which no circuit realises.
        """
        self._refuse_memory()
        tail = self.initial(x).get(TAIL)
        one = one_of_batch(batch_index, x.shape[0])
        with torch.no_grad():
            signals, _ = self.slow(
                x[one], tail if tail is None else tail[one], self.dtype
            )
        arrays = {name: signal[0] for name, signal in signals.items()}
        # a programme has a key and a value, if unused
        arrays.setdefault("k", arrays["q"])
        if "v" not in arrays:
            arrays["v"] = x.new_zeros(x.shape[1], self.heads, self.value_dim)
        return Program(**arrays)

    def programs(self, x: torch.Tensor) -> list[Program]:
        """Return the programme of every sequence of ``x``, as `program` gives one.

        ``fwp_neuro.run(layer.programs(x), layer.rule, "spiking")`` runs them side by
        side.

        Raises:
            FwpError: as for `program`.
        """
        self._refuse_memory()
        self.initial(x)  # says what is wrong with it
        return [self.program(x, number) for number in range(x.shape[0])]

    def _refuse_memory(self) -> None:
        if self.is_memory:
            raise FwpError(
                f"memory {self.rule.name!r} has no programme for a circuit: "
                f"{self.rule.no_circuit}"
            )





def _of_every_head(constants: Mapping[str, torch.Tensor], heads: int) -> nn.ParameterDict:
    """Return a memory's constants as parameters [head, ...]."""
    found = {}
    for name, tensor in constants.items():
        tensor = tensor.to(torch.get_default_dtype()).expand(heads, *tensor.shape).clone()
        found[f"constant_{name}"] = nn.Parameter(tensor)
    return nn.ParameterDict(found)

