"""A run as a script that trains it again without Traindeck: the same rows, weights, batches and steps.

It has what the run uses and nothing else. What it quotes of ours (`worker.scripted`, modules that torch lacks) stands
in it word for word; what the run alone decides is written here: constants, the order of things, the loop.
"""

from app.codegen.augmenting import stand_ins, write_augmented
from app.codegen.loop import write_loop
from app.codegen.module import classes_of
from app.codegen.reading import write_reading
from app.codegen.refusals import refuse_unsaid
from app.codegen.sources import Quotes, import_lines
from app.codegen.writing import Script, Trained, wrapped

_PACKAGES = {"pyarrow": "pyarrow", "PIL": "pillow", "tokenizers": "tokenizers", "torchvision": "torchvision"}


def to_script(trained: Trained) -> str:
    """Python that trains the run again and prints its losses. Raises SpecError where a script cannot say the run."""
    refuse_unsaid(trained)
    script = Script(quotes=Quotes(stand_ins()))
    write_reading(script, trained)
    of_data, num_quotes = script.functions, len(script.quotes.texts)
    script.functions = []
    script.quotes.add_recipes(trained.recipes)
    model = classes_of(trained.model, trained.fed, script.quotes.names | _TAKEN, trains=True)
    classes, script.places = model.texts, model.places
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
    of_data_quotes = script.quotes.texts[: len(script.quotes.texts) - len(of_model) - len(of_loop)]
    parts = [*of_data_quotes, *of_data, *of_model, *classes, *of_loop, *script.functions]
    short = [part for part in parts if _is_line(part)]
    top = [_title(trained, script), import_lines(script.imports | script.quotes.imports), _constants(script)]
    told = [*top, *(["\n".join(short)] if short else [])]
    return "\n\n".join(told) + "\n\n\n" + "\n\n\n".join(part for part in parts if not _is_line(part)) + "\n"


def _is_line(text: str) -> bool:
    """Whether a definition is no function and no class: a constant, or a name for a type."""
    return text.split(maxsplit=1)[0] not in ("def", "class") and not text.startswith("@")


# What a script calls its own.
_TAKEN = frozenset({"Model", "Tensor", "NDArray", "Any", "ClassVar", "OrderedDict", "F", "Mix", "DEVICE"})


def _title(trained: Trained, script: Script) -> str:
    name = trained.spec.name.replace("\\", "/").replace('"', "'")
    needed = {module.partition(".")[0].partition(" ")[0] for module, _ in script.imports | script.quotes.imports}
    needed |= {"torchvision"} if trained.backbones else set()  # which a function imports
    packages = ", ".join(
        ["torch", "numpy", "safetensors", *(_PACKAGES[one] for one in sorted(_PACKAGES) if one in needed)]
    )
    files = {"table.parquet": trained.table_url} | {one.filename: one.url for one in trained.beginnings.values()}
    login = "Authorization: Bearer $TRAINDECK_TOKEN"
    fetched = "".join(f'    curl -fH "{login}" -o {filename} {url}\n' for filename, url in files.items())
    return (
        f'"""Trains "{name}" again, without Traindeck.\n\n{fetched}'
        f"    python train.py table.parquet\n\n"
        f"Needs {packages}. On the machine and with the packages of the run, every loss is the\n"
        f'run\'s own to the last bit; elsewhere sums come out otherwise in their last digits.\n"""'
    )


def _constants(script: Script) -> str:
    return "\n".join(wrapped(f"{name} = ", told) for name, told in script.constants.items())
