/** Who decides about pictures that wait, and where it is said that they do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postForReview } from '../../commands/review.ts';
import { DarkroomError } from '../../src/errors.ts';
import type { Review, ReviewStore } from '../../src/store/reviews.ts';
import { startCommands, TENANT } from './harness.ts';

const admin = { where: { isAdmin: true } };

/** A chat with one picture of Bo's that waits. */
async function waiting(post?: () => Promise<void>) {
  const reviews = new Map<string, Review>();
  const store: ReviewStore = {
    get: async (job) => reviews.get(job),
    held: async (tenant) =>
      [...reviews.values()].filter((one) => one.tenant === tenant && one.state === 'held'),
    countHeld: async () => reviews.size,
    decided: async () => [],
    async decide(job, state) {
      const review = reviews.get(job);
      if (review?.state !== 'held') return false;
      reviews.set(job, { ...review, state, pictures: [] });
      return true;
    },
    isHeld: async () => true,
    beginMessage: async ({ tenant, channel }) => ({
      pending: { number: '1', tenant, channel, since: 0 },
      isAgain: false,
    }),
    noteMessage: async () => undefined,
    takeSettled: async () => [],
    messageSettled: async () => undefined,
  };
  const chat = startCommands({ reviews: store });
  const posts: string[] = [];
  const ports = {
    ...chat.ports,
    async post(_platform: string, _tenant: string, channel: string, { text }: { text: string }) {
      if (channel === '#gone') await post?.();
      posts.push(`${channel} ${text}`);
      return undefined;
    },
  };
  await chat.say('/imagine a mug', { user: 'discord:bo' });
  const [record] = [...chat.jobs.values()];
  const pictures = [{ id: 'p', width: 8, height: 8 }];
  reviews.set(record!.id, { job: record!.id, tenant: TENANT, at: 1, state: 'held', pictures });
  const press = (verb: string, said: object) => chat.press(`${verb}:${record!.id}`, {}, said);
  return { chat, record: record!, reviews, posts, ports, press };
}

test('a reviewer is who has the role at that moment; of one who lost it or left, nothing is taken', async () => {
  const { chat, record, reviews, press } = await waiting();
  chat.set('review_roles', ['discord:4']);
  // In a direct message of one of several servers nobody's roles are known.
  for (const where of [{}, { roles: ['discord:5'] }, { roles: ['discord:4'], isOneOfSeveral: true }]) {
    const { ephemeral } = await press('approve', { user: 'discord:cy', where });
    assert.match(ephemeral[0]!.text, /Only admins, and roles in review_roles/);
  }
  // Another server's admin decides nothing here, and is told of nothing.
  const elsewhere = { user: 'discord:eve', where: { isAdmin: true, tenant: 'discord:9' } };
  assert.equal((await press('reject', elsewhere)).ephemeral[0]!.error?.code, 'not_found');
  // Nor does a reviewer who is banned.
  chat.set('banned', true, 'user', 'discord:dan');
  const banned = { user: 'discord:dan', where: { roles: ['discord:4'] } };
  assert.match((await press('approve', banned)).ephemeral[0]!.text, /Only admins/);
  assert.equal(reviews.get(record.id)!.state, 'held');
  const { posted } = await press('approve', { user: 'discord:cy', where: { roles: ['discord:4'] } });
  assert.match(posted[0]!.text, /^discord:cy approved a picture by discord:bo/);
  assert.match((await press('reject', admin)).ephemeral[0]!.text, /already decided/);
});

test('a reviewer without an admin\u2019s rights rejects, and bans nobody', async () => {
  const { chat, record, reviews, press } = await waiting();
  chat.set('review_roles', ['discord:4']);
  const { ephemeral } = await press('ban', { user: 'discord:cy', where: { roles: ['discord:4'] } });
  assert.match(ephemeral[0]!.text, /^Only/);
  assert.deepEqual([reviews.get(record.id)!.state, chat.changes.length], ['held', 0]);
  await press('ban', admin);
  assert.equal(reviews.get(record.id)!.state, 'banned');
  assert.deepEqual(
    chat.changes.map(({ key, target, after }) => [key, target, after]),
    [['banned', 'discord:bo', true]],
  );
});

test('a review channel that is gone is named in the log channel once, and what waits is in /review', async () => {
  for (const [error, reported] of [
    [new DarkroomError('not_found', 'There is no channel #gone.'), 0],
    [new Error('socket hang up'), 2],
  ] as const) {
    const { chat, record, posts, ports } = await waiting(async () => {
      throw error;
    });
    // Each server is told once an hour: another one for each case.
    const tenant = `${TENANT}${reported}`;
    const other = { ...record, share: { ...record.share!, tenant } };
    const settings = { ...ports.settings, rules: async () => chat.rules };
    const held = { ...(await ports.reviews.get(record.id))!, tenant };
    const reviews = { ...ports.reviews, get: async () => held };
    chat.set('review_channel', '#gone');
    chat.set('log_channel', '#log');
    for (let i = 0; i < 2; i++) await postForReview(other, { ...ports, settings, reviews });
    assert.deepEqual(posts, [
      '#log The review channel #gone cannot be reached. Flagged pictures wait in /review; set another one: /config set review_channel #name',
    ]);
    assert.equal(chat.errors.length, reported);
    const [card] = (await chat.say('/review', admin)).ephemeral;
    assert.match(card!.fields![0]!.value, /a mug/);
    // With a number at its end the page takes a button for that of one of several pictures.
    assert.deepEqual(
      card!.actions!.filter(({ id }) => /:\d+$/.test(id)),
      [],
    );
  }
});

test('what is posted for review is in the language of whoever asked; the history names the prompt', async () => {
  const { chat, record, posts, ports, reviews } = await waiting();
  chat.set('review_channel', '#review');
  const settings = { ...ports.settings, rules: async () => chat.rules };
  await postForReview({ ...record, frame: { ...record.frame, locale: 'ko' } }, { ...ports, settings });
  assert.match(
    posts.join(),
    /^#review .*\uadf8\ub9bc 1\uc7a5\uc774 \u{E000}\d+\u{E001}\ubd80\ud130 \uacb0\uc815\uc744/u,
  );
  const decided: Review = { ...reviews.get(record.id)!, state: 'banned', decided: { by: 'rae', at: 60_000 } };
  chat.ports.reviews.decided = async () => [decided];
  const [card] = (await chat.say('/review history', admin)).ephemeral;
  assert.deepEqual(card!.fields, [
    {
      name: '\u{E000}60\u{E001}',
      value: 'rae rejected a picture by discord:bo and banned them. Prompt: a mug',
    },
  ]);
});
