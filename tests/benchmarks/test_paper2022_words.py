"""The verdicts, heads and cells of the study of the 2022 paper's tables, by numbers worked by hand."""

from dataclasses import replace

import pytest

from benchmarks.paper2022 import findings, latency, paper, table
from benchmarks.paper2022.head import head
from benchmarks.paper2022.results import Difference, Measured
from benchmarks.paper2022.size_difference import size_difference
from benchmarks.studies import NetworksInTurns, UntrainedSizes
from compress.results import DataFacts, Run, StageResult

EPOCHS = 4


def stage(name, top1, epochs=EPOCHS):
    history = [{"epoch": str(number), "similarity_a": "0.7"} for number in range(epochs)]
    return StageResult(name=name, metrics={"top1": top1}, tflite_bytes=1_000_000, gzip_bytes=1, history=history)


def run(part, seed=0, settings=(), test=5000, **top1):
    text = 'data = { name = "cifar10" }\n' + "".join(f'[[stage]]\nname = "{name}"\n' for name in top1)
    data = DataFacts(name="cifar10", shape=[32, 32, 3], train=4000, test=test)
    stages = [stage(name, value) for name, value in top1.items()]
    return Run(pipeline=f"table{part}", seed=seed, settings=list(settings), config_toml=text, data=data, stages=stages)


def initialized(tops, alone=0.5648, seed=0):
    """Table 5's runs, by initialization epochs."""
    return [
        run("5", seed, [f"distilled.method.init_epochs={epochs}"], teacher=0.5, student=alone, distilled=top1)
        for epochs, top1 in tops.items()
    ]


def cells(lines, start):
    (row,) = (line for line in lines if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in row.split("|")[1:-1]]


@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        # the pruned network is 3 points above the base, and 0.8 above the control (noise: 0.96) or 3
        (0.622, "only as the paper compares: further epochs do it"),
        (0.6, "held"),
    ],
)
def test_a_gain_beside_its_control(control, verdict):
    runs = [run("3", teacher=0.6, further=control, pruned=0.63)]
    finding = findings.Finding.of("", runs, ("pruned", "teacher"), "further")
    assert finding.compared is not None
    assert finding.further is not None
    # one seed, 5,000 images: sqrt(63 * 37 / 5000 + 60 * 40 / 5000) = 0.97
    assert finding.compared.noise == pytest.approx(0.97, abs=0.005)
    assert finding.further.mean == pytest.approx(100 * (control - 0.6))
    assert finding.conclusion == verdict


def test_further_epochs_do_it_only_where_they_are_a_clear_gain():
    # 1.2 over the base, 0.9 over the control, which gained only 0.3, all with a noise of 1
    compared, control, further = (Difference([points], 1.0) for points in (1.2, 0.9, 0.3))
    assert findings.Finding("", compared, control, further).conclusion == "not shown beside the control"


def test_static_quantization_is_compared_with_two_changes():
    runs = [run("4", teacher=0.5, further=0.6, static_original=0.5, static=0.5, static_further=0.6, quantized=0.6)]
    told = {finding.claim: finding.conclusion for finding in findings.findings(Measured(runs))}
    (verdict,) = (words for claim, words in told.items() if "static quantization" in claim)
    assert verdict == "only as the paper compares: further epochs and rewritten batch norms do it"


def test_the_best_initialization_is_compared_with_the_best_of_the_others():
    # 1.9 points above no initialization, but 0.02 above 2 and 3 epochs
    told = findings.best_init(Measured(initialized({1: 0.5838, 2: 0.5840, 3: 0.5840, 4: 0.5842, 5: 0.5838})))
    assert ": not shown. Here 4 epochs give 58.42 %; of 0, 1, 2, 3 and 5 the best are 2 and 3 " in told
    assert told.endswith("with 58.40 %. The difference is +0.02 points (one seed; test images: ± 0.99).")


