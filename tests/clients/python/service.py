"""The service as a Python program sees it: the generated client and nothing else."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from aihub_client import AuthenticatedClient, Client
from aihub_client.models import Problem
from aihub_client.types import Response, Unset

T = TypeVar("T")
URL = os.environ["AIHUB_URL"]
VISITOR = Client(URL, raise_on_unexpected_status=True)


def connect(access_token: str) -> AuthenticatedClient:
    """The service as the holder of the token calls it."""
    return AuthenticatedClient(URL, access_token, raise_on_unexpected_status=True)


def done(answer: Response[T | Problem]) -> None:
    """Ends the job unless the answer is a good one."""
    if isinstance(answer.parsed, Problem):
        problem = answer.parsed
        faults = [] if isinstance(problem.errors, Unset) else problem.errors
        told = "".join(f"\n  {fault.pointer} {fault.detail}" for fault in faults)
        raise AssertionError(f"{problem.status} {problem.code}: {problem.detail}{told}")


def content(answer: Response[T | Problem]) -> T:
    """What a good answer holds; a failure says its problem."""
    done(answer)
    assert answer.parsed is not None and not isinstance(answer.parsed, Problem), "the answer is empty"
    return answer.parsed


def given(value: T | Unset | None) -> T:
    """A member that may be absent, where it has to be there."""
    assert value is not None and not isinstance(value, Unset), "a member is absent"
    return value


def eventually(what: str, ask: Callable[[], T | None]) -> T:
    """Index and mail follow a change within a second or so: asks again until there is something."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = ask()
        if found is not None:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come")
