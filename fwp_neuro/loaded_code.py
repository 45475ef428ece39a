"""The code that a result was computed with, recorded as it was loaded.

A compiler writes beside what it makes which files it read (``gcc -MD``). So does this:
`record` lists the files of code that this process has loaded, each with the hash of what
it means (`fwp_neuro.code_hash`), and `changed` says whether they are still the same. What
counts:

* modules of this package, the data beside them, and the user's own modules
  (`fwp_neuro.own_code`), however they were imported; the scripts that were run while the
  result was computed;
* of the script itself, and of the main script, the part that is used;
* what Python processes of this package that were started meanwhile loaded;
* all that the user's files name in imports, if one of them starts processes itself;
* names that were looked for and not found, and folders in which the package looked for
  modules: a file that is new there may change a result;
* the versions of the packages that compute.

Code that only shows results or runs sweeps does not count. What was loaded before, for
something else, does: nobody can tell from outside that it is not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fwp_neuro.code_hash import digest
from fwp_neuro.loaded_list import FOLDER
from fwp_neuro.own_code import ABSENT, imported, is_own, located, package_around
from fwp_neuro.provenance import versions
from fwp_neuro.registry import PATTERNS

PACKAGE = Path(__file__).resolve().parent
#: code that only shows results, talks to the user, or decides where and when a point runs
NOT_COUNTED = {
    "cli.py", "__main__.py", "commands", "figure_scripts.py", "plotting.py",
    "progress.py", "sweep", "code_hash.py", "loaded_code.py", "own_code.py",
    "settings.py", "settings_file.py", "dataset_table.py", "dataset_picture.py",
    "run_files.py",
}  # fmt: skip
_COUNTED = {"sweep/seeds.py", "sweep/point_result.py"}  # these decide numbers
_NO_DATA = {".py", ".pyc", ".md", ".bib", ".typed", ""}
_COMPUTE = ("brian2", "numpy", "torch")
_MAIN = ("__mp_main__", "__main__")
#: words of code that may import a module without naming it
_BY_NAME = {"import_module", "__import__", "exec", "eval", "runpy", "importlib", "pickle"}
#: words of code that may start a process, which says nothing of what it loads
_PROCESSES = {"multiprocessing", "concurrent", "subprocess", "joblib", "pebble", "Popen"}
_UNKNOWN = "changed while it was loaded"
_NOTHING = hashlib.sha256(b"").hexdigest()[:12]  # of a script that only defines names

_Stamp = tuple[int, int] | None  # of a file: time of its last change, and size
_Start = tuple[str, ...] | None  # the names of a script that count, see `code_hash`
#: file -> its stamp when Python last ran it
_run: dict[str, _Stamp] = {}
#: script -> the files that were run while it computed
_run_for: dict[str, set[str]] = {}
_watched: list[set[str]] = []
#: folder for the lists of child processes -> since when
_children: dict[str, float] = {}
#: what was hashed when this process first met it, and so what it has in memory
_met: dict[tuple[str, _Start], tuple[_Stamp, str]] = {}
_hashed: dict[tuple[str, _Start], tuple[_Stamp, str]] = {}


def _note(event: str, arguments: tuple) -> None:
    """Remember which files Python runs (Python calls this)."""
    if event == "exec" and getattr(arguments[0], "co_name", "") == "<module>":
        file = arguments[0].co_filename
        # not a text that a library has made and runs under such a name
        if file.endswith(".py") and (stamp := _stamp(file)) is not None:
            file = os.path.realpath(file)
            _run[file] = stamp
            for files in _watched:
                files.add(file)


sys.addaudithook(_note)


@contextlib.contextmanager
def watching(script: Path) -> Iterator[None]:
    """Count for ``script`` the files that are run in the block, for as long as this
    process lasts."""
    files = _run_for.setdefault(str(script.resolve()), set())
    before = os.environ.get(FOLDER)
    with tempfile.TemporaryDirectory(prefix="fwp_neuro_loaded_") as folder:
        _watched.append(files)
        _children[folder] = time.time()
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            count_elsewhere((), 0.0)
            _watched.remove(files)
            del _children[folder]
            os.environ.pop(FOLDER)
            if before is not None:
                os.environ[FOLDER] = before


def count_elsewhere(paths: Iterable[Path], since: float) -> None:
    """Count files for what computes now, that other processes loaded after the time
    ``since``, and those that child processes have listed."""
    told = [(str(path), since) for path in paths]
    for folder, start in list(_children.items()):
        for listed in Path(folder).iterdir():
            lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
            told += [(line, start) for line in lines]
    for file, start in told:
        stamp = _stamp(file)
        if (file, None) not in _met and stamp is not None and stamp[0] > start * 1e9:
            _met[file, None] = stamp, _UNKNOWN  # before or after it was loaded
        for files in list(_watched):
            files.add(file)


def record(script: Path, start: _Start) -> str:
    """Return what counts for a result that names ``start`` of a script gave, as JSON."""
    script = script.resolve()
    count_elsewhere((), 0.0)
    found = {"": loaded(str(script), start)}
    main = _main()
    if main not in (None, script):
        found["__main__"] = loaded(str(main), ())
    own = _loaded_files(script)
    others = {file: name for file, name in own.items() if not _inside(file)}
    for file in own.keys() - others.keys():
        for path in (file, *_data(file)):
            found[_inside(path)] = loaded(path)
    others = _without_stale(script, others)
    for file, name in {**_of_children(script, tuple(others)), **others}.items():
        found[_key(file, name, str(script.parent))] = loaded(file)
    for pattern in list(PATTERNS):
        found[pattern] = _names(pattern)
    absent = [name for name in list(ABSENT) if _may_come(name)]
    return json.dumps({"versions": computing(), "files": found,
                       "absent": sorted(absent)}, sort_keys=True, indent=0)  # fmt: skip


def changed(text: str, script: Path, start: _Start, since: float = float("inf")) -> str:
    """Return what of a record is no longer as it was, in a few words; "" if all is.

    Args:
        since: files that were changed later than this time are not looked at.
    """
    try:
        kept = json.loads(text)
        files, absent, before = kept["files"], kept["absent"], kept["versions"]
    except (ValueError, KeyError, TypeError):
        return "it is not known what code computed it"
    for package, version in computing().items():
        if before.get(package) != version:
            return f"{package} was {before.get(package)} and is {version}"
    for key, value in files.items():
        if trouble := _trouble(key, value, script, start, since):
            return trouble
    # of a worker with another import path, the script may be among them
    known = {script, *(_resolve(key, script) for key in files)}
    for name in absent if since == float("inf") else ():
        found = located(name)
        if found is not None and found not in known and is_own(str(found)):
            return f"there was no module {name} before"
    return ""


def _trouble(key: str, value: str, script: Path, start: _Start, since: float) -> str:
    if "*" in key:
        return "" if _names(key) == value else f"there are other files {key}"
    path = _resolve(key, script)
    if key == "__main__" and path is None:
        return "" if value == _NOTHING else "the main script is another"
    shown = os.path.basename(key.rpartition(":")[2]) or script.name
    if path is None or (stamp := _stamp(str(path))) is None:
        return f"{shown} is gone"
    same = now(str(path), {"": start, "__main__": ()}.get(key)) == value
    return "" if same or stamp[0] >= since * 1e9 else f"{shown} has changed"


def now(file: str, start: _Start = None) -> str:
    """Return the hash of a file as it is now; "" if there is none."""
    stamp = _stamp(file)
    kept = _hashed.get((file, start))
    if kept is None or kept[0] != stamp:
        try:
            kept = _hashed[file, start] = stamp, digest(Path(file), start)
        except OSError:
            return ""
    return kept[1]


def loaded(file: str, start: _Start = None) -> str:
    """Return the hash of a file as this process has loaded it."""
    run = _run.get(file)
    kept = _met.get((file, start))
    if kept is None or run not in (None, kept[0]):  # new, or loaded again
        kept = _met[file, start] = _stamp(file), now(file, start)
        if run not in (None, kept[0]):
            kept = _met[file, start] = run, _UNKNOWN
    return kept[1]


def name_of(text: str) -> str:
    """Return 12 hexadecimal digits for a record."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _stamp(file: str) -> _Stamp:
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


