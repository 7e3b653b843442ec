"""What deploy/Dockerfile makes, put together without an engine: its files, paths, environment, user and commands.

The root file system is read-only but for /data and /tmp, the user has no capability, and nothing of this machine is to
be seen but its system folders and the Python that runs the tests, with the packages that the image would install.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from backend.config import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TOOLS = ("unshare", "setpriv", "chroot", "mount")
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # root's tools are not on everybody's path
SYSTEM = ("usr", "etc", "proc", "dev")
LINKS = ("bin", "sbin", "lib", "lib64")  # into usr on most systems

# In a mount namespace of its own, gone with its last process: root, application, data, then the places of Python.
SCRIPT = """
set -e
root=$1 application=$2 data=$3 uid=$4 places=$5; shift 5
mount -t tmpfs -o mode=755 none "$root"
for link in {links}; do
    if [ -L "/$link" ]; then cp -P "/$link" "$root/"; elif [ -d "/$link" ]; then places="$places /$link"; fi
done
mkdir -p "$root/app" "$root/data" "$root/tmp"
mount -t tmpfs -o size=64m,mode=1777 none "$root/tmp" # first, since the Python that runs the tests may lie in it
for place in $places; do
    mkdir -p "$root$place"; mount --rbind "$place" "$root$place"; mount -o remount,bind,ro "$root$place"
done
mount --bind "$application" "$root/app"; mount -o remount,bind,ro "$root/app"
mount --bind "$data" "$root/data"
mount -o remount,ro "$root"
exec chroot "$root" setpriv --reuid "$uid" --regid "$uid" --clear-groups --bounding-set=-all --inh-caps=-all \
    --no-new-privs env -i --chdir=/app "$@"
""".format(links=" ".join(LINKS))


@dataclass
class Recipe:
    """What the last stage of a Dockerfile says."""

    copies: list[tuple[list[str], str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    user: int = 0
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)


def read_recipe() -> Recipe:
    """Read the instructions that matter once the image is made."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    recipe = Recipe()
    for line in text.rpartition("\nFROM ")[2].splitlines()[1:]:
        instruction, _, rest = line.partition(" ")
        if instruction == "COPY":
            *sources, target = rest.split()
            recipe.copies.append((sources, target))
        elif instruction == "ENV":
            recipe.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif instruction == "USER":
            recipe.user = int(rest.partition(":")[0])
        elif instruction == "CMD":
            recipe.command = json.loads(rest)
        elif instruction == "HEALTHCHECK":
            recipe.health = json.loads(rest.partition("CMD ")[2])
    return recipe


def is_possible() -> bool:
    """Whether namespaces and mounts are ours to make here."""
    if os.getuid() or not all(shutil.which(tool, path=SEARCHED) for tool in TOOLS):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


class Container:
    """The files of the image, and processes in it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.recipe = read_recipe()
        self.application, self.data, self._root = (folder / name for name in ("app", "data", "root"))
        for made in (self.application, self._root, *(self.data / name for name in ("uploads", "frames", "cache"))):
            made.mkdir(parents=True)
        for path in (self.data, *self.data.iterdir()):
            os.chown(path, self.recipe.user, self.recipe.user)
        for sources, target in self.recipe.copies:
            for source in sources:
                self._copy(source, target)
        self.environment = {**self.recipe.environment, "PATH": f"{sys.prefix}/bin:/usr/bin:/bin", **environment}

    def _copy(self, source: str, target: str) -> None:
        """As COPY does: a folder's contents into the target, a file into a target that ends with a slash."""
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "uploads", "static")
            shutil.copytree(ROOT / source, self.application / target, ignore=ignored)
        else:
            assert target.endswith("/")
            shutil.copy(ROOT / source, self.application / target)

    def start(self, command: list[str], output: int) -> subprocess.Popen[bytes]:
        """Start a command in it."""
        python = {Path(sys.prefix), Path(sys.prefix).resolve(), Path(sys.base_prefix)} - {Path("/usr")}
        places = " ".join([*(f"/{name}" for name in SYSTEM), *map(str, python)])
        where = [str(self._root), str(self.application), str(self.data), str(self.recipe.user), places]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", *where, *variables, *command],
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": SEARCHED},
        )

    def run(self, command: list[str]) -> tuple[int, str]:
        """Run a command in it: its exit status and what it said."""
        process = self.start(command, subprocess.PIPE)
        output, errors = process.communicate(timeout=60)
        return process.returncode, (output + errors).decode()
