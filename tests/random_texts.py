"""Random rule texts and programmes, from a seed alone."""

import random
import re

import numpy as np

import fwp_neuro as fwp

NAMES = [
    "beta",
    "E",
    "int",
    "ms",
    "np",
    "s0",
    "template",
    "Integer",
    "kq",
    "x",
    "token_ended",
]
NUMBERS = ["0.3", "2", "1/3", "0.5", "1.25", "-0.7", "3", "1e-2", "0", "1"]
FUNCTIONS = [
    "tanh({})", "({})**2", "exp(-({})**2)", "abs({})", "sqrt(1 + ({})**2)",
    "({0})/(1 + ({0})**2)", "log(2 + ({})**2)", "sign({})", "-({})", "1.5*({})",
    "({})**3", "1/(1 + abs({}))",
]  # fmt: skip


class Text:
    """One random rule text with its declarations.

    Attributes:
        text, gates, states: for `Rule`.
        seed: of the programme.
    """

    def __init__(self, seed: int):
        self.seed, self.draw = seed, random.Random(seed)
        pick = self.draw.choice
        self.gates = {
            name: pick(["shared", "pre", "post"])
            for name in self.draw.sample(NAMES, self.draw.randrange(3))
        }
        self.states = pick([(), (), (), ("m",), ("momentum",)])
        every = ("w", *self.states)
        targets = [pick(every) for _ in range(self.draw.randrange(1, 4))]
        lines = [
            self._statement(target, every) for target in [*self.states, *targets, "w"]
        ]
        self.text = pick(["\n", "; "]).join(lines)
        used = lambda name: re.search(rf"\b{name}\b", self.text)  # noqa: E731
        self.gates = {name: home for name, home in self.gates.items() if used(name)}

    def rule(self) -> fwp.Rule:
        """Return the rule; raises FwpError if the text has no number."""
        return fwp.Rule("random", self.text, self.gates, states=self.states)

    def program(self, tokens: int = 5):
        """Return a programme and the weights before its first token."""
        rng = np.random.default_rng(self.seed)
        post, pre = [(3, 2), (2, 2), (1, 1), (2, 4)][self.seed % 4]
        lead = (tokens, 2) if self.seed % 3 == 0 else (tokens,)
        key = rng.normal(size=(*lead, pre))
        key /= np.linalg.norm(key, axis=-1, keepdims=True)
        size = {"shared": (), "pre": (pre,), "post": (post,)}
        gates = {
            name: rng.uniform(0.1, 0.9, (*lead, *size[home]))
            for name, home in self.gates.items()
        }
        value, query = rng.normal(size=(*lead, post)), rng.normal(size=(*lead, pre))
        weights = rng.normal(size=(*lead[1:], post, pre))
        return fwp.Program(key, value, query, **gates), weights

    def _of(self, home: str) -> list[str]:
        return [name for name, where in self.gates.items() if where == home]

    def _vector(self, home: str, depth: int = 2) -> str:
        pick = self.draw.choice
        names = {"pre": ["k", "q"], "post": ["v"], "shared": NUMBERS}[
            home
        ] + 2 * self._of(home)
        if not depth or self.draw.random() < 0.4:
            return pick(names)
        kind = self.draw.randrange(4 if home != "shared" else 3)
        if kind == 0:
            return pick(FUNCTIONS).format(self._vector(home, depth - 1))
        if kind == 1:
            left, right = self._vector(home, depth - 1), self._vector(home, depth - 1)
            return f"({left} {pick('+-*')} {right})"
        if home == "shared":
            return f"pool({self._vector('pre', depth - 1)}*k)/4"
        return f"{self._vector('shared', depth - 1)}*{self._vector(home, depth - 1)}"

    def _term(self, every) -> str:
        shared, pre, post = (self._vector(home) for home in ("shared", "pre", "post"))
        again, state = self._vector("pre", 1), self.draw.choice(every)
        kinds = [
            f"{post}*({pre})", f"{shared}*{post}*({pre})", f"{shared}*{state}",
            f"tanh({pre})*{state}", f"tanh({post})*{state}",
            f"{shared}*{state}*tanh({post})", f"-{shared}*0.2*read({pre})*({again})",
            f"({post} - "
                                                    f"read({pre}))*({again})*0.3",
            f"read(pool({pre}*k)*k)*k*0.2", f"{shared}*v*k", "v", "k",
            self.draw.choice(NUMBERS),
            f"({post} + 1)*({pre} - 2)/(1 + ({again})**2)", f"{post}/(2 + {state}**2)",
        ]  # fmt: skip
        rare = [f"({pre} - back({post}))*({post})*0.3", f"pool(back({post})*k)*v*k*0.1"]
        return self.draw.choice(kinds if self.draw.random() < 0.8 else rare)

    def _statement(self, target: str, every) -> str:
        operator = self.draw.choice(["+=", "=", "-=", "+=", "+=", "*=", "/="])
        if operator == "*=":
            return (
                f"{target} *= {self._vector(self.draw.choice(['shared', 'pre', 'post']))}"
            )
        if operator == "/=":
            return f"{target} /= 1 + abs({self._vector('post')})"
        if operator == "=":
            return f"{target} = 0.9*{target} + {self._term(every)}"
        terms = " + ".join(self._term(every) for _ in range(self.draw.randrange(1, 3)))
        return f"{target} {operator} {terms}"