@functools.cache
def computing() -> dict[str, str]:
    """Return the versions of the packages that compute."""
    return {name: version for name, version in versions().items() if name in _COMPUTE}


def _main() -> Path | None:
    """Return the main script, if it is the user's and does more than define names."""
    for name in _MAIN:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and file.endswith(".py") and os.path.isfile(file):
            path = Path(file).resolve()
            if is_own(str(path)) and not path.is_relative_to(PACKAGE):
                return path
    return None


def _loaded_files(script: Path) -> dict[str, str]:
    """Return file -> name of the module, of all that may count; "" if it is none."""
    found: dict[str, str] = {}
    home = package_around(script)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if file and name not in _MAIN and (counted := _counted(file, home)):
            found.setdefault(counted, name)
    for file in list(_run_for.get(str(script), ())):
        if counted := _counted(file, home):
            found.setdefault(counted, "")
    for used in (script, _main()):
        found.pop(str(used), None)
    return found


@functools.cache
def _counted(file: str, home: Path | None) -> str:
    """Return the path of a file of Python code; "" if it does not count."""
    if not str(file).endswith(".py"):
        return ""
    real = os.path.realpath(file)
    path = Path(real)
    if path.is_relative_to(PACKAGE):
        inside = path.relative_to(PACKAGE)
        counts = inside.parts[0] not in NOT_COUNTED or inside.as_posix() in _COUNTED
    else:  # a link into an installed package is a library's
        counts = home is not None and path.is_relative_to(home)
        counts = counts or is_own(os.path.abspath(file))
    return real if counts else ""


