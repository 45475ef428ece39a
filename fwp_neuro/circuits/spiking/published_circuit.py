"""What circuits of published synapses have in common once they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...programs import Program
from ...rules import Rule
from ...states import Keep
from ...synapses.synapse_class import Synapse
from ..collector import Record
from ..prepared_circuit import PreparedCircuit


def ready(program: Program, rule: Rule, synapse: Synapse, options: Mapping[str, Any],
          form, made: tuple, record: Record, finish) -> PreparedCircuit:  # fmt: skip
    """Return a circuit of published synapses, ready to run.

    Args:
        form: it has ``dt``, ``details`` and ``synapse``, as it is built.
        made: build, size, structure; finish: puts what was found into units.
    """
    mode = "none" if options["record_weights"] == "none" else "last"
    keep = Keep(mode, "synapses of a published model keep the weights that they end with")
    traces = {"record": list(record.names), "record_every": options["record_every"]}
    details = form.details | (traces if record.names else {})
    papers = [synapse.citation, form.synapse.citation, *synapse.sources.values()]
    build, size, structure = made
    return PreparedCircuit(
        "spiking", program, rule, options, build, size, form.dt, keep, details,
        "; ".join(papers), finish, structure,
    )  # fmt: skip
