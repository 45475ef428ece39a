"""Numbers taken out of generated C++, so that a compiled program runs with other ones.

Brian2 writes constants, initial values, durations and seeds into the source as literals.
Here each of them becomes ``_fwp_number[n]``, an array that the program reads from the
file ``numbers`` when it starts. Sizes of populations stay in the source, those of arrays
read from files do not. A pattern that is not found leaves its literal where it is: the
program is right all the same, and only compiled again for another number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILE = "numbers"
#: what a program prints before the fraction that is done
DONE = "fwp_done "
#: what it prints before the name of a file of results that it could not write
NOT_WRITTEN = "Error writing"
DECLARATION = "extern double _fwp_number[];\n"

# a floating-point literal that stands for itself: 0.1 or 2e-05, but not 1.0f, v1.5 or
# array[1]
_LITERAL = re.compile(r"(?<![\w.])(?:\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)(?![\w.])")
#: whole and half numbers up to this size are part of a formula (2.0*x, pow(x, 0.5))
_FORMULA = 64.0


@dataclass(frozen=True)
class Slot:
    """One number of a program.

    Attributes:
        kind: "constant", "duration", "seed", "value" (set at the start), "literal",
            "rows" (of a TimedArray), "size" (of an array file) or "dt" (of a TimedArray).
        owner: name of the group, TimedArray or array.
        name: identifier in the equations, or variable.
        value: the number that the program was made with.
    """

    kind: str
    owner: str
    name: str
    value: float


class Numbers:
    """The numbers of one program, in the order in which they were met."""

    def __init__(self):
        self.slots: list[Slot] = []

    def add(self, kind: str, owner: str, name: str, value) -> str:
        """Keep a number and return the C++ expression that reads it."""
        self.slots.append(Slot(kind, str(owner), str(name), float(value)))
        return f"_fwp_number[{len(self.slots) - 1}]"

    def write(self, folder: Path, values=None) -> None:
        """Write the file that a program reads; ``values`` replaces those it was made
        with."""
        values = [slot.value for slot in self.slots] if values is None else values
        (folder / FILE).write_bytes(np.asarray(values, dtype=float).tobytes())

    def definition(self) -> str:
        """Return the C++ text that reads the file, before anything else of the program
        runs."""
        size = max(len(self.slots), 1)
        return f"""#include <cstdio>
