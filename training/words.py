"""The domain: every object, colour, place, time and style the model is taught, and the words for them."""

COLOURS = {  # name -> RGB of the lit side
    "red": (212, 42, 38), "orange": (242, 134, 30), "yellow": (248, 212, 48),
    "green": (58, 158, 70), "blue": (40, 100, 208), "purple": (128, 62, 176),
    "pink": (248, 142, 184), "brown": (128, 80, 46), "black": (44, 44, 50),
    "white": (246, 246, 242), "gray": (140, 144, 150),
}

OBJECTS = {  # name -> other words for it
    "mug": ("cup",), "teapot": (), "apple": (), "cat": ("kitten",), "fish": (), "bird": (), "car": (),
    "boat": ("sailboat",), "house": ("cottage",), "tree": (), "chair": (), "lamp": (), "flower": (), "star": (),
    "balloon": ("hot air balloon",), "umbrella": (), "dog": ("puppy",), "robot": (), "rocket": (),
    "shoe": ("sneaker",), "bottle": (), "watch": ("wristwatch",), "phone": ("smartphone",), "bag": ("handbag",),
    "person": ("woman", "girl", "lady"), "man": ("boy",), "horse": (), "castle": (), "spaceship": ("flying saucer",),
    "dragon": (),
}

FIGURES = ("person", "man")  # have a pose; a person wears a dress, a man a shirt
POSES = ("standing", "walking", "dancing", "sitting", "jumping", "waving")  # of a figure
SIDES = ("left", "centre", "right")

PLACES = {  # name -> phrases that follow an object; the first is the commonest
    "table": ("on a table",), "beach": ("on a beach", "at the beach"), "forest": ("in a forest", "in the woods"),
    "city": ("in a city street", "in the city"), "futuristic city": ("in a futuristic city",),
    "mountains": ("in the mountains",), "snow": ("in the snow",), "desert": ("in a desert",),
    "meadow": ("in a meadow", "on the grass"), "sky": ("in the sky",),
    "studio": ("on a studio backdrop", "on a plain backdrop", "in a studio", "product shot"), "stage": ("on a stage",),
}

PLACE_ALONE = {  # name -> phrases for a picture without an object
    "table": ("a table",), "beach": ("a beach",), "forest": ("a forest",),
    "city": ("a city street", "a city", "a city skyline"),
    "futuristic city": ("a futuristic city", "a futuristic city skyline"), "mountains": ("mountains",),
    "snow": ("a snowy landscape",), "desert": ("a desert",), "meadow": ("a meadow",), "sky": ("a cloudy sky",),
    "studio": ("a studio backdrop",), "stage": ("a stage",),
}

TIMES = {"day": ("by day", "in daylight"), "sunset": ("at sunset", "at dusk"), "night": ("at night",)}

STYLES = {  # name -> endings of a caption; the first is the commonest
    "plain": ("flat illustration", "plain style"),
    "watercolor": ("watercolor", "watercolor painting", "watercolor painting style"),
    "ink": ("ink drawing", "ink"),
    "pixel art": ("pixel art", "pixel art style"),
    "cyberpunk": ("cyberpunk style", "neon cyberpunk", "cyberpunk"),
    "pastel": ("pastel", "pastel style", "soft pastel"),
}

STYLE_OPENINGS = {  # name -> openings that take "of ..."
    "plain": ("flat illustration of",), "watercolor": ("watercolor painting of", "watercolor of"),
    "ink": ("ink drawing of",), "pixel art": ("pixel art of",), "cyberpunk": ("cyberpunk picture of",),
    "pastel": ("pastel drawing of",),
}

# (colour, object) never shown in training: what is right on them is composed, not remembered. New objects only, since
# the first round of training knew every pair of the first sixteen.
HELD_OUT = {("red", "robot"), ("green", "dog"), ("purple", "shoe"), ("orange", "bottle"), ("blue", "bag"),
            ("pink", "rocket"), ("yellow", "watch"), ("brown", "phone"), ("white", "person")}
