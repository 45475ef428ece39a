"""A network of one delta layer, trained on few-shot episodes, for tests of circuits."""

import torch

import fwp_neuro as fwp

LENGTH = 30


def trained():
    """Return (task, network in evaluation mode): 5 ways, 4 heads, 300 steps."""
    torch.manual_seed(0)
    task = fwp.tasks.few_shot_episodes(ways=5, dim=8, spread=0.3, seed=0)
    net = fwp.artificial.SequenceModel(
        1, 32, input_size=task.input_size, output_size=5, mixer="delta",
        mixer_options={"heads": 4},
    )  # fmt: skip
    fwp.artificial.train(
        net, task, steps=300, batch=32, length=LENGTH, learning_rate=0.01
    )
    return task, net.eval()
