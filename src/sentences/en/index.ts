import { action } from './action.ts';
import { button } from './button.ts';
import { card } from './card.ts';
import { choices } from './choices.ts';
import { command } from './command.ts';
import { config } from './config.ts';
import { control } from './control.ts';
import { describe } from './describe.ts';
import { download } from './download.ts';
import { draw } from './draw.ts';
import { engine } from './engine.ts';
import { error } from './error.ts';
import { field } from './field.ts';
import { find } from './find.ts';
import { form } from './form.ts';
import { help } from './help.ts';
import { job } from './job.ts';
import { licence } from './licence.ts';
import { lora } from './lora.ts';
import { models } from './models.ts';
import { moderation } from './moderation.ts';
import { name } from './name.ts';
import { note } from './note.ts';
import { page } from './page.ts';
import { picture } from './picture.ts';
import { policy } from './policy.ts';
import { queue } from './queue.ts';
import { quota } from './quota.ts';
import { recipe } from './recipe.ts';
import { request } from './request.ts';
import { scheduler } from './scheduler.ts';
import { setting } from './setting.ts';
import { status } from './status.ts';
import { style } from './style.ts';
import { sweep } from './sweep.ts';
import { usage } from './usage.ts';
import { web } from './web.ts';
import { wildcard } from './wildcard.ts';

export const en = {
  ...action,
  ...button,
  ...card,
  ...command,
  ...config,
  ...describe,
  ...draw,
  ...engine,
  ...error,
  ...find,
  ...form,
  ...help,
  ...job,
  ...models,
  ...moderation,
  ...name,
  ...note,
  ...page,
  ...picture,
  ...policy,
  ...queue,
  ...quota,
  ...recipe,
  ...request,
  ...setting,
  ...status,
  ...style,
  ...sweep,
  ...usage,
  ...web,
  ...wildcard,
  ...field,
  ...scheduler,
  ...choices,
  ...control,
  ...licence,
  ...lora,
  ...download,
} as const;
