"""Brian2's C++ code objects and code generator, for all-to-all synapses."""

from __future__ import annotations

from dataclasses import dataclass

from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import Function
from brian2.devices import get_device
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

CREATE = "synapses_create_dense"
#: templates of this package with loops over rows and columns
NESTED = ("synapses", "stateupdate", "summed_variable")


@dataclass(frozen=True)
class Rectangle:
    """Which cells are connected: [start, stop) of each side, numbered as in the whole
    groups."""

    pre_start: int
    pre_stop: int
    post_start: int
    post_stop: int

    @property
    def rows(self) -> int:
        """Presynaptic cells."""
        return self.pre_stop - self.pre_start

    @property
    def columns(self) -> int:
        """Postsynaptic cells."""
        return self.post_stop - self.post_start


class DenseGenerator(CPPCodeGenerator):
    """Brian2's generator, but the numbers of both cells are computed, not looked up."""

    def translate_to_read_arrays(self, read, write, indices):
        """Declare what a synapse reads; the numbers come from the loops of the
        template."""
        if not {"_synaptic_pre", "_synaptic_post"} <= set(self.owner.variables):
            return super().translate_to_read_arrays(read, write, indices)
        pre, post = "_dense_pre", "_dense_post"
        # a loop over all synapses, which knows _idx only
        if self.template_name not in NESTED:
            r = self.owner.rectangle
            pre = f"int32_t(_idx / {r.columns}) + {r.pre_start}"
            post = f"int32_t(_idx % {r.columns}) + {r.post_start}"
        known = {
            id(self.owner.variables["_synaptic_pre"]): pre,
            id(self.owner.variables["_synaptic_post"]): post,
        }
        both = sorted(set(read) | set(indices))
        computed = {
            n: known[id(self.variables[n])]
            for n in both
            if id(self.variables[n]) in known
        }
        lines = [f"const int32_t {name} = {source};" for name, source in computed.items()]
        rest = set(computed)
        return lines + super().translate_to_read_arrays(
            set(read) - rest, write, set(indices) - rest
        )

    def translate_statement_sequence(self, sc_statements, ve_statements):
        """Translate, and tell the template what it may do with the order of the
        synapses."""
        scalar, vector, keywords = super().translate_statement_sequence(
            sc_statements, ve_statements
        )
        blocks = [self.array_read_write(block) for block in ve_statements.values()]
        read, written = (set().union(*(block[k] for block in blocks)) for k in (0, 1))
        places: dict[str, set[str]] = {}  # array -> indices by which it is reached
        for name in read | written:
            array = self.get_array_name(self.variables[name])
            places.setdefault(array, set()).add(self.variable_indices[name])
        keywords["dense_read"] = {
            self.get_array_name(self.variables[name]) for name in read
        }
        changed = {self.get_array_name(self.variables[name]) for name in written}
        reached = set().union(*(places[array] for array in changed))
        random = any(
            isinstance(v, Function) and not v.stateless for v in self.variables.values()
        )
        # no order: nothing that two synapses share is written
        keywords["dense_any_order"] = reached <= {"_idx"} and not random
        # along a row (a column), no synapse reads or writes what another one writes
        alone = all(len(places[array]) == 1 for array in changed) and not random
        keywords["dense_row_free"] = alone and reached <= {"_idx", "_postsynaptic_idx"}
        keywords["dense_column_free"] = alone and reached <= {"_idx", "_presynaptic_idx"}
        return scalar, vector, keywords


class DenseCodeObject(CPPStandaloneCodeObject):
    """A code object whose templates come from this package first."""

    templater = CPPStandaloneCodeObject.templater.derive("fwp_neuro.devices.dense")
    generator_class = DenseGenerator

    @property
    def code(self):
        """The C++ code; for the creation of synapses, with what is known when it is
        written."""
        return _Created(self._code, self.owner) if self._creates else self._code

    @code.setter
    def code(self, code):
        self._code = code

    @property
    def _creates(self) -> bool:
        return getattr(self, "template_name", None) == CREATE


class _Created:
    """Code that makes index vectors only if some code of the project reads them."""

    def __init__(self, code, owner):
        self._code, self._owner = code, owner

    def __getattr__(self, name):
        text = getattr(self._code, name)
        if name != "cpp_file":
            return text
        return text.replace(
            "%DENSE_INDICES%", "true" if reads_indices(self._owner) else "false"
        )


def reads_indices(synapses) -> bool:
    """Return whether code that is not of this package reads the synapses' index
    vectors."""
    own = {
        id(synapses.variables["_synaptic_pre"]),
        id(synapses.variables["_synaptic_post"]),
    }
    return any(
        id(variable) in own
        for code in get_device().code_objects.values()
        if not isinstance(code, DenseCodeObject)
        for variable in code.variables.values()
    )
