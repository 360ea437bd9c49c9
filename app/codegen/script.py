"""A run as a script that trains it again without Traindeck: the same rows, weights, batches and steps.

It has what the run uses and nothing else. What it quotes of ours (`worker.scripted`, modules that torch lacks) stands
in it word for word; what the run alone decides is written here: constants, the order of things, the loop.
"""

from app.codegen.augmenting import stand_ins, write_augmented
from app.codegen.loop import write_loop
from app.codegen.module import RENAMED, classes_of
from app.codegen.reading import write_reading
from app.codegen.sources import Quotes, import_lines
from app.codegen.writing import Script, Trained, refuse, wrapped

_PACKAGES = {"pyarrow": "pyarrow", "PIL": "pillow", "tokenizers": "tokenizers"}


def to_script(trained: Trained) -> str:
    """Python that trains the run again and prints its losses. Raises SpecError where a script cannot say the run."""
    _refuse_files(trained)
    script = Script(quotes=Quotes(stand_ins()))
    write_reading(script, trained)
    of_data, num_quotes = script.functions, len(script.quotes.texts)
    script.functions = []
    script.quotes.add_recipes(trained.recipes)
    _, classes = classes_of(trained.model, trained.input_shape, script.quotes.names | _TAKEN, begun=True)
    if any("initialised(" in one for one in classes):
        script.use("weights", "initialised")
        script.imports |= {("functools", "partial")} if any("partial(" in one for one in classes) else set()
    of_model = script.quotes.texts[num_quotes:]
    num_quotes += len(of_model)
    write_augmented(script, trained)
    write_loop(script, trained)
    of_loop = script.quotes.texts[num_quotes:]
    if trained.model.is_chain:
        script.imports.add(("collections", "OrderedDict"))
    if any("ClassVar" in one for one in classes):
        script.imports.add(("typing", "ClassVar"))
    parts = [
        *script.quotes.texts[: len(script.quotes.texts) - len(of_model) - len(of_loop)],
        *of_data,
        *of_model,
        *classes,
        *of_loop,
        *([RENAMED.strip("\n")] if script.renames else []),
        *script.functions,
    ]
    top = [_title(trained, script), import_lines(script.imports | script.quotes.imports), _constants(script)]
    return "\n\n".join(top) + "\n\n\n" + "\n\n\n".join(_together(parts)) + "\n"


# What a script calls its own.
_TAKEN = frozenset({"Model", "Tensor", "NDArray", "Any", "ClassVar", "OrderedDict", "F", "Mix", "DEVICE"})


def _title(trained: Trained, script: Script) -> str:
    name = trained.spec.name.replace("\\", "/").replace('"', "'")
    needed = {module.partition(".")[0].partition(" ")[0] for module, _ in script.imports | script.quotes.imports}
    packages = ", ".join(
        ["torch", "numpy", "safetensors", *(_PACKAGES[one] for one in sorted(_PACKAGES) if one in needed)]
    )
    return (
        f'"""Trains "{name}" again, without Traindeck.\n\n'
        f'    curl -fH "Authorization: Bearer $TRAINDECK_TOKEN" -o table.parquet {trained.table_url}\n'
        f"    python train.py table.parquet\n\n"
        f"Needs {packages}. On the machine and with the packages of the run, every loss is the\n"
        f'run\'s own to the last bit; elsewhere sums come out otherwise in their last digits.\n"""'
    )


def _constants(script: Script) -> str:
    return "\n".join(wrapped(f"{name} = ", told) for name, told in script.constants.items())


def _together(parts: list[str]) -> list[str]:
    """Definitions of one line that follow one another stand together."""
    found: list[str] = []
    for part in parts:
        if found and "\n" not in part and "\n" not in found[-1].rpartition("\n\n")[2] and _is_line(found[-1]):
            found[-1] += f"\n{part}"
        else:
            found.append(part)
    return found


def _is_line(text: str) -> bool:
    return all(not line.startswith((" ", "def", "class", "@")) for line in text.splitlines())


def _refuse_files(trained: Trained) -> None:
    """Rows that do not fit in memory lie in files, where they are mixed in another order."""
    size = 1 if trained.pixels else 8 if trained.model.takes_integers else 4
    shape = trained.input_shape[1:] if trained.spec.data.window else trained.input_shape
    num_bytes = trained.num_rows * size
    for side in shape:
        num_bytes *= side
    if num_bytes > trained.data_in_memory_bytes:
        message = (
            "the rows of this run took more memory than they may, so they were read from files and mixed in another way"
        )
        raise refuse(("data",), f"{message}, which a script cannot say", num_bytes)