@pytest.mark.parametrize(("top1", "verdict"), [(0.62, "held"), (0.56, "the contrary"), (0.585, "not shown")])
def test_the_best_initialization(top1, verdict):
    runs = initialized({1: 0.57, 2: 0.59, 4: top1})
    assert findings.best_init(Measured(runs)).startswith(f"4 initialization epochs (see table 5) are best: {verdict}. ")


def test_initializations_are_compared_seed_by_seed():
    runs = initialized({2: 0.58, 4: 0.59}) + initialized({2: 0.60, 4: 0.61}, seed=1)
    told = findings.best_init(Measured(runs))
    assert ": held. Here 4 epochs give 60.00 %; of 0 and 2 the best is 2 with 59.00 %. " in told
    assert told.endswith("+1.00 ± 0.00 points (2 seeds; test images: ± 0.98).")


def test_a_seed_that_lacks_a_point_is_left_out():
    """Else the rows of a table would be means over different seeds."""
    runs = initialized({2: 0.58, 4: 0.59}) + initialized({4: 0.61}, seed=1)
    assert "4 epochs give 59.00 %; of 0 and 2 the best is 2 with 58.00 %" in findings.best_init(Measured(runs))
    assert {run.seed for run in Measured(runs).table("5")} == {0}
    assert findings.best_init(Measured(initialized({2: 0.58}))).endswith("not measured yet.")


def test_a_teacher_that_is_no_better_is_told():
    worse = dict.fromkeys(table.TITLES, 0.6) | {"teacher": 0.5580, "student": 0.5648}
    told = findings.teachers_lead(Measured([run("8", **worse)]))
    assert "(+7.15 points in the paper): not shown. Here the teacher has 55.80 %, the student by itself 56.48 %" in told
    assert told.endswith("So a more accurate teacher does not explain what distillation gains here.")
    assert "does not explain" not in findings.teachers_lead(Measured([run("8", **(worse | {"teacher": 0.6}))]))


def test_the_narrowed_student_differs_in_epochs_and_teacher_too():
    told = findings.narrowing(Measured([run("8", **dict.fromkeys(table.TITLES, 0.6))]))
    assert (
        "it has had 12 further epochs, the other one 8, and in the narrowed stage it learned from the outputs" in told
    )


def test_values_that_the_paper_lacks_have_rows():
    def swept(part, **top1):
        settings = ["pruned.final_sparsity=0.75", "teacher.model=densenet201"]
        return run(part, settings=settings, teacher=0.6, distilled=0.6, further=0.62, pruned=0.61, **top1)

    lines = table.table_3(Measured([swept("3")]))
    assert cells(lines, "75%") == ["75%", "", "", "61.00", "+1.00", "-1.00", "", "", "", "1.00"]
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:]
    assert rows == ["0%", "50%", "60%", "70%", "75%", "80%", "90%", "95%", "99%", "0%, trained on (control)"]
    assert cells(table.table_6(Measured([swept("6")])), "75%")[3] == "61.00"
    in_int8 = swept("7", further_2=0.63, dense_quantized=0.6, quantized=0.61)
    lines = table.table_7(Measured([in_int8]))
    assert cells(lines, "75%") == ["75%", "", "", "", "", "1.00", "61.00", "-2.00", "+1.00"]
    assert cells(lines, "80%") == ["80%", "4.6", "93.35", "499.26", "", "", "", "", ""]


def test_only_the_paper_s_best_initialization_is_a_row_of_table_5():
    lines = table.table_5(Measured(initialized({6: 0.6})))
    words = f"student, distilled, {paper.BEST_INIT} initialization epochs"
    assert cells(lines, words) == [words, "29", "91.50", "658.06", "", "", ""]
    assert cells(lines, "6")[1] == "60.00"


