"""The histograms of a run's layers, as its stream has them."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app import events
from app.curves import list_rewinds
from app.db.tables import Run
from app.histograms import EDGES, EVENT, of_layer

MAX_EVENTS = 2000  # more, of a run that was taken up again and again, are thinned out evenly


class HistogramPoint(BaseModel):
    """How many numbers lay in each bin at a step."""

    step: int
    counts: list[int] = Field(description="one more than there are edges: below the first, …, from the last on")
    num_not_finite: int


class Histograms(BaseModel):
    """What a layer's numbers were over the steps."""

    layers: list[str] = Field(description="all that have histograms, in the order of the model")
    layer: str | None
    edges: list[float]
    weights: list[HistogramPoint]
    gradients: list[HistogramPoint]
    outputs: list[HistogramPoint]


def read(session: Session, run: Run, layer: str | None) -> Histograms:
    """Those of one layer, or of the first that has any; without what rewinds took back."""
    bodies = _standing(session, run.job_id)
    layers = _in_order(run, {name for body in bodies for name in body["layers"]})
    chosen = layer if layer is not None else next(iter(layers), None)
    found = of_layer(bodies, chosen) if chosen is not None else of_layer([], "")
    return Histograms.model_validate({"layers": layers, "layer": chosen, "edges": list(EDGES), **found})


def _standing(session: Session, job_id: str) -> list[dict[str, Any]]:
    """The bodies that count, by ascending step."""
    rewinds = list_rewinds(session, job_id)
    seqs = events.numbers(session, job_id, EVENT)
    thinned = seqs[:: -(-len(seqs) // MAX_EVENTS) or 1]
    return [
        event.body
        for event in events.read_numbered(session, job_id, thinned)
        if not any(seq > event.seq and event.body["step"] > to_step for seq, to_step in rewinds)
    ]


def _in_order(run: Run, names: set[str]) -> list[str]:
    """As the model has them, where it says so."""
    known = [layer["name"] for layer in run.inspection.get("layers", [])]
    order = {name: i for i, name in enumerate(known)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))
