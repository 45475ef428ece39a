"""Text of synaptic variables that are kept relative to factors and sums of others.

    v = rest + D g (v_kept + sum over k of x_k/late_k (S_k - seen_k))

with D the shared decay since the last renewal, g the product of a postsynaptic factor's
steps, and S_k what the postsynaptic cell has to write by the presynaptic trace x_k. Any
part may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brian2 import Equations, get_unit
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from ..synapse_class import Renewal
from .anatomy import Anatomy
from .text import Line, renamed
from .waiting_writes import Variable, rate_of

#: by how many time constants factors may fall between renewals: where a difference of
#: sums is divided by them exp(8) of 16 digits are lost at worst, elsewhere nothing is
#: lost
_DIVIDED, _MULTIPLIED = 8.0, 50.0
#: one step of dv/dt = H v + c with a = H dt: what v and c dt are multiplied by
_STEP = {
    "euler": ("1 + {a}", "1"),
    "rk2": ("1 + {a} + {a}**2/2", "1 + {a}/2"),
    "rk4": (
        "1 + {a} + {a}**2/2 + {a}**3/6 + {a}**4/24",
        "1 + {a}/2 + {a}**2/6 + {a}**3/24",
    ),
}


@dataclass
class Kept:
    """Text for each place of a model."""

    synapse: list[str] = field(default_factory=list)
    post: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    ageing: list[str] = field(default_factory=list)
    at_post: list[Line] = field(default_factory=list)
    ones: list[str] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    each_step: list[Line] = field(default_factory=list)
    renew_synapse: list[str] = field(default_factory=list)
    renew_seen: list[str] = field(default_factory=list)
    renew_post: list[str] = field(default_factory=list)
    seen: list[Line] = field(default_factory=list)
    rests: dict[str, str] = field(default_factory=dict)
    factors: dict[str, str] = field(default_factory=dict)
    wholes: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    last: bool = False

    def renewal(self) -> Renewal | None:
        """Return what starts factors and sums anew."""
        if not self.factors:
            return None
        return Renewal(
            dict(self.rates), "\n".join([*self.renew_synapse, *self.renew_seen]),
            "\n".join(self.renew_post), "\n".join(map(str, self.each_step)),
            "\n".join(f"{name} = 1" for name in self.shared), "\n".join(self.ageing),
            self.last,
        )  # fmt: skip


def keep(anatomy: Anatomy, moved: Mapping[str, str], variables: list[Variable]) -> Kept:
    """Return the text of variables that are kept relative to factors."""
    kept = Kept()
    for one in variables:
        _variable(anatomy, moved, one, kept)
        kept.last = kept.last or one.last
    if any("renewed" in line for line in kept.synapse):
        kept.synapse.append("renewed : second (shared)")
    if any("renewed_cell" in str(line) for line in [*kept.at_post, *kept.each_step]):
        kept.post.append("renewed_cell : second (shared)")
    return kept


def _variable(anatomy, moved, one: Variable, kept: Kept) -> None:
    name, dim = one.name, anatomy.equations[one.name].dim
    factors, inverse, share = [], "", ""
    stepped = one.decay is not None and one.decay.stepped
    if one.decay and stepped:
        kept.rests[name] = ""
        if one.decay.rate != "0":
            left = f"left_{name}"
            step = _fall(anatomy.text.method, one.decay.rate)
            _shared(kept, left, step, one.decay.rate, _MULTIPLIED)
            factors.append(f"{left}_post")
            inverse, share = f"/{left}", f"/({left}*({step}))"
            if anatomy.text.method in _STEP:
                of_c = _STEP[anatomy.text.method][1].format(a=_a(one.decay.rate))
                share = f"*({of_c}){share}"
    elif one.decay:
        rate, rest = one.decay.rate, one.decay.rest
        kept.synapse.append(f"left_{name} = exp(-(t - renewed)*({rate})) : 1 (shared)")
        inverse = f"*exp((t - renewed_cell)*({rate}))"
        kept.rates[rate] = min(_MULTIPLIED, kept.rates.get(rate, _MULTIPLIED))
        kept.rests[name] = "" if rest == "0" else rest
        factors.append(f"left_{name}")
    if one.scale:
        step, growth = f"step_{name}", f"grown_{name}"
        of_v, of_c = (part.format(a=step) for part in _STEP[anatomy.text.method])
        kept.each_step += [Line(step, "=", f"dt*({_plain(one.scale)})"),
                           Line(growth, "*=", of_v)]  # fmt: skip
        kept.post.append(f"{growth} : 1")
        kept.ones.append(growth)
        kept.renew_post.append(f"{growth} = 1")
        factors.append(f"{growth}_post")
        share = f"*({of_c})/{growth}"
    sums = [f"{name}_kept"]
    for number, trace in enumerate(one.traces, 1):
        late = _late(anatomy, moved, trace, kept) if trace else ""
        sum_, seen = f"sum_{name}_{number}", f"seen_{name}_{number}"
        unit = _unit(dim / _dim(anatomy, moved, trace))
        kept.synapse.append(f"{seen} : {unit}")
        kept.post.append(f"{sum_} : {unit}")
        times = f"*{late}" if late else ""
        if trace in one.terms:
            added = f"({_plain(one.terms[trace])}){times}{inverse}"
            kept.at_post.append(Line(sum_, "+=", added))
        if trace in one.drives:
            added = f"dt*({_plain(one.drives[trace])}){times}{share}"
            kept.each_step.append(Line(sum_, "+=", added))
        sums.append((f"{trace}/{late}_post*" if late else "") + f"({sum_}_post - {seen})")
        kept.seen.append(Line(seen, "=", f"{sum_}_post"))
        kept.renew_seen.append(f"{seen} = 0*{seen}")
        kept.renew_post.append(f"{sum_} = 0*{sum_}")
    whole = " + ".join(sums)
    if factors:
        whole = f"({whole})" if len(sums) > 1 else whole
        whole = f"{whole}*{'*'.join(factors)}"
    kept.factors[name], kept.wholes[name] = "*".join(factors), name
    rest = kept.rests.get(name, "")
    kept.renew_synapse.append(f"{name}_kept = {name}" + (f" - ({rest})" if rest else ""))
    # as if all factors were 1 and all sums 0, which they are from now on
    if one.decay and stepped:
        names = {n: f"{n}_{side}" for n, side in moved.items()}
        rest = kept.levels[name] = renamed(one.decay.rest, names)
        kept.wholes[name] = f"{name}_sum"
        # the sum is another one while learning stands still, see `plastic_freeze`
        kept.synapse += [f"{name}_stored = {whole} : {_unit(dim)}",
                         f"{name}_sum = {name}_stored : {_unit(dim)}"]  # fmt: skip
        kept.renew_synapse[-1], whole = f"{name}_kept = {name}_stored", f"{name}_sum"
    if rest:
        whole = f"{rest} + {whole}"
    kept.synapse += [f"{name}_kept : {_unit(dim)}", f"{name} = {whole} : {_unit(dim)}"]


def _late(anatomy, moved, trace: str, kept: Kept) -> str:
    """Return the name of a shared factor that decays as a presynaptic trace does."""
    name = trace.removesuffix("_pre")
    late, rate = f"late_{name}", rate_of(anatomy, moved, trace)
    if late not in kept.ones:
        method = anatomy.text.methods.get(name, anatomy.text.method)
        exact = name in moved and anatomy.is_event_driven(name)
        _shared(kept, late, _fall("exact" if exact else method, rate), rate, _DIVIDED)
    return late


def _shared(kept: Kept, name: str, step: str, rate: str, times: float) -> None:
    """Keep a factor that all synapses share and that falls in every step."""
    kept.post.append(f"{name} : 1 (shared)")
    kept.ones.append(name)
    kept.shared.append(name)
    kept.ageing.append(f"{name} = {name}*({step})")
    kept.rates[rate] = min(times, kept.rates.get(rate, times))


def _a(rate: str) -> str:
    return f"(-dt*({rate}))"


def _fall(method: str, rate: str) -> str:
    """Return by what a decay is multiplied in one step of an integrator."""
    return _STEP[method][0].format(a=_a(rate)) if method in _STEP else f"exp{_a(rate)}"


def around(anatomy: Anatomy, code: list[Line], kept: Kept, side: str) -> list[Line]:
    """Return the code of a side's spikes with kept variables taken up before it and put
    back."""
    used = [
        n
        for n in kept.factors
        if any(n == line.target or n in anatomy.sources(line.reads) for line in code)
    ]
    waiting = {
        n for n in kept.factors if any(f"seen_{n}_" in s.target for s in kept.seen)
    }
    if side == "pre":
        used = [n for n in kept.factors if n in used or n in waiting]
    now = {name: f"{name}_now" for name in used}
    head = [Line(new, "=", kept.wholes[name]) for name, new in now.items()]
    tail = []
    for name, new in now.items():
        if name not in waiting and not any(line.target == name for line in code):
            continue
        rest, factors = kept.rests.get(name), kept.factors[name]
        value = f"({new} - ({rest}))" if rest else new
        tail.append(
            Line(f"{name}_kept", "=", f"{value}/({factors})" if factors else value)
        )
    return [
        *head,
        *(kept.seen if side == "pre" else ()),
        *(ln.renamed(now) for ln in code),
        *tail,
    ]


def _plain(expression: str) -> str:
    """Return a postsynaptic expression as the cell itself writes it."""
    names = {n: n.removesuffix("_post") for n in get_identifiers(expression)}
    return renamed(expression, names)


def _dim(anatomy, moved, trace: str):
    name = trace.removesuffix("_pre")
    if not name:
        return DIMENSIONLESS
    return (anatomy.equations if name in moved else Equations(anatomy.text.pre))[name].dim


def _unit(dim) -> str:
    return "1" if dim.is_dimensionless else repr(get_unit(dim))
