"""Bad values of the options of commands: one sentence, status 2, before any work, nothing
written.

Those of `validate` are in `test_validate`.
"""

import pytest

from fwp_neuro.cli import main

LONG = "x" * 250
NUMBERS = ("nan", "", "1.5", "1e3", "a\0b")
FILES = {
    "": "--out takes the name of a file to write, got ''",
    "a\0b": "--out takes the name of a file to write, got 'a",
    ".": "'.' is a folder",
    "new/": "'new/' is a folder",
    "/dev/null": "'/dev/null' is a device",
    "/proc/x.nc": "cannot write to folder '/proc'",
    "/proc/y/z.nc": "cannot write to folder '/proc/y'",
    "no/\0/x.nc": "--out takes the name of a file to write",
    LONG: "--out: cannot write to 'xxx",
}
SIDES = ("artificial", "circuits", "spiking")
BENCHMARKS = [["benchmark", side, "--quick"] for side in SIDES]
CASES = [
    *(
        (["plasticity", "oja", "--repeats", value], "invalid int value")
        for value in NUMBERS
    ),
    *((["plasticity", "oja", "--seed", value], "invalid int value") for value in NUMBERS),
    (
        ["plasticity", "oja", "--repeats", "-1"],
        "--repeats must be from 2 to 10000, got -1",
    ),
    (
        ["plasticity", "oja", "--repeats", "99999999999"],
        "got 99999999999: 4.6e+08 GB of spikes",
    ),
    (
        ["plasticity", "--quick", "--repeats", "9999"],
        "with 16 GB at most it may be up to",
    ),
    (["plasticity", "oja", "--seed", "-1"], "seed must be a whole number from 0 to"),
    (
        ["plasticity", "oja", "--seed", "99999999999"],
        "seed must be a whole number from 0 to",
    ),
    (["plasticity", "ojaa"], "'ojaa' is no plasticity model; did you mean 'oja'?"),
    (["plasticity", "oja", ""], "'' is no plasticity model"),
    (["plasticity", "oja", "--quik"], "did you mean --quick"),
    *((["cite", name], "unknown name") for name in ("", "dleta", "a\0")),
    (["list", "rulez"], "unknown kind of name 'rulez'; did you mean 'rules'?"),
    (["list", ""], "unknown kind of name"),
    (["show", "pair_stdp/soft"], "unknown parameter set of 'pair_stdp': 'soft'"),
    (["show", "oja", "--kind", "device"], "unknown device 'oja'"),
    (["cite", "none.nc"], "none.nc"),
    *(
        (["benchmark", side], "unknown side to benchmark")
        for side in ("", "artifical", "nan")
    ),
    *(
        ([*one, "--rounds", value], "invalid int value")
        for one in BENCHMARKS
        for value in NUMBERS
    ),
    *(
        ([*one, "--rounds", "-3"], "--rounds must be from 1 to 1000, got -3")
        for one in BENCHMARKS
    ),
    *(
        ([*one, "--rounds", "99999999999"], "or more that is 1.16e+06 days")
        for one in BENCHMARKS
    ),
    *(
        ([*one, "--out", name], words)
        for one in BENCHMARKS
        for name, words in FILES.items()
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), CASES)
def test_a_bad_value_is_one_sentence(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    heard = capsys.readouterr()
    lines = [
        line for line in heard.err.splitlines() if not line.startswith("plasticity:")
    ]
    assert len(lines) == 1 and sentence in lines[0] and not heard.out
    assert not list(tmp_path.iterdir())
