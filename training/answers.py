"""What is asked about a scene: eleven questions with class numbers, for the text encoder's school and the judge.

Of two things the left one is the first. The class after a question's last name means 'none'.
"""
import torch
from torch import nn

from words import COLOURS, OBJECTS, PLACES, POSES, SIDES, STYLES, TIMES

THING = {"object": tuple(OBJECTS), "colour": tuple(COLOURS), "side": SIDES, "pose": POSES}
QUESTIONS = {**THING, **{f"second {name}": names for name, names in THING.items()},
             "place": tuple(PLACES), "time": tuple(TIMES), "style": tuple(STYLES)}


def answers(scene):
    """The class numbers of a scene, in the order of QUESTIONS."""
    said = {"place": scene.place, "time": scene.time, "style": scene.style}
    for prefix, thing in zip(("", "second "), scene.things):
        said |= {prefix + "object": thing.name, prefix + "colour": thing.colour, prefix + "side": thing.side,
                 prefix + "pose": thing.pose}
    return [names.index(said[q]) if said.get(q) else len(names) for q, names in QUESTIONS.items()]


def heads(width):
    """A linear layer for each question."""
    return nn.ModuleList(nn.Linear(width, len(names) + 1) for names in QUESTIONS.values())


def answer_loss(guesses, truth):
    """Sum of the cross entropies of guesses (a list) and class numbers [N, questions]."""
    return sum(nn.functional.cross_entropy(guess, truth[:, i]) for i, guess in enumerate(guesses))


def right(guesses, truth):
    """Share of right answers for each question, those left out whose answer is 'none'."""
    shares = []
    for i, (guess, names) in enumerate(zip(guesses, QUESTIONS.values())):
        asked = truth[:, i] < len(names)
        hits = (guess.argmax(1) == truth[:, i])[asked].float()
        shares.append(hits.mean().item() if len(hits) else float("nan"))
    return shares


def truths(scenes, device):
    """int64 [N, questions]."""
    return torch.tensor([answers(scene) for scene in scenes], device=device)
