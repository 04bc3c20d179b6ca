/** One call of the HTTP API. */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Sender } from './admission.ts';

export type Env = { Bindings: HttpBindings; Variables: { sender: Sender } };
export type Call = Context<Env>;
