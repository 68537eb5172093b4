"""What the paper reports: Shin and Oh, "Neural Network Model Compression Algorithms for Image Classification in
Embedded Systems", 2022. CIFAR-10 at 224x224; MB as printed; milliseconds of a Jetson Xavier's CPU, mean of 50
inferences."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A row of one of its tables; None where the table has no such column. ``top1`` in %."""

    mb: float
    top1: float
    ms: float | None = None


TEACHER = Row(70, 95.15, 1274.03)
STUDENT_MS = 658.06
ALONE, DISTILLED = Row(29, 88.0, STUDENT_MS), Row(29, 91.5, STUDENT_MS)  # tables 5 and 6
TABLE_3 = {
    0.0: TEACHER,
    0.5: Row(51, 97.44),
    0.6: Row(41, 97.25),
    0.7: Row(32, 97.41),
    0.8: Row(22, 96.91),
    0.9: Row(12, 95.43),
    0.95: Row(6.2, 92.23),
    0.99: Row(2.2, 71.56),
}
TABLE_4 = {"teacher": TEACHER, "static_original": Row(19, 93.23, 763.93), "quantized": Row(19, 97.09, 768.83)}
TABLE_6 = {
    0.0: DISTILLED,
    0.5: Row(20, 92.42),
    0.6: Row(16, 91.91),
    0.7: Row(12, 91.36),
    0.8: Row(8.0, 89.93),
    0.9: Row(4.3, 85.88),
    0.95: Row(2.4, 78.26),
    0.99: Row(0.9, 10.00),
}
TABLE_7 = {0.8: Row(4.6, 93.35, 499.26), 0.9: Row(2.8, 88.60, 487.65), 0.95: Row(1.9, 85.54, 497.30)}
GPU_MS = 366.85  # table 8: the teacher on the Xavier's GPU
BEST_INIT = 4
PARAMETERS_201, PARAMETERS_121 = 18_341_194, 7_047_754  # of the networks themselves, with 10 classes
SPARSITIES, SPARSITIES_INT8 = tuple(TABLE_3), tuple(TABLE_7)
