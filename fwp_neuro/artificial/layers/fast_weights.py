"""The fast weights of a layer: a rule or a memory, ready to run in the form that fits."""

from __future__ import annotations

import copy

import torch

from ...errors import Cannot, pick
from ...rules import Rule
from .. import gate_limits, kernels
from ..engine import fast_form
from ..exported import ExportedStep, any_number, scanned
from ..form_choice import announce, choose, few
from ..form_names import FORMS
from ..forms import run
from ..lookup import find
from ..memories.memory_class import Memory
from ..start_states import nothing
from ..tracing import constant_in_graphs, transformed


class FastWeights:
    """A rule or a memory with its form. It has no parameters, and is pickled as its
    arguments.

    All symbolic work is done here, once, so that a call is tensor code that
    `torch.compile` traces.

    Args:
        rule: name, `Rule` or `Memory`.
        form: "auto", or a form of the rule or memory.

    Raises:
        FwpError: unknown rule or form, or a form that the rule has not.
    """

    def __init__(self, rule: str | Rule | Memory, form: str = "auto"):
        self.given, self.form = rule, form
        self.rule = find(rule)
        self.is_memory = isinstance(self.rule, Memory)
        self.fast = self.traced_step = None
        if self.is_memory:
            pick(form, ("auto", *self.rule.forms), f"form of memory {self.rule.name!r}:")
            return
        pick(form, FORMS, "form")
        self.one, self.few = ExportedStep(self.rule), few(self.rule)
        try:
            self.fast = fast_form(self.rule)
        except Cannot:
            if form in ("parallel", "chunk"):
                raise
        if self.fast is None or form == "step":
            from torch._dynamo import nonstrict_trace  # noqa: PLC0415  slow, seldom used

            self.traced_step = nonstrict_trace(self._step)

    def __reduce__(self):
        return FastWeights, (self.given, self.form)

    def __deepcopy__(self, memo):
        # a rule never changes, and a second one would have its fast forms derived once
        # more
        given = copy.deepcopy(self.given, memo) if self.is_memory else self.given
        return FastWeights(given, self.form)

    def __repr__(self) -> str:
        return f"FastWeights({self.rule!r}, form={self.form!r})"

    def __call__(
        self,
        signals: dict[str, torch.Tensor],
        states: dict[str, torch.Tensor],
        chunk: int | None = None,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Run over a sequence.

        Args:
            signals: text name -> [batch, token, head(, dim)], ``q`` included; constants
                of a memory [head, ...].
            states: name -> [batch, ...] before the first token; not changed in place.
            chunk: tokens in a chunk of the chunk form.

        Returns:
            read-out [batch, token, head, value_dim] and the states after the last token.
        """
        open_ended = any_number(signals["q"].shape[1])
        if self.is_memory:
            gate_limits.check(self.rule, signals)
            form = self.form
            if open_ended and not self.rule.growing:
                fixed = {
                    n: x for n, x in signals.items() if n not in {*self.rule.homes, "q"}
                }
                moving = {n: x for n, x in signals.items() if n not in fixed}
                step = lambda states, now: self.rule.step(states, now | fixed)  # noqa: E731
                counted = {
                    n: signals["q"].new_zeros(len(signals["q"]))
                    for n in self.rule.counters
                }
                # in a loop nothing is known of a count left out
                states = counted | states
                return scanned(step, moving, states)
            if form == "auto":
                form = self.rule.forms[-1] if signals["q"].shape[1] > 1 else "step"
            return self.rule.run(form, states, signals)
        if 0 in signals["q"].shape[:3]:
            return nothing(signals, states)
        gate_limits.check(self.rule, signals)
        if open_ended and self.form != "compiled":
            return scanned(self.one, signals, states)
        form = self.chosen(signals["q"])
        if form in ("chunk", "parallel"):
            return self.fast(signals, states, form, chunk)
        if (
            form == "step"
            and self.traced_step is not None
            and torch.compiler.is_dynamo_compiling()
        ):
            return self.traced_step(signals, states)
        return run(self.rule, signals, states, form, again=self.form == "auto")

    def _step(self, signals, states):
        return run(self.rule, signals, states, "step")

    def chosen(self, query: torch.Tensor) -> str:
        """Return the form that runs on ``query`` [batch, token, head, key_dim].

        "auto" takes plain tensor code (the chunk form, or the step where the rule has no
        other) inside transforms of `torch.func`, which may ask for a second derivative,
        and in exported programs, which then run without this package; `torch.compile`
        gets the compiled form too.
        """
        if self.form != "auto":
            return self.form
        tokens, dtype, device = query.shape[1], query.dtype, query.device
        if torch.compiler.is_compiling():
            plain = torch.compiler.is_exporting() or self.fast is None
            if not plain and tokens > self.few and _compiled_fits(dtype, device.type):
                return "compiled"
        elif not transformed():
            form, reason = choose("auto", self.rule, tokens, dtype, device)
            announce(self.rule, "auto", form, reason)
            return form
        return "chunk" if self.fast is not None else "step"


@constant_in_graphs  # torch.compile need not look for a compiler
def _compiled_fits(dtype: torch.dtype, device: str) -> bool:
    try:
        kernels.check(dtype, device)
    except Cannot:
        return False
    return True
