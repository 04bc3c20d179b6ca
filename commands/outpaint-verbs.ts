/** The buttons that draw on beyond a picture, each with what it asks for and the words that stand for it in a reply. */
import type { RequestDraft } from '../src/request.ts';
import type { PlainKey } from '../src/sentences.ts';

interface Outpaint {
  readonly label: PlainKey;
  readonly outpaint: NonNullable<RequestDraft['outpaint']>;
  readonly words: readonly string[];
}

export const OUTPAINTS = {
  zoom_15: {
    label: 'button.zoom_15',
    outpaint: { zoom: 1.5 },
    words: ['zoom out', 'zoom out 1.5x', 'zoom out 1.5', 'zoom out a bit', '줌 아웃', '줌아웃'],
  },
  zoom_2: {
    label: 'button.zoom_2',
    outpaint: { zoom: 2 },
    words: ['zoom out 2x', 'zoom out 2', 'zoom out x2', 'zoom out more', '2배 줌 아웃'],
  },
  pan_left: {
    label: 'button.pan_left',
    outpaint: { pan: 'left' },
    words: ['pan left', 'pan to the left', 'extend left', 'extend to the left', '왼쪽으로 넓히기'],
  },
  pan_right: {
    label: 'button.pan_right',
    outpaint: { pan: 'right' },
    words: ['pan right', 'pan to the right', 'extend right', 'extend to the right', '오른쪽으로 넓히기'],
  },
  pan_up: {
    label: 'button.pan_up',
    outpaint: { pan: 'up' },
    words: ['pan up', 'extend up', 'extend upwards', '위로 넓히기'],
  },
  pan_down: {
    label: 'button.pan_down',
    outpaint: { pan: 'down' },
    words: ['pan down', 'extend down', 'extend downwards', '아래로 넓히기'],
  },
} as const satisfies Readonly<Record<string, Outpaint>>;

export type OutpaintVerb = keyof typeof OUTPAINTS;
export const OUTPAINT_VERBS = Object.keys(OUTPAINTS) as readonly OutpaintVerb[];

/** The flags that ask for the same, for a picture that was not made here. */
export function outpaintLine(verb: OutpaintVerb): string {
  const { zoom, pan }: NonNullable<RequestDraft['outpaint']> = OUTPAINTS[verb].outpaint;
  return zoom === undefined ? `--pan ${pan}` : `--zoom ${zoom}`;
}
