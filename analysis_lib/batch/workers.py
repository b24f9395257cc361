"""Worker processes: one job at a time each, so that a process that is lost names the run that it carried."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait

from analysis_lib.batch.execute import Job, execute_job, record_lost_worker
from analysis_lib.batch.record import RunRecord

KERNEL_ENVIRONMENT = {
    # Several kernels share the machine: each keeps to one core.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def execute_all(
    jobs: Iterable[Job], workers: int, on_start: Callable[[Job], None], on_end: Callable[[RunRecord], None]
) -> None:
    """Execute the jobs in worker processes; every job ends in one record, in whatever order they end.

    A process that is lost costs its own job alone: it is recorded as died, and a new process goes on with the rest.
    Whatever ends this function, an interrupt too, ends the processes.
    """
    waiting = deque(jobs)
    busy: list[_Worker] = []
    try:
        busy += [_Worker(waiting.popleft(), on_start) for _ in range(min(workers, len(waiting)))]
        while busy:
            ready = wait([worker.connection for worker in busy])
            for worker in [w for w in busy if w.connection in ready]:
                record = worker.collect()
                on_end(record or worker.record_loss())
                busy.remove(worker)
                if not waiting:
                    worker.stop()
                elif record is None:
                    worker.stop()
                    busy.append(_Worker(waiting.popleft(), on_start))
                else:
                    worker.give(waiting.popleft(), on_start)
                    busy.append(worker)
    finally:
        for worker in busy:
            worker.stop()


class _Worker:
    def __init__(self, job: Job, on_start: Callable[[Job], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _interrupts_ignored():
            self._process.start()
        theirs.close()
        self.give(job, on_start)

    def give(self, job: Job, on_start: Callable[[Job], None]) -> None:
        self._job, self._since = job, time.perf_counter()
        on_start(job)
        with contextlib.suppress(BrokenPipeError):  # collect() finds the loss
            self.connection.send(job)

    def collect(self) -> RunRecord | None:
        """Return what the process sent, or `None` where it was lost."""
        try:
            record: RunRecord = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None
        return record

    def record_loss(self) -> RunRecord:
        return record_lost_worker(self._job, self._since)

    def stop(self) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.join()
        self._process.close()


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let a process started here ignore Ctrl-C from its first instant: its parent ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(connection: Connection) -> None:
    """Execute jobs until the other end closes; end at once, with the kernel, where the parent process ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update({name: os.environ.get(name, value) for name, value in KERNEL_ENVIRONMENT.items()})
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(execute_job(connection.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
