"""Tables as people have them: units in headers, other delimiters, byte order marks, bad
files."""

import brian2 as b2
import numpy as np
import pytest
import xarray as xr

import fwp_neuro as fwp
from fwp_neuro.synapses.fitting_data import read

ms, Hz, mV = b2.ms, b2.Hz, b2.mV
fit = fwp.synapses.fit
TIME, AMPLITUDE = [0, 50, 100, 150, 700], [1, 0.8, 0.6, 0.5, 0.9]
PLAIN = "time [ms],amplitude\n0,1\n50,.8\n100,.6\n150,.5\n700,.9\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN, "utf-8"),
        (PLAIN, "utf-8-sig"),
        (PLAIN.replace("\n", "\r\n"), "utf-8-sig"),
        (PLAIN.replace("\n", "\r"), "utf-8"),
        (PLAIN.replace(",", ";").replace(".", "0,"), "utf-8"),
        (PLAIN.replace(",", "\t"), "utf-8"),
        (PLAIN.replace("\n", ",\n"), "utf-8"),
        (
            "# a comment, with a comma\n\n" + PLAIN.replace("50,", "# another\n50,", 1),
            "utf-8",
        ),
        (
            '"Time (ms)" , "amplitude"\n0,"1"\n50,0.8\n"100",.6\n150,5e-1\n700,.9\n\n',
            "utf-8",
        ),
        ("time [s],amplitude\n0,1\n.05,.8\n.1,.6\n.15,.5\n.7,.9\n", "utf-8"),
        (
            "time [µs],amplitude [%]\n0,100\n50e3,80\n100e3,60\n150e3,50\n700e3,90\n",
            "utf-8",
        ),
    ],
)
def test_a_file_is_read_as_it_is_meant(tmp_path, text, encoding):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding))
    table = read(path)
    assert table.columns["time"] * 1e3 == pytest.approx(TIME, rel=1e-12)
    assert table.columns["amplitude"] == pytest.approx(AMPLITUDE, rel=1e-12)


