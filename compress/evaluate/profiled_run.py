"""A child process that runs .tflite files under LiteRT's profiler: the standard library alone, and LiteRT's C API.

LiteRT's Python package has no way to its profiler, but ships the library that has it. A wrong guess at that library
ends this process alone. Arguments: the library, the number of runs, files. For each file a line of JSON: the events
of one inference, [name, type, number, microseconds], or {"error": why}.
"""

import ctypes
import json
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any

CPU, WRITE = 1, 1  # of LiteRtHwAccelerators and of LiteRtTensorBufferLockMode
OF_OPERATORS = (2, 4, 8)  # ProfiledEventData.event_type: an operator's own, a delegate's, a delegate's beside them
WARM_UP = 3
HALF = b"\x00\x00\x00\x3f"  # 0.5 as float32; harmless as integers


class Event(ctypes.Structure):
    """LiteRT's ProfiledEventData, with three numbers of memory before and after."""

    _fields_ = (
        ("tag", c_char_p),
        ("event_type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_int64 * 6),
        ("number", c_uint64),
        ("other", c_uint64),
        ("source", c_int),
    )


class Profiled:
    """A file, compiled for one thread of the CPU, with LiteRT's profiler on."""

    def __init__(self, library: Any, path: str) -> None:
        self._library = library
        with open(path, "rb") as file:
            content = file.read()
        self._content = ctypes.create_string_buffer(content, len(content))
        self._environment, model, options = c_void_p(), c_void_p(), c_void_p()
        self._call("LiteRtCreateEnvironment", c_int(0), None, byref(self._environment))
        self._call(
            "LiteRtCreateModelFromBuffer", self._environment, self._content, c_size_t(len(content)), byref(model)
        )
        self._call("LiteRtCreateOptions", byref(options))
        self._call("LiteRtSetOptionsHardwareAccelerators", options, c_int(CPU))
        self._kept: list[Any] = []
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add(options, b"xnnpack", b"num_threads = 1\n")
        self._model = c_void_p()
        self._call("LiteRtCreateCompiledModel", self._environment, model, options, byref(self._model))
        self._profiler = c_void_p()
        self._call("LiteRtCompiledModelGetProfiler", self._model, byref(self._profiler))
        signature = c_void_p()
        self._call("LiteRtGetModelSignature", model, c_size_t(0), byref(signature))
        self._inputs = self._buffers(signature, "Input")
        self._outputs = self._buffers(signature, "Output")
        for buffer in self._inputs:
            self._fill(c_void_p(buffer))

    def run(self) -> list[list[Any]]:
        """The events of the operators in one inference, in order."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        sides = (c_size_t(len(self._inputs)), self._inputs, c_size_t(len(self._outputs)), self._outputs)
        self._call("LiteRtRunCompiledModel", self._model, c_size_t(0), *sides)
        self._call("LiteRtStopProfiler", self._profiler)
        count = c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        events = (Event * max(1, count.value))()
        self._call("LiteRtGetProfilerEvents", self._profiler, count, events)
        return [
            [event.tag.decode(), event.event_type, event.number, event.elapsed_us]
            for event in events[: count.value]
            if event.event_type in OF_OPERATORS
        ]

    def _add(self, options: c_void_p, name: bytes, toml: bytes) -> None:
        """Settings for one part of LiteRT, which it reads as TOML; their memory stays this process's."""
        payload, nothing = ctypes.create_string_buffer(toml), ctypes.CFUNCTYPE(None, c_void_p)(lambda pointer: None)
        self._kept += [payload, nothing]
        opaque = c_void_p()
        self._call("LiteRtCreateOpaqueOptions", name, payload, nothing, byref(opaque))
        self._call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, signature: c_void_p, side: str) -> Any:
        """Memory for the inputs or the outputs."""
        count = c_size_t()
        self._call(f"LiteRtGetNumSignature{side}s", signature, byref(count))
        buffers = (c_void_p * count.value)()
        for number in range(count.value):
            tensor, needs, buffer = c_void_p(), c_void_p(), c_void_p()
            self._call(f"LiteRtGetSignature{side}TensorByIndex", signature, c_size_t(number), byref(tensor))
            kind = ctypes.create_string_buffer(1024)  # a LiteRtRankedTensorType, which is smaller
            self._call("LiteRtGetRankedTensorType", tensor, kind)
            self._call(
                f"LiteRtGetCompiledModel{side}BufferRequirements",
                *(self._model, c_size_t(0), c_size_t(number), byref(needs)),
            )
            self._call("LiteRtCreateManagedTensorBufferFromRequirements", self._environment, kind, needs, byref(buffer))
            buffers[number] = buffer.value
        return buffers

    def _fill(self, buffer: c_void_p) -> None:
        """Puts 0.5 everywhere: left as it is, memory may hold numbers that are slow to compute with."""
        size, address = c_size_t(), c_void_p()
        self._call("LiteRtGetTensorBufferPackedSize", buffer, byref(size))
        self._call("LiteRtLockTensorBuffer", buffer, byref(address), c_int(WRITE))
        ctypes.memmove(address, (HALF * (size.value // 4 + 1))[: size.value], size.value)
        self._call("LiteRtUnlockTensorBuffer", buffer)

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name} gave the status {status}")


def usual_events(library: Any, path: str, runs: int) -> list[list[Any]]:
    """Of so many runs after a warm-up: the events of one, each with the mean of its times but the slowest tenth.

    The profiler counts whole microseconds, so that a median would be one, and 0 of a short operator; what else ran
    meanwhile lies in the slowest tenth. Raises RuntimeError.
    """
    profiled = Profiled(library, path)
    rounds = [profiled.run() for _ in range(WARM_UP + runs)][WARM_UP:]
    kinds = [[event[:3] for event in events] for events in rounds]
    if any(each != kinds[0] for each in kinds):
        raise RuntimeError("its runs have other events than the first")
    times = [sorted(events[place][3] for events in rounds)[: runs - runs // 10] for place in range(len(kinds[0]))]
    return [[*kind, round(sum(most) / len(most), 3)] for kind, most in zip(kinds[0], times, strict=True)]


def main() -> None:
    library = ctypes.CDLL(sys.argv[1])
    library.LiteRtGetRankedTensorType.argtypes = (c_void_p, POINTER(ctypes.c_char))
    for path in sys.argv[3:]:
        try:
            line: Any = usual_events(library, path, int(sys.argv[2]))
        except (RuntimeError, OSError, AttributeError) as error:
            line = {"error": str(error)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
