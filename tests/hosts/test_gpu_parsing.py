"""What nvidia-smi printed, read: whole, without figures, damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.observed import Gpu
from cosmos.errors import HostUnreachable
from cosmos.hosts.gpus import UNTOLD, read_gpus

ONE = "0, GPU-1, NVIDIA H200, 143771, 1024, 37, 41, 120.50, 580.159.04"
WELL = ("status 0", "")
TWO = "1, GPU-2, NVIDIA H200, 143771, 0, 0, 38, 75.11, 580.159.04"


def gpus(*lines: str, apps: tuple[tuple[str, ...], ...] = ()) -> tuple[Gpu, ...]:
    return read_gpus([*lines, "status 0"], [*apps, WELL])[0]


def holders(line: str, container: str = "") -> tuple[str, ...]:
    """What is said of the program on one line about GPU-1."""
    return gpus(ONE, TWO, apps=((line, container),))[0].holders


def test_a_gpu_has_all_its_figures() -> None:
    assert gpus(ONE) == (
        Gpu(
            id="GPU-1",
            name="NVIDIA H200",
            index=0,
            memory_total_mib=143771,
            memory_used_mib=1024,
            utilisation=37,
            temperature=41,
            power=120.5,
        ),
    )


def test_gpus_are_in_the_order_of_their_index() -> None:
    ten = TWO.replace("1, GPU-2", "10, GPU-10")
    assert [gpu.id for gpu in gpus(ten, TWO, ONE)] == ["GPU-1", "GPU-2", "GPU-10"]


def test_the_driver_is_told() -> None:
    assert read_gpus([ONE, TWO, "status 0"], [WELL])[1:] == ("580.159.04", "")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "nvidia-smi failed: no answer"),
        (["status 9"], "nvidia-smi failed: status 9"),
        (["status 124"], "nvidia-smi does not answer"),
        ([ONE, "status 124"], "nvidia-smi does not answer"),
        (["", "NVIDIA-SMI has failed because of it.", "More.", "status 9"], "NVIDIA-SMI has failed because of it."),
        (["No devices were found", "status 6"], "No devices were found"),
        ([ONE, "status 255"], ONE),
        ([ONE], f"nvidia-smi failed: {ONE}"),
        (["status 0", ONE], "status 0"),
        (["x" * 1000, "status 9"], "x" * 200),
    ],
)
def test_without_a_driver_that_answers_there_are_no_gpus_and_its_words_are_told(lines: list[str], words: str) -> None:
    """Whatever was said about who computes there."""
    assert read_gpus(lines, [("NVIDIA-SMI has failed", "")]) == ((), "", words)


@pytest.mark.parametrize(
    "apps",
    [
        [],
        [("status 124", "")],
        [("GPU-1, 4711, python, 3120", "")],
        [("GPU-1, 4711, python, 3120", ""), ("status 9", "")],
        [("GPU access blocked by the operating system", ""), ("status 255", "")],
        [("status 0", ""), ("GPU-1, 4711", "")],
    ],
)
def test_where_it_is_not_told_who_computes_every_gpu_may_be_in_use(apps: list[tuple[str, ...]]) -> None:
    found, driver, _ = read_gpus([ONE, TWO, "status 0"], apps)
    assert [gpu.holders for gpu in found] == [(UNTOLD,), (UNTOLD,)]
    assert driver == "580.159.04"


@pytest.mark.parametrize("lines", [["status 0"], ["", "status 0"]])
def test_a_machine_without_nvidia_smi_has_no_gpus(lines: list[str]) -> None:
    assert read_gpus(lines, [WELL]) == ((), "", "")


@pytest.mark.parametrize("word", ["[N/A]", "[Not Supported]", "[Unknown Error]", "[GPU requires reset]", "N/A"])
def test_a_figure_that_is_not_told_is_zero(word: str) -> None:
    (gpu,) = gpus(f"{word}, GPU-1, NVIDIA A30 MIG 1g.6gb, {word}, {word}, {word}, {word}, {word}, 580")
    assert gpu == Gpu(id="GPU-1", name="NVIDIA A30 MIG 1g.6gb")


@pytest.mark.parametrize(
    "line",
    [
        "something else altogether",
        "0, GPU-1, NVIDIA H200",
        ONE + ", more",
        ONE.replace("143771", "143771 MiB"),
        ONE.replace("143771", ""),
        ONE.replace("143771", "-1"),
        ONE.replace("143771", "1e5"),
        ONE.replace("143771", "9" * 400),
        ONE.replace("143771", "nan"),
        ONE.replace("143771", "\u0661"),
        ONE.replace("143771", "\u00b2"),
        ONE.replace("120.50", "1.2.3"),
        ONE.replace("120.50", "."),
        ONE.replace("0, GPU", "zero, GPU"),
    ],
)
def test_a_line_that_is_not_understood_is_no_look(line: str) -> None:
    with pytest.raises(HostUnreachable, match="nvidia-smi is not understood") as caught:
        gpus(TWO, line)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("GPU-1, 4711, python, 3120", "python (pid 4711, 3,120 MiB)"),
        ("GPU-1, 4711, /opt/conda/bin/python3.11, 70", "python3.11 (pid 4711, 70 MiB)"),
        ("GPU-1, 4711, python, [N/A]", "python (pid 4711)"),
        ("GPU-1, 4711, python, N/A", "python (pid 4711)"),
        ("GPU-1, 4711, python, [Not Supported]", "python (pid 4711)"),
        ("GPU-1, 4711, [Not Found], 12", "[Not Found] (pid 4711, 12 MiB)"),
        ("GPU-1, 4711, /srv/a, b/train, v2, 143771", "train, v2 (pid 4711, 143,771 MiB)"),
        ("GPU-1, 4711, a,b,c, 0", "a, b, c (pid 4711, 0 MiB)"),
        ("GPU-1, 4711, , 5", "a program (pid 4711, 5 MiB)"),
        ("GPU-1, 4711, /opt/dir/, 5", "a program (pid 4711, 5 MiB)"),
        ("GPU-1,4711,python,5", "python (pid 4711, 5 MiB)"),
    ],
)
def test_who_computes_on_a_gpu_is_said_in_a_few_words(line: str, words: str) -> None:
    assert holders(line) == (words,)


def test_a_holder_in_a_container_is_named_with_it() -> None:
    assert holders("GPU-1, 4711, python, 3120", "trainer") == ("python in container trainer (pid 4711, 3,120 MiB)",)


def test_each_gpu_has_its_own_holders_in_the_order_in_which_they_were_named() -> None:
    apps = (
        ("GPU-2, 3, c, 1", ""),
        ("GPU-1, 2, b, 1", ""),
        ("GPU-1, 1, a, 1", ""),
        ("GPU-gone, 4, d, 1", ""),
    )
    one, two = gpus(ONE, TWO, apps=apps)
    assert one.holders == ("b (pid 2, 1 MiB)", "a (pid 1, 1 MiB)")
    assert two.holders == ("c (pid 3, 1 MiB)",)


def test_a_gpu_that_is_not_named_has_no_holders() -> None:
    assert holders("GPU-2, 1, a, 1") == ()
    assert gpus(ONE)[0].holders == ()


@pytest.mark.parametrize(
    "line",
    ["", "GPU-1", "GPU-1, 4711, python", "GPU-1, 4711, python, much", "GPU-1, 4711, python, 12 MiB", "a, b, c, "],
)
def test_a_line_about_a_program_that_is_not_understood_is_no_look(line: str) -> None:
    """A GPU that somebody holds must not be taken for a free one."""
    with pytest.raises(HostUnreachable, match="nvidia-smi is not understood"):
        holders(line)


@given(st.lists(st.text()), st.lists(st.tuples(st.text(), st.text())))
def test_any_text_is_read_or_refused_and_nothing_else(lines: list[str], apps: list[tuple[str, ...]]) -> None:
    try:
        found, _, _ = read_gpus([*lines, "status 0"], [*apps, WELL])
    except HostUnreachable:
        return
    assert len(found) <= len(lines)
