"""Counter languages: words that need counting, read with the set of legal next
symbols."""

from __future__ import annotations

from functools import partial

import numpy as np

from fwp_neuro.arguments import SEED, one_of, takes
from fwp_neuro.tasks.sequences import LONGEST, Batch, SequenceTask

LETTERS = "abc"
# language -> (letters, symbols that a word's length is a multiple of, target classes);
# "$" ends
LANGUAGES = {
    "anbn": (2, 2, ("ab", "b", "$")),
    "anbncn": (3, 3, ("ab", "b", "c", "$")),
    "aa": (1, 2, ("a", "a$")),
    "abab": (2, 4, ("b", "a", "a$")),
}


@takes(language=one_of(LANGUAGES, "counter language"), seed=SEED)
def counters(language: str = "anbn", seed: int = 0) -> SequenceTask:
    """Return the task to tell, inside a word, which symbols may legally come next.

    Languages (n >= 1): ``"anbn"`` a^n b^n, ``"anbncn"`` a^n b^n c^n, ``"aa"`` (aa)^n,
    ``"abab"`` (abab)^n. Inputs are whole words, tokens a = 0, b = 1, c = 2; the target
    after each token is the set of symbols that can follow in some word of the language,
    as a class: row of `legal_letters`. A length counts tokens, and since a language has
    one word of each length the seed only chooses lengths: at most 50 unless given.

    Raises:
        FwpError: unknown language or an illegal length.

    Source: next-symbol prediction of Bhattamishra, Ahuja & Goyal 2020 (arXiv:2009.11264);
    for fast weights Irie, Csordas & Schmidhuber 2023 (arXiv:2310.16076).
    """
    letters, step, classes = LANGUAGES[language]
    return SequenceTask(
        name="counters",
        citation="bhattamishra2020ability; irie2023practical",
        input_size=letters,
        output_size=len(classes),
        lengths=range(step, LONGEST, step),
        default_length=(step, 50),
        draw=partial(_draw, language),
        solver=partial(_solve, language),
        seed=seed,
        parameters={"language": language},
    )


@takes(language=one_of(LANGUAGES, "counter language"))
def legal_letters(language: str = "anbn") -> tuple[str, ...]:
    """Return, for each target class of `counters`, the legal next letters; "$" is the
    end.

    Raises:
        FwpError: unknown language.
    """
    return LANGUAGES[language][2]


def _draw(language, rng, batch, length) -> Batch:
    place = np.arange(1, length + 1)  # tokens read so far
    if language == "aa":
        word, target = 0 * place, (place % 2 == 0).astype(np.int64)
    elif language == "abab":
        word = (place + 1) % 2
        target = np.array([2, 0, 1, 0])[place % 4]
    else:
        letters = LANGUAGES[language][0]
        block = length // letters
        word = (place - 1) // block
        # the last a may still be followed by another a, but the last b calls for the next
        # letter
        target = np.where(place <= block, 0, place // block)
    tile = partial(np.tile, reps=(batch, 1))
    return Batch(tile(word), tile(target), np.ones((batch, length), dtype=bool))


def _solve(language, inputs) -> np.ndarray:
    """List the words of the language and see which letters follow each prefix in them."""
    rows = [tuple(tokens) for tokens in inputs.tolist()]
    follow = {tokens: _follow(language, tokens) for tokens in set(rows)}
    return np.array([follow[tokens] for tokens in rows])


def _follow(language, tokens) -> list[int]:
    prefix = "".join(LETTERS[token] for token in tokens)
    classes = LANGUAGES[language][2]
    words = [_word(language, n) + "$" for n in range(1, len(prefix) + 2)]
    labels = []
    for last in range(1, len(prefix) + 1):
        words = [word for word in words if word.startswith(prefix[:last])]
        legal = "".join(sorted({word[last] for word in words}, key="abc$".index))
        labels.append(classes.index(legal) if legal else -1)  # -1: in no word (padding)
    return labels


def _word(language: str, n: int) -> str:
    return {
        "anbn": "a" * n + "b" * n,
        "anbncn": "a" * n + "b" * n + "c" * n,
        "aa": "aa" * n,
        "abab": "abab" * n,
    }[language]
