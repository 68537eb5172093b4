"""The section on TensorRT, from results whose numbers are made up."""

from benchmarks.studies import CompiledFile, CompiledForTensorRT, Kernel
from benchmarks.tensorrt import table
from compress.results import DataFacts, OnnxFacts, Run, StageResult

INT8, FLOAT = Kernel("gemm", ["Int8"], ["Float"], ["a/Gemm"]), Kernel("gemm", ["Float"], ["Float"], ["b/Gemm"])


def onnx(**changes):
    facts = {
        "bytes": 10, "score": 0.97, "closeness_to_network": 1.0, "closeness_to_tflite": 0.995,
        "departure": {"mean_difference": 0.001, "largest_difference": 0.1}, "fuses": True, "kernels": 54,
        "kernels_in_float": ["x"],
    }  # fmt: skip
    return OnnxFacts(**{**facts, **changes})


def test_a_family_is_a_row():
    stages = [
        StageResult(name="trained", metrics={"top1": 0.98}),
        StageResult(name="exported", metrics={"top1": 0.97}, onnx=onnx()),
    ]
    data = DataFacts(shape=[32, 32, 3])
    run = Run(pipeline="families", settings=["trained.model=resnet50"], data=data, stages=stages)
    lines = table.section([run], [])
    assert lines[-2] == "| resnet50 | 32 | 98.00 | 97.00 | 97.00 | 99.50 % | 0.0010 | 0.100 | 53 of 54 | fused |"


def test_what_symmetric_grids_cost_is_a_difference_a_seed():
    def run(seed, tops):
        names = ("trained", "static", "static_symmetric", "qat", "qat_symmetric")
        stages = [StageResult(name=name, metrics={"top1": top}) for name, top in zip(names, tops, strict=True)]
        return Run(pipeline="grids", seed=seed, data=DataFacts(name="digits"), stages=stages)

    lines = table.section([run(0, (0.99, 0.98, 0.97, 0.98, 0.98)), run(1, (0.99, 0.98, 0.98, 0.97, 0.96))], [])
    assert "| DenseNet121, digits | 0, 1 | 99.00 ± 0.00 | 98.00 ± 0.00 | 97.50 ± 0.71 | -0.50 ± 0.71 |" in lines[-2]
    assert lines[-2].endswith("| 97.50 ± 0.71 | 97.00 ± 1.41 | -0.50 ± 0.71 |")


def test_a_compiled_network_says_how_many_kernels_read_int8():
    files = {
        "jetslim": CompiledFile(layers=7, kernels=[INT8, INT8]),
        table.EVERY: CompiledFile(layers=9, kernels=[INT8, FLOAT]),
        "onnxruntime": CompiledFile(layers=8, kernels=[INT8, FLOAT]),
        "tfmot, tf2onnx": CompiledFile(refused="no | zero point"),
    }
    lines = table.section([], [CompiledForTensorRT("net", 224, 1.25, files, 2e-7)])
    assert (
        lines[-2] == "| net | 224 | 1.2 | 2 of 2 | 7 | 1 of 2 | 9 | 1 of 2 | 8 | refused: no / zero point | 2.0e-07 |"
    )
    assert table.section([], []) == []
