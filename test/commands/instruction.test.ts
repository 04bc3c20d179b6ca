/** What people reply to a picture: read as a change of its prompt, or as a description of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyChanges } from '../../commands/instruction/apply.ts';
import { readInstruction } from '../../commands/instruction/instruction.ts';

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
    `make it ${'very '.repeat(40)}blue`,
  ];
  assert.deepEqual(
    descriptions.filter((words) => readInstruction(words) !== undefined),
    [],
  );
});
