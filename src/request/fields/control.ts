/** Pictures that steer the denoiser through ControlNets. */
import { z } from 'zod';
import { sentence, type Words } from '../../sentences.ts';
import {
  type ControlDraft,
  type ControlRequest,
  controlSchema,
  freezeControl,
  isNamedPose,
} from '../controls.ts';
import { LIMITS } from '../limits.ts';
import { type OptionValue, option } from '../option.ts';
import { flag, said } from '../schemas.ts';
import { field, or, type Pair, type PictureFacts, shortName } from './field.ts';

export const CONTROL_FIELDS = {
  controls: field({
    name: 'controls',
    schema: z
      .array(controlSchema, said(sentence('field.objects', { label: 'controls' })))
      .max(LIMITS.controls, said(sentence('field.many_controls', { limit: LIMITS.controls }))),
    fill: (value): readonly ControlRequest[] => Object.freeze((value ?? []).map(freezeControl)),
    json: (controls) => (controls.length === 0 ? undefined : controls.map((control) => ({ ...control }))),
    a1111: (
      request: { readonly controls: readonly ControlRequest[]; readonly guessMode: boolean },
      { files = [] }: PictureFacts,
    ): Pair[] => {
      const nets = files.filter(({ part }) => part === 'controlnet');
      return request.controls.map(
        (one, i): Pair => [`ControlNet ${i}`, controlText(one, request.guessMode, nets[i]?.hash)],
      );
    },
    notCarried: (draft: { readonly controls?: ControlDraft[] | undefined }): Words | undefined => {
      const { controls = [] } = draft;
      if (controls.length > 1) return sentence('request.left_controls', { count: controls.length });
      const [control] = controls;
      return control === undefined || isNamedPose(control)
        ? undefined
        : sentence('request.left_control_picture', { kind: control.kind });
    },
  }),
  /** Only the ControlNets steer, deeper layers more than upper ones; the other half of guidance is left free. */
  guessMode: field({
    name: 'guess_mode',
    schema: flag('guess_mode'),
    fill: or<boolean>(false),
    plain: false,
    json: (isOn) => (isOn ? true : undefined),
    options: [
      option({
        names: ['guess-mode'],
        type: 'switch',
        description: 'option.guess',
        example: 'on',
        write: ({ guess_mode: isOn }): OptionValue | undefined => (isOn === true ? 'on' : undefined),
      }),
    ],
  }),
} as const;

/** As the ControlNet extension of A1111 writes a unit. */
function controlText(
  { kind, controlnet, scale, start, end }: ControlRequest,
  guessMode: boolean,
  hash: string | undefined,
): string {
  const shown = controlnet === undefined ? [] : [shortName(controlnet)];
  const pairs: Pair[] = [
    ['Module', kind === 'raw' ? 'none' : kind],
    ['Model', [...shown, ...(hash === undefined ? [] : [`[${hash}]`])].join(' ') || undefined],
    ['Weight', scale],
    ['Resize Mode', 'Just Resize'],
    ['Guidance Start', start],
    ['Guidance End', end],
    ['Control Mode', guessMode ? 'ControlNet is more important' : 'Balanced'],
  ];
  const known = pairs.filter(([, value]) => value !== undefined);
  return known.map(([key, value]) => `${key}: ${value}`).join(', ');
}