def test_only_networks_with_as_many_epochs_are_compared_with_a_control():
    stages = ("teacher", "further", "static_original", "static", "static_further", "quantized")
    lines = table.table_4(Measured([run("4", **dict.fromkeys(stages, 0.6))]))
    control = {line.split("|")[1].strip(): line.split("|")[8].strip() for line in lines if line.startswith("| INT8")}
    assert list(control.values()) == ["", "", "+0.00", "+0.00"]
    names = ("teacher", "student", "student_further", "distilled", "narrowed", "pruned", "quantized")
    resnets = Measured([replace(run("", **dict.fromkeys(names, 0.6)), pipeline="recipe")])
    rows = [line.split("|") for line in table.recipe(resnets) if line.startswith("| ") and "60.00" in line]
    assert [row[4].strip() for row in rows] == [*[""] * 6, "+0.00"]


def test_a_time_is_that_of_the_file_that_is_named():
    times = {name: [2.0] for name in (latency.STUDENT, latency.student_int8(0.8), latency.NARROWED)}
    runs = [run("8", **dict.fromkeys(table.TITLES, 0.6))]
    lines = table.table_8(Measured(runs, latencies=[NetworksInTurns(32, 0, [times], {}, {})]))
    assert cells(lines, "student by itself")[-2:] == ["student float32", "2.00"]
    assert cells(lines, "distilled, 80 % zeros, QAT (the paper's CPU*)")[-2:] == ["student int8, 80 % zeros", "2.00"]
    assert cells(lines, "distilled, narrowed, 80 % zeros, QAT")[-2:] == ["narrowed int8", "2.00"]
    for never_timed in ("distilled, 80 % zeros", "distilled, narrowed", "distilled, narrowed, 80 % zeros", "teacher"):
        assert cells(lines, never_timed)[-2:] == ["", ""]


def test_the_head_says_how_stages_were_trained():
    settings = ["teacher.batch_size=8", "teacher.learning_rate=0.01", "data.augmentation={ flip = true }"]
    settings += ["further.optimizer='sgd'", "further.weight_decay=5e-4", "further.schedule='steps'"]
    settings += ["further.drop_after=[2, 3]"]
    assert head([run("3", settings=settings, teacher=0.5, further=0.5)]) == (
        "4,000 training and 5,000 test images of cifar10 at 32x32, augmented; seed 0. teacher: 4 epochs in batches of 8, "
        "adam, learning rate 0.01 (cosine), no weight decay; further: 4 epochs in batches of 32, sgd with momentum 0.9, "
        "learning rate 0.001 (divided by 10 after epochs 2 and 3), weight decay 0.0005."
    )


def test_the_head_has_all_values_of_a_sweep():
    told = head(initialized({1: 0.5, 4: 0.5, 10: 0.5}))
    assert "; distilled: 4 epochs, 1, 4 or 10 of them for initialization, in batches of 32" in told
    assert told.count("teacher") == 1


def test_what_of_the_int8_files_is_weights():
    # ours is 0.5 MB + 17 MB x share; the paper's 4.6, 2.8 and 1.9 MB are 1 MB + 18 MB x share
    ours = {0.8: 3_900_000, 0.9: 2_200_000, 0.95: 1_350_000}
    sizes = [UntrainedSizes("densenet121", 224, "int8", zeros, 7_000_000, size, 1) for zeros, size in ours.items()]
    (told, _) = size_difference(Measured((), sizes))
    assert told.startswith(
        "At 80, 90 and 95 % zeros our files of DenseNet121 at 224 differ by -15, -21 and -29 % from "
    )
    assert (
        "these weights and their positions take: 3.40, 1.70 and 0.85 MB in our files, 3.60, 1.80 and 0.90 MB in the "
        "paper's files. Everything else takes 0.50 MB in our files and 1.00 MB in the paper's files."
    ) in told
    assert size_difference(Measured((), sizes[:2])) == []


def test_the_paper_s_contradictions_are_told_with_their_figures():
    told = "\n".join(findings.contradictions())
    # 29 / 70 and 70 / 29; 7,047,754 / 18,341,194 and its inverse
    assert "41 % of the size of the teacher's and is 2.41 times smaller" in told
    assert "38.4 % of the teacher's parameters, 2.60 times fewer" in told
    assert "The format of the 70 MB file is not said." in told
