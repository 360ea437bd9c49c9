"""Whether a model ends with what its loss takes: probabilities, their logarithms, or scores as they are."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.graph import Node
from app.specs.losses import CLASS_LOSSES, LOSSES, AnyLoss, PoissonNLLLoss

_ENDS = {  # what the last layer must be, for losses that take what it makes
    "binary_cross_entropy": ("sigmoid", "takes probabilities", "use binary_cross_entropy_with_logits"),
    "nll_loss": ("log_softmax", "takes logarithms of probabilities", "use cross_entropy"),
    "kl_div": ("log_softmax", "takes logarithms of shares", "use mse_loss for numbers"),
    "ctc_loss": ("log_softmax", "takes logarithms of probabilities", "use cross_entropy for tokens at known places"),
}
_POSITIVE = frozenset({"softplus", "relu", "sigmoid", "relu6", "hardsigmoid"})  # what they make is not below 0
_SHARES = frozenset({"sigmoid", "softmax", "hardsigmoid"})  # nor above 1


def end_problems(loss: AnyLoss, last: Node) -> Iterator[Problem]:
    """What a loss cannot take at all."""
    if loss.type in _ENDS and last.layer.type != _ENDS[loss.type][0]:
        end, takes, other = _ENDS[loss.type]
        message = f"{loss.type} {takes}: end with {end}, or {other}"
        yield Problem(loc=["training", "loss", "type"], msg=message, received=loss.type)
    if isinstance(loss, PoissonNLLLoss) and not loss.log_input and last.layer.type not in _POSITIVE:
        message = "rates are not below 0: end with softplus, or let outputs be their logarithms, with log_input"
        yield Problem(loc=["training", "loss", "log_input"], msg=message, received=False)


def end_warnings(loss: AnyLoss, last: Node) -> Iterator[Problem]:
    """What it takes, but learns badly from."""
    end, place = last.layer.type, ["model", *last.loc]
    if LOSSES[loss.type].outputs == "logits" and end in _SHARES:
        inside = "softmax" if loss.type in CLASS_LOSSES else "sigmoid"
        message = f"{inside} is in {loss.type} already, and after {end} it learns slowly: leave the last layer away"
        yield Problem(loc=place, msg=message, received=end)
    if LOSSES[loss.type].outputs == "scores" and end in _SHARES:
        message = f"{loss.type} wants scores of any size, and {end} bounds them: leave the last layer away"
        yield Problem(loc=place, msg=message, received=end)
    if isinstance(loss, PoissonNLLLoss) and loss.log_input and end in _POSITIVE:
        message = f"outputs are logarithms of rates, and after {end} no rate is below 1: let log_input be false"
        yield Problem(loc=place, msg=message, received=end)
