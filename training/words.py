"""The domain: every object, colour, place, time and style the model is taught, and the words for them."""

COLOURS = {  # name -> RGB of the lit side
    "red": (212, 42, 38), "orange": (242, 134, 30), "yellow": (248, 212, 48),
    "green": (58, 158, 70), "blue": (40, 100, 208), "purple": (128, 62, 176),
    "pink": (248, 142, 184), "brown": (128, 80, 46), "black": (44, 44, 50),
    "white": (246, 246, 242), "gray": (140, 144, 150),
}

OBJECTS = ("mug", "teapot", "apple", "cat", "fish", "bird", "car", "boat", "house", "tree",
           "chair", "lamp", "flower", "star", "balloon", "umbrella")

PLACES = {  # name -> the phrase that follows an object
    "table": "on a table", "beach": "on a beach", "forest": "in a forest",
    "city": "in a city street", "futuristic city": "in a futuristic city",
    "mountains": "in the mountains", "snow": "in the snow", "desert": "in a desert",
    "meadow": "in a meadow", "sky": "in the sky",
}

PLACE_ALONE = {  # name -> the phrase for a picture without an object
    "table": "a table", "beach": "a beach", "forest": "a forest", "city": "a city street",
    "futuristic city": "a futuristic city", "mountains": "mountains", "snow": "a snowy landscape",
    "desert": "a desert", "meadow": "a meadow", "sky": "a cloudy sky",
}

TIMES = {"day": ("by day", "in daylight"), "sunset": ("at sunset",), "night": ("at night",)}

STYLES = {  # name -> endings of a caption; the first is the commonest
    "plain": ("flat illustration", "plain style"),
    "watercolor": ("watercolor", "watercolor painting", "watercolor painting style"),
    "ink": ("ink drawing", "ink"),
    "pixel art": ("pixel art", "pixel art style"),
    "cyberpunk": ("cyberpunk style", "neon cyberpunk", "cyberpunk"),
}

STYLE_OPENINGS = {  # name -> openings that take "of ..."
    "plain": ("flat illustration of",), "watercolor": ("watercolor painting of", "watercolor of"),
    "ink": ("ink drawing of",), "pixel art": ("pixel art of",), "cyberpunk": ("cyberpunk picture of",),
}

GROUPS = {"object": OBJECTS, "colour": tuple(COLOURS), "place": tuple(PLACES),
          "time": tuple(TIMES), "style": tuple(STYLES)}