def test_a_byte_order_mark_leaves_the_fit_as_it_is(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(PLAIN, encoding="utf-8-sig")
    found = fit("tsodyks_markram", path, "tsodyks_1998_depressing", free=["U", "tau_D"])
    assert found.chi_square == pytest.approx(0.0023420425, abs=1e-9)


def test_amplitudes_in_volts_and_amperes_give_the_same_fit(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(PLAIN.replace("amplitude", "amplitude [mV]"))
    plain = {"time": TIME * ms, "amplitude": AMPLITUDE}
    pico = [amplitude * b2.pA for amplitude in AMPLITUDE]
    tables = [
        path,
        plain,
        {**plain, "amplitude": AMPLITUDE * mV},
        {**plain, "amplitude": pico},
    ]
    tables.append({**plain, "amplitude": AMPLITUDE * mV, "sem": 50 * b2.uvolt})
    for table in tables:
        found = fit("tsodyks_markram", table, "tsodyks_1998_depressing",
                    free=["U", "tau_D"],
                    scale="free")  # fmt: skip
        assert found.parameters["U"] == pytest.approx(0.288428, rel=1e-4)
        assert found.freedom == 5 - 3
    with pytest.raises(
        fwp.FwpError, match="column 'sem' must be in the unit of the amplitudes"
    ):
        read({**plain, "amplitude": AMPLITUDE * mV, "sem": 0.1})
    with pytest.raises(
        fwp.FwpError, match="ratios without unit, got values in V: .*'free'"
    ):
        fit("tsodyks_markram", tables[2], "tsodyks_1998_depressing", free=["U"])
    with pytest.raises(
        fwp.FwpError, match="column 'amplitude' must be numbers, or values such"
    ):
        read({**plain, "amplitude": AMPLITUDE * ms})


def test_columns_of_other_packages_are_converted():
    pq = pytest.importorskip("quantities")
    lags = np.array([-10.0, 5]) * pq.ms
    table = read({"lag": lags, "ratio": [0.8, 1.2], "frequency": 20 * pq.Hz})
    assert table.columns["lag"] == pytest.approx([-0.01, 0.005], rel=1e-12)
    assert table.columns["frequency"] == pytest.approx(20)
    with pytest.raises(fwp.FwpError, match="column 'ratio' must be numbers .*quantities"):
        read({"lag": [1, 2] * ms, "ratio": np.array([1.0, 2]) * pq.mV})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"time": [0, 50] * ms, "amplitude": [1.0]}, "'amplitude' has 1 values where"),
        (
            {"time": [0, 50] * ms, "amplitude": [[1, 2], [3]]},
            "column 'amplitude' must be numbers",
        ),
        (
            {"time": [0, 50] * ms, "amplitude": [[1, 2]]},
            "must be one row of values, got 2 dim",
        ),
        (
            {"time": [0, 50] * ms, "amplitude": ["1", "2"]},
            "column 'amplitude' must be numbers",
        ),
        (
            {"time": [0, 50] * ms, "amplitude": [1, None]},
            "column 'amplitude' must be numbers",
        ),
        (
            {"time": [0, 50] * ms, "amplitude": [1, 1j]},
            "column 'amplitude' must be numbers",
        ),
        (
            {"time": [0, 50] * ms, "amplitude": [1, 10**400]},
            "column 'amplitude' must be numbers",
        ),
        (
            {"time": [0, 0] * ms, "amplitude": [1, 2]},
            "spike times of a train must increase",
        ),
        (
            {"time": [[0, 50]] * ms, "amplitude": 1.0},
            "must be one row of values, got 2 dim",
        ),
        ({"time": [0, 50] * ms, "amplitude": 1.0, "train": [1]}, "'train' has 1 values"),
        ({3: [1.0], "time": [0] * ms}, "unknown column of trains data: '3'"),
        ({}, "got no column"),
        (b"data.csv", "data must be a dict of columns"),
    ],
)
def test_what_is_no_table_is_one_sentence(data, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        read(data)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "needs a header and at least one row"),
        (b"time [ms],time [s],amplitude\n0,0,1\n", "has two columns 'time'"),
        (
            b"time [ms],amplitude\n0,1\n50,\n",
            "line 3, must hold numbers, a cell is empty",
        ),
        (
            b'time [ms],amplitude\n0,"0,8"\n',
            "must hold numbers, .* decimal commas need semicolons",
        ),
        (
            b"time [ms];amplitude\n0;1.234,5\n",
            "column 'amplitude' of .* line 2, must hold numbers",
        ),
        (b"time [ms],amplitude\n0,1_0\n", "must hold numbers, got '1_0'"),
        (b"time [ms],amplitude [ms]\n0,1\n", "unknown unit of column 'amplitude': 'ms'"),
        (b"time [mV],amplitude\n0,1\n", "unknown unit of column 'time': 'mV'"),
        (b"time [ms],amplitude\n0,nan\n", "column 'amplitude' must be finite"),
        (b"\x89PNG\r\n\x1a\n\0\0", "cannot be read: it is no UTF-8 text"),
        (b"time\0,amplitude\n", "cannot be read: it is no text"),
        (b"\xff\xfe\0", "cannot be read: it is no UTF-8 text"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(fwp.FwpError, match=sentence) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_sentence(tmp_path):
    for path, sentence in (
        (tmp_path, "it is a folder"), (tmp_path / "none.csv", "cannot be read"),
        ("/dev/zero", "it is no plain file"), ("a\0b", "cannot be read"),
        ("a" * 300, "^data file"),
    ):  # fmt: skip
        with pytest.raises(fwp.FwpError, match=sentence):
            read(path)


def test_variables_of_a_dataset_have_units():
    good = xr.Dataset(
        {"time": ("row", [0.0, 50], {"units": "ms"}), "amplitude": ("row", [1, 0.5])}
    )
    assert read(good).columns["time"] == pytest.approx([0, 0.05])
    text = good.assign(amplitude=("row", ["a", "b"]))
    with pytest.raises(fwp.FwpError, match="variable 'amplitude' must hold numbers"):
        read(text)
    good["time"].attrs["units"] = 3
    with pytest.raises(
        fwp.FwpError, match="units of variable 'time' must be text, got 3"
    ):
        read(good)


def test_many_trains_are_told_apart_quickly():
    trains = np.repeat(np.arange(20_000), 2)
    table = read(
        {"time": np.tile([0, 50], 20_000) * ms, "amplitude": 1.0, "train": trains}
    )
    assert len(table.groups) == 20_000
