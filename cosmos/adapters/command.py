"""Any program as a model: its command line is a template in the Model spec, its results are files.

What the command line does not name, the program does not get, so it is refused: a declared input or
parameter without a place in the template, a control, a negative text without `{negative}`. A prompt's
text is different, because prompts also carry the scene: where the template has no `{text}` the run is
made without it, and an edited text makes nothing run again.
"""

from collections.abc import Iterable, Mapping, Sequence

from cosmos.adapters import template
from cosmos.adapters.base import Evidence, Launch, Step, Unmeasured, Verdict
from cosmos.adapters.evidence import exit_verdict, output_verdict, step
from cosmos.adapters.fields import (
    RESERVED,
    file_name,
    inputs_for,
    is_video,
    model_refusals,
    path_of,
    region_refusals,
)
from cosmos.adapters.params import param_problems, typed_params
from cosmos.core.draft import Draft, Refusal, Resolution
from cosmos.core.ports import ROOT
from cosmos.core.problem import did_you_mean
from cosmos.core.run import MediaFacts, Model, OutputFile, Run


class CommandAdapter(Unmeasured):
    """Runs `model.command`. Holds no state."""

    name = "command"
    version = 1

    def model_problems(self, model: Model) -> Sequence[Refusal]:
        refusals = [*param_problems(model.params), *model_refusals(model, own=("endpoint",), paths=model.paths)]
        if not model.command:
            refusals.append(Refusal(path=("command",), message="a command model needs a command", hint="a list: argv"))
        if not model.outputs:
            message = "a command model needs outputs"
            refusals.append(Refusal(path=("outputs",), message=message, hint="write `outputs: {video: out.mp4}`"))
        refusals += _output_problems(model.outputs)
        for index, element in enumerate(model.command):
            refusals += _element_problems(model, index, element)
        return refusals + _unused(model)

    def resolve(self, draft: Draft, available: Mapping[str, str]) -> Resolution:
        model = draft.model
        used = template.names(model.command)
        inputs, refusals = inputs_for(draft, available, model.inputs)
        params, wrong = typed_params(model.params, draft.params)
        refusals += wrong
        refusals += [
            Refusal(path=("controls", role), message="a command model takes no controls", hint="use a parameter")
            for role in draft.controls
        ]
        refusals += [*_prompt_problems(draft, used), *region_refusals(draft)]
        return Resolution(
            inputs=inputs,
            params=params,
            outputs={name: OutputFile(path=path, video=is_video(path)) for name, path in model.outputs.items()},
            uses_text="text" in used,
            uses_negative="negative" in used,
            refusals=tuple(refusals),
        )

    def check(self, run: Run, media: Mapping[str, MediaFacts]) -> Sequence[Refusal]:
        """Nothing: only the program knows what its inputs must have in common."""
        del run, media
        return ()

    def expect(self, run: Run, media: Mapping[str, MediaFacts]) -> Mapping[str, OutputFile]:
        del media
        return run.outputs

    def launch(self, run: Run, folder: str) -> Launch:
        files = {role: file_name(role, path_of(run, role)) for role in _given(run)}
        values: dict[str, str | None] = {"text": run.text, "negative": run.negative}
        values |= {f"inputs.{role}": None for role in run.model.inputs}
        values |= {f"inputs.{role}": f"{ROOT}/inputs/{name}" for role, name in files.items()}
        values |= {f"outputs.{name}": f"{ROOT}/outputs/{folder}/{file.path}" for name, file in run.outputs.items()}
        values |= {f"paths.{name}": path for name, path in run.model.paths.items()}
        values |= {
            f"params.{name}": None if value is None else template.argument(value) for name, value in run.params.items()
        }
        argv = template.render(run.model.command, values)
        return Launch(argv=argv, inputs={name: role for role, name in files.items()})

    def judge(self, run: Run, evidence: Evidence) -> Verdict:
        return exit_verdict(evidence) or output_verdict(run.outputs, evidence) or Verdict()

    def progress(self, log_tail: str) -> Step:
        return step(log_tail)


def _output_problems(outputs: Mapping[str, str]) -> Iterable[Refusal]:
    seen: dict[str, str] = {}
    for name, path in outputs.items():
        other = seen.setdefault(path.lower(), name)
        if "/" in path:
            yield Refusal(path=("outputs", name), message=f'"{path}" must be a file name, without folders')
        if path.lower() in RESERVED:
            yield Refusal(path=("outputs", name), message=f'"{path}" is kept for the record of the run itself')
        if other != name:
            yield Refusal(path=("outputs", name), message=f'"{path}" is already the file of output "{other}"')


def _element_problems(model: Model, index: int, element: str) -> Iterable[Refusal]:
    try:
        pieces = template.parse(element)
    except template.TemplateError as error:
        yield Refusal(path=("command", index), message=str(error), hint="write {{ or }} for a brace")
        return
    known = _known(model)
    for piece in pieces:
        if isinstance(piece, template.Name) and piece.value not in known:
            hint = did_you_mean(piece.value, known) or f"it has {', '.join(known)}; write {{{{ for a brace"
            message = f'the command names "{{{piece.value}}}", which the model does not have'
            yield Refusal(path=("command", index), message=message, hint=hint)


def _unused(model: Model) -> list[Refusal]:
    """What a run would be given in vain."""
    if not model.command:
        return []
    used = template.names(model.command)
    declared = [
        *(("inputs", role) for role in model.inputs),
        *(("params", name) for name in model.params),
        *(("paths", name) for name in model.paths if name != "repo"),
    ]
    refusals = [
        Refusal(
            path=(kind, name),
            message=f'"{name}" is declared, and the command does not use it',
            hint=f"put {{{kind}.{name}}} into the command, or take the declaration away",
        )
        for kind, name in declared
        if f"{kind}.{name}" not in used
    ]
    if model.outputs and not any(f"outputs.{name}" in used for name in model.outputs):
        message = "the command names no output, so the program cannot know where to write"
        refusals.append(Refusal(path=("command",), message=message, hint="put {outputs.NAME} into it"))
    return refusals


def _known(model: Model) -> list[str]:
    return [
        "text",
        "negative",
        *(f"inputs.{role}" for role in model.inputs),
        *(f"outputs.{name}" for name in model.outputs),
        *(f"params.{name}" for name in model.params),
        *(f"paths.{name}" for name in model.paths),
    ]


def _prompt_problems(draft: Draft, used: frozenset[str]) -> Iterable[Refusal]:
    if "text" in used and not draft.text:
        yield Refusal(path=("prompt",), message="the model needs a prompt", hint="write `prompt: NAME`")
    if draft.negative and "negative" not in used:
        message = f'the model takes no negative text, and prompt "{draft.prompt}" has one'
        hint = "use a prompt without, or put {negative} into the model's command"
        yield Refusal(path=("prompt",), message=message, hint=hint)


def _given(run: Run) -> list[str]:
    made = [] if run.source is None else [run.source.role]
    return [*run.inputs, *made]
