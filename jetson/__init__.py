"""The device side of jetslim: measures a .tflite on a Jetson, with Python 3.8, numpy and a TFLite interpreter."""

__version__ = "0.1.0"
