"""What Linux keeps a process from that decodes strangers' files, beyond its limits of resources.

Landlock (since Linux 5.13) lets it read a few files and write none. A filter of system calls lets it ask the kernel for
nothing but what decoding needs: it can open no connection, start no program, and reach no other process. Both hold for
the process until it ends, whatever code it comes to run.

Landlock's three system calls are in no C library, so they are made through ctypes; so is libseccomp, of which PyPI has
only bindings that nobody keeps.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
import termios
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# landlock(7): numbers of system calls, the same on every processor, and how many rights each version knows
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_VERSION = 1
BENEATH_PATH = 1
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # later versions know as many as 5 does
NETWORK_RIGHTS, NETWORK_SINCE = 0b11, 4  # to bind and to connect TCP sockets
SCOPES, SCOPES_SINCE = 0b11, 6  # abstract Unix sockets and signals, from outside
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
NO_NEW_PRIVILEGES = 38  # prctl(2)

# seccomp_rule_add(3)
REFUSE = 0x00050000 | errno.ENOSYS  # as on a kernel that lacks the call: libraries then make do with another
ALLOW = 0x7FFF0000
UNKNOWN = -1  # the number of a call that the library has never heard of
ALL_THREADS = 4  # the attribute SCMP_FLTATR_CTL_TSYNC
EQUAL, MASKED_EQUAL = 4, 7
CLONE_THREAD = 0x00010000

SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
CORE_COUNTS = ("/proc/cpuinfo", "/proc/mounts", "/proc/self/cgroup", "/sys/devices/system", "/sys/fs/cgroup")

CALLS = """
    access brk clock_getres clock_gettime clock_nanosleep close dup dup2 dup3 exit exit_group faccessat faccessat2
    fadvise64 fcntl fstat fstatfs futex get_mempolicy get_robust_list getcpu getcwd getdents getdents64 getegid geteuid
    getgid getpgrp getpid getppid getrandom getrlimit getrusage gettid gettimeofday getuid lseek lstat madvise mbind
    membarrier mincore mlock mmap mprotect mremap msync munlock munmap nanosleep newfstatat open openat pipe2 poll ppoll
    prctl pread64 preadv pselect6 read readlink readlinkat readv restart_syscall rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getparam sched_getscheduler sched_yield select set_mempolicy set_robust_list sigaltstack
    stat statfs statx sysinfo time times uname write writev
"""


@dataclass(frozen=True)
class Sandbox:
    """What this machine has of it: Landlock's version, 0 without it, and whether system calls can be filtered."""

    landlock: int
    filters_calls: bool


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def find_sandbox() -> Sandbox:
    """Ask the kernel, and look for the library."""
    if sys.platform != "linux":
        return Sandbox(0, False)
    version = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    return Sandbox(max(0, version), _libseccomp() is not None)


def enter(sandbox: Sandbox, libraries: Iterable[Path], files: Iterable[Path]) -> None:
    """Confine this process for good; to be called while it has one thread, since Landlock holds for that alone.

    Args:
        sandbox: what this machine has of it.
        libraries: files and folders that it may read, folders with all below them.
        files: the same, but it is not told what is in a folder: of what lies there it must know the name.

    Raises:
        OSError: the kernel refuses.
    """
    if sandbox.landlock:
        _restrict_files(sandbox.landlock, [*libraries, *map(Path, SYSTEM_LIBRARIES + CORE_COUNTS)], files)
    if sandbox.filters_calls:
        _filter_calls()


def _restrict_files(version: int, libraries: Iterable[Path], files: Iterable[Path]) -> None:
    handled = _Ruleset(
        (1 << FILE_RIGHTS[min(version, max(FILE_RIGHTS))]) - 1,
        NETWORK_RIGHTS if version >= NETWORK_SINCE else 0,
        SCOPES if version >= SCOPES_SINCE else 0,
    )
    ruleset = _ask(CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(ctypes.sizeof(handled)), 0)
    try:
        for path in libraries:
            _allow_reading(ruleset, path, READ_FILE | READ_FOLDER)
        for path in files:
            _allow_reading(ruleset, path, READ_FILE)
        _checked(_libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _ask(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        _ask(ADD_RULE, ruleset, BENEATH_PATH, ctypes.byref(_Rule(rights if is_folder else READ_FILE, opened)), 0)
    finally:
        os.close(opened)


def _ask(number: int, *arguments: Any) -> int:
    return _checked(_libc().syscall(number, *arguments))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _filter_calls() -> None:
    library = _libseccomp()
    filters = library.seccomp_init(REFUSE)

    def allow(name: str, *comparisons: _Comparison) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != UNKNOWN:
            only = (_Comparison * len(comparisons))(*comparisons)
            succeed(library.seccomp_rule_add_array(filters, ALLOW, number, len(only), only))

    def succeed(result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    for name in CALLS.split():
        allow(name)
    allow("clone", _Comparison(0, MASKED_EQUAL, CLONE_THREAD, CLONE_THREAD))  # clone3 hides its arguments
    allow("tgkill", _Comparison(0, EQUAL, os.getpid()))
    for name in ("prlimit64", "sched_setaffinity"):
        allow(name, _Comparison(0, EQUAL, 0))  # of itself
    for request in (termios.FIOCLEX, termios.FIONBIO, termios.FIONREAD, termios.TCGETS):
        allow("ioctl", _Comparison(1, EQUAL, request))  # none that types into the terminal
    succeed(library.seccomp_attr_set(filters, ALL_THREADS, 1))
    succeed(library.seccomp_load(filters))
    library.seccomp_release(filters)


@cache
def _libseccomp() -> Any:
    """The library, or None."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None
    filters = ctypes.c_void_p
    library.seccomp_init.restype = filters
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_attr_set.argtypes = [filters, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [filters, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    library.seccomp_load.argtypes = library.seccomp_release.argtypes = [filters]
    return library
