/** A program that stands still for a moment, as on a machine whose cores all draw, keeps its connection to Slack. */
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasPicture, until } from '../conformance/chat.ts';
import { startSlack } from '../conformance/slack.ts';
import { whyNoSlack } from '../slack/local-slack.ts';

const reason = await whyNoSlack();
/** Milliseconds: until the first ping is answered, and longer than Bolt waits for the next answer by itself. */
const [CONNECTED, STILL] = [2500, 7000];

describe('Slack', reason === undefined ? {} : { skip: reason }, () => {
  it('takes what is asked for just after the program stood still', async () => {
    await using chat = await startSlack('socket');
    await sleep(CONNECTED);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STILL);
    await chat.command('bo', 'imagine', { prompt: 'a boat' });
    await until(chat, 'bo', hasPicture);
  });
});
