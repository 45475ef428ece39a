"""A fast-weight rule between rate cells, as Brian2 text.

"event": the rule's own statements, run at the end of every interval. "continuous": its
differential equation with gates in 1/s (`symbolic.first_order`), stepped by Euler with
the sums of the start of each step. The read-out W q is summed at the end of every
interval, or in every step.
"""

from __future__ import annotations

from ..rules import Rule
from ..symbolic import brian2_code
from ..symbolic.first_order import FirstOrderRates
from .rule_signals import Signals
from .synapse_class import Equations

#: what this projection alone adds to the read-out
READ = "read_out_sum"


def event(rule: Rule, signals: Signals) -> Equations:
    """Return the text of a rule whose statements run at the end of every ``every``."""
    own = {"pre": list(signals.pre), "post": [*signals.post, f"{READ} : 1"]}
    sums, steps = [f"{READ}_post"], []
    names = {**signals.code, **{state: state for state in rule.states}}
    for one in brian2_code.passes(rule.statements, names):
        if one.kind == "update":
            steps.append(f"{one.target} = {one.code}")
            continue
        own[one.side].append(f"{one.target} : 1")
        sums.append(f"{one.target}_{one.side}")
        steps.append(f"{sums[-1]} += {one.code}")
    steps.append(f"{READ}_post += w*({signals.code['q']})")
    return Equations(
        synapse="\n".join(f"{state} : 1" for state in rule.states),
        steps="\n".join(["; ".join(f"{name} = 0" for name in sums), *steps]),
        **_on_cells(own, signals),
    )


def continuous(rates: FirstOrderRates, signals: Signals) -> Equations:
    """Return the text of a rule as differential equations."""
    own = {"pre": list(signals.pre), "post": [*signals.post, f"{READ} : 1"]}
    names, rows = {**signals.code, **{state: state for state in rates.right}}, []
    for one in rates.sums:
        name, side = one.symbol.name, brian2_code.SUM_SIDE[one.home]
        unit = "Hz" if name in rates.in_hertz else "1"
        inner = brian2_code.code(one.argument, names)
        adds = inner if one.kind == "pool" else f"w*({inner})"
        names[name] = f"{name}_{side}"
        own[side].append(f"{name} : {unit}")
        rows.append(f"{names[name]} = {adds} : {unit} (summed)")
    states = []
    for state, right in rates.right.items():
        moves = f"d{state}/dt = {brian2_code.code(right, names)} : 1 (clock-driven)"
        states.append(moves if right != 0 else f"{state} : 1")
    rows.append(f"{READ}_post = w*({signals.code['q']}) : 1 (summed)")
    return Equations(
        synapse="\n".join([*states, *rows]), method="euler", **_on_cells(own, signals)
    )


def _on_cells(own, signals: Signals) -> dict:
    """Return the parts of `Equations` about the cells; nobody else shares ``own``."""
    alone = tuple(
        row.split(" = ")[0].split(" : ")[0] for rows in own.values() for row in rows
    )
    found = {side: "\n".join(rows) for side, rows in own.items()}
    if signals.readout:
        found["post"] += f"\n{signals.readout} : 1"
    return found | {
        "alone": alone,
        "adds": {signals.readout: READ} if signals.readout else {},
    }
