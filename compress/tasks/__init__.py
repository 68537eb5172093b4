"""What the numbers of a network mean: losses on labels, metrics, and how raw outputs become predictions."""
