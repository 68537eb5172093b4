"""The device side of jetslim: measures a .tflite on a Jetson. Python 3.8, the standard library, numpy, an interpreter."""

__version__ = "0.1.0"
