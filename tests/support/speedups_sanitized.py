"""Builds the compiled step with the sanitizers of gcc, and runs programs and endings with it."""

import json
import os
import random
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

import speedups_program
import streaminstr

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = ROOT / "speedups" / "streaminstr_speedups.c"
FLAGS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-shared")
NAMES = sorted(speedups_program.ERRORS)
SYNC = ("next", "next", "next", "prime", "send", "throw", "close", "end_soon", "report", "look")
ASYNC = ("step", "step", "finish", "finish", "go_on", "raise_in", "close_step", "forget_step")
ASYNC += ("asend", "athrow", "aclose", "aprime", "close", "end_soon", "attributes", "look")
ARGUMENTS = {
    "send": "V",
    "throw": "E",
    "asend": "V",
    "athrow": "E",
    "go_on": "NV",
    "finish": "N",
    "raise_in": "NE",
    "close_step": "N",
    "forget_step": "N",
}


def build(folder):
    target = Path(folder) / f"streaminstr_speedups{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = sysconfig.get_path("include")
    command = ["gcc", *FLAGS, "-fPIC", f'-DVERSION="{streaminstr.__version__}"', f"-I{include}"]
    subprocess.run([*command, str(SOURCE), "-o", str(target)], check=True)  # noqa: S603


def environ(folder):
    library = subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True)  # noqa: S607
    return {
        **os.environ,
        "LD_PRELOAD": library.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter leaves much to the end of the process
        "PYTHONMALLOC": "malloc",
        "STREAMINSTR_PURE": "",
        "PYTHONPATH": os.pathsep.join([str(folder), str(HERE), str(ROOT)]),
    }


def programs(count):
    rng = random.Random(count)  # noqa: S311 - programs, no secrets
    for _ in range(count):
        is_sync = rng.random() < 0.5
        kinds = ("generator", "iterator", "map") if is_sync else ("async_generator", "coroutine")
        body = {
            "kind": rng.choice((*kinds, *(() if is_sync else ("awaitable",)))),
            "is_sync": is_sync,
            "chunks": rng.choices(sorted(speedups_program.CHUNKS), k=rng.randrange(5)),
            "error": rng.choice([None, None, *NAMES]),
            "catches": rng.random() < 0.5,
            "waits": rng.randrange(3),
            **{name: rng.randrange(12) for name in ("reenters", "looks", "closes")},
        }
        ops = [operation(rng, is_sync=is_sync) for _ in range(rng.randrange(1, 12))]
        yield json.dumps({"body": body, "ops": ops})


def operation(rng, *, is_sync):
    name = rng.choice(SYNC if is_sync else ASYNC)
    values = {"V": lambda: rng.choice([None, None, 1]), "N": lambda: rng.randrange(4)}
    values["E"] = lambda: rng.choice(NAMES)
    return [name, *(values[kind]() for kind in ARGUMENTS.get(name, ""))]


def main(count):
    with TemporaryDirectory() as folder:
        build(folder)
        for script, arguments, text in (
            ("speedups_endings.py", [str(count // 10)], ""),
            ("speedups_program.py", [], "\n".join(programs(count)) + "\n"),
        ):
            subprocess.run(  # noqa: S603
                [sys.executable, str(HERE / script), *arguments],
                input=text,
                stdout=subprocess.DEVNULL,
                env=environ(folder),
                text=True,
                check=True,
            )
            sys.stdout.write(f"{script}: nothing found\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
