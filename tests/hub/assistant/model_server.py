"""The scripted model of the evaluation, as the assistant's tests use it: in real time."""

from hub.evaluation.scripted_model import ModelServer, results, serving

__all__ = ["ModelServer", "results", "serving"]
