"""Captions: a scene in words. What is left out means its default (by day, plain style)."""
from words import COLOURS, OBJECTS, PLACE_ALONE, PLACES, STYLE_OPENINGS, STYLES, TIMES

KEEP_DAY, KEEP_PLAIN = .5, .4  # how often the defaults are said all the same
LEFT_OUT = .02  # how often a place goes unmentioned although it is not a default


def _article(phrase):
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _pick(options, rng):
    """The first option half the time, else any."""
    return options[0] if rng.random() < .5 else options[rng.integers(len(options))]


def caption(scene, rng):
    """One natural sentence for a scene, such as 'a red mug on a table at sunset, watercolor'."""
    time = "" if scene.time == "day" and rng.random() > KEEP_DAY else _pick(TIMES[scene.time], rng)
    if scene.object is None:
        parts = [PLACE_ALONE[scene.place], time]
    else:
        thing = f"{scene.colour} {scene.object}"
        place = "" if rng.random() < LEFT_OUT else PLACES[scene.place]
        parts = [thing if rng.random() < .05 else _article(thing), place, time]
        if rng.random() < .1:
            parts = [parts[0], time, place]
    said = " ".join(part for part in parts if part)
    if scene.style == "plain" and rng.random() > KEEP_PLAIN:
        return said
    if rng.random() < .2:
        return f"{_pick(STYLE_OPENINGS[scene.style], rng)} {said}"
    return f"{said}, {_pick(STYLES[scene.style], rng)}"


def all_words():
    """Every word a caption can hold."""
    texts = [*COLOURS, *OBJECTS, *PLACES.values(), *PLACE_ALONE.values(), "a an of"]
    for table in (TIMES, STYLES, STYLE_OPENINGS):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    return sorted({word for text in texts for word in text.split()})
