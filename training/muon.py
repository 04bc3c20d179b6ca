"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): momentum whose direction is made orthogonal.

For plain stacks of convolutions without normalisation, which AdamW hardly moves in their first thousands of steps.
"""
import torch


def orthogonal(matrix):
    """The nearest matrix with singular values of about 1, by five Newton-Schulz steps."""
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(5):
        product = x @ x.T
        x = 3.4445 * x + (-4.7750 * product + 2.0315 * product @ product) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For convolutions' weights [out, in, height, width]; each is one matrix [out, the rest]."""

    def __init__(self, weights, lr, momentum=.9):
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            keep = group["momentum"]
            for weight in group["params"]:
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - keep)
                ahead = mean.lerp(weight.grad, 1 - keep)
                weight.sub_(orthogonal(ahead.reshape(len(weight), -1)).reshape(weight.shape), alpha=group["lr"])
