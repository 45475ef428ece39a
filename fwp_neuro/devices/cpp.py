"""Brian2's C++ standalone device, with its numbers in a file instead of in the source."""

from __future__ import annotations

import numbers as kinds
import re

import brian2 as b2
from brian2.codegen.generators.cpp_generator import c_data_type
from brian2.core.namespace import DEFAULT_CONSTANTS, DEFAULT_UNITS
from brian2.core.variables import Constant
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.parsing.rendering import CPPNodeRenderer

from .numbers_file import Numbers, Text

_FIXED = {*DEFAULT_UNITS, *DEFAULT_CONSTANTS}
#: what main does to one array, which is named first
_WRITES = (
    "set_by_single_value", "set_by_constant", "set_by_array", "set_array_by_array",
    "resize_array"
)  # fmt: skip
_POINTERS = "///// POINTERS ////////////"


class _Rewriting:
    """A writer of source files that hands them through a function first."""

    def __init__(self, writer, change):
        self._writer, self._change = writer, change

    def write(self, name: str, contents) -> None:
        if name.endswith(".*"):
            self.write(f"{name[:-1]}cpp", contents.cpp_file)
            self.write(f"{name[:-1]}h", contents.h_file)
        else:
            self._writer.write(name, self._change(name, str(contents)))


