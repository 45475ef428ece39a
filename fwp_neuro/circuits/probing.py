"""Probes of the fast weights of a circuit: what a presynaptic pattern would read."""

from __future__ import annotations

from typing import Any

import brian2 as b2
import numpy as np

from ..errors import FwpError

#: every probe is a line of generated code in circuits that hold a weight for each synapse
MOST_PROBES = 32


def check_number(probes: np.ndarray | None) -> None:
    """Refuse more probes than a circuit with a weight for each synapse can show at
    once."""
    if probes is not None and probes.shape[1] > MOST_PROBES:
        raise FwpError(
            f"probes hold {probes.shape[1]} vectors, and a circuit with a weight for "
            f"each synapse shows at most {MOST_PROBES} in a run; give fewer, or "
            "record_weights='snapshots' (the low-rank layout of the rate circuit and "
            "the artificial realisation take any number)"
        )


class Probing:
    """The probes of one circuit, which store no matrix.

    A probe x is read as W x: where a token ends, the presynaptic cells fire an event of
    their own, on which every synapse adds w*x_j to its postsynaptic cell. It costs one
    pass over the synapses a token and one number a postsynaptic cell, and nothing in the
    circuit sees it.

    Args:
        inputs: [probe, presynaptic cell] of numbers, or None for no probes (then every
            part below is empty).
        steps: time steps in a token; tokens; dt: Brian2 time.
        last_step: as for `Collector`.
    """

    def __init__(
        self,
        inputs: np.ndarray | None,
        steps: int,
        tokens: int,
        dt,
        last_step: bool = False,
    ):
        self.inputs = [] if inputs is None else list(inputs)
        self.steps, self.tokens, self.dt, self.last_step = steps, tokens, dt, last_step
        self.monitor: Any = None

    def lines(self, side: str) -> list[str]:
        """Equations of the cells of a side."""
        name = {"pre": "probe_{} : 1 (constant)", "post": "probed_{} : 1"}[side]
        return [name.format(n) for n in range(len(self.inputs))]

    def events(self, namespace: dict) -> dict[str, Any]:
        """Options of the presynaptic NeuronGroup; adds a table to its namespace."""
        if not self.inputs:
            return {}
        ends = np.zeros(self.tokens * self.steps + 1)
        ends[self.steps - self.last_step :: self.steps] = 1
        namespace["token_ends_table"] = b2.TimedArray(ends, dt=self.dt)
        return {"events": {"token_ends": "token_ends_table(t) > 0.5"}}

    def pathway(self, weight: str, others: dict | None = None) -> dict[str, Any]:
        """Options of the Synapses whose fast weight is the expression ``weight``.

        Args:
            others: pathways that the synapses have anyway, name -> code.
        """
        code = dict(others or {})
        if self.inputs:
            code["probing"] = "\n".join(
                f"probed_{n}_post += ({weight})*probe_{n}_pre"
                for n in range(len(self.inputs))
            )
        if not code:
            return {}
        # one delay for all, or Brian2 keeps one for each synapse
        options = {"on_pre": code, "delay": dict.fromkeys(code, 0 * b2.second)}
        if self.inputs:
            options["on_event"] = {name: "spike" for name in code} | {
                "probing": "token_ends"
            }
        return options

    def attach(self, pre, post, synapses, order: int, when: str = "start") -> list:
        """Give the event its place in the time step and sample; returns what the network
        needs.

        Args:
            order: the place in slot ``when`` at which weights are those of the token that
                has ended; ``order`` to ``order + 3`` are taken.
        """
        if not self.inputs:
            return []
        pre.set_event_schedule("token_ends", when=when, order=order)
        synapses.probing.when, synapses.probing.order = when, order + 1
        for n, values in enumerate(self.inputs):
            setattr(pre, f"probe_{n}", values)
        names, token = (
            [f"probed_{n}" for n in range(len(self.inputs))],
            self.steps * self.dt,
        )
        self.monitor = b2.StateMonitor(
            post, names, record=True, dt=token, when=when, order=order + 2, name="probed"
        )
        forget = "\n".join(f"{name} = 0" for name in names)
        post.run_regularly(
            forget, dt=token, when=when, order=order + 3, name="probed_forget"
        )
        return [self.monitor]

    def found(self) -> np.ndarray:
        """Return what the probes read, [token, probe, postsynaptic cell]."""
        read = [
            np.array(getattr(self.monitor, f"probed_{n}"))
            for n in range(len(self.inputs))
        ]
        return np.stack(read).transpose(2, 0, 1)[-self.tokens :]
