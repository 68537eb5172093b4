"""What a board says of itself, from a tree of files laid out as on a Xavier."""

import pytest

from jetson import board, sensors


def lay(root, **files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def xavier(tmp_path):
    cores = {
        f"sys/devices/system/cpu/cpu{core}/cpufreq/{name}": text
        for core in range(2)
        for name, text in (
            ("scaling_governor", "schedutil\n"), ("scaling_cur_freq", "1190400\n"),
            ("scaling_min_freq", "1190400\n"), ("scaling_max_freq", "2265600\n"),
        )
    }  # fmt: skip
    return lay(tmp_path, **{
        "proc/device-tree/model": "Jetson-AGX\0",
        "proc/device-tree/compatible": "nvidia,p2972-0000\0nvidia,tegra194\0",
        "etc/nv_tegra_release": "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64",
        "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 20.04.6 LTS"\n',
        "proc/cpuinfo": "processor : 0\nFeatures  : fp asimd evtstrm\nCPU implementer : 0x4e\nCPU part : 0x004\n",
        "proc/meminfo": "MemTotal:  16000000 kB\nSwapTotal:  2000000 kB\nSwapFree:   1000000 kB\n",
        "proc/loadavg": "0.52 0.40 0.30 1/500 1234\n",
        "sys/class/thermal/thermal_zone0/type": "CPU-therm", "sys/class/thermal/thermal_zone0/temp": "41500",
        "sys/class/thermal/thermal_zone1/type": "PMIC-Die", "sys/class/thermal/thermal_zone1/temp": "100000",
        "sys/class/thermal/thermal_zone2/type": "CV0", "sys/class/thermal/thermal_zone2/temp": "-256000",
        "sys/class/thermal/cooling_device0/type": "pwm-fan", "sys/class/thermal/cooling_device0/cur_state": "3",
        "sys/class/thermal/cooling_device1/type": "thermal-cpufreq-0", "sys/class/thermal/cooling_device1/cur_state": "0",
        **cores,
    })  # fmt: skip


def test_facts_of_a_xavier(xavier):
    found = board.facts(xavier)
    assert (found["model"], found["soc"], found["is_jetson"]) == ("Jetson-AGX", "tegra194", True)
    assert (found["l4t"], found["jetpack"]) == ("35.4.1", "5.1.2")
    assert found["system"] == "Ubuntu 20.04.6 LTS"
    assert found["cpu_features"] == "fp asimd evtstrm"
    assert found["cpu"] == "ARM implementer 0x4e part 0x004"
    assert found["memory_mb"] == 16384.0
    assert found["emulated"] is False


def test_state_of_a_xavier(xavier):
    found = board.state(xavier, lambda words: "NV Power Mode: MODE_15W\n2\n" if words == ["nvpmodel", "-q"] else None)
    assert found == {
        "power_mode": "MODE_15W",
        "governors": ["schedutil"] * 2,
        "clocks_mhz": [1190.4] * 2,
        "lowest_clocks_mhz": [1190.4] * 2,
        "highest_clocks_mhz": [2265.6] * 2,
        "temperatures_c": {"CPU-therm": 41.5},
        "throttled": False,
        "load_1min": 0.52,
        "swap_used_mb": 1024.0,
    }
    assert board.fixed_clocks(found) is False


def test_jetson_clocks_and_the_performance_governor_hold_the_clocks(xavier):
    for core in range(2):
        (xavier / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_min_freq").write_text("2265600\n")
    assert board.fixed_clocks(board.state(xavier)) is True  # as jetson_clocks leaves them
    (xavier / "sys/devices/system/cpu/cpu1/cpufreq/scaling_max_freq").write_text("2300000\n")
    assert board.fixed_clocks(board.state(xavier)) is False
    (xavier / "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor").write_text("performance\n")
    assert board.fixed_clocks(board.state(xavier)) is True


def test_a_limited_clock_is_throttled(xavier):
    (xavier / "sys/class/thermal/cooling_device1/cur_state").write_text("2")
    assert board.state(xavier)["throttled"] is True


def test_what_a_machine_does_not_have_is_none(tmp_path):
    facts, state = board.facts(tmp_path), board.state(tmp_path)
    for name in ("model", "soc", "l4t", "jetpack", "cpu", "cpu_features", "memory_mb", "system"):
        assert facts[name] is None, name
    assert facts["is_jetson"] is False
    assert set(state.values()) == {None}
    assert board.fixed_clocks(state) is None
    assert sensors.ina3221(tmp_path) is None


def test_emulated_arm_is_seen(tmp_path, monkeypatch):
    lay(tmp_path, **{"proc/sys/kernel/arch": "x86_64\n", "proc/cpuinfo": "Features : fp asimd\n"})
    monkeypatch.setattr(board.platform, "machine", lambda: "aarch64")
    assert board.facts(tmp_path)["emulated"] is True
    (tmp_path / "proc/sys/kernel/arch").write_text("aarch64\n")
    assert board.facts(tmp_path)["emulated"] is False
    lay(tmp_path, **{"proc/cpuinfo": "vendor_id : GenuineIntel\n"})  # an older qemu shows the host's
    assert board.facts(tmp_path)["emulated"] is True


def test_ina3221_of_jetpack_5(tmp_path):
    hwmon = "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/"
    lay(tmp_path, **{
        hwmon + "in1_label": "VDD_IN\n", hwmon + "in1_input": "5040\n", hwmon + "curr1_input": "1000\n",
        hwmon + "in2_label": "NC\n", hwmon + "in2_input": "5040\n", hwmon + "curr2_input": "8\n",
        hwmon + "in3_label": "VDD_SOC\n", hwmon + "in3_input": "5000\n", hwmon + "curr3_input": "280\n",
        hwmon + "in7_label": "sum of shunt voltages\n", hwmon + "in7_input": "9\n",
    })  # fmt: skip
    assert sensors.ina3221(tmp_path) == {"VDD_IN": 5040.0, "VDD_SOC": 1400.0}


def test_ina3221_of_jetpack_4(tmp_path):
    iio = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0/"
    lay(tmp_path, **{
        iio + "rail_name_0": "GPU\n", iio + "in_power0_input": "463\n",
        iio + "rail_name_1": "CPU\n", iio + "in_power1_input": "618\n",
        iio + "rail_name_2": "NC\n", iio + "in_power2_input": "0\n",
    })  # fmt: skip
    assert sensors.ina3221(tmp_path) == {"GPU": 463.0, "CPU": 618.0}