class CppDevice(CPPStandaloneDevice):
    """Writes projects whose source does not depend on numbers; `numbers_file` holds them.

    Attributes:
        numbers: the numbers in the order in which the program reads them.
        header: precompiled header for the makefile, or "".
    """

    def __init__(self):
        super().__init__()
        self.numbers = Numbers()
        self.header = ""

    # ------------------------------------------------------------------ main.cpp

    def _queue(self) -> list:
        """Return Brian2's list of what main does, with numbers taken out and in one
        order.

        Brian2 takes clocks, and a model its variables, out of sets, whose order differs
        from process to process. Writes to different arrays may trade places; those to one
        array stay in turn.
        """
        ordered, writes = [], []
        for what, args in [*self.main_queue, ("end", None)]:
            if what in _WRITES:
                writes.append((what, args))
                continue
            ordered += sorted(writes, key=lambda write: write[1][0])
            writes.clear()
            ordered.append((what, args))
        return [self._take(what, args) for what, args in ordered[:-1]]

    def _take(self, what: str, args) -> tuple:
        take = self.numbers.add
        if what == "set_by_single_value":
            name, item, value = args
            return what, (
                name,
                item,
                _taken(value, lambda v: take("value", name, str(item), v)),
            )
        if what == "set_by_constant":
            name, value, dynamic = args
            if not isinstance(value, kinds.Real):
                return what, args
            size = f"{name}.size()" if dynamic else f"_num_{name}"
            value = take("value", name, "", value)
            return (
                "insert_code",
                f"for (int i=0; i<(int){size}; i++) {name}[i] = {value};",
            )
        if what == "resize_array":
            name, size = args
            if isinstance(size, kinds.Integral):
                size = f"(size_t){take('size', name, 'size', size)}"
            return what, (name, size)
        if what == "seed" and args is not None:
            threads = max(b2.prefs.devices.cpp_standalone.openmp_threads, 1)
            seed = take("seed", "", "seed", args)
            return "insert_code", (
                f"for (int _i=0; _i<{threads}; _i++)\n"
                f"    brian::_random_generators[_i].seed((unsigned long){seed} + _i);"
            )
        if what == "run_network":
            network, lines = args
            head = f"{network.name}.run("

            def duration(line: str) -> str:
                if not line.startswith(head):
                    return line
                first, _, rest = line[len(head) :].partition(",")
                text = _taken(
                    first, lambda v: take("duration", network.name, "duration", v)
                )
                return f"{head}{text},{rest}"

            # clocks that nothing runs on, which come from a set
            idle = sorted(line for line in lines if line.endswith(", NULL);"))
            lines = [idle.pop(0) if line.endswith(", NULL);") else line for line in lines]
            return what, (network, [duration(line) for line in lines])
        return what, args

    def generate_main_source(self, writer):
        kept, self.main_queue = self.main_queue, self._queue()
        try:
            super().generate_main_source(_Rewriting(writer, self._change_main))
        finally:
            self.main_queue = kept

    def _change_main(self, name: str, source: str) -> str:
        return Text(source, self.numbers).finished()

    # ------------------------------------------------------------------ objects.cpp

    def generate_objects_source(self, writer, *args, **options):
        def change(name: str, source: str) -> str:
            if not name.endswith(".cpp"):
                return source
            text = Text(source, self.numbers)
            text.full_disk()
            for array, kind, size, _ in self.static_array_specs:
                text.array_file(array, kind, size)
            for variable, array in sorted(
                self.dynamic_arrays.items(), key=lambda item: item[1]
            ):
                if isinstance(variable.size, kinds.Integral) and variable.size:
                    text.growing_array(array, int(variable.size))
            for table, array in sorted(
                self.timed_arrays.items(), key=lambda item: item[1]
            ):
                text.text = re.sub(
                    rf'(name == "{array}\.values"\) \{{\s*var_size = '
                    rf"){table.values.size};",
                    rf"\1_num_{array}_values;",
                    text.text,
                )
            return '#include "fwp_number.h"\n' + text.text

        super().generate_objects_source(_Rewriting(writer, change), *args, **options)

    def generate_network_source(self, writer, *args):
        def change(name: str, source: str) -> str:
            text = Text(source, self.numbers)
            text.report()
            return text.text

        super().generate_network_source(_Rewriting(writer, change), *args)

    # ------------------------------------------------------------------ code objects

    def generate_codeobj_source(self, writer):
        owners = {}
        for code in self.code_objects.values():
            # one order in every process
            code.variables = dict(sorted(code.variables.items()))
            owners[f"code_objects/{code.name}.cpp"] = code
            for block in code.before_after_blocks:
                owners[f"code_objects/{block}_{code.name}.cpp"] = code

        def change(name: str, source: str) -> str:
            if name not in owners:
                return source
            code, text = owners[name], Text(source, self.numbers)
            owner = getattr(code.owner, "name", "")
            text.constants(owner, _constants(code))
            for variable in code.variables.values():
                if isinstance(variable, b2.TimedArray):
                    text.timed_array(variable.name, variable.dt, len(variable.values))
            text.literals(owner, _POINTERS)
            return text.finished()

        super().generate_codeobj_source(_Rewriting(writer, change))

    # ------------------------------------------------------------------ the rest

    def generate_makefile(
        self, writer, compiler, compiler_flags, linker_flags, nb_threads, debug
    ):
        """Write a makefile without the pass over all sources that looks for what they
        include.

        It is Brian2's last file: all numbers are known.
        """
        writer.write("fwp_number.h", self.numbers.definition())
        if compiler == "msvc":
            super().generate_makefile(
                writer, compiler, compiler_flags, linker_flags, nb_threads, debug
            )
            return
        openmp = "-fopenmp " if nb_threads > 0 else ""
        objects = " ".join(
            re.sub(r"\.cpp$", ".o", name) for name in sorted(writer.source_files)
        )
        include = f"-include {self.header} " if self.header else ""
        writer.write(
            "makefile",
            f"OBJS = {objects}\n"
            f"main: $(OBJS)\n\t$(CXX) $(OBJS) -o main {openmp}{linker_flags}\n"
            f"%.o: %.cpp\n\t$(CXX) -c -Wno-write-strings {compiler_flags} -I. "
            f"{openmp}{include}$< -o $@\n",
        )


def _taken(text, take) -> str:
    """Return the expression for a number that is written as C++ text, or the text
    itself."""
    try:
        value = float(str(text).replace(" ", ""))
    except ValueError:
        return text
    return take(value)


def _constants(code) -> dict[str, tuple[str, float]]:
    """Return the constants of the user's namespace in a code object, with Brian2's
    line."""
    found = {}
    for name, variable in code.variables.items():
        mine = isinstance(variable, Constant) and variable.owner is None
        mine = mine and name not in _FIXED and not name.startswith("_")
        if mine and isinstance(variable.value, kinds.Real):
            value = CPPNodeRenderer().render_expr(repr(variable.value))
            line = f"const {c_data_type(variable.dtype)} {name} = {value};"
            found[name] = (line, float(variable.value))
    return found
