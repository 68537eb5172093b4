"""jetslim: makes the smallest, fastest int8 .tflite of a Keras network that keeps its accuracy."""
