/** Zoom out and pan: a picture is kept, and what lies around it is drawn. */
import type { RequestDraft } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Context } from './command.ts';
import { pictureBaseOf, pictureOf } from './derived-draft.ts';
import type { DrawPorts } from './imagine.ts';
import { outpaintModel } from './outpaint-model.ts';
import { OUTPAINT_VERBS, OUTPAINTS, type OutpaintVerb } from './outpaint-verbs.ts';
import { openPicture } from './sources.ts';

type DrawContext = Context<DrawPorts>;

const outpainting =
  (verb: OutpaintVerb) =>
  async (record: JobRecord, context: DrawContext, index: number): Promise<void> => {
    const { invocation, reply, ports } = context;
    const source = await openPicture(pictureOf(record, index), ports);
    const { model, notes } = await outpaintModel(record.request.model, context);
    const drawn = pictureBaseOf(record.request);
    const draft: RequestDraft = { ...drawn, image: 'source', outpaint: OUTPAINTS[verb].outpaint };
    await ports.submit({
      ...{ invocation, reply, model, draft, pictures: { source }, notes },
      origin: { verb: verb.startsWith('zoom') ? 'zoom' : 'pan', record },
    });
  };

/** By the verbs of their buttons. */
export const OUTPAINT_ACTIONS = Object.fromEntries(
  OUTPAINT_VERBS.map((verb) => [verb, outpainting(verb)]),
) as Record<OutpaintVerb, ReturnType<typeof outpainting>>;
