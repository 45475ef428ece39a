"""Expressions to be evaluated modulo m, without and with brackets."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import FLAG, SEED, takes, whole
from fwp_neuro.tasks.automata import CHOMSKY
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

RANKS = {"+": 1, "-": 1, "*": 2}


@takes(modulus=whole(2, 1000), brackets=FLAG, multiplication=FLAG, seed=SEED)
def modular_arithmetic(
    modulus: int = 5, brackets: bool = False, multiplication: bool = True, seed: int = 0
) -> SequenceTask:
    """Return the task to give the value modulo ``modulus`` of an expression that ends in
    "=".

    Token classes: the numbers 0 to modulus - 1, then ``+ - * =``, then ``( )`` with
    brackets, and padding as the last class (10 classes, with brackets 12, for modulus 5).
    The target stands, and the loss counts, at the "=" only. A length counts tokens with
    the "=".

    Without brackets an expression is number, operator, number, ..., all uniform, and
    ``*`` binds before ``+`` and ``-``, so that lengths are even. With brackets an
    expression E_n of n tokens is E_1 = d, E_2 = -d, E_3 = (d), E_4 = (-d), and for n >= 5
    E_n = (E_i op E_j) with i + j + 3 = n and i uniform from 1 to n - 4; numbers d and
    operators are uniform. Any length from 2 is legal. Zero is the most frequent value,
    since one factor of zero is enough, and more so with brackets; scaled accuracy
    nevertheless takes chance as 1 / modulus, as published.

    Args:
        modulus: 5 in the source.
        brackets: whether there are brackets.
        multiplication: whether ``*`` is among the operators (its token class stays in any
            case).
        seed: of the task; `SequenceTask.sample` mixes it with its own.

    Raises:
        FwpError: an argument is not legal.

    Source: Deletang et al. 2023 (arXiv:2207.02098), tasks "modular arithmetic" and
    "modular arithmetic (simple)"; lengths 3 to 40 and scaled accuracy of Grazzi et al.
    2025 (arXiv:2411.12537), Table 3.
    """
    symbols = [*range(modulus), *"+-*=", *("()" if brackets else ""), "pad"]
    code = {symbol: index for index, symbol in enumerate(symbols)}
    operators = "+-*" if multiplication else "+-"
    return SequenceTask(
        name="modular_arithmetic",
        citation=CHOMSKY,
        input_size=len(symbols),
        output_size=modulus,
        lengths=range(2, LONGEST, 1 if brackets else 2),
        default_length=(3, 40),
        draw=partial(_nested if brackets else _flat, code, operators, modulus),
        solver=partial(_solve, symbols, modulus),
        chance=1 / modulus,
        pad=code["pad"],
        seed=seed,
        parameters={
            "modulus": modulus,
            "brackets": brackets,
            "multiplication": multiplication,
        },
    )


def _flat(code, operators, modulus, rng, batch, length) -> Batch:
    """Draw expressions without brackets, all at once."""
    numbers = rng.integers(modulus, size=(batch, length // 2))
    chosen = rng.integers(len(operators), size=(batch, length // 2 - 1))
    inputs = np.full((batch, length), code["="])
    inputs[:, 0::2] = numbers
    inputs[:, 1:-1:2] = np.array([code[operator] for operator in operators])[chosen]
    total, term = np.zeros(batch, dtype=np.int64), numbers[:, 0].copy()
    for place in range(chosen.shape[1]):
        number, operator = numbers[:, place + 1], chosen[:, place]
        times = operator == 2
        total = np.where(times, total, total + term) % modulus
        sign = np.where(operator == 1, -1, 1)
        term = np.where(times, term * number, sign * number) % modulus
    return _at_the_end(inputs, (total + term) % modulus)


def _nested(code, operators, modulus, rng, batch, length) -> Batch:
    """Draw expressions with brackets, one after another."""
    drawn = [_expression(rng, operators, modulus, length - 1) for _ in range(batch)]
    inputs = np.array(
        [[code[symbol] for symbol in [*symbols, "="]] for symbols, _ in drawn]
    )
    return _at_the_end(inputs, np.array([value for _, value in drawn]))


def _expression(rng, operators, modulus, tokens) -> tuple[list, int]:
    """Return the symbols and the value of an expression of exactly ``tokens`` tokens."""
    if tokens < 5:
        number = int(rng.integers(modulus))
        symbols: dict[int, list] = {1: [number], 2: ["-", number], 3: ["(", number, ")"]}
        negative = tokens % 2 == 0
        value = -number % modulus if negative else number
        return symbols.get(tokens, ["(", "-", number, ")"]), value
    left_tokens = int(rng.integers(1, tokens - 3))
    left, a = _expression(rng, operators, modulus, left_tokens)
    right, b = _expression(rng, operators, modulus, tokens - 3 - left_tokens)
    operator = operators[rng.integers(len(operators))]
    value = {"+": a + b, "-": a - b, "*": a * b}[operator] % modulus
    return ["(", *left, operator, *right, ")"], value


def _at_the_end(inputs, values) -> Batch:
    targets, mask = np.zeros_like(inputs), np.zeros(inputs.shape, dtype=bool)
    targets[:, -1], mask[:, -1] = values, True
    return Batch(inputs, targets, mask)


def _solve(symbols, modulus, inputs) -> np.ndarray:
    """Evaluate by two stacks, operands and operators (Dijkstra's shunting yard)."""
    targets = np.zeros_like(inputs)
    end = symbols.index("=")
    for row, tokens in enumerate(inputs):
        place = int(np.flatnonzero(tokens == end)[0])
        targets[row, place] = (
            _shunt([symbols[token] for token in tokens[:place]]) % modulus
        )
    return targets


def _shunt(symbols: list) -> int:
    operands, pending, negate, before = [], [], False, "("
    # the closing bracket that the start of the text opened
    for symbol in [*symbols, ")"]:
        if not isinstance(symbol, str):
            operands.append(-symbol if negate else symbol)
            negate = False
        elif symbol == "(":
            pending.append(symbol)
        elif symbol == "-" and isinstance(before, str) and before != ")":
            # a sign, not an operator; the grammar puts one before numbers only
            negate = True
        else:
            while (
                pending
                and pending[-1] != "("
                and RANKS[pending[-1]] >= RANKS.get(symbol, 0)
            ):
                b, a = operands.pop(), operands.pop()
                operands.append({"+": a + b, "-": a - b, "*": a * b}[pending.pop()])
            if symbol != ")":
                pending.append(symbol)
            elif pending:
                pending.pop()
        before = symbol
    return operands[0]
