"""What a real worker can do to its surroundings in code that a file would have brought to run in it: nothing."""

from __future__ import annotations

import errno
import logging
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend import sandbox
from backend.config import ROOT
from backend.errors import UnreadableMedia
from backend.isolation import IsolatedExaminer, WorkerLimits
from backend.sandbox import Sandbox, find_sandbox
from backend.store.uploads import PrivateFolder
from tests.generators import face_picture, write_picture
from tests.unit.test_isolation import EXAMINATION, frames_of, worker_processes

FOUND = find_sandbox()
LIMITS = WorkerLimits(60, 60)
FORBIDDEN, UNHEARD_OF = "EACCES", "ENOSYS"

has_landlock = pytest.mark.skipif(not FOUND.landlock, reason="this kernel has no Landlock")
has_filters = pytest.mark.skipif(not FOUND.filters_calls, reason="there is no libseccomp")
is_amd64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="these are the numbers of x86_64's system calls")

INTRUDER = """
import ctypes, errno, os, resource, signal, socket, subprocess, threading
from backend.errors import UnreadableMedia

path, uploads, service = {surroundings}

def ask(*call):
    if ctypes.CDLL(None, use_errno=True).syscall(*call) < 0:
        raise OSError(ctypes.get_errno(), "")

class Examination:
    @property
    def least_instants(self):
        try:
            {attempt}
        except OSError as error:
            raise UnreadableMedia(errno.errorcode[error.errno]) from None
        raise UnreadableMedia("done")
"""


class Intruder:
    """An examination that does something else where it is unpickled, which is in the worker."""

    def __init__(self, attempt: str, path: Path) -> None:
        surroundings = (str(path), str(path.parents[1]), os.getpid())
        self._code = INTRUDER.format(attempt=attempt, surroundings=surroundings)

    def __reduce__(self) -> tuple[object, ...]:
        return eval, ("exec(code, scope) or scope['Examination']()", {"code": self._code, "scope": {}})


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def start(uploads: Path) -> Iterator[Callable[[Sandbox], IsolatedExaminer]]:
    """Start a worker in as much of the sandbox as is named; there is one for each."""
    started: dict[Sandbox, IsolatedExaminer] = {}

    def start(confined: Sandbox) -> IsolatedExaminer:
        if confined not in started:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sandbox, "find_sandbox", lambda: confined)
                started[confined] = IsolatedExaminer(1, 2, LIMITS, [uploads])
        return started[confined]

    yield start
    for examiner in started.values():
        examiner.close()


@pytest.fixture
def path(uploads: Path) -> Iterator[Path]:
    """A file where files are when they are examined."""
    folder = PrivateFolder(uploads)
    path = Path(folder.open_file().name)
    write_picture(uploads / "a.jpg", face_picture()).replace(path)
    yield path
    folder.close()


def outcome(examiner: IsolatedExaminer, path: Path, attempt: str) -> str:
    """What came of an attempt in a worker: `done`, or the error."""
    with pytest.raises(UnreadableMedia) as caught:
        list(examiner.examine(path, Intruder(attempt, path)))
    return caught.value.sentence


READING = [
    "open('/etc/passwd')",
    "open('/proc/self/environ')",
    "open(f'/proc/{service}/environ')",
    f"open({str(ROOT / 'temp_model.h5')!r})",
    "os.listdir('/')",
    f"os.listdir({str(ROOT / 'backend')!r})",
    "os.listdir(uploads)",
    "os.listdir(os.path.dirname(path))",
]
WRITING = [
    "open(path, 'r+b')",
    "open(path + '2', 'w')",
    "open('/dev/shm/from-a-worker', 'w')",
    "open(f'/proc/{service}/mem', 'r+b')",
]
CHANGING = [
    "os.unlink(path)",
    "os.truncate(path, 0)",
    "os.rename(path, path + '2')",
    "os.link(path, path + '2')",
    "os.symlink('/etc/passwd', path + '2')",
    "os.mkdir(path + '2')",
    "os.mkfifo(path + '2')",
]
BEYOND_LANDLOCK = [
    "os.chmod(path, 0o777)",
    "os.utime(path)",
    "os.setxattr(path, 'user.a', b'a')",
    "socket.create_connection(('127.0.0.1', 9))",
    "socket.socket(socket.AF_UNIX)",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.socketpair()",
    "subprocess.run(['/bin/true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "os.execv('/bin/true', ['true'])",
    "os.fork()",
    "os.kill(service, 0)",
    "os.pidfd_open(service)",
    "os.setpriority(os.PRIO_PROCESS, service, 19)",
    "os.sched_setaffinity(service, {0})",
    "resource.prlimit(service, resource.RLIMIT_CPU, (1, 1))",
]
ONLY_IN_NUMBERS = {
    "ptrace": "ask(101, 16, service, 0, 0)",
    "process_vm_readv": "ask(310, service, None, 0, None, 0, 0)",
    "process_vm_writev": "ask(311, service, None, 0, None, 0, 0)",
    "io_uring_setup": "ask(425, 1, ctypes.create_string_buffer(120))",
    "bpf": "ask(321, 0, ctypes.create_string_buffer(128), 128)",
    "clone of a process": "ask(56, signal.SIGCHLD, None, None, None, None)",
    "tgkill of the service": "ask(234, service, service, 0)",
    "typing into the terminal": "ask(16, 2, 0x5412, b'a')",
}


@has_landlock
@has_filters
@pytest.mark.parametrize("attempt", READING + WRITING)
def test_a_worker_reads_nothing_but_libraries_and_its_file_and_writes_nothing(start, path, attempt):
    assert outcome(start(FOUND), path, attempt) == FORBIDDEN


