"""Threads that do something to one stream at the same moment, many times over."""

import threading

ROUNDS = 300


class Racers:
    """Threads that live through all rounds and start each of them at one barrier."""

    def __init__(self, *functions):
        self.barrier = threading.Barrier(len(functions) + 1, timeout=60)
        self.errors = []
        self.threads = [threading.Thread(target=self._run, args=(one,)) for one in functions]

    def _run(self, function):
        for _ in range(ROUNDS):
            self.barrier.wait()
            try:
                function()
            except Exception as error:  # noqa: BLE001 - they are looked at by the test
                self.errors.append(error)
            self.barrier.wait()

    def race(self, prepare, check):
        for thread in self.threads:
            thread.start()
        for _ in range(ROUNDS):
            prepare()
            self.barrier.wait()
            self.barrier.wait()
            check()
        for thread in self.threads:
            thread.join(60)
