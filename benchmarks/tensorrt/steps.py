"""How far ONNX files are from the quantized network, in steps of the output's grid.

``python -m benchmarks.tensorrt.steps``: of networks that ``python -m benchmarks.tensorrt families`` left in
build/tensorrt, on the test digits, in both forms of the file. Kept as results/tensorrt/steps-NETWORK.json.
"""

import argparse

import numpy as np

from benchmarks.record import keep
from benchmarks.studies import StepsApart, schema_of
from benchmarks.tensorrt.__main__ import RESULTS, WORK
from compress import artifacts
from compress.datasets.digits import Digits
from compress.evaluate.predictors import to_float
from compress.export import onnx
from compress.tasks import Classification

NETWORKS = ("densenet121", "mobilenetv2", "resnet50")
FORMS = {"fused": True, "every rounding": False}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tensorrt.steps", description=__doc__)
    parser.add_argument(
        "networks", nargs="*", default=NETWORKS, help="names of networks, those of this file by default"
    )
    for name in parser.parse_args().networks:
        (folder,) = (WORK / "runs" / f"family-{name}").glob("*/2-quantized/saved_model")
        network = artifacts.load(folder)
        test = Digits(size=network.input_shape[1]).load(None).test
        images = test.read(np.arange(len(test)))
        wanted = network(to_float(images), training=False).numpy()
        config = network.layers[-1].quantize_config
        step = (config.high - config.low) / 255
        largest, most = {}, {}
        for form, fuses in FORMS.items():
            model = onnx.written(network, Classification.OUTPUTS, raw=True, fuses=fuses)
            said = onnx.OnnxPredictor(model.SerializeToString())(images)["logits"]
            apart = np.abs(said - wanted) / step
            largest[form], most[form] = float(apart.max()), float(np.percentile(apart, 99))
        keep(
            RESULTS / f"steps-{name}.json",
            {"schema": schema_of(StepsApart), "network": name, "largest": largest, "percentile_99": most},
        )


if __name__ == "__main__":
    main()
