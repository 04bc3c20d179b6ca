/** How the value of a setting is read from the words that an admin typed. All throw DarkroomError('bad_request'). */
import { DarkroomError, offer } from '../errors.ts';
import { LIMITS, parseSampler } from '../request.ts';
import { type Sentence, sentence } from '../sentences.ts';

export const text = (most: number) => (typed: string) => {
  if (typed.length > most) throw refuse(sentence('setting.too_long', { count: typed.length, limit: most }));
  return typed;
};

export const whole = (min: number, max: number) => (typed: string) => {
  const value = Number(typed);
  if (typed.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw refuse(sentence('setting.not_whole', { typed, min, max }));
};

export const number = (min: number, max: number) => (typed: string) => {
  const value = Number(typed);
  if (typed.trim() !== '' && value >= min && value <= max) return value;
  throw refuse(sentence('setting.not_number', { typed, min, max }));
};

export const choice = (choices: readonly string[]) => (typed: string) => {
  const found = choices.find((one) => one === typed.trim().toLowerCase());
  if (found !== undefined) return found;
  throw refuse(sentence('setting.not_known', { typed, offer: offer(typed, choices) }));
};

export const yesNo = (typed: string) => choice(['on', 'off'])(typed) === 'on';

export const list = (typed: string) => {
  const items = typed.split(/[\s,]+/).filter((item) => item !== '');
  if (items.length > 0) return items;
  throw refuse(sentence('setting.empty_list'));
};

export const size = (typed: string) => {
  const [width = 0, height = 0] = /^(\d+)[x×](\d+)$/i.exec(typed.trim())?.slice(1).map(Number) ?? [];
  const { min, max, multiple } = LIMITS.size;
  if ([width, height].every((side) => side >= min && side <= max && side % multiple === 0)) {
    return `${width}x${height}`;
  }
  throw refuse(sentence('setting.not_size', { typed, multiple, min, max }));
};

export const sampler = (typed: string) => {
  parseSampler(typed);
  return typed.trim();
};

const refuse = (why: Sentence) => new DarkroomError('bad_request', why);
