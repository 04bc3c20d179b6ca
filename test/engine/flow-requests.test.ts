/** Requests to the flow families that ask for more than they take: told where that changes nothing, else refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import type { Tensor } from '../../src/tensor.ts';
import { inEnglish } from '../english.ts';
import { jobOf, MODELS } from './goldens.ts';

const FLOW = ['tiny-flux-dev', 'tiny-flux-schnell', 'tiny-z-image', 'tiny-klein', 'tiny-klein-base'];
const draft = { prompt: 'a red mug', width: 32, height: 48, num_inference_steps: 1, seed: 1 };

test('words beyond 512 tokens are named, of both prompts and in both syntaxes', async (t) => {
  const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
  t.after(() => engine.close());
  const told = async (fields: Record<string, unknown> & { model: string }) => {
    const run = await engine.open(await jobOf({ ...draft, ...fields }));
    while (!(await run.advance(4, () => {})).done);
    const { notes } = await run.decode();
    await run.close();
    return inEnglish(notes);
  };
  for (const model of FLOW) {
    for (const prompt_syntax of ['plain', 'a1111']) {
      const encoder = model.startsWith('tiny-flux') ? 'T5 did not read the end' : 'The end';
      const ending = encoder === 'The end' ? ' was not read' : '';
      const notes = await told({ model, prompt_syntax, prompt: `${'a '.repeat(600)}lighthouse` });
      const unread = `${encoder} of the prompt${ending}, from “`;
      assert.equal(notes.filter((note) => note.startsWith(unread)).length, 1, `${model}: ${notes.join(' ')}`);
      assert.deepEqual(await told({ model, prompt_syntax, prompt: 'a lighthouse '.repeat(50) }), [], model);
    }
  }
  // FLUX.1's CLIP makes a summary of the first 77 tokens; the T5 reads the words, unless they are others.
  const clip = await told({ model: 'tiny-flux-dev', prompt: 'a '.repeat(90), prompt_2: 'mug' });
  assert.match(clip.join(), /^The end of the prompt was not read, from “/);
  const both = { prompt: 'mug', negative_prompt: `${'a '.repeat(600)}lighthouse`, guidance_scale: 4 };
  for (const model of ['tiny-z-image', 'tiny-klein-base']) {
    assert.match(
      (await told({ ...both, model })).join(),
      /The end of the negative prompt was not read, from “/,
    );
  }
});

test('sides that are no multiples of 16 are refused with the nearest that is', async () => {
  for (const model of FLOW) {
    await assert.rejects(jobOf({ ...draft, model, width: 40 }), {
      code: 'bad_request',
      message: 'width 40 is not a multiple of 16. Try 32.',
    });
    await assert.rejects(jobOf({ ...draft, model, hires: { width: 72, height: 96 } }), {
      code: 'bad_request',
      message: /width 72 is not a multiple of 16\. Try 64\./,
    });
  }
});

test('guidance for a model that takes none is told, and the picture is drawn', async (t) => {
  const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
  t.after(() => engine.close());
  for (const model of ['tiny-flux-schnell', 'tiny-klein']) {
    const latents = async (guidance_scale: number) => {
      const run = await engine.open(await jobOf({ ...draft, model, guidance_scale }));
      while (!(await run.advance(4, () => {})).done);
      const [{ data }] = run.latents() as [Tensor];
      const { notes } = await run.decode();
      await run.close();
      return { notes: inEnglish(notes), data };
    };
    const guided = await latents(7);
    assert.deepEqual(guided.notes, [`Guidance 7 has no effect: ${model} was trained without guidance.`]);
    assert.deepEqual(guided.data, (await latents(1)).data);
  }
});