@functools.cache
def _inside(file: str) -> str:
    """Return the place of a file of the package, from its folder's; "" for another."""
    path = Path(file)
    if not path.is_relative_to(PACKAGE):
        return ""
    return path.relative_to(PACKAGE.parent).as_posix()


@functools.cache
def _data(file: str) -> list[str]:
    """Return the files of data beside a file, if it makes its folder a package."""
    path = Path(file)
    beside = path.parent.iterdir() if path.name == "__init__.py" else ()
    return [str(p) for p in beside if p.is_file() and p.suffix not in _NO_DATA]


def _names(pattern: str) -> str:
    """Return a hash of the names of the package's files that a pattern fits."""
    found = sorted(path.as_posix() for path in PACKAGE.parent.glob(pattern))
    names = [name.removeprefix(PACKAGE.parent.as_posix()) for name in found]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def _without_stale(script: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Leave out files that were changed after they were loaded, unless ``script`` may use
    them.

    In a session that lasts, much is loaded and edited that has nothing to do with a
    result.
    """
    stale = {file for file in files if loaded(file) != now(file)}
    if not stale:
        return dict(files)
    home, reached, waiting = package_around(script), set(), [str(script)]
    if home is not None:
        waiting += [file for file in files if Path(file).is_relative_to(home)]
    while waiting:
        reached.add(file := waiting.pop())
        words = _words(file)
        if words & _BY_NAME:
            return dict(files)
        waiting += [f for f in files if f not in reached and _stem(f) in words]
    return {f: name for f, name in files.items() if f not in stale or f in reached}


@functools.cache
def _of_children(script: Path, files: tuple[str, ...]) -> dict[str, str]:
    """Return the user's files that processes which one of these starts may load."""
    known, waiting = {str(script), *files}, [str(script), *files]
    found: dict[str, str] = {}
    if any(_words(file) & _PROCESSES for file in waiting):
        while waiting:
            for name in imported(Path(waiting.pop())):
                file = str(located(name) or "")
                if file not in known and _counted(file, None) and not _inside(file):
                    known.add(file)
                    waiting.append(file)
                    found[file] = name
    return found


def _words(file: str) -> set[str]:
    with contextlib.suppress(OSError):
        return {*re.findall(r"\w+", Path(file).read_text("utf-8", "replace"))}
    return set()


def _stem(file: str) -> str:
    path = Path(file)
    return path.parent.name if path.name == "__init__.py" else path.stem


@functools.cache
def _key(file: str, name: str, folder: str) -> str:
    """Return how another process finds a file: by its name, or from the script's
    folder."""
    with contextlib.suppress(ValueError):  # another drive
        rest = Path(os.path.relpath(file, folder)).as_posix()
        return f"{name if str(located(name)) == file else ''}:{rest}"
    return f":{file}"


def files_of(text: str, script: Path) -> list[Path]:
    """Return the files of Python code that a record lists."""
    found = (_resolve(key, script) for key in json.loads(text)["files"] if "*" not in key)
    return [path for path in found if path is not None and path.suffix == ".py"]


def _resolve(key: str, script: Path) -> Path | None:
    if key == "__main__":
        return _main()
    name, colon, rest = key.partition(":")
    if not colon:
        return PACKAGE.parent / key if key else script
    return located(name) or Path(os.path.normpath(script.parent / rest))


def _may_come(name: str) -> bool:
    """Whether a module that is missing would be the user's own."""
    top = name.partition(".")[0]
    if name in sys.modules or top in sys.stdlib_module_names or top == PACKAGE.name:
        return False
    file = getattr(sys.modules.get(top), "__file__", None)
    return top == name or file is not None and is_own(file)