#include <cstdlib>
double _fwp_number[{size}];
static bool _fwp_read()
{{
    std::FILE* file = std::fopen("{FILE}", "rb");
    const std::size_t found = file ? std::fread(_fwp_number, sizeof(double), {size}, file) : 0;
    if (file) std::fclose(file);
    if (found != {len(self.slots)}) {{ std::fputs("cannot read the numbers\\n", stderr);
                                   std::exit(3); }}
    return true;
}}
static const bool _fwp_is_read = _fwp_read();
"""  # noqa: E501


class Text:
    """A source file under change; remembers whether it reads numbers."""

    def __init__(self, text: str, numbers: Numbers):
        self.text, self.numbers = text, numbers

    def replace(self, old: str, new: str) -> bool:
        """Replace text everywhere if it is there."""
        found = old in self.text
        self.text = self.text.replace(old, new)
        return found

    def constants(self, owner: str, constants: dict[str, tuple[str, float]]) -> None:
        """Take out ``const TYPE name = literal;``.

        Args:
            owner: name of the group.
            constants: identifier -> (line as Brian2 writes it, value).
        """
        for name, (line, value) in constants.items():
            if line in self.text:
                head = line.split(" = ")[0]
                kind = head.split()[1]
                slot = self.numbers.add("constant", owner, name, value)
                self.replace(line, f"{head} = ({kind}){slot};")

    def timed_array(self, name: str, dt: float, rows: int) -> None:
        """Take out step, number of rows and division of a step of a TimedArray."""
        pattern = rf"static inline double {name}\(.*?return _namespace{name}_values\["
        found = re.search(pattern, self.text, re.DOTALL)
        if not found:
            return
        body, step = found[0], rf"{re.escape(f'{dt:.18f}')} / (\d+);"
        division = re.search(step, body)
        if division:  # multiplied by the inverse, as the compiler does with literals
            parts = int(division[1])
            inverse = self.numbers.add(
                "dt", name, "parts of a row in a second", parts / dt
            )
            body = re.sub(step, f"{inverse};", body).replace("t/epsilon", "t*epsilon")
            share = self.numbers.add("dt", name, "share of a part in a row", 1 / parts)
            body = body.replace(f"+ 0.5)/{parts})", f"+ 0.5)*{share})")
        length = self.numbers.add("rows", name, "rows", rows)
        body = re.sub(rf">= {rows}\)(?=\s*(?:i|timestep) =)", f">= (int){length})", body)
        body = re.sub(rf"= {rows}-1;", f"= (int){length}-1;", body)
        self.text = self.text.replace(found[0], body)

    def literals(self, owner: str, after: str) -> None:
        """Take floating-point literals out of a function, but those of formulas.

        Args:
            owner: name of the group.
            after: mark inside the function: what stands before it stays as it is.
        """
        head, mark, rest = self.text.partition(after)
        body, end, tail = rest.partition("\n}\n")
        lines: list[str] = []

        def take(match: re.Match) -> str:
            value = float(match[0])
            if value <= _FORMULA and value * 2 == int(value * 2):
                return match[0]
            slot = self.numbers.add("literal", owner, match[0], value)
            lines.append(f"const double _fwp_literal_{len(lines)} = {slot};\n")
            return f"_fwp_literal_{len(lines) - 1}"

        changed = [
            line
            if '"' in line or "#" in line or "//" in line
            else _LITERAL.sub(take, line)
            for line in body.split("\n")
        ]
        if lines:
            self.text = head + "".join(lines) + mark + "\n".join(changed) + end + tail

    def array_file(self, name: str, kind: str, size: int) -> None:
        """Take out the length of an array that the program reads from a file."""
        length = self.numbers.add("size", name, "size", size)
        for old, new in (
            ("const int _num_{name} = {size};", "const int _num_{name} = (int){size};"),
            ("{name}.resize({size});", "{name}.resize((size_t){size});"),
            ("{name} = new {kind}[{size}];", "{name} = new {kind}[(size_t){size}];"),
            (
                "(&{name}[0]), {size}*sizeof({kind})",
                "(&{name}[0]), (size_t){size}*sizeof({kind})",
            ),
            (
                "({name}), {size}*sizeof({kind})",
                "({name}), (size_t){size}*sizeof({kind})",
            ),
        ):
            old = old.format(name=name, kind=kind, size=size)
            self.replace(old, new.format(name=name, kind=kind, size=length))

    def growing_array(self, name: str, size: int) -> None:
        """Take out the length at the start of an array that can be resized."""
        old = f"{name}.resize({size});"
        if old in self.text:
            length = self.numbers.add("size", name, "size", size)
            self.replace(old, f"{name}.resize((size_t){length});")
            self.text = re.sub(
                rf"i<{size}; i\+\+\) {name}\[i\]",
                f"i<(int){length}; i++) {name}[i]",
                self.text,
            )

    def full_disk(self) -> None:
        """Let the program say that results could not be written, as on a full disk."""
        self.text = re.sub(
            r"( *)(outfile_\w+)\.close\(\);",
            rf'\g<0>\n\1if (\2.fail()) std::cout << "{NOT_WRITTEN} \2" << std::endl;',
            self.text,
        )

    def report(self) -> None:
        """Let the loop over time steps print the fraction done, once a second at most.

        It asks the system for the time at some steps only: in a small circuit that call,
        which Brian2 makes at every step, is a third of the time.
        """
        step = "        t = clock->t[0];\n"
        if step in self.text:
            report = (
                "        if ((++_fwp_step & 255) == 0 && std::time(0) != _fwp_second) {\n"
                "            _fwp_second = std::time(0);\n"
                f'            std::cout << "{DONE}" << (clock->t[0] - t_start)/duration'
                " << std::endl;\n        }\n"
            )
            start = "    double next_report_time = report_period;\n"
            self.text = self.text.replace(step, step + report, 1).replace(
                start,
                f"{start}    long _fwp_step = 0;\n    std::time_t _fwp_second = "
                "std::time(0);\n",
            )
            now = "        current = std::clock();\n        elapsed_realtime"
            some = "if ((_fwp_step & 63) == 0 || !clock || !clock->running()) "
            if now in self.text:  # not with OpenMP
                self.text = self.text.replace(
                    now, now.replace("current =", f"{some}current =", 1)
                )
                begin = "    start = std::clock();\n"
                self.text = self.text.replace(begin, begin + "    current = start;\n", 1)

    def finished(self) -> str:
        """Return the text, which declares the array of numbers if it reads any."""
        if "_fwp_number[" not in self.text:
            return self.text
        return DECLARATION + self.text
