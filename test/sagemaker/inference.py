"""A user's inference.py, with the functions that SageMaker's toolkit looks for.

The model is what `weights.txt` beside the folder `code` says: a factor, or a word for a failure.
"""

import os
import pathlib

import torch


def model_fn(model_dir):
    """The factor as a model of torch."""
    text = pathlib.Path(model_dir, "weights.txt").read_text().strip()
    if text == "memory":
        raise MemoryError("no room for the weights")
    if text == "broken":
        raise RuntimeError("the weights are not those of this model")
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(float(text))
    return model


def predict_fn(data, model, context):
    """Each number times the factor; what is asked of the context, instead of that."""
    target = context.get_request_header(0, "X-Amzn-SageMaker-Target-Model")
    if target == "which":
        return [
            target,
            context.model_name,
            os.path.basename(context.system_properties["model_dir"]),
        ]
    with torch.no_grad():
        return model(data.to(torch.float32).reshape(-1, 1)).reshape(data.shape)
