"""Opens a .tflite file of any maker, or says in one line why that cannot be."""

from functools import cached_property
from pathlib import Path
from typing import Any

from compress.amx import deny_amx
from compress.errors import UserError, first_line
from compress.quiet import quiet

PASSING = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE", "CAST")  # they hand on what they read


class TFLiteFile:
    """The bytes of a file, and what its graph says without being run; ``name`` is how a message calls it."""

    def __init__(self, model: Path | bytes) -> None:
        self.name = str(model) if isinstance(model, Path) else "the model"
        try:
            self.content = model.read_bytes() if isinstance(model, Path) else model
        except OSError as error:
            raise UserError(f"LiteRT cannot run {self.name}: {error.strerror}") from error
        if reason := _no_model(self.content):
            raise UserError(f"{self.name} {reason}")

    def interpreter(self, threads: int = 1, **options: Any) -> Any:
        """A fresh LiteRT interpreter, its tensors not allocated yet."""
        from ai_edge_litert.interpreter import Interpreter

        if flex := [name for name in self._custom if name.startswith("Flex")]:
            raise UserError(
                f"{self.name} contains TensorFlow operators ({', '.join(flex)}) that LiteRT does not have: convert "
                "it without SELECT_TF_OPS"
            )
        deny_amx()
        with self.explained(), quiet():
            return Interpreter(model_content=self.content, num_threads=threads, **options)

    def explained(self) -> "_Explained":
        """A context in which what LiteRT raises becomes one line that names the file."""
        return _Explained(self)

    def last_operator(self, tensor: int) -> str:
        """The name of the operator that computes a tensor, behind all that only hand on what they read; "" for none."""
        operator_of = {
            int(operator.Outputs(i)): operator for operator in self._operators for i in range(operator.OutputsLength())
        }
        while tensor in operator_of:
            name = self._codes[operator_of[tensor].OpcodeIndex()]
            if name not in PASSING:
                return name
            tensor = int(operator_of[tensor].Inputs(0))
        return ""

    @property
    def keeps_state(self) -> bool:
        """Whether it has variables that only a fresh interpreter resets."""
        return "VAR_HANDLE" in self._codes

    @property
    def operators(self) -> list[str]:
        """What the schema calls the operators, in order."""
        return [self._codes[operator.OpcodeIndex()] for operator in self._operators]

    @cached_property
    def _root(self) -> Any:
        from ai_edge_litert import schema_py_generated as schema

        return schema.Model.GetRootAs(self.content, 0)

    @cached_property
    def _operators(self) -> list[Any]:
        graph = self._root.Subgraphs(0)
        return [graph.Operators(number) for number in range(graph.OperatorsLength())]

    @cached_property
    def _codes(self) -> list[str]:
        """Of each operator code: as the schema calls it."""
        from ai_edge_litert import schema_py_generated as schema

        known = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
        codes = [self._root.OperatorCodes(number) for number in range(self._root.OperatorCodesLength())]
        # old files have the short field only
        return [known.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "") for code in codes]

    @cached_property
    def _custom(self) -> list[str]:
        """Names of the operators that are none of TensorFlow Lite's own; [] for a damaged file."""
        try:
            codes = [self._root.OperatorCodes(number) for number in range(self._root.OperatorCodesLength())]
            return [code.CustomCode().decode() for code in codes if code.CustomCode()]
        except Exception:  # a table whose offsets point outside of the file
            return []


class _Explained:
    def __init__(self, file: TFLiteFile) -> None:
        self._file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ValueError | RuntimeError):
            raise UserError(f"LiteRT cannot run {self._file.name}: {first_line(error)}") from error


def _no_model(content: bytes) -> str:
    """Why these bytes are no .tflite file; "" for one."""
    if not content:
        return "is empty"
    if content.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS, not the model itself: fetch it with `git lfs pull`"
    return "" if content[4:8] == b"TFL3" else "is not a .tflite file"
