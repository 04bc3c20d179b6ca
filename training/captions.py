"""Captions: a scene in words. What is left out means its default: by day, plain style, in the middle; of two things
the one named first stands on the left. Word order is free, and a few captions say little on purpose."""
import korean
from words import COLOURS, OBJECTS, PLACE_ALONE, PLACES, POSES, STYLE_OPENINGS, STYLES, TIMES

KEEP_DAY, KEEP_PLAIN = .5, .4  # how often the defaults are said all the same
STYLE_ONLY = .03  # captions that name the style alone: img2img with "watercolor painting style" keeps what it sees
NO_PLACE, NO_COLOUR = .06, .03
KOREAN = .08


def article(phrase):
    """'a mug', 'an apple'."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def pick(options, rng):
    """The first option half the time, else any."""
    return options[0] if rng.random() < .5 else options[rng.integers(len(options))]


def person(thing, rng, complete):
    """'a dancer in a red dress', 'a man in a blue shirt sitting'."""
    garment = "shirt" if thing.name == "man" else "dress"
    wear = (f"in a {thing.colour} {garment}", f"in {thing.colour} {garment}", f"wearing a {thing.colour} {garment}",
            f"in {thing.colour}")
    dressed = pick(wear, rng) if complete or rng.random() > NO_COLOUR else ""
    noun = pick((thing.name, *OBJECTS[thing.name]), rng)
    if thing.pose == "dancing" and thing.name == "person" and rng.random() < .6:
        said = f"dancer {dressed}"
    elif thing.pose == "standing" and rng.random() < .5:
        said = f"{noun} {dressed}"
    else:
        said = (f"{noun} {dressed} {thing.pose}", f"{thing.pose} {noun} {dressed}",
                f"{noun} {thing.pose} {dressed}")[rng.integers(3)]
    return article(" ".join(said.split()))


def name(thing, rng, complete):
    """'a red mug', rarely 'a cup' or 'red mug'."""
    if thing.pose:
        return person(thing, rng, complete)
    noun = thing.name
    if OBJECTS[noun] and rng.random() < .12:
        noun = OBJECTS[noun][rng.integers(len(OBJECTS[noun]))]
    said = noun if not complete and rng.random() < NO_COLOUR else f"{thing.colour} {noun}"
    return said if rng.random() < .06 else article(said)


def subject(scene, rng, complete):
    """The thing or both things with their sides."""
    names = [name(thing, rng, complete) for thing in scene.things]
    if len(names) == 1:
        side = scene.things[0].side
        if side == "centre":
            return f"{names[0]} in the {pick(('middle', 'center', 'centre'), rng)}" if rng.random() < .06 else names[0]
        return f"{names[0]} on the {side}" + (" side" if rng.random() < .1 else "")
    a, b = names  # left, right
    return pick((f"{a} and {b}", f"{a} on the left and {b} on the right", f"{a} next to {b}",
                 f"{b} on the right and {a} on the left", f"{b} to the right of {a}", f"{a} to the left of {b}",
                 f"{a} beside {b}"), rng)


def caption(scene, rng, complete=False):
    """One natural sentence, such as 'a red mug on a table at sunset, watercolor'.

    `complete` leaves nothing out but defaults, and says it in English: what a picture can be judged by.
    """
    if not complete and rng.random() < STYLE_ONLY:
        return pick(STYLES[scene.style], rng)
    if not complete and rng.random() < KOREAN:
        return korean.caption(scene, rng)
    time = "" if scene.time == "day" and rng.random() > KEEP_DAY else pick(TIMES[scene.time], rng)
    style = "" if scene.style == "plain" and rng.random() > KEEP_PLAIN else pick(STYLES[scene.style], rng)
    if scene.things:
        place = "" if not complete and rng.random() < NO_PLACE else pick(PLACES[scene.place], rng)
        parts = [subject(scene, rng, complete), place, time]
    else:
        parts = [pick(PLACE_ALONE[scene.place], rng), time]
    order = rng.random()
    if order < .12:
        parts = [*parts, style]
        rng.shuffle(parts)
        return ", ".join(part for part in parts if part)
    if order < .2:
        parts.append(parts.pop(1))
    said = " ".join(part for part in parts if part)
    if not style:
        return said
    if rng.random() < .2:
        return f"{pick(STYLE_OPENINGS[scene.style], rng)} {said}"
    return f"{style} {said}" if rng.random() < .06 else f"{said}, {style}"


def all_words():
    """Every word a caption can hold."""
    texts = [*COLOURS, *OBJECTS, *POSES, *(w for words in OBJECTS.values() for w in words),
             "a an of and next to the on in left right middle center centre side beside wearing dress shirt dancer"]
    for table in (PLACES, PLACE_ALONE, TIMES, STYLES, STYLE_OPENINGS):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    return sorted({word for text in texts for word in text.split()} | set(korean.all_words()))
