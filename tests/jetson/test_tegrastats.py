"""The parser over the lines of seven boards: every number that matters, read by eye."""

import importlib.util
from pathlib import Path

import pytest

from jetson import tegrastats

_spec = importlib.util.spec_from_file_location("tegrastats_lines", Path(__file__).with_name("tegrastats_lines.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
LINES = _module.LINES

POWER = {
    "agx_xavier_jetpack4": {"GPU": 463, "CPU": 618, "SOC": 2936, "CV": 0, "VDDRQ": 309, "SYS5V": 3306},
    "xavier_nx_jetpack4": {"VDD_IN": 14703, "VDD_CPU_GPU_CV": 10874, "VDD_SOC": 1405},
    "nano_jetpack4": {"POM_5V_IN": 2132, "POM_5V_GPU": 78, "POM_5V_CPU": 275},
    "agx_orin": {"VDD_GPU_SOC": 2340, "VDD_CPU_CV": 390, "VIN_SYS_5V0": 4025, "VDDQ_VDD2_1V8AO": 301},
    "orin_jetpack7": {"VDD_IN": 4548, "VDD_CPU_GPU_CV": 483, "VDD_SOC": 1489},
    "tx2": {"VDD_SYS_GPU": 182, "VDD_SYS_SOC": 730, "VDD_4V0_WIFI": 0, "VDD_IN": 5297, "VDD_SYS_CPU": 1917,
            "VDD_SYS_DDR": 1241},
}  # fmt: skip
TEMPERATURES = {
    "agx_xavier_jetpack4": {"AO": 30, "GPU": 30.5, "Tboard": 31, "Tdiode": 32, "AUX": 30.5, "CPU": 31.5, "thermal": 30.8},
    "xavier_nx_jetpack4": {"AO": 42.5, "GPU": 44.5, "AUX": 43.5, "CPU": 44.5, "thermal": 44.25},
    "nano_jetpack4": {"PLL": 36.5, "CPU": 39, "iwlwifi": 44, "GPU": 37, "AO": 47.5, "thermal": 38},
    # CV0, CV1, CV2 and GPU are off: -256
    "agx_orin": {"CPU": 44.562, "Tboard": 32, "SOC2": 40.093, "Tdiode": 33, "SOC0": 41.093, "tj": 44.343, "SOC1": 41.25},
    "orin_jetpack7": {"cpu": 49.843, "soc2": 49.156, "soc0": 50.187, "gpu": 50.875, "tj": 50.875, "soc1": 50.218},
    "tx2": {"PLL": 42.5, "MCPU": 42.5, "Tboard": 38, "GPU": 39.5, "BCPU": 42.5, "thermal": 41.3, "Tdiode": 39.25},
}  # fmt: skip
CORES = {
    "agx_xavier_jetpack4": [(0, 1190)] * 8,
    "xavier_nx_jetpack4": [(100, 1420)] * 6,
    "nano_jetpack4": [(12, 102), (10, 102), (11, 102), (12, 102)],
    "agx_orin": [(0, 729)] * 12,
    "orin_jetpack7": [(0, 729), (0, 729), (0, 883), (0, 883), (0, 729), (0, 729)],
    "tx2": [(44, 1421), (49, 2031), (67, 2034), (17, 1420), (25, 1419), (8, 1420)],
}
MEMORY = {
    "agx_xavier_jetpack4": ([14700, 15692], [898, 8192]),
    "xavier_nx_jetpack4": ([1802, 7772], [0, 3886]),
    "nano_jetpack4": ([1655, 3956], [0, 1978]),
    "agx_orin": ([4321, 62801], [19, 31400]),
    "orin_jetpack7": ([974, 7546], [0, 5821]),
    "tx2": ([3276, 7859], [1626, 12122]),
}
TOTAL = {
    "agx_xavier_jetpack4": ("sum of GPU + CPU + SOC + CV + VDDRQ + SYS5V", 7632),
    "xavier_nx_jetpack4": ("VDD_IN", 14703),
    "nano_jetpack4": ("POM_5V_IN", 2132),
    "agx_orin": ("sum of VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0 + VDDQ_VDD2_1V8AO", 7056),
    "orin_jetpack7": ("VDD_IN", 4548),
    "tx2": ("VDD_IN", 5297),
}


@pytest.mark.parametrize("board", POWER)
def test_every_number_of_a_line(board):
    found = tegrastats.parse(LINES[board])
    assert found["power_mw"] == POWER[board]
    assert found["temperatures_c"] == TEMPERATURES[board]
    assert [(core["load_percent"], core["mhz"]) for core in found["cores"]] == CORES[board]
    assert (found["ram_mb"], found["swap_mb"]) == MEMORY[board]
    assert (tegrastats.total_rail(list(found["power_mw"])), tegrastats.total_mw(found["power_mw"])) == TOTAL[board]


def test_the_date_is_optional():
    assert tegrastats.parse(LINES["agx_orin"])["time"] == "04-11-2025 10:36:27"
    assert tegrastats.parse(LINES["tx2"])["time"] is None


def test_every_board_is_tested():
    assert set(LINES) == {*POWER, "agx_xavier_milliwatt_partial"}


def test_a_line_without_its_start_is_refused():
    with pytest.raises(ValueError, match="RAM or CPU is missing"):
        tegrastats.parse(LINES["agx_xavier_milliwatt_partial"])


@pytest.mark.parametrize("line", ["", "RAM 1/2MB", "RAM 1/2MB CPU [0%@12,0%", "RAM 1/2MB CPU [what]"])
def test_other_text_is_refused(line):
    with pytest.raises(ValueError, match="no whole line of tegrastats"):
        tegrastats.parse(line)


def test_milliwatts_with_and_without_the_unit_are_one():
    start = "RAM 1/2MB (lfb 1x4MB) CPU [0%@1190,off,5%@1190] "
    rails = LINES["agx_xavier_milliwatt_partial"].partition("GPU 467mW")
    found = tegrastats.parse(start + rails[1] + rails[2])
    assert found["power_mw"] == {"GPU": 467, "CPU": 467, "SOC": 1245, "CV": 0, "VDDRQ": 311, "SYS5V": 2768}
    assert found["cores"] == [{"load_percent": 0, "mhz": 1190}, None, {"load_percent": 5, "mhz": 1190}]
    assert found["swap_mb"] is None


def test_no_rail_where_nothing_is_connected():
    assert tegrastats.parse("RAM 1/2MB CPU [0%@1] VDD_IN 5/6 NC 0/0 NC 3mW/3mW")["power_mw"] == {"VDD_IN": 5}
    assert tegrastats.total_mw({}) is None
