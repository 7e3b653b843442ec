"""`make test-hostile URL=...`: post every hostile file to a running service; prints `N tried, N right`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.hostile.files import Case, all_cases

CLIENTS = 4
PATIENCE = 40  # seconds in which every file must be answered


def main() -> int:
    """Post all cases; the exit status says whether every answer was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="base URL of the service")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    wrong = attack(wanted.url, all_cases(wanted.seed))
    return 1 if wrong else 0


def attack(url: str, cases: Iterable[Case]) -> list[str]:
    """Post cases, a few at a time; what was wrong, each in a line."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        faults = list(pool.map(lambda case: fault_of(url, case), cases))
    wrong = [fault for fault in faults if fault]
    for fault in wrong:
        print(fault)
    print(f"{len(faults)} tried, {len(faults) - len(wrong)} right")
    return wrong


def fault_of(url: str, case: Case) -> str | None:
    """What is wrong with the answer to a case, or None."""
    start = time.monotonic()
    try:
        while True:
            response = requests.post(url + "/predict", files={"file": (case.filename, case.data)}, timeout=PATIENCE)
            if response.status_code != 503:
                break
            time.sleep(float(response.headers["Retry-After"]))
    except requests.RequestException as error:
        return f"{case.name}: {type(error).__name__}"
    seconds = time.monotonic() - start
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return f"{case.name}: not JSON: {response.text[:80]}"
    answer = f"{response.status_code} {body['code']}" if "code" in body else str(response.status_code)
    if answer not in case.right:
        return f"{case.name}: {answer}, not {' or '.join(sorted(case.right))}"
    if any(word in response.text for word in ("Traceback", "/root", "/home", "/tmp", ".py", "site-packages")):
        return f"{case.name}: tells of the inside: {response.text[:200]}"
    if seconds > PATIENCE:
        return f"{case.name}: answered after {seconds:.0f} s"
    return None


if __name__ == "__main__":
    sys.exit(main())