@has_landlock
@has_filters
@pytest.mark.parametrize("attempt", CHANGING + BEYOND_LANDLOCK)
def test_a_worker_reaches_no_other_file_network_program_or_process(start, path, attempt):
    assert outcome(start(FOUND), path, attempt) == UNHEARD_OF
    assert [one.name for one in path.parent.iterdir()] == [path.name] and path.stat().st_size > 1000


@is_amd64
@has_filters
@pytest.mark.parametrize("attempt", ONLY_IN_NUMBERS.values(), ids=ONLY_IN_NUMBERS.keys())
def test_a_worker_can_ask_the_kernel_for_nothing_that_python_has_no_word_for(start, path, attempt):
    assert outcome(start(FOUND), path, attempt) == UNHEARD_OF


@has_landlock
@pytest.mark.parametrize("attempt", READING + WRITING + CHANGING)
def test_without_the_filter_landlock_alone_protects_the_files(start, path, attempt):
    assert outcome(start(Sandbox(FOUND.landlock, filters_calls=False)), path, attempt) in (FORBIDDEN, "EXDEV")


def test_a_worker_has_nothing_open_of_the_services_but_its_end_of_the_pipe(uploads, path):
    before = set(worker_processes())
    with path.open("rb") as opened, socket.socket() as listening:
        for descriptor in (opened.fileno(), listening.fileno()):
            os.set_inheritable(descriptor, True)
        examiner = IsolatedExaminer(1, 2, LIMITS, [uploads])
        assert frames_of(examiner.examine(path, EXAMINATION))
        (worker,) = set(worker_processes()) - before
        having = [str(each.readlink()) for each in Path(f"/proc/{worker}/fd").iterdir() if int(each.name) > 2]
        examiner.close()
    assert str(path) not in having and sum("socket:" in one for one in having) == 1


@has_landlock
def test_it_holds_for_every_thread_of_a_worker(uploads, path, monkeypatch):
    """Landlock holds for the thread that asks for it and those that this one starts: there must be no older ones."""
    monkeypatch.setattr(sandbox, "find_sandbox", lambda: Sandbox(FOUND.landlock, filters_calls=False))
    before = set(worker_processes())
    examiner = IsolatedExaminer(1, 2, LIMITS, [uploads])
    assert frames_of(examiner.examine(path, EXAMINATION))
    (worker,) = set(worker_processes()) - before
    threads = [status.read_text() for status in Path(f"/proc/{worker}/task").glob("*/status")]
    examiner.close()
    assert len(threads) > 2 and all("NoNewPrivs:\t1" in status for status in threads)


OLDER_THREAD = """
import socket, threading
from backend.sandbox import Sandbox, enter

is_inside = threading.Event()

def connect():
    is_inside.wait()
    try:
        socket.socket()
    except OSError as error:
        print(error.errno)

thread = threading.Thread(target=connect)
thread.start()
enter(Sandbox(0, filters_calls=True), [], [])
is_inside.set()
thread.join()
"""


@has_filters
def test_the_filter_holds_for_older_threads_too():
    ended = subprocess.run([sys.executable, "-c", OLDER_THREAD], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(errno.ENOSYS)


@pytest.mark.parametrize(
    "attempt", ["open(path)", "threading.Thread(target=print).start()", "import wave", "os.sched_setaffinity(0, {0})"]
)
def test_what_decoding_needs_goes_on(start, path, attempt):
    assert outcome(start(FOUND), path, attempt) == "done"


def test_a_folder_that_is_made_anew_can_be_read(tmp_path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    examiner = IsolatedExaminer(1, 2, LIMITS, [uploads])
    for name in ("once", "again"):
        path = write_picture(uploads / "a.jpg", face_picture())
        assert frames_of(examiner.examine(path, EXAMINATION))
        uploads.rename(tmp_path / name)
        uploads.mkdir()
    examiner.close()


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (Sandbox(0, filters_calls=False), ["Landlock", "libseccomp"]),
        (Sandbox(0, filters_calls=True), ["Landlock"]),
        (Sandbox(1, filters_calls=False), ["libseccomp"]),
    ],
)
def test_without_all_of_it_files_are_examined_and_one_line_says_what_is_missing(
    start, path, uploads, caplog, monkeypatch, found, missing
):
    monkeypatch.setattr(
        sandbox, "find_sandbox", lambda: Sandbox(min(found.landlock, FOUND.landlock), found.filters_calls)
    )
    examiner = IsolatedExaminer(2, 1, LIMITS, [uploads])
    assert [frames_of(examiner.examine(path, EXAMINATION)) != [] for _ in range(2)] == [True, True]
    examiner.close()
    assert [(one.levelname, one.missing) for one in caplog.records] == [("WARNING", missing)]


@has_landlock
@has_filters
def test_with_all_of_it_one_line_says_so(uploads, caplog):
    caplog.set_level(logging.INFO)
    IsolatedExaminer(2, 1, LIMITS, [uploads]).close()
    assert [(one.message, one.landlock) for one in caplog.records] == [("workers are in a sandbox", FOUND.landlock)]


@pytest.mark.parametrize("said", ["pipe.send(found)", "pipe.send_bytes(bytes(9))"])
def test_a_worker_that_says_what_none_should_costs_one_file_an_error_and_is_replaced(start, path, said):
    examiner = start(FOUND)
    before = worker_processes()
    attempt = f"setattr(__import__('sys').modules['__main__'], 'send_found', lambda pipe, found: {said})"
    assert "decoder fail" in outcome(examiner, path, attempt)
    assert len(set(before) - set(worker_processes())) == 1
    assert len(frames_of(examiner.examine(path, EXAMINATION))) == 1
