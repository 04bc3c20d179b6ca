"""The same words in Korean, and a caption of them: '해변의 빨간 머그잔, 밤, 수채화'."""

COLOURS = dict(zip(("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray"),
                   "빨간 주황색 노란 초록색 파란 보라색 분홍색 갈색 검은 하얀 회색".split()))
OBJECTS = {"mug": "머그잔", "teapot": "찻주전자", "apple": "사과", "cat": "고양이", "fish": "물고기", "bird": "새",
           "car": "자동차", "boat": "배", "house": "집", "tree": "나무", "chair": "의자", "lamp": "램프", "flower": "꽃",
           "star": "별", "balloon": "열기구", "umbrella": "우산", "dog": "강아지", "robot": "로봇", "rocket": "로켓",
           "shoe": "신발", "bottle": "병", "watch": "손목시계", "phone": "휴대폰", "bag": "가방", "person": "사람", "man": "남자",
           "horse": "말", "castle": "성", "spaceship": "우주선", "dragon": "용"}
POSES = {"standing": "서 있는", "walking": "걷는", "dancing": "춤추는", "sitting": "앉아 있는", "jumping": "뛰는",
         "waving": "손을 흔드는"}
PLACES = {"table": "탁자 위의", "beach": "해변의", "forest": "숲속의", "city": "도시 거리의",
          "futuristic city": "미래 도시의", "mountains": "산속의", "snow": "눈밭의", "desert": "사막의",
          "meadow": "초원의", "sky": "하늘의", "studio": "스튜디오의", "stage": "무대의"}
ALONE = {"table": "탁자", "beach": "해변", "forest": "숲", "city": "도시 거리", "futuristic city": "미래 도시",
         "mountains": "산", "snow": "눈밭", "desert": "사막", "meadow": "초원", "sky": "하늘", "studio": "스튜디오",
         "stage": "무대"}
TIMES = {"day": "낮", "sunset": "노을", "night": "밤"}
STYLES = {"plain": "일러스트", "watercolor": "수채화", "ink": "잉크 그림", "pixel art": "픽셀 아트",
          "cyberpunk": "사이버펑크", "pastel": "파스텔"}
SIDES = {"left": "왼쪽에", "centre": "가운데", "right": "오른쪽에"}


def joined(name):
    """A thing's name with the particle 'and': 와 after a vowel, 과 after a final consonant."""
    return name + ("과" if (ord(name[-1]) - ord("가")) % 28 else "와")


def thing_words(thing, sided):
    """'빨간 머그잔', '춤추는 빨간 드레스를 입은 사람'."""
    name = f"{COLOURS[thing.colour]} {OBJECTS[thing.name]}"
    if thing.pose:
        garment = "셔츠를" if thing.name == "man" else "드레스를"
        name = f"{COLOURS[thing.colour]} {garment} 입은 {POSES[thing.pose]} {OBJECTS[thing.name]}"
    return f"{SIDES[thing.side]} {name}" if sided else name


def caption(scene, rng):
    """A scene in Korean."""
    if scene.things:
        two = len(scene.things) == 2
        sided = scene.things[0].side != "centre" and (not two or rng.random() < .6)
        *others, last = [thing_words(t, sided) for t in scene.things]
        parts = [" ".join([PLACES[scene.place], *map(joined, others), last])]
    else:
        parts = [ALONE[scene.place]]
    if scene.time != "day" or rng.random() < .5:
        parts.append(TIMES[scene.time])
    if scene.style != "plain" or rng.random() < .4:
        parts.append(STYLES[scene.style])
    return ", ".join(parts)


def all_words():
    """Every word of a Korean caption."""
    tables = (COLOURS, OBJECTS, POSES, PLACES, ALONE, TIMES, STYLES, SIDES)
    named = [joined(name) for name in OBJECTS.values()] + ["드레스를 입은 사람", "셔츠를"]
    return sorted({w for text in [*(t for table in tables for t in table.values()), *named] for w in text.split()})
