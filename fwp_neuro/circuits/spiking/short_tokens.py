"""The rule that a circuit of short tokens implements: its NMDA traces still hold a part
of the token before.

While the gate of token t is open, the trace is that of its own key plus what is left of
older keys and queries,

    p_t = k_t + L_t,    L_t = a k_(t-1) + b q_(t-1) + exp(-token/tau_NMDA) L_(t-1)

with a and b the means of those traces over the write window, in units of that of k_t. The
write goes along p_t, W += beta' (v_t - W k_t) p_t. An error-correcting loop sees the
error shrink along k_t at a speed that is larger by r = p.k/|k|^2, so that
beta' = [1 - (1 - beta |k|^2)^r]/(p.k); a Hebbian write has beta' = beta. This is an
inference of this package, held to the circuit by its tests.
"""

from __future__ import annotations

import brian2 as b2
import numpy as np

from ...arguments import instance, optional, takes
from ...programs import Program
from ...quantities import a_time
from ...rules.registered_rules import rule as get_rule
from ...rules.rule import Rule
from ...run_arguments import PROGRAM, RULE
from ...synapses import get
from ..rate.ode_windows import biophysical_write
from ..token_schedule import Schedule, Timeline, make
from .calibration import decay

TIMELINE = optional(instance("fwp_neuro.circuits.token_schedule:Timeline"))
_TEXT = "w = keep_key*w\nw = keep_value*w\nw += strength*{error}*p"


@takes(program=PROGRAM, rule=RULE, timeline=TIMELINE,
       tau_nmda=optional(a_time("26*ms")))  # fmt: skip
def with_traces_left(
    program, rule="delta", timeline=None, tau_nmda=None
) -> tuple[Program, Rule]:
    """Return the programme and the rule that the spiking circuit implements when NMDA
    traces outlast a token.

    Args:
        program: as the circuit runs it.
        rule: Hebb, delta or one of their decays.
        timeline: of the circuit, a `Timeline`.
        tau_nmda: decay of the NMDA trace; that of the synapse if None.

    Returns:
        (programme, rule), to compare a circuit with: ``fwp_neuro.run(*found)``.

    Raises:
        FwpError: a rule without a biophysical form, or a timeline that is none.

    Example:
        >>> import fwp_neuro as fwp
        >>> short = fwp.circuits.Timeline(settle=20*ms, write=50*ms)  # doctest: +SKIP
        >>> fwp.run(*with_traces_left(program, "delta", short))  # doctest: +SKIP
    """
    rule = get_rule(rule)
    model = get("two_compartment_nmda", kind="circuit")
    if tau_nmda is not None:
        model = model.changed(tau_nmda=tau_nmda)
    schedule = make(timeline or Timeline(), 0.1 * b2.ms, program.tokens)
    signals = program.bind(rule)
    write = biophysical_write(rule, signals, (program.pre, program.post))
    from_key, from_query, left = _left(
        schedule, decay(model, "tau_nmda", schedule.dt)
    )
    trace, older = write.key.copy(), np.zeros_like(write.key[0])
    for token in range(1, program.tokens):
        older = left * older + from_key * write.key[token - 1]
        older = older + from_query * signals["q"][token - 1]
        trace[token] += older
    strength, norm = write.strength, (write.key**2).sum(-1)
    if write.compare:
        along = (trace * write.key).sum(-1)
        faster = np.divide(along, norm, out=np.ones_like(norm), where=norm > 0)
        part = 1 - np.maximum(1 - strength * norm, 0) ** faster
        strength = np.divide(part, along, out=strength.copy(), where=along != 0)
    error = "(v - read(k))" if write.compare else "v"
    made = Rule(
        f"{rule.name}_of_short_tokens", _TEXT.format(error=error),
        gates={"keep_key": "pre", "keep_value": "post", "strength": "shared"},
        signals={"p": "pre"},
        summary=f"{rule.name}, written along what NMDA traces hold",
    )  # fmt: skip
    return Program(
        write.key, write.value, signals["q"], p=trace, strength=strength,
        keep_key=write.keep_pre, keep_value=write.keep_post,
    ), made  # fmt: skip


def _left(schedule: Schedule, keeps: float) -> tuple[float, float, float]:
    """Return the means over the write window of the traces of the key and of the query of
    the token before, in units of that of the token's own key, and what a token leaves.

    Args:
        keeps: what a step leaves of a trace.
    """
    steps, write = schedule.token_steps, slice(*schedule.spans["write"])
    found = []
    for window, after in (("shown", 0), ("shown", 1), ("query", 1)):
        on = np.zeros((2, steps))
        on[0] = schedule.active(window)
        course, x = np.zeros(2 * steps), 0.0
        for n, each in enumerate(on.ravel()):
            course[n], x = x, keeps * x + (1 - keeps) * each
        found.append(course.reshape(2, steps)[after, write].mean())
    own, key, query = found
    return key / own, query / own, keeps**steps
