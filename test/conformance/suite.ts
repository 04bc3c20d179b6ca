/** What every adapter does for its users: one suite, run over each platform with its real client. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { glassPng, pngOf } from '../adapters/stand-in.ts';
import { eventually } from '../patience.ts';
import { type Chat, hasPicture, type Picture, type Seen, until } from './chat.ts';

const cat: Picture = { name: 'cat.png', bytes: pngOf(64, 48) };

/** @param start a new chat with its own data */
export function conformance(platform: string, start: () => Promise<Chat>): void {
  describe(`${platform} does what every chat does`, { concurrency: 2 }, () => {
    it('/imagine posts a picture with alt text, seed, model and seconds', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a red mug', seed: 7, steps: 5 });
      const print = await until(chat, 'cy', hasPicture);
      assert.equal(print.pictures[0]!.alt, 'a red mug');
      assert.match(print.text, /mini · seed 7 · \d+\.\d s/);
      assert.equal(chat.queue.jobs[0]!.request.numInferenceSteps, 5);
      assert.deepEqual(chat.errors, []);
    });

    it('one message tells of the job from the queue to the picture', async () => {
      await using chat = await start();
      chat.queue.held = true;
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const waiting = await until(chat, 'bo', ({ text }) => text.includes('in line'));
      assert.deepEqual(waiting.buttons, ['Cancel']);
      chat.queue.develop(chat.queue.jobs[0]!);
      const print = await until(chat, 'bo', hasPicture);
      assert.equal(print.id, waiting.id);
    });

    it('words in reply to a picture make another picture of it', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const print = await until(chat, 'bo', hasPicture);
      await chat.say('cy', 'a blue boat --strength 0.5', { replyTo: print });
      const other = await until(chat, 'cy', (message) => hasPicture(message) && message.id !== print.id);
      assert.equal(other.pictures[0]!.alt, 'a blue boat');
      const { request, inputs } = chat.queue.jobs[1]!;
      assert.equal(request.strength, 0.5);
      assert.equal(inputs.size, 1);
    });

    it('a picture that comes with words is the one to start from', async () => {
      await using chat = await start();
      await chat.say('bo', 'a tiger', { picture: cat });
      await until(chat, 'bo', hasPicture);
      const { request, inputs } = chat.queue.jobs[0]!;
      assert.equal(`${request.width}x${request.height}`, '64x48');
      assert.deepEqual(Buffer.from([...inputs.values()][0]!), Buffer.from(cat.bytes));
    });

    it('a refusal names the value and is seen only by who asked', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a boat', model: 'nosuch' });
      const refusal = await until(chat, 'bo', ({ text }) => text.includes('nosuch'));
      assert.equal(refusal.isPrivate, true);
      assert.equal(chat.queue.jobs.length, 0);
    });

    it('whoever reads Korean gets Korean, others English: a picture, a refusal, a private answer', async () => {
      await using chat = await start();
      await chat.command('min', 'imagine', { prompt: '빨간 머그잔', seed: 7 });
      const print = await until(
        chat,
        'bo',
        ({ pictures, buttons }) => pictures.length > 0 && buttons.includes('변형'),
      );
      assert.match(print.text, /시드 7 · \d+\.\d초/);
      await chat.command('min', 'imagine', { prompt: 'a boat', size: '65x64' });
      await until(chat, 'min', ({ text }) => /65: 8의 배수가 아니에요/.test(text));
      await chat.command('min', 'queue');
      const answer = await until(chat, 'min', ({ text }) =>
        text.includes('대기 중이거나 진행 중인 작업이 없어요.'),
      );
      assert.equal(answer.isPrivate, true);
      await chat.command('bo', 'queue');
      await until(chat, 'bo', ({ text }) => text.includes('You have no queued or running jobs.'));
      // Whoever else presses: the card goes on in the asker's language.
      chat.queue.held = true;
      await chat.command('min', 'imagine', { prompt: '파란 배' });
      const waiting = await until(chat, 'ada', ({ buttons }) => buttons.includes('취소'));
      await chat.press('bo', waiting, '취소');
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('Only min'));
      await chat.press('ada', waiting, '취소');
      const cancelled = await until(
        chat,
        'bo',
        ({ id, text }) => id === waiting.id && text.includes('취소했어요'),
      );
      assert.ok(cancelled.buttons.includes('되돌리기'), cancelled.buttons.join());
    });

    it('buttons work: re-roll, vary, edit, recipe, delete', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a boat', seed: 7 });
      const print = await until(chat, 'bo', hasPicture);
      await chat.press('cy', print, 'Re-roll');
      const second = await until(chat, 'cy', (message) => hasPicture(message) && message.id !== print.id);
      assert.notEqual(chat.queue.jobs[1]!.request.seed, 7);
      await chat.press('cy', second, 'Edit', { prompt: 'a ship', strength: 0.4 });
      const third = await until(chat, 'cy', ({ pictures }) => pictures[0]?.alt === 'a ship');
      assert.equal(chat.queue.jobs[2]!.request.strength, 0.4);
      await chat.press('bo', third, 'Recipe');
      const recipe = await until(chat, 'bo', ({ text }) => text.includes('What made this picture'));
      assert.equal(recipe.isPrivate, true);
      assert.match(recipe.text, /--strength 0\.4/);
      // Slack asks first.
      const meant = chat.platform === 'slack' ? {} : undefined;
      await chat.press('bo', print, 'Delete', meant);
      const deleted = await until(chat, 'cy', ({ id, text }) => id === print.id && text.includes('Deleted'));
      assert.deepEqual([deleted.pictures, deleted.buttons], [[], ['Undo']]);
      await chat.press('bo', deleted, 'Undo');
      const back = await until(chat, 'cy', (message) => message.id === print.id && hasPicture(message));
      chat.undo.ms = 0;
      await chat.press('bo', back, 'Delete', meant);
      await gone(chat, 'cy', print.id);
      assert.deepEqual(chat.errors, []);
    });

    it('a job is cancelled by who asked for it, and by nobody else', async () => {
      await using chat = await start();
      chat.queue.held = true;
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
      await chat.press('cy', waiting, 'Cancel');
      await until(chat, 'cy', ({ text, isPrivate }) => isPrivate && text.includes('Only bo'));
      await chat.press('bo', waiting, 'Cancel');
      await until(chat, 'bo', ({ text, id }) => id === waiting.id && text.includes('Cancelled'));
    });

    it('after a restart the job goes on in the same message and its buttons work', async () => {
      await using chat = await start();
      chat.queue.held = true;
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
      await chat.restart();
      const print = await until(chat, 'bo', hasPicture);
      assert.equal(print.id, waiting.id);
      await chat.press('bo', print, 'Vary');
      await until(chat, 'bo', (message) => hasPicture(message) && message.id !== print.id);
    });

    it('no words of a prompt ping anybody', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: '@everyone <@123> <!channel> <!here>' });
      const print = await until(chat, 'bo', hasPicture);
      await chat.press('bo', print, 'Recipe');
      await until(chat, 'bo', ({ text }) => text.includes('What made this picture'));
      assert.deepEqual(chat.pinging(), []);
    });

    it('the longest words fit', async () => {
      await using chat = await start();
      const prompt = 'boat '.repeat(700).trim();
      await chat.command('bo', 'imagine', { prompt });
      const print = await until(chat, 'bo', hasPicture);
      await chat.press('bo', print, 'Recipe');
      await until(chat, 'bo', ({ text }) => text.includes('What made this picture'));
      assert.deepEqual(chat.errors, []);
    });

    it('inpaints a picture under a mask, in a named region, and where it is transparent if asked to', async () => {
      await using chat = await start();
      await chat.command('bo', 'edit', { prompt: 'a tiger', region: 'sky' }, { picture: cat });
      await until(chat, 'bo', hasPicture);
      const first = chat.queue.jobs[0]!;
      assert.deepEqual(
        [first.request.image, first.request.maskImage, first.request.keepUnmasked],
        ['source', 'mask', true],
      );
      assert.equal(first.inputs.size, 2);
      const glass: Picture = { name: 'glass.png', bytes: glassPng(64, 48) };
      await chat.say('bo', 'a lion', { picture: glass });
      const print = await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a lion');
      assert.match(print.text, /transparent part .* white/);
      assert.equal(chat.queue.jobs[1]!.request.maskImage, undefined);
      await chat.say('bo', 'a fox --region transparent', { picture: glass });
      await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a fox');
      assert.equal(chat.queue.jobs[2]!.request.maskImage, 'mask');
    });

    it('takes a shape from a picture, or a pose by its name', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a knight', control: 'canny' }, { control_picture: cat });
      const print = await until(chat, 'bo', hasPicture);
      assert.deepEqual(chat.queue.jobs[0]!.request.controls[0]!.kind, 'canny');
      assert.equal(chat.queue.jobs[0]!.inputs.has('control'), true);
      await chat.press('bo', print, 'Use as', { prompt: 'a dancer', control: 'openpose' });
      await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a dancer');
      await chat.command('bo', 'imagine', { prompt: 'a runner', pose: 'jumping' });
      await until(chat, 'bo', ({ pictures }) => pictures[0]?.alt === 'a runner');
      assert.deepEqual(chat.queue.jobs[2]!.request.controls[0]!.image, 'jumping');
      await chat.command('bo', 'imagine', { prompt: 'a knight', control: 'depth' }, { control_picture: cat });
      await until(chat, 'bo', ({ text }) => text.includes('no ControlNet for depth'));
      assert.equal(chat.queue.jobs.length, 3);
    });

    it('upscales and varies one of several pictures', async () => {
      await using chat = await start();
      await chat.command('bo', 'imagine', { prompt: 'a boat', n: 4, seed: 7 });
      const grid = await until(chat, 'bo', hasPicture);
      // One picture of all four where the platform would show them one under the other.
      const isSheet = chat.platform === 'slack';
      assert.equal(grid.pictures.length, isSheet ? 1 : 4);
      assert.deepEqual(grid.buttons.slice(0, 8), ['U1', 'U2', 'U3', 'U4', 'V1', 'V2', 'V3', 'V4']);
      await chat.press('bo', grid, 'U3');
      const large = await until(chat, 'bo', (message) => hasPicture(message) && message.id !== grid.id);
      const { request, inputs } = chat.queue.jobs[1]!;
      assert.deepEqual([request.seed, request.numImages, request.upscaleImage?.width], [9, 1, 512]);
      await chat.press('bo', grid, 'V2');
      await until(chat, 'bo', (message) => hasPicture(message) && ![grid.id, large.id].includes(message.id));
      assert.equal(chat.queue.jobs[2]!.request.image, 'source');
      const third = await pictureOf(chat, grid, 3);
      assert.deepEqual(Buffer.from([...inputs.values()][0]!), Buffer.from(third));
    });

    it('a sweep says what it costs, draws a labelled grid, and opens each of its pictures', async () => {
      await using chat = await start();
      await chat.command('bo', 'sweep', { prompt: 'a boat steps=5,10 cfg=3..5+2 --seed 7' });
      const offer = await until(chat, 'bo', ({ buttons }) => buttons.includes('Start'));
      assert.match(offer.text, /4 pictures, which takes about .* of GPU time/);
      assert.equal(chat.queue.jobs.length, 0);
      await chat.press('cy', offer, 'Start');
      await until(chat, 'cy', ({ text, isPrivate }) => isPrivate && text.includes('Only bo'));
      await chat.press('bo', offer, 'Start');
      const grid = await until(chat, 'cy', hasPicture);
      assert.equal(grid.id, offer.id);
      assert.match(grid.pictures[0]!.alt, /a boat: a grid .* steps, cfg/);
      assert.match(grid.text, /4 pictures · mini · seed 7/);
      const drawn = chat.queue.jobs.map(({ request }) => [request.numInferenceSteps, request.guidanceScale]);
      assert.deepEqual(drawn, [
        [5, 3],
        [10, 3],
        [5, 5],
        [10, 5],
      ]);
      await chat.press('cy', grid, 'steps 10, cfg 3');
      const one = await until(
        chat,
        'cy',
        ({ id, pictures }) => id !== grid.id && pictures[0]?.alt === 'a boat',
      );
      assert.equal(one.isPrivate, true);
      await chat.press('cy', one, 'Vary');
      await until(chat, 'cy', (message) => hasPicture(message) && ![grid.id, one.id].includes(message.id));
      assert.equal(chat.queue.jobs[4]!.request.numInferenceSteps, 10);
      await chat.press('bo', grid, 'Recipe');
      await until(chat, 'bo', ({ text }) => text.includes('/sweep a boat steps=5,10 cfg=3,5 --seed 7'));
      assert.deepEqual(chat.errors, []);
    });

    it('settings: an admin changes them, they hold, they are told, and they are undone', async () => {
      await using chat = await start();
      await chat.command('bo', 'config set', { setting: 'default_steps', value: '9' });
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('can change settings'));
      await chat.command('ada', 'config set', { setting: 'default_steps', value: '24' });
      const change = await until(chat, 'ada', ({ text }) => text.includes('default_steps: 20 -> 24'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      await until(chat, 'bo', hasPicture);
      assert.equal(chat.queue.jobs[0]!.request.numInferenceSteps, 24);
      await chat.press('ada', change, 'Undo');
      await until(chat, 'ada', ({ text }) => text.includes('default_steps: 24 -> not set'));
      await chat.command('ada', 'config set', { setting: 'max_steps', value: '10' });
      await until(chat, 'ada', ({ text }) => text.includes('max_steps: not set -> 10'));
      await chat.command('bo', 'imagine', { prompt: 'a boat', steps: 30 });
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('You asked for 30 steps'));
      await chat.command('bo', 'config why', { setting: 'max_steps' });
      await until(chat, 'bo', ({ text }) => text.includes('max_steps is 10, set for everyone by ada'));
      assert.deepEqual(chat.errors, []);
    });

    it('a style that an admin adds is laid over the words', async () => {
      await using chat = await start();
      await chat.command('ada', 'style add', {
        name: 'oil',
        template: '{prompt}, oil painting',
        no: 'photo',
      });
      await until(chat, 'ada', ({ text }) => text.includes('style.oil'));
      await chat.command('bo', 'imagine', { prompt: 'a boat', style: 'oil' });
      const print = await until(chat, 'bo', hasPicture);
      assert.equal(print.pictures[0]!.alt, 'a boat, oil painting');
      assert.equal(chat.queue.jobs[0]!.request.negativePrompt, 'photo');
    });

    it('who is banned, and everybody while pictures are paused, is refused in private', async () => {
      await using chat = await start();
      await chat.command('ada', 'ban add', { user: chat.idOf('bo') });
      await until(chat, 'ada', ({ text }) => text.includes('banned'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('banned you'));
      await chat.command('ada', 'pause', { state: 'on' });
      await until(chat, 'ada', ({ text }) => text.includes('paused: not set -> on'));
      await chat.command('cy', 'imagine', { prompt: 'a boat' });
      await until(chat, 'cy', ({ text, isPrivate }) => isPrivate && text.includes('paused'));
      await chat.command('ada', 'pause', { state: 'off' });
      await until(chat, 'ada', ({ text }) => text.includes('New pictures are accepted.'));
      assert.equal(chat.queue.jobs.length, 0);
    });

    it('a flagged picture is hidden until somebody opens it: in its message, a grid and a search', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'moderation', value: 'spoiler' });
      await until(chat, 'ada', ({ text }) => text.includes('moderation: not set -> spoiler'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const print = await until(chat, 'cy', ({ buttons }) => buttons.includes('Vary'));
      await chat.command('bo', 'sweep', { prompt: 'a ship steps=5,10' });
      await chat.press('bo', await until(chat, 'bo', ({ buttons }) => buttons.includes('Start')), 'Start');
      const isGrid = ({ text, buttons }: Seen) => text.includes('2 pictures') && buttons.includes('Recipe');
      const grid = await until(chat, 'cy', isGrid);
      await chat.press('cy', grid, 'steps 10');
      const isNew = ({ id }: Seen) => ![print.id, grid.id].includes(id);
      const cell = await until(chat, 'cy', (message) => isNew(message) && message.buttons.includes('Vary'));
      await chat.command('cy', 'find', { words: 'boat' });
      const found = await until(chat, 'cy', ({ text }) => text.includes('hidden by the safety check'));
      for (const message of [print, grid, cell, found]) {
        // Slack has no spoilers.
        if (chat.platform === 'slack') assert.deepEqual(message.pictures, []);
        else assert.ok(message.pictures.length === 1 && message.pictures[0]!.isHidden, message.text);
        if (chat.platform !== 'slack' || message === found) continue;
        const before = new Set((await chat.seenBy('cy')).map(({ id }) => id));
        await chat.press('cy', message, 'Show picture');
        const shown = await until(chat, 'cy', ({ id }) => !before.has(id));
        assert.deepEqual([shown.isPrivate, shown.pictures.length], [true, 1]);
      }
      assert.deepEqual(chat.errors, []);
    });

    it('a flagged picture is refused: its asker is told, and nothing is posted', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'moderation', value: 'refuse' });
      await until(chat, 'ada', ({ text }) => text.includes('moderation: not set -> refuse'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const answer = await until(chat, 'bo', ({ text }) => text.includes('did not let this picture through'));
      assert.deepEqual([answer.pictures, answer.buttons], [[], ['Delete']]);
      assert.deepEqual(chat.errors, []);
    });

    it('flagged pictures wait for a reviewer: approved, rejected, also after a restart', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'moderation', value: 'hold' });
      await until(chat, 'ada', ({ text }) => text.includes('moderation: not set -> hold'));
      await chat.command('bo', 'notify', { when: 'on' });
      await until(chat, 'bo', ({ text }) => text.includes('You are mentioned'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      await chat.command('cy', 'imagine', { prompt: 'a ship' });
      const told = async (person: string, prompt: string) =>
        until(chat, person, ({ text }) => text.includes('waits for a reviewer') && text.includes(prompt));
      const waiting = [await told('bo', 'a boat'), await told('cy', 'a ship')] as const;
      assert.deepEqual(
        waiting.map(({ pictures }) => pictures),
        [[], []],
      );
      await chat.command('bo', 'review');
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('Only admins, and roles'));
      await chat.restart();
      await chat.command('ada', 'review');
      const first = await until(
        chat,
        'ada',
        ({ text, buttons }) => text.includes('a boat') && buttons.includes('Approve'),
      );
      assert.deepEqual([first.isPrivate, first.pictures.length], [true, 1]);
      await chat.press('ada', first, 'Approve');
      const second = await until(
        chat,
        'ada',
        ({ text, buttons }) => text.includes('a ship') && buttons.includes('Reject'),
      );
      await chat.press('ada', second, 'Reject');
      await until(chat, 'ada', ({ text }) => text.includes('No picture waits'));
      if (chat.platform !== 'web') {
        await chat.press('ada', first, 'Reject');
        await until(chat, 'ada', ({ text }) => text.includes('already decided'));
      }
      const print = await until(chat, 'bo', hasPicture);
      // Once, and not before it is shown.
      const isMention = ({ text }: Seen) => text.includes('your picture is ready.');
      if (chat.platform !== 'web') await until(chat, 'bo', isMention);
      const mentions = (await chat.seenBy('bo')).filter(isMention);
      assert.equal(mentions.length, chat.platform === 'web' ? 0 : 1);
      assert.equal(print.id, waiting[0].id);
      const gone = await until(chat, 'cy', ({ text }) => text.includes('did not approve'));
      assert.deepEqual([gone.id, gone.pictures, gone.buttons], [waiting[1].id, [], ['Delete']]);
      assert.deepEqual(chat.errors, []);
    });

    it('a review channel shows what waits, with its prompt, to be decided there; a ban holds at once', async () => {
      await using chat = await start();
      if (chat.platform === 'web') return;
      const set = async (setting: string, value: string) => {
        await chat.command('ada', 'config set', { setting, value });
        await until(chat, 'ada', ({ text }) => text.includes(`${setting}: not set ->`));
      };
      await set('moderation', 'hold');
      await set('review_channel', '#general');
      await chat.command('bo', 'imagine', { prompt: 'a boat', no: 'sails' });
      const isWaiting = ({ buttons }: Seen) => buttons.includes('Ban');
      const waiting = await until(chat, 'cy', isWaiting);
      assert.deepEqual([waiting.isPrivate, waiting.pictures.length], [false, 1]);
      for (const words of ['bo', 'a boat', 'sails']) assert.ok(waiting.text.includes(words), waiting.text);
      await chat.press('cy', waiting, 'Approve');
      await until(chat, 'cy', ({ text, isPrivate }) => isPrivate && text.includes('Only admins, and roles'));
      await chat.press('ada', waiting, 'Approve');
      await until(chat, 'bo', hasPicture);
      const decided = await until(chat, 'cy', ({ text }) => text.includes('ada approved a picture by bo'));
      assert.deepEqual([decided.id, decided.buttons, decided.pictures], [waiting.id, [], []]);
      await chat.command('bo', 'imagine', { prompt: 'a ship' });
      await chat.press('ada', await until(chat, 'ada', isWaiting), 'Ban');
      await until(chat, 'cy', ({ text }) => text.includes('ada rejected a picture by bo and banned them'));
      await until(chat, 'bo', ({ text }) => text.includes('did not approve'));
      await chat.command('bo', 'imagine', { prompt: 'a mug' });
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('banned you'));
      assert.equal(chat.queue.jobs.length, 2);
      assert.deepEqual(chat.errors, []);
    });

    it('a review that was posted but not noted before a crash is not posted again, and follows its decision', async () => {
      await using chat = await start();
      if (chat.platform === 'web') return;
      for (const [setting, value] of [
        ['moderation', 'hold'],
        ['review_channel', '#general'],
      ] as const) {
        await chat.command('ada', 'config set', { setting, value });
        await until(chat, 'ada', ({ text }) => text.includes(`${setting}: not set ->`));
      }
      chat.dying.beforeReviewNote = true;
      chat.command('bo', 'imagine', { prompt: 'a boat' }).catch(() => {});
      const isReview = ({ buttons, isPrivate }: Seen) => buttons.includes('Ban') && !isPrivate;
      const first = await until(chat, 'cy', isReview);
      await chat.restart();
      await chat.command('ada', 'review');
      const own = await until(chat, 'ada', ({ buttons, isPrivate }) => buttons.includes('Ban') && isPrivate);
      assert.equal((await chat.seenBy('cy')).filter(isReview).length, 1);
      await chat.press('ada', own, 'Ban');
      const decided = await until(chat, 'cy', ({ id, buttons }) => id === first.id && buttons.length === 0);
      assert.deepEqual(
        [decided.text.trim(), decided.pictures],
        ['ada rejected a picture by bo and banned them.', []],
      );
      await chat.command('ada', 'review', { show: 'history' });
      await until(
        chat,
        'ada',
        ({ text, isPrivate }) => isPrivate && text.includes('rejected a picture by bo and banned'),
      );
      assert.deepEqual(chat.errors, []);
    });

    it('no message keeps a picture that was decided elsewhere, or deleted', async () => {
      await using chat = await start();
      const isWeb = chat.platform === 'web';
      const set = async (setting: string, value: string) => {
        await chat.command('ada', 'config set', { setting, value });
        await until(chat, 'ada', ({ text }) => text.includes(`${setting}: not set ->`));
      };
      await set('moderation', 'hold');
      // The web chat has no channels: reviewers have /review there.
      if (!isWeb) await set('review_channel', '#general');
      const known = new Set<string>();
      const shown = async () => {
        if (isWeb) await chat.command('ada', 'review');
        const isNew = ({ id, buttons }: Seen) => buttons.includes('Ban') && !known.has(id);
        const message = await until(chat, 'ada', isNew);
        known.add(message.id);
        assert.equal(message.pictures.length, 1);
        return message;
      };
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      const held = async (prompt: string) =>
        until(chat, 'bo', ({ text }) => text.includes('waits for a reviewer') && text.includes(prompt));
      await held('a boat');
      const first = await shown();
      await chat.command('ada', 'review');
      const other = await until(chat, 'ada', ({ id, buttons }) => id !== first.id && buttons.includes('Ban'));
      known.add(other.id);
      await chat.press('ada', other, 'Reject');
      const decided = await until(chat, 'ada', ({ id, buttons }) => id === first.id && buttons.length === 0);
      assert.deepEqual([decided.text.trim(), decided.pictures], ['ada rejected a picture by bo.', []]);
      await chat.command('bo', 'imagine', { prompt: 'a ship' });
      const waiting = await held('a ship');
      const second = await shown();
      await chat.press('bo', waiting, 'Delete', chat.platform === 'slack' ? {} : undefined);
      await until(chat, 'bo', ({ id, text }) => id === waiting.id && text.includes('Deleted'));
      await chat.restart();
      assert.deepEqual(
        (await chat.seenBy('ada')).filter(({ id }) => id === second.id),
        [],
      );
      assert.deepEqual(chat.errors, []);
    });

    it('a picture of a sweep that waits comes into the grid when it is approved', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'moderation', value: 'hold' });
      await until(chat, 'ada', ({ text }) => text.includes('moderation: not set -> hold'));
      await chat.command('bo', 'sweep', { prompt: 'a boat steps=5,10' });
      const offer = await until(chat, 'bo', ({ buttons }) => buttons.includes('Start'));
      await chat.press('bo', offer, 'Start');
      const held = await until(chat, 'bo', ({ text }) => text.includes('wait for a reviewer'));
      assert.deepEqual([held.id, held.pictures], [offer.id, []]);
      for (const label of ['Approve', 'Reject']) {
        await chat.command('ada', 'review');
        await chat.press('ada', await until(chat, 'ada', ({ buttons }) => buttons.includes(label)), label);
        const grid = await until(chat, 'cy', (message) => hasPicture(message) && message.id === offer.id);
        assert.deepEqual([grid.pictures.length, grid.text.includes('1 picture ')], [1, true], grid.text);
      }
      await until(chat, 'ada', ({ text }) => text.includes('No picture waits'));
      assert.deepEqual(chat.errors, []);
    });

    it('an admin gets what was used as files for a spreadsheet, and nobody else does', async () => {
      await using chat = await start();
      if (chat.files === undefined) return;
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      await until(chat, 'bo', hasPicture);
      await chat.command('ada', 'usage', { days: '7', zone: 'Asia/Seoul' });
      const report = await until(chat, 'ada', ({ buttons }) => buttons.includes('CSV'));
      await chat.press('bo', report, 'CSV');
      await until(chat, 'bo', ({ text, isPrivate }) => isPrivate && text.includes('can see what was used'));
      await chat.press('ada', report, 'CSV');
      await until(chat, 'ada', ({ text, isPrivate }) => isPrivate && text.includes('for a spreadsheet'));
      const files = await chat.files();
      assert.deepEqual(
        files.map(({ name }) => name).toSorted(),
        ['days', 'models', 'people', 'reasons'].map((sheet) => `darkroom-usage-${sheet}.csv`),
      );
      const days = files.find(({ name }) => name.includes('days'))!.text;
      assert.match(days, /^\ufeffday,zone,[\s\S]*,Asia\/Seoul,1,1,0,0,1,/);
      assert.deepEqual(chat.errors, []);
    });

    describe('a star as a reaction', () => {
      async function untilStarred(chat: Chat, isExpected: (text: string) => boolean): Promise<void> {
        for (let i = 0; i < 50; i++) {
          const before = new Set((await chat.seenBy('cy')).map(({ id }) => id));
          await chat.command('cy', 'find', { starred: 'on' });
          const { text } = await until(chat, 'cy', ({ id, isPrivate }) => isPrivate && !before.has(id));
          if (isExpected(text)) return;
        }
        assert.fail('the star did not change');
      }

      it('is the star of whoever reacts, until it is taken back', async () => {
        await using chat = await start();
        if (chat.react === undefined) return;
        await chat.command('bo', 'imagine', { prompt: 'a boat' });
        const print = await until(chat, 'cy', hasPicture);
        await chat.react('cy', print, true);
        await untilStarred(chat, (text) => text.includes('a boat') && text.includes('1 star'));
        await chat.react('bo', print, true);
        await untilStarred(chat, (text) => text.includes('2 stars'));
        await chat.react('cy', print, false);
        await untilStarred(chat, (text) => !text.includes('a boat'));
        assert.deepEqual(chat.errors, []);
      });

      it('counts where it comes before the program knows the message, or before the picture is done', async () => {
        await using chat = await start();
        if (chat.react === undefined) return;
        chat.queue.held = true;
        chat.noting.ms = 500;
        await chat.command('bo', 'imagine', { prompt: 'a boat' });
        await chat.react('cy', await until(chat, 'cy', ({ buttons }) => buttons.includes('Cancel')), true);
        chat.noting.ms = 0;
        await chat.command('bo', 'imagine', { prompt: 'a mug' });
        const isMug = ({ text, buttons }: Seen) => text.includes('a mug') && buttons.includes('Cancel');
        const mug = await until(chat, 'cy', isMug);
        for (const isAdded of [true, false]) await chat.react('cy', mug, isAdded);
        await eventually('two jobs', () => chat.queue.jobs.length === 2);
        for (const job of chat.queue.jobs) chat.queue.develop(job);
        await until(chat, 'cy', (message) => hasPicture(message) && message.id === mug.id);
        await untilStarred(chat, (text) => text.includes('a boat') && text.includes('1 star'));
        await untilStarred(chat, (text) => !text.includes('a mug'));
        assert.deepEqual(chat.errors, []);
      });
    });

    it('results that are set private are seen only by who asked', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'result_visibility', value: 'private' });
      await until(chat, 'ada', ({ text }) => text.includes('result_visibility'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      assert.equal((await until(chat, 'bo', hasPicture)).isPrivate, true);
    });

    it('a job that was taken in before a crash and never shown is shown, as private as it was asked', async () => {
      await using chat = await start();
      await chat.command('ada', 'config set', { setting: 'result_visibility', value: 'private' });
      await until(chat, 'ada', ({ text }) => text.includes('result_visibility'));
      chat.queue.held = true;
      chat.queue.diesOnAccept = true;
      // Its answer never comes.
      chat.command('bo', 'imagine', { prompt: 'a boat' }).catch(() => {});
      await eventually('a job', () => chat.queue.jobs.length > 0);
      await chat.restart();
      assert.equal((await until(chat, 'bo', hasPicture)).isPrivate, true);
      const seen = await chat.seenBy('cy');
      assert.equal(seen.filter((one) => hasPicture(one) && !one.isPrivate).length, 0);
    });

    it('a message that was posted but not noted before a crash goes on, and nobody sees a second one', async () => {
      await using chat = await start();
      chat.queue.held = true;
      chat.dying.beforeNote = true;
      // Its answer may never come.
      chat.command('bo', 'imagine', { prompt: 'a boat' }).catch(() => {});
      const waiting = await until(chat, 'bo', ({ buttons }) => buttons.includes('Cancel'));
      await chat.restart();
      const print = await until(chat, 'bo', hasPicture);
      assert.equal(print.id, waiting.id);
      assert.equal((await chat.seenBy('bo')).length, 1);
      assert.deepEqual(chat.errors, []);
    });

    it('whoever wants it is mentioned when a picture is ready; the page notifies by itself', async () => {
      await using chat = await start();
      const isMention = ({ text }: Seen) => text.includes('your picture is ready.');
      await chat.command('cy', 'imagine', { prompt: 'a tree' });
      await until(chat, 'cy', hasPicture);
      await chat.command('bo', 'notify', { when: 'on' });
      await until(chat, 'bo', ({ text }) => text.includes('You are mentioned'));
      await chat.command('bo', 'imagine', { prompt: 'a boat' });
      if (chat.platform !== 'web') {
        const mention = await until(chat, 'bo', isMention);
        assert.ok(mention.text.includes(`<@${chat.idOf('bo').replaceAll(/[<@>]/g, '')}>`), mention.text);
      }
      await until(chat, 'bo', (message) => hasPicture(message) && message.pictures[0]?.alt === 'a boat');
      const mentions = (await chat.seenBy('bo')).filter(isMention);
      assert.equal(mentions.length, chat.platform === 'web' ? 0 : 1);
      assert.deepEqual(chat.errors, []);
    });

    it('50 people at once are all served', async () => {
      await using chat = await start();
      const people = Array.from({ length: 50 }, (_, i) => `p${i}`);
      await Promise.all(
        people.map((person) => chat.command(person, 'imagine', { prompt: `boat of ${person}` })),
      );
      for (const person of people) {
        await until(chat, person, ({ pictures }) => pictures[0]?.alt === `boat of ${person}`);
      }
      assert.equal(chat.queue.jobs.length, 50);
    });
  });
}

/** One picture of several; the web page opens it by itself, elsewhere More leads to it. */
async function pictureOf(chat: Chat, grid: Seen, number: number): Promise<Uint8Array> {
  if (chat.platform === 'web') return grid.pictures[number - 1]!.bytes;
  await chat.press('bo', grid, `Picture ${number}`);
  const one = await until(
    chat,
    'bo',
    ({ id, pictures, buttons }) => id !== grid.id && pictures.length === 1 && !buttons.includes('Delete'),
  );
  assert.deepEqual(one.buttons, ['Vary', 'Edit', 'Upscale', 'Use as', 'Star', 'Recipe']);
  return one.pictures[0]!.bytes;
}

async function gone(chat: Chat, person: string, id: string): Promise<void> {
  await eventually(
    `the message ${id} is gone`,
    async () => !(await chat.seenBy(person)).some((message) => message.id === id),
  );
}
