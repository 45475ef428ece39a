"""``fwp-neuro fit`` as it is used: from a messy file to table, numbers and picture."""

import json
import subprocess
import sys
from pathlib import Path

import brian2 as b2
import numpy as np
import pytest

import fwp_neuro as fwp
from fwp_neuro import cli
from fwp_neuro.synapses.fitting_data import read
from fwp_neuro.synapses.fitting_headers import heading

ms, Hz, mV = b2.ms, b2.Hz, b2.mV
TRUTH = {"A_plus": 0.012, "A_minus": 0.009, "tau_plus": 14 * ms, "tau_minus": 30 * ms}
LAGS = (-40, -20, -10, -5, 5, 10, 20, 40)


def pairings() -> str:
    """A table of a spreadsheet: byte order mark, semicolons, decimal commas, percent,
    comments, a delimiter at the end of most lines, and no unit of the lag."""
    model = fwp.synapses.get("pair_stdp").changed(**TRUTH)
    rng = np.random.default_rng(4)
    lines = ["\ufeff# pairings, slices of May", "Lag;Frequency (Hz);EPSP ratio;SD;N;"]
    for lag in LAGS:
        for rate in (1, 10):
            ratio = fwp.synapses.stdp_curve(model, lags=lag * ms, frequency=rate * Hz)
            percent = 100 * float(ratio) + 4 * rng.standard_normal()
            lines.append(f"{lag};{rate};{percent:.1f};12,0;9".replace(".", ",") + ";")
        lines.append("# next lag")
    lines[-2] = lines[-2].rstrip(";")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the table."""
    made = tmp_path_factory.mktemp("fit")
    (made / "data.csv").write_text(pairings(), encoding="utf-8")
    return made


def command(capsys, *words) -> tuple[str, str]:
    status = cli.main(["fit", *map(str, words)])
    told = capsys.readouterr()
    assert status == 0, told.err
    return told.out, told.err


def test_from_a_messy_file_to_table_numbers_and_picture(folder, capsys):
    models = ["--model", "triplet_stdp,pair_stdp"]
    file, picture = folder / "data.csv", folder / "new" / "fit.pdf"
    out, err = command(capsys, file, *models, "--plot", picture)
    assert "16 rows with errors" in out and "dAICc" in out and "chi2/dof" in out
    table = out[out.index("models, the best first:") :].splitlines()
    assert [line.split()[0] for line in table[2:4]] == ["pair_stdp", "triplet_stdp"]
    assert "not determined by these data" in out  # what the triplets would do
    assert picture.read_bytes().startswith(b"%PDF") and f"wrote {picture}" in out
    assert "'lag' without unit is taken as ms" in err and "taken as percent" in err

    out, _ = command(capsys, file, *models, "--json")
    found = json.loads(out)
    assert found["ranking"] == ["pair_stdp", "triplet_stdp"]
    assert found["columns"]["sem"] == pytest.approx([0.04] * 16)
    assert sum(found["akaike_weights"].values()) == pytest.approx(1)
    best = found["fits"]["pair_stdp"]
    for name, true in TRUTH.items():
        low, high = best["parameters"][name]["interval"]
        assert low < float(true) < high
    assert best["parameters"]["tau_plus"]["unit"] == "second"
    assert best["chi_square_per_freedom"] == best["chi_square"] / best["freedom"]
    assert best["freedom"] == 16 - 4 and 0.2 < best["chi_square_per_freedom"] < 2
    assert found["fits"]["triplet_stdp"]["parameters"]["tau_y"]["interval"] is None


def test_a_bootstrap_and_named_parameters(folder, capsys):
    out, _ = command(capsys, folder / "data.csv", "--model", "pair_stdp", "--bootstrap",
                     "20", "--free", "A_plus,tau_plus")  # fmt: skip
    assert "intervals: bootstrap" in out and "A_minus " not in out


def test_a_model_that_cannot_be_fitted_leaves_the_others(tmp_path, capsys):
    file = tmp_path / "few.csv"
    file.write_text("lag [ms],ratio\n5,1.3\n10,1.2\n-5,.8\n-10,.9\n-20,.95\n20,1.1\n")
    out, _ = command(capsys, file, "--model", "pair_stdp,triplet_stdp")
    assert "triplet_stdp was not fitted: 6 rows cannot fix" in out
    assert "chi2/dof" not in out.partition("models, the best first:")[0]  # no errors


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name the models with --model, such as --model pair_stdp,triplet_stdp"),
        (["--model", "tsodyks_markram"], "unknown model of plasticity data"),
        (["--model", "pair_sdtp"], "did you mean 'pair_stdp'"),
        (["--model", "pair_stdp/song"], "parameter set of 'pair_stdp'"),
        (["--model", "pair_stdp,pair_stdp"], "twice"),
        (["--model", ","], "names no model"),
        (["--model", "pair_stdp", "--free", "tau"], "parameter in --free: 'tau'"),
        (["--model", "pair_stdp,bcm", "--free", "A_plus"], "no parameter of 'bcm'"),
        (["--model", "pair_stdp", "--plot", "fit.doc"], "unknown figure format"),
        (["--model", "pair_stdp", "--bootstrap", "3"], "--bootstrap is 3"),
        (["--model", "pair_stdp", "--scale", "last"], "unknown scale 'last'"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_work(words, sentence, capsys):
    assert cli.main(["fit", "sjostrom_2001_pairings", *words]) == 2
    told = capsys.readouterr()
    assert sentence in told.err and told.out == "" and len(told.err.splitlines()) == 1


HEADS = {
    "lag [ms]": ("lag", "ms"), "lag (ms)": ("lag", "ms"), "lag_ms": ("lag", "ms"),
    "Lag": ("lag", ""), "amplitude [mV]": ("amplitude", "mV"), "Δt [ms]": ("lag", "ms"),
    "EPSP_amplitude_mV": ("amplitude", "mV"), "Ratio (%)": ("ratio", "%"),
    "ratio_percent": ("ratio", "%"), "weight change %": ("change", "%"),
    "SEM": ("sem", ""), "Error": ("sem", ""), "sd (mV)": ("sd", "mV"),
    "delta_t": ("lag", ""), "dt": ("lag", ""), "time_s": ("time", "s"),
    "Frequency_Hz": ("frequency", "Hz"), "time [µs]": ("time", "µs"),
    "Pairings": ("pairs", ""), "n": ("n", ""), "train": ("train", ""),
}  # fmt: skip


@pytest.mark.parametrize("head", HEADS)
def test_headers_as_people_write_them(head):
    assert heading(head) == HEADS[head]


def table_of(tmp_path, text: str):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    return read(path)


@pytest.mark.parametrize(
    ("text", "columns", "warning"),
    [
        ("lag,ratio\n-5,.8\n5,1.2\n", {"lag": [-0.005, 0.005]}, "'lag' .* taken as ms"),
        ("lag,ratio\n-.05,.8\n.05,1.2\n", {"lag": [-0.05, 0.05]}, "'lag' .* taken as s"),
        ("lag_ms,frequency,ratio\n5,20,1.2\n", {"frequency": [20]}, "taken as Hz"),
        ("lag_ms,ratio\n-5,80\n5,120\n", {"ratio": [0.8, 1.2]}, "'ratio' .* percent"),
        ("lag_ms,ratio,sem\n-5,80,4\n5,120,6\n", {"sem": [0.04, 0.06]}, "percent"),
        ("lag_ms,change\n-5,-20\n5,20\n", {"ratio": [0.8, 1.2]}, "'change' .* percent"),
        ("t_ms,epsp\n0,100\n50,80\n", {"amplitude": [1, 0.8]}, "'amplitude' .* percent"),
        ("lag_ms,ratio,sd\n5,1.2,.3\n", {"sem": [0.3]}, "'sd' is taken as the error"),
        ("lag_ms,ratio,n\n5,1.2,9\n", {"ratio": [1.2]}, "'n' is not used"),
    ],
)
def test_what_is_told_by_its_size_is_warned_of(tmp_path, text, columns, warning):
    with pytest.warns(fwp.errors.FwpWarning, match=warning):
        table = table_of(tmp_path, text)
    for name, values in columns.items():
        assert table.columns[name] == pytest.approx(values)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("lag_ms,change\n-5,-.2\n5,.2\n", {"ratio": [0.8, 1.2]}),
        ("lag_ms,change [%],error\n5,20,3\n", {"ratio": [1.2], "sem": [0.03]}),
        ("lag_ms,ratio,sd,n\n5,1.2,.3,9\n", {"sem": [0.1]}),
        ("lag_ms,ratio,sd,n,sem\n5,1.2,.3,9,.2\n", {"sem": [0.2]}),
        ("lag_ms,ratio,\n5,1.2\n-5,.8,,\n", {"ratio": [1.2, 0.8]}),
        ("t_ms,amp_mV,error\n0,2,.1\n50,1,.1\n", {"sem": [1e-4, 1e-4]}),
        ("t_ms,amp\n0,230\n50,180\n", {"amplitude": [230, 180]}),
    ],
)
def test_what_is_said_is_taken_as_it_is(tmp_path, text, columns):
    table = table_of(tmp_path, text)
    for name, values in columns.items():
        assert table.columns[name] == pytest.approx(values)
    assert not {"sd", "n", "change"} & set(table.columns)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lag [ms],ratoi\n5,1\n", "did you mean 'ratio'. .a right header is: lag .ms"),
        ("lag [ms],ratio,cell\n5,1,a\n", "unknown column 'cell'"),
        ("x,y\n5,1\n", "unknown column 'x' .a right header is: time .ms."),
        ("Delay,ratio\n5,1\n", "'delta', which stands for 'lag'. .a right .*: lag"),
        ("lag_ms,sem\n5,1\n", "data.csv' needs a column 'ratio' or 'change' .a right "),
        ("t_ms,sem\n5,1\n", "needs a column 'amplitude' .a right header is: time .ms."),
        ("lag_ms,amp_mV\n5,1\n", "'amplitude' has no place beside 'lag' .a .*: lag"),
        ("ratio,sem\n5,1\n", "a column 'lag' .plasticity., got .* header is: lag"),
        ("sem\n5\n", "a column 'time' .trains. or 'lag' .* header is: time .*, or: lag"),
        ("t,lag\n5,1\n", "only one of the columns 'time' .trains. or 'lag'"),
        ("lag_ms,ratio,notes\n5,1,1\n", "unknown column 'notes' .a right header is: lag"),
        ("lag_ms,ratio,sd,n\n5,1,1,0\n", "column 'n' must be positive"),
        ("lag [ms],dt [ms],ratio\n5,5,1\n", "two columns 'lag'"),
        ("lag [ms],ratio [%]\n-5,-18\n5,55\n", "not negative; head the column 'change"),
    ],
)
def test_an_unknown_header_shows_a_right_one(tmp_path, text, sentence):
    with pytest.raises(fwp.FwpError, match=sentence):
        table_of(tmp_path, text)


def test_a_table_that_is_nearly_named_is_told():
    with pytest.raises(fwp.FwpError, match="did you mean 'sjostrom_2001_pairings'"):
        fwp.synapses.fit("pair_stdp", "sjostrom_2001")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", fwp.synapses.data_sets())
def test_published_tables_are_read_and_their_papers_known(name):
    from fwp_neuro.bibliography import keys
    from fwp_neuro.synapses.fitting_tables import citation_of

    table = read(name)
    assert "sem" in table.columns and len(table.measured) >= 12
    assert len(keys(citation_of(name))) == 2
    folder = fwp.synapses.data_sets()[name].parent
    assert name in (folder / "README.md").read_text(encoding="utf-8")


def test_the_published_pairings_agree_with_the_other_digitisation():
    from fwp_neuro.targets import sjostrom

    table = read("sjostrom_2001_pairings").columns
    for lag, points in sjostrom.CHANGES.items():
        for hertz, change, _ in points:
            row = np.isclose(table["lag"], lag * 1e-3) & (table["frequency"] == hertz)
            ours = float(table["ratio"][row][0]) - 1
            assert abs(ours - change) <= sjostrom.DIGITISED + 1e-9


def test_the_command_of_the_readme_runs_in_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-m", "fwp_neuro", "fit", "sjostrom_2001_pairings",
               "--model", "pair_stdp,triplet_stdp", "--plot", "fit.pdf"]  # fmt: skip
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert f"fwp-neuro {' '.join(command[3:])}" in readme
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "the best first" in done.stdout and (tmp_path / "fit.pdf").exists()


def test_without_errors_of_the_data_the_table_has_no_chi_square(tmp_path, capsys):
    path = tmp_path / "data.csv"
    rows = ((-20, 0.8), (-10, 0.7), (-5, 0.6), (5, 1.6), (10, 1.4), (20, 1.2), (40, 1.1))
    path.write_text("lag [ms],ratio\n" + "".join(f"{x},{y}\n" for x, y in rows))
    assert cli.main(["fit", str(path), "--model", "pair_stdp"]) == 0
    (row,) = (
        line.split() for line in capsys.readouterr().out.splitlines()
        if line.split()[:1] == ["pair_stdp"]
    )  # fmt: skip
    assert row[2] == "-" and "nan" not in row
