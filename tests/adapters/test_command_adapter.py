"""Any program as a model: what its spec must say, and what the program is given."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.adapters import ADAPTERS
from cosmos.adapters.base import Adapter, Evidence
from cosmos.adapters.template import names, render
from cosmos.core.ports import ROOT, fill
from cosmos.core.reasons import Reason
from cosmos.core.run import MediaFacts, Model, OutputFile, ParamType, Run, Source
from cosmos.core.spec import ControlSpec
from tests.adapters.drafts import VIDEO, a_command_model, a_draft, as_run, words
from tests.makers import a_manifest, an_exit

ADAPTER: Adapter = ADAPTERS["command"]
FILES = {"video": "inputs/city/color.mp4"}
FOLDER = "0123456789abcdef"


def resolved(model: Model, **fields: object) -> Run:
    draft = a_draft(model, **fields)
    return as_run(draft, ADAPTER.resolve(draft, FILES))


def argv(model: Model, **fields: object) -> tuple[str, ...]:
    """The argv as the program gets it when the run directory is /run."""
    return fill(ADAPTER.launch(resolved(model, **fields), FOLDER).argv, {ROOT: "/run"})


def problems(model: Model) -> list[str]:
    return words(list(ADAPTER.model_problems(model)))


def refusals(model: Model, **fields: object) -> list[str]:
    return words(ADAPTER.resolve(a_draft(model, **fields), FILES).refusals)


def test_a_template_becomes_an_argv_with_real_paths() -> None:
    assert argv(a_command_model()) == (
        "filter", "-i", "/run/inputs/video.mp4", "--size=64", f"/run/outputs/{FOLDER}/out.mp4",
    )  # fmt: skip


def test_inputs_are_laid_out_under_the_names_that_the_argv_has() -> None:
    assert ADAPTER.launch(resolved(a_command_model()), FOLDER).inputs == {"video.mp4": "video"}


def test_text_of_a_prompt_reaches_the_program_byte_for_byte() -> None:
    text = '{root} {inputs.video} {{x}} $(rm -rf /) "quoted" `a` %s \\n\n\u96e8'
    model = a_command_model("say", "{inputs.video}", "<{text}>", "{negative}", "{params.size}", "{outputs.video}")
    assert argv(model, text=text, negative="{python}")[2:4] == (f"<{text}>", "{python}")


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_no_text_changes_the_shape_of_an_argv(text: str) -> None:
    model = a_command_model("say", "{text}", "{inputs.video}", "{params.size}", "{outputs.video}")
    words_given = argv(model, text=text)
    assert len(words_given) == 5
    assert words_given[1] == text


def test_values_are_written_plainly() -> None:
    params = {
        "whole": ParamType(type="int", default=5, required=False),
        "number": ParamType(type="float", default=5, required=False),
        "flag": ParamType(type="bool", default=True, required=False),
        "word": ParamType(type="str", default="a b", required=False),
    }
    model = a_command_model(
        "x", *(f"{{params.{name}}}" for name in params), "{outputs.video}", params=params, inputs={}
    )
    assert argv(model)[1:5] == ("5", "5.0", "true", "a b")


def test_two_braces_are_one() -> None:
    model = a_command_model("awk", "{{print}}", "{inputs.video}", "{params.size}", "{outputs.video}")
    assert problems(model) == []
    assert argv(model)[1] == "{print}"


def test_an_element_with_an_absent_optional_input_is_left_out() -> None:
    model = a_command_model(
        "x", "--mask={inputs.mask}", "{inputs.video}", "{params.size}", "{outputs.video}",
        inputs={"video": True, "mask": False},
    )  # fmt: skip
    assert argv(model)[:2] == ("x", "/run/inputs/video.mp4")
    draft = a_draft(model)
    given = as_run(draft, ADAPTER.resolve(draft, {**FILES, "mask": "inputs/mask.png"}))
    assert fill(ADAPTER.launch(given, FOLDER).argv, {ROOT: "/run"})[1] == "--mask=/run/inputs/mask.png"


def test_an_element_with_a_parameter_that_has_no_value_is_left_out() -> None:
    free = ParamType(type="int", required=False)
    command = ("x", "--limit={params.limit}", "{inputs.video}", "{outputs.video}")
    model = a_command_model(*command, params={"limit": free})
    assert argv(model)[:2] == ("x", "/run/inputs/video.mp4")
    draft = a_draft(model, params={"limit": 3})
    given = as_run(draft, ADAPTER.resolve(draft, FILES))
    assert fill(ADAPTER.launch(given, FOLDER).argv, {ROOT: "/run"})[1] == "--limit=3"


def test_another_runs_output_is_an_input_of_its_role() -> None:
    draft = a_draft(a_command_model(), source=Source(key="first", role="video", file="made.mov"))
    launch = ADAPTER.launch(as_run(draft, ADAPTER.resolve(draft, {})), FOLDER)
    assert launch.inputs == {"video.mov": "video"}
    assert f"{ROOT}/inputs/video.mov" in launch.argv


def test_the_argv_is_one_that_a_real_program_understands(tmp_path: Path) -> None:
    copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[3]); print(sys.argv[2])"
    model = a_command_model(sys.executable, "-c", copy, "{inputs.video}", "{text}{params.size}", "{outputs.video}")
    launch = ADAPTER.launch(resolved(model, text="It's {root}; $HOME"), FOLDER)
    (tmp_path / "inputs").mkdir()
    (tmp_path / "outputs" / FOLDER).mkdir(parents=True)
    (tmp_path / "inputs" / "video.mp4").write_bytes(b"frames")
    words_given = fill(launch.argv, {ROOT: str(tmp_path)})
    done = subprocess.run(words_given, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60)
    assert done.stdout == "It's {root}; $HOME64\n"
    assert (tmp_path / "outputs" / FOLDER / "out.mp4").read_bytes() == b"frames"


HAS = "it has text, negative, inputs.video, outputs.video, params.size; write {{ for a brace"


@pytest.mark.parametrize(
    ("command", "problem", "hint"),
    [
        ("{inputs.vidoe}", 'the command names "{inputs.vidoe}"', 'did you mean "inputs.video"?'),
        ("{txt}", 'the command names "{txt}"', 'did you mean "text"?'),
        ("{root}/x", 'the command names "{root}"', HAS),
        ("{}", 'the command names "{}"', HAS),
        ("a { b", 'a single "{" in "a { b"', "write {{ or }} for a brace"),
        ("a } b", 'a single "}" in "a } b"', "write {{ or }} for a brace"),
        ("{a{b}}", 'a single "{" in "{a{b}}"', "write {{ or }} for a brace"),
    ],
)
def test_an_element_that_cannot_be_filled_in_is_refused_where_it_stands(command: str, problem: str, hint: str) -> None:
    model = a_command_model("x", "{inputs.video}", command, "{params.size}", "{outputs.video}")
    [refusal] = ADAPTER.model_problems(model)
    assert refusal.path == ("command", 2)
    assert refusal.message.removesuffix(", which the model does not have") == problem
    assert refusal.hint == hint


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (a_command_model(command=()), "command: a command model needs a command (a list: argv)"),
        (
            a_command_model("x", "{inputs.video}", "{params.size}", outputs={}),
            "outputs: a command model needs outputs (write `outputs: {video: out.mp4}`)",
        ),
        (
            a_command_model("x", "{inputs.video}", "{params.size}"),
            "command: the command names no output, so the program cannot know where to write"
            " (put {outputs.NAME} into it)",
        ),
        (
            a_command_model("x", "{inputs.video}", "{outputs.video}"),
            'params.size: "size" is declared, and the command does not use it'
            " (put {params.size} into the command, or take the declaration away)",
        ),
        (
            a_command_model("x", "{params.size}", "{outputs.video}"),
            'inputs.video: "video" is declared, and the command does not use it'
            " (put {inputs.video} into the command, or take the declaration away)",
        ),
        (
            a_command_model(outputs={"video": "a/b.mp4"}),
            'outputs.video: "a/b.mp4" must be a file name, without folders',
        ),
        (
            a_command_model(outputs={"video": "Run.log"}),
            'outputs.video: "Run.log" is kept for the record of the run itself',
        ),
        (
            a_command_model(outputs={"video": "a.mp4", "copy": "A.mp4"}),
            'outputs.copy: "A.mp4" is already the file of output "video"',
        ),
    ],
)
def test_a_model_that_cannot_work_is_refused(model: Model, problem: str) -> None:
    assert problems(model) == [problem]


def test_a_model_in_order_has_no_problems() -> None:
    assert problems(a_command_model()) == []


def test_outputs_that_the_program_names_itself_need_no_place_in_the_command() -> None:
    assert problems(a_command_model(outputs={"video": "out.mp4", "notes": "out.txt"})) == []


def test_controls_are_refused() -> None:
    control = {"edge": ControlSpec(weight=0.5)}
    assert refusals(a_command_model(), controls=control) == [
        "controls.edge: a command model takes no controls (use a parameter)"
    ]


def test_a_negative_text_without_a_place_is_refused() -> None:
    assert refusals(a_command_model(), negative="cartoon") == [
        'prompt: the model takes no negative text, and prompt "rain" has one'
        " (use a prompt without, or put {negative} into the model's command)"
    ]


def test_a_model_that_takes_a_prompt_refuses_a_run_without_one() -> None:
    model = a_command_model("x", "{text}", "{inputs.video}", "{params.size}", "{outputs.video}")
    assert refusals(model, prompt=None, text="") == ["prompt: the model needs a prompt (write `prompt: NAME`)"]


def test_a_run_does_not_depend_on_text_that_its_model_has_no_place_for() -> None:
    assert resolved(a_command_model(), text="Heavy rain") == resolved(a_command_model(), text="Light rain")


def test_a_run_depends_on_text_that_its_model_has_a_place_for() -> None:
    model = a_command_model("x", "{text}", "{inputs.video}", "{params.size}", "{outputs.video}")
    assert resolved(model, text="Heavy rain") != resolved(model, text="Light rain")


def test_outputs_are_checked_as_videos_when_they_are_named_so() -> None:
    model = a_command_model(outputs={"video": "out.MKV", "notes": "out.json"})
    assert resolved(model).outputs == {
        "video": OutputFile(path="out.MKV"),
        "notes": OutputFile(path="out.json", video=False),
    }


@pytest.mark.parametrize(
    ("code", "names_left", "found", "reason"),
    [
        (0, ("out.mp4",), VIDEO, None),
        (0, (), VIDEO, Reason.OUTPUT_MISSING),
        (0, ("out.mp4",), "does not decode", Reason.OUTPUT_INVALID),
        (1, ("out.mp4",), VIDEO, Reason.PROGRAM_FAILED),
    ],
)
def test_success_needs_exit_code_files_and_frames(
    code: int, names_left: tuple[str, ...], found: MediaFacts | str, reason: Reason | None
) -> None:
    manifest = a_manifest(*names_left) if names_left else ()
    verdict = ADAPTER.judge(
        resolved(a_command_model()), Evidence(exit=an_exit(code), manifest=manifest, media={"video": found})
    )
    assert verdict.reason is reason


@given(st.lists(st.one_of(st.text(alphabet="ab ."), st.sampled_from(["{text}", "{{", "}}", "{params.x}"])), max_size=6))
def test_a_template_keeps_all_that_is_not_a_placeholder(parts: list[str]) -> None:
    element = "".join(parts)
    literal = "".join({"{text}": "", "{{": "{", "}}": "}", "{params.x}": ""}.get(part, part) for part in parts)
    assert render([element], dict.fromkeys(names((element,)), "")) == (literal,)
