/** What people reply to a picture: read as a change of its prompt, or as a description of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from '../../commands/instruction/apply.ts';
import { readInstruction } from '../../commands/instruction/instruction.ts';
import { readReply } from '../../commands/reply-words.ts';

const MUG = 'a red mug on a table, watercolor';
const CAT = 'a blue cat in a forest';
const TWO = 'a red apple and a blue bottle on a table';
const DANCER = 'A dancer in red dress';
const UMBRELLA = '해변의 노란 우산, 노을, 수채화';

const changes: readonly (readonly [prompt: string, words: string, becomes: string, negative?: string])[] = [
  [MUG, 'make it blue', 'a blue mug on a table, watercolor'],
  [MUG, 'Make it blue please!', 'a blue mug on a table, watercolor'],
  [MUG, 'can you make the mug green?', 'a green mug on a table, watercolor'],
  [MUG, 'blue', 'a blue mug on a table, watercolor'],
  [MUG, 'the mug is orange', 'an orange mug on a table, watercolor'],
  [MUG, 'change red to dark green', 'a dark green mug on a table, watercolor'],
  [MUG, 'in blue', 'a blue mug on a table, watercolor'],
  [MUG, 'same but blue', 'a blue mug on a table, watercolor'],
  [MUG, 'same seed but blue mug', 'a blue mug on a table, watercolor'],
  [MUG, 's/red/green/', 'a green mug on a table, watercolor'],
  [MUG, 'change the mug to a teapot and red to blue', 'a blue teapot on a table, watercolor'],
  [MUG, 'replace red with green, and the mug with a cup', 'a green cup on a table, watercolor'],
  [MUG, '\u{1f499} instead', 'a blue mug on a table, watercolor'],
  [MUG, '+ steam', 'a red mug on a table, watercolor, steam'],
  [MUG, '- table', 'a red mug, watercolor', 'table'],
  [MUG, '배경 없애줘', 'a red mug on a table, watercolor', 'background'],
  [MUG, 'at night', 'a red mug on a table at night, watercolor'],
  [MUG, 'make it night', 'a red mug on a table at night, watercolor'],
  ['a car in a city street at night, pixel art', 'at sunset', 'a car in a city street at sunset, pixel art'],
  [MUG, 'in a forest', 'a red mug in a forest, watercolor'],
  [CAT, 'put it on the beach', 'a blue cat on the beach'],
  [CAT, 'change the background to a desert', 'a blue cat in a desert'],
  [MUG, 'as pixel art', 'a red mug on a table, pixel art'],
  [MUG, 'ink drawing', 'a red mug on a table, ink drawing'],
  [CAT, 'make it a watercolor', 'a blue cat in a forest, watercolor'],
  ['watercolor of a cat', 'in pastel', 'pastel of a cat'],
  [CAT, 'make it a dog', 'a blue dog in a forest'],
  [CAT, 'turn it into a red robot', 'a red robot in a forest'],
  [CAT, 'a dog instead', 'a blue dog in a forest'],
  [MUG, 'replace the mug with a bottle', 'a red bottle on a table, watercolor'],
  [TWO, 'a cat instead of the bottle', 'a red apple and a blue cat on a table'],
  [TWO, 'make the bottle green', 'a red apple and a green bottle on a table'],
  [MUG, 'add steam', 'a red mug on a table, watercolor, steam'],
  [MUG, 'with a spoon', 'a red mug on a table, watercolor, a spoon'],
  [MUG, 'without the table', 'a red mug, watercolor', 'table'],
  [TWO, 'remove the apple', 'a blue bottle on a table', 'apple'],
  [MUG, 'no clouds', MUG, 'clouds'],
  [MUG, 'make it blue and at night', 'a blue mug on a table at night, watercolor'],
  [MUG, 'make it blue, without steam', 'a blue mug on a table, watercolor', 'steam'],
  ['a mug', 'make it orange', 'an orange mug'],
  [DANCER, 'in a forest', 'A dancer in red dress in a forest'],
  [DANCER, 'make the dress blue', 'A dancer in blue dress'],
  [MUG, 'make it darker', 'a red mug on a table, watercolor, darker'],
  [MUG, 'change the color to green', 'a green mug on a table, watercolor'],
  [MUG, 'i want it to be yellow', 'a yellow mug on a table, watercolor'],
  [MUG, 'put the mug in a forest', 'a red mug in a forest, watercolor'],
  [MUG, 'in the style of van gogh', 'a red mug on a table, in the style of van gogh'],
  [MUG, 'a blue one', 'a blue mug on a table, watercolor'],
  [MUG, 'turn it into a painting', 'a red mug on a table, painting'],
  [MUG, 'without the mug', 'a table, watercolor', 'mug'],
  [UMBRELLA, '파란색으로 바꿔줘', '해변의 파란 우산, 노을, 수채화'],
  [UMBRELLA, '우산을 빨갛게 해줘', '해변의 빨간 우산, 노을, 수채화'],
  [UMBRELLA, '밤으로', '해변의 노란 우산, 밤, 수채화'],
  [UMBRELLA, '픽셀 아트로 바꿔줘', '해변의 노란 우산, 노을, 픽셀 아트'],
  [UMBRELLA, '배경을 숲으로', '숲속의 노란 우산, 노을, 수채화'],
  [UMBRELLA, '고양이를 추가해줘', `${UMBRELLA}, 고양이`],
  [UMBRELLA, '구름 없이', UMBRELLA, '구름'],
  [UMBRELLA, '우산을 배로 바꿔줘', '해변의 노란 배, 노을, 수채화'],
  [MUG, '파란색으로', 'a blue mug on a table, watercolor'],
  [UMBRELLA, 'make it blue', '해변의 파란 우산, 노을, 수채화'],
  // More or less of something.
  [MUG, 'darker', `${MUG}, darker`],
  [MUG, 'can u make it a lil darker', `${MUG}, darker`],
  [`${MUG}, darker`, 'brighter', `${MUG}, brighter`],
  [MUG, "it's too dark", `${MUG}, brighter`],
  [MUG, 'make it much warmer', `${MUG}, warmer`],
  [MUG, 'bluer', 'a blue mug on a table, watercolor'],
  [MUG, 'make it a bit bluer', 'a blue mug on a table, watercolor'],
  [CAT, 'more trees', `${CAT}, more trees`],
  [CAT, 'fewer trees', CAT, 'trees'],
  [CAT, 'less blue', 'a cat in a forest', 'blue'],
  [CAT, 'zoom in', `${CAT}, close-up`],
  [UMBRELLA, '더 어둡게 해줘', `${UMBRELLA}, 더 어둡게`],
  [UMBRELLA, '너무 어두워요', `${UMBRELLA}, 더 밝게`],
  // Where the order of words matters.
  [CAT, 'add a hat', `${CAT}, a hat`],
  [CAT, 'put a hat on it', 'a blue cat with a hat in a forest'],
  [CAT, 'give the cat a red hat', 'a blue cat with a red hat in a forest'],
  [CAT, 'make the cat wear a hat', 'a blue cat with a hat in a forest'],
  [CAT, 'wearing sunglasses', 'a blue cat wearing sunglasses in a forest'],
  [CAT, 'put a bird on the tree', `${CAT}, a bird on the tree`],
  [CAT, 'make it 4 cats', '4 blue cats in a forest'],
  [CAT, 'same but dog', 'a blue dog in a forest'],
  [CAT, 'cat -> dog', 'a blue dog in a forest'],
  [CAT, 'red not blue', 'a red cat in a forest'],
  [CAT, 'turn into a robot', 'a blue robot in a forest'],
  [CAT, 'make it look like a photo', `${CAT}, photo`],
  [CAT, 'white background', `${CAT}, white background`],
  // Slips of the fingers.
  [CAT, 'maek it gren', 'a green cat in a forest'],
  [CAT, 'mak it drker', `${CAT}, darker`],
  [CAT, 'ad a hat', `${CAT}, a hat`],
  [CAT, 'wihtout teh forest', 'a blue cat', 'forest'],
  [CAT, 'at nite', 'a blue cat in a forest at night'],
  [CAT, 'make the bg black', `${CAT}, black background`],
  [UMBRELLA, '모자 씌워줘', `${UMBRELLA}, 모자`],
  // Things by their names in the other language; particles agree with what comes before them.
  [CAT, '고양이를 강아지로 바꿔줘', 'a blue dog in a forest'],
  [CAT, '고양이를 강아지로', 'a blue dog in a forest'],
  [CAT, '고양이 말고 강아지로 해줘', 'a blue dog in a forest'],
  [MUG, '머그를 컵으로 바꿔주세요', 'a red cup on a table, watercolor'],
  ['탁자 위의 고양이가 자는 모습', '고양이를 곰으로 바꿔줘', '탁자 위의 곰이 자는 모습'],
  ['숲속에서 곰을 보는 소년', '곰을 고양이로', '숲속에서 고양이를 보는 소년'],
  [UMBRELLA, 'replace the umbrella with a boat', '해변의 노란 배, 노을, 수채화'],
  [MUG, '빨간색 말고 파란색으로', 'a blue mug on a table, watercolor'],
  [MUG, '배경을 밤으로 바꿔줘', 'a red mug on a table at night, watercolor'],
  [MUG, '이 그림을 픽셀 아트로 바꿔줘', 'a red mug on a table, pixel art'],
  [MUG, '머그를 파란색으로 바꿔줘', 'a blue mug on a table, watercolor'],
  [TWO, '사과 빼줘', 'a blue bottle on a table', 'apple'],
  [MUG, 'how about green?', 'a green mug on a table, watercolor'],
];

test('an instruction changes what it names in the prompt, and nothing else', () => {
  const wrong = changes.flatMap(([prompt, words, becomes, negative = '']) => {
    const read = readInstruction(words);
    const result = read && applyChanges({ prompt, negative: '' }, read);
    const isRight = result?.prompt === becomes && result.negative === negative;
    return isRight ? [] : [`${prompt} + ${words} = ${JSON.stringify(result)}`];
  });
  assert.deepEqual(wrong, []);
});

test('what an instruction names and the prompt does not have is told', () => {
  const missing = (prompt: string, words: string) =>
    applyChanges({ prompt, negative: '' }, readInstruction(words) ?? []).missing;
  assert.deepEqual(missing(CAT, 'replace the horse with a dog'), ['horse']);
  assert.deepEqual(missing(CAT, 'make the sofa green'), ['sofa']);
  assert.equal(missing(CAT, '고양이를 강아지로 바꿔줘'), undefined);
  assert.equal(missing(CAT, 'make it green'), undefined);
});

test('a description is no instruction', () => {
  const descriptions = [
    'a blue boat',
    'a red mug on a table, ink drawing',
    'portrait of a woman at night',
    'a knight in armour with a sword',
    'tiger',
    'a cat and a dog',
    '파란 고양이',
    '숲속의 고양이',
    'glue',
    'a lake at night',
    'back view of a knight',
    'two cats and a dog',
    'the making of a cake',
    'a cat on a white background',
    'a happy old man smiling',
    `make it ${'very '.repeat(40)}blue`,
  ];
  assert.deepEqual(
    descriptions.filter((words) => readInstruction(words) !== undefined),
    [],
  );
});

const ONE = [
  ['4 more', 'reroll', 4],
  ['make 4 of them', 'reroll', 4],
  ['can you give me four more pls', 'reroll', 4],
  ['again x3', 'reroll', 3],
  ['one more', 'reroll', 1],
  ['3 variations', 'vary', 3],
  ['4 more like this', 'vary', 4],
  ['4장 더', 'reroll', 4],
  ['네 장 더 그려줘', 'reroll', 4],
  ['비슷하게 4장', 'vary', 4],
  ['make it blue, 4 of them', undefined, 4, 'make it blue'],
  ['4 blue ones', undefined, 4, 'blue'],
  ['four versions of it at night', undefined, 4, 'at night'],
  ['파란색으로 4장', undefined, 4, '파란색으로'],
  ['upscale x4', undefined, undefined, '--upscale-image 4'],
  ['2x', undefined, undefined, '--upscale-image 2'],
  ['same but in 16:9', undefined, undefined, '--ar 16:9'],
  ['make it square please', undefined, undefined, '--ar 1:1'],
  ['portrait mode', undefined, undefined, '--ar 2:3'],
  ['가로로 해줘', undefined, undefined, '--ar 3:2'],
  ['delete this', 'delete', undefined],
  ['지워줘', 'delete', undefined],
  ['who made this?', 'recipe', undefined],
  ['landscape', undefined, undefined, 'landscape'],
  // Descriptions.
  ['4 cats', undefined, undefined, '4 cats'],
  ['two cats and a dog', undefined, undefined, 'two cats and a dog'],
  ['7 of hearts, playing card', undefined, undefined, '7 of hearts, playing card'],
] as const;
const GRID = [
  ['the second one', 'show', 2],
  ['2nd', 'show', 2],
  ['2', 'show', 2],
  ['teh second one', 'show', 2],
  ['first one is best', 'show', 1],
  ['두 번째', 'show', 2],
  ['u2', 'upscale', 2],
  ['V3', 'vary', 3],
  ['upscale the 2nd', 'upscale', 2],
  ['make the second one blue', undefined, 2, 'make it blue'],
  ['the last one but at night', undefined, -1, 'at night'],
  ['i like the 3rd pic, make it darker', undefined, 3, 'make it darker'],
  ['2번 파란색으로 바꿔줘', undefined, 2, '파란색으로 바꿔줘'],
  // Descriptions.
  ['the second floor of a house', undefined, undefined, 'the second floor of a house'],
  ['a cat in the second picture frame', undefined, undefined, 'a cat in the second picture frame'],
  ['two cats', undefined, undefined, 'two cats'],
] as const;

test('how many are asked for, and which of several is meant', () => {
  const one = ONE.map(([words]) => readReply(words, 1));
  assert.deepEqual(
    one.map(({ action, count, text }, i) => [ONE[i]![0], action, count, action ? '' : text]),
    ONE.map(([words, action, count, text = '']) => [words, action, count, text]),
  );
  const grid = GRID.map(([words]) => readReply(words, 4));
  assert.deepEqual(
    grid.map(({ action, picture, text }, i) => [GRID[i]![0], action, picture, action ? '' : text]),
    GRID.map(([words, action, picture, text = '']) => [words, action, picture, text]),
  );
});
