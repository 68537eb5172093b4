"""jetslim: makes the smallest, fastest int8 .tflite of a Keras network that keeps its accuracy."""

__version__ = "0.1.0"
