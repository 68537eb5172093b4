"""A trained network -> the .tflite files that run on a board, and what is inside them."""
