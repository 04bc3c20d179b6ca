import { action } from './action.ts';
import { button } from './button.ts';
import { command } from './command.ts';
import { error } from './error.ts';
import { form } from './form.ts';
import { job } from './job.ts';
import { queue } from './queue.ts';
import { quota } from './quota.ts';
import { recipe } from './recipe.ts';
import { wildcard } from './wildcard.ts';

export const en = {
  ...action,
  ...button,
  ...command,
  ...error,
  ...form,
  ...job,
  ...queue,
  ...quota,
  ...recipe,
  ...wildcard,
} as const;
