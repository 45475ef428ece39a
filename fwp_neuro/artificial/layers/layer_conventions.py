"""What a layer does with keys, values and gates unless it is told: the conventions of the
papers.

Sources: those of the rule or memory itself (see `fwp_neuro.rule(name).citation`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from numbers import Real

from ...errors import FwpError, shown
from ...rules import Rule
from ...symbolic.language import symbol
from ..memories.memory_class import Memory


@dataclass(frozen=True)
class Conventions:
    """Defaults of a layer; the names are those of its options.

    In ``gates`` a name stands for numbered gates as well (alpha for alpha0, alpha1, ...).
    ``rates`` holds learning rates: gate -> base, for the domain (0, base / key_dim).
    """

    feature_map: str = "silu"
    key_norm: str = "l2"
    value_map: str = "silu"
    value_norm: str = "none"
    gates: dict[str, str | float] = field(default_factory=dict)
    tied: tuple[str, ...] = ()
    rates: dict[str, float] = field(default_factory=dict)


_RAW = {"feature_map": "identity", "key_norm": "none", "value_map": "identity"}

#: rule or memory -> what differs from `Conventions`
_TABLE: dict[str, dict] = {
    # an alias of decayed_hebb: a fixed decay for each head, and full writes
    "retnet": {"gates": {"alpha": "constant", "beta": 1.0}},
    "gla": {"gates": {"alpha": "gla"}},
    "hgrn2": {"gates": {"alpha": "sigmoid"}},
    "rwkv7": {"gates": {"decay": "rwkv7"}},
    # with a free removal key the transition has eigenvalues up to alpha + beta
    "comba": {"tied": ("p",)},
    "iplr": {"tied": ("-a", "b")},
    "dplr": {"tied": ("-a", "b"), "gates": {"decay": "rwkv7"}},
    "momentum_deltanet": {"tied": ("p",)},
    # these map or compare the keys themselves
    "normalised_linear_attention": _RAW,
    "softmax_attention": _RAW,
    "path_attention": _RAW,
    "path_fox": _RAW,
    "forgetting_attention": _RAW,
    "deltaformer": _RAW,
    "based": _RAW,
    "rebased": _RAW,
    "gated_slot_attention": {"key_norm": "none", "gates": {"alpha": "gsa"}},
    "bounded_memory_attention": {"key_norm": "none"},
    "hybrid_synchronous": _RAW,
    "hybrid_delayed_streaming": _RAW,
    "hybrid_delayed_chunk": _RAW,
    "mlstm": {**_RAW, "gates": {"forget": "xlstm"}},
    "rwkv6": _RAW,
    "log_linear_attention": {"key_norm": "none"},
    # its alpha is the share forgotten, not the share kept
    "titans": {"gates": {"alpha": "forget"}, "rates": {"theta": 0.1}},
    "ttt_linear": {"rates": {"eta": 1.0}},
    "ttt_mlp": {"rates": {"eta": 0.1}},
}

#: gates of these names and of the domain (0, 1) are decays
DECAYS = ("alpha", "decay", "gamma")


def conventions(rule: Rule | Memory, asked=None) -> Conventions:
    """Return the conventions of a rule or memory, which may be ``asked`` for by another
    name."""
    title = asked if isinstance(asked, str) and asked in _TABLE else rule.name
    given = dict(_TABLE.get(title, {}))
    decays = {
        name: "mamba"
        for name in rule.gates
        if name in DECAYS and tuple(rule.domains.get(name, (0, 1))) == (0, 1)
    }
    kinds = given.get("gates", {})
    stems = {
        name: name if name in kinds else name.rstrip("0123456789") for name in rule.gates
    }
    known = {name: kinds[stem] for name, stem in stems.items() if stem in kinds}
    given["gates"] = decays | known
    given["tied"] = tuple(
        name for name in given.get("tied", ()) if name.strip("-") in rule.homes
    )
    if isinstance(rule, Rule) and _contracts_values(rule):
        given["value_norm"] = "l2"
    return replace(Conventions(), **given)


def _contracts_values(rule: Rule) -> bool:
    """Whether the carry of the weights depends on the size of the value, as in Oja's
    rule."""
    w, v = symbol("w"), symbol("v")
    return any(
        any(item.kind == "back" for item in statement.sums)
        or v in statement.expression.diff(w).free_symbols
        for statement in rule.statements
    )


def domains(
    rule: Rule | Memory, usual: Conventions, key_dim: int, beta_range=None
) -> dict:
    """Return the domains of all gates.

    Args:
        rule: rule or memory.
        usual: its conventions, whose learning rates are domains of their own.
        key_dim: size of a key.
        beta_range: that of ``beta``, ``beta2``, ...; None leaves them.

    Raises:
        FwpError: the range is not legal, or the rule has no write strength of that name.
    """
    where = f"Layer(rule={rule.name!r})"
    ranges = {name: tuple(rule.domains.get(name, (0.0, 1.0))) for name in rule.gates}
    ranges |= {name: (0.0, base / key_dim) for name, base in usual.rates.items()}
    if beta_range is None:
        return ranges
    strengths = [name for name in ranges if re.fullmatch(r"beta\d*", name)]
    if not strengths:
        raise FwpError(
            f"{where}: beta_range needs a gate beta, and the rule has "
            f"{', '.join(rule.gates) or 'none'}"
        )
    legal = isinstance(beta_range, tuple | list) and len(beta_range) == 2
    if not legal or not all(isinstance(end, Real) for end in beta_range) or (
        tuple(beta_range) not in ((0, 1), (0, 2))
    ):  # fmt: skip
        raise FwpError(
            f"{where}: beta_range must be (0, 1) or (0, 2), got {shown(beta_range)}"
        )
    return ranges | dict.fromkeys(strengths, tuple(float(end) for end in beta_range))
