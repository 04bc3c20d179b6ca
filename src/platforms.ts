/**
 * The platforms beside the web chat: made where their tokens are set, and each connected by itself. One that cannot be
 * reached holds up neither the others nor the worker.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Adapter, Deliveries } from '../adapters/adapter.ts';
import type { Platform } from '../adapters/platforms.ts';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { COMMANDS, type Commands } from '../commands/router.ts';
import type { Settings } from '../config/settings.ts';
import { DarkroomError, describeError } from './errors.ts';
import { contactSheet } from './image/contact-sheet.ts';
import { shrinkPicture } from './image/shrink.ts';
import type { Logger } from './log.ts';
import { shownPictures } from './shown-pictures.ts';
import type { Store } from './store/store.ts';

export interface Connection {
  /** Whether users reach Darkroom there. */
  readonly isUp: boolean;
  stop(): Promise<void>;
}

/** Milliseconds until the second try; each further wait is twice as long, up to the longest. */
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 5 * 60_000;
/** Milliseconds that a stop waits for a platform. */
const STOP_WAIT = 2000;

/**
 * Starts an adapter, and tries again until it is up: its first failure is logged, the others only as details. A wrong
 * setting stays wrong until the next start, so that it is not tried again.
 * @param onUp called each time it has started
 */
export function connect(
  adapter: Adapter,
  log: Pick<Logger, 'info' | 'error' | 'debug'>,
  onUp: () => Promise<void>,
  wait: (milliseconds: number, signal: AbortSignal) => Promise<unknown> = (milliseconds, signal) =>
    sleep(milliseconds, undefined, { signal }),
): Connection {
  const stopped = new AbortController();
  let isUp = false;
  const run = async () => {
    for (let tries = 0; !stopped.signal.aborted; tries++) {
      try {
        log.info(await adapter.start());
        isUp = true;
        return await onUp();
      } catch (error) {
        const isFinal = error instanceof DarkroomError && error.code === 'misconfigured';
        const sentence = describeError(error).message;
        if (isFinal) return log.error(sentence);
        if (tries === 0) log.error({ err: error }, `${sentence} It is tried again until it works.`);
        else log.debug({ tries }, sentence);
      }
      const pause = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries);
      // Not all processes at the same moment.
      await wait(pause * (0.8 + 0.4 * Math.random()), stopped.signal).catch(() => undefined);
    }
  };
  const running = run().catch((error: unknown) => log.error({ err: error }, 'internal error'));
  return {
    get isUp() {
      return isUp;
    },
    async stop() {
      stopped.abort();
      // A start that nobody answers is not waited for.
      const ended = Promise.all([adapter.stop(), running]);
      await Promise.race([ended, sleep(STOP_WAIT, undefined, { ref: false })]);
    },
  };
}

interface PlatformParts {
  readonly commands: Commands;
  readonly store: Store<MessageRecord>;
  readonly log: Logger;
  readonly onError: (error: unknown) => void;
}

/** Of a picture that somebody attaches. */
const MAX_PICTURE_BYTES = 20 * 1024 * 1024;

/** Adapters of the platforms whose tokens are set, their clients loaded only then; the log says which are off. */
export async function createPlatforms(
  settings: Settings,
  { commands, store, log, onError }: PlatformParts,
): Promise<Adapter[]> {
  const shared = {
    maxPictureBytes: MAX_PICTURE_BYTES,
    handle: commands.handle,
    formOf: commands.formOf,
    react: commands.react,
    pictures: shownPictures(store),
    deliveries: createDeliveries(store),
    onError,
  };
  const platforms: Adapter[] = [];
  const { DISCORD_TOKEN, DISCORD_API_URL } = settings;
  const { SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL } = settings;
  if (DISCORD_TOKEN === undefined) log.info('Discord is off: DISCORD_TOKEN is not set');
  else {
    const { createDiscordAdapter } = await import('../adapters/discord/adapter.ts');
    platforms.push(
      createDiscordAdapter({
        ...shared,
        token: DISCORD_TOKEN,
        ...(DISCORD_API_URL !== undefined && { apiUrl: DISCORD_API_URL }),
        mediaHosts: settings.DISCORD_MEDIA_HOSTS,
        commands: COMMANDS,
        complete: commands.complete,
        forget: commands.forget,
        shrink: shrinkPicture,
      }),
    );
  }
  if (SLACK_BOT_TOKEN === undefined) log.info('Slack is off: SLACK_BOT_TOKEN is not set');
  else if (SLACK_APP_TOKEN === undefined && SLACK_SIGNING_SECRET === undefined) {
    log.error('Slack is off: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode');
  } else {
    const { createSlackAdapter } = await import('../adapters/slack/adapter.ts');
    platforms.push(
      createSlackAdapter({
        ...shared,
        contactSheet,
        botToken: SLACK_BOT_TOKEN,
        ...(SLACK_APP_TOKEN !== undefined && { appToken: SLACK_APP_TOKEN }),
        ...(SLACK_SIGNING_SECRET !== undefined && { signingSecret: SLACK_SIGNING_SECRET }),
        ...(SLACK_API_URL !== undefined && { apiUrl: SLACK_API_URL }),
        host: settings.SLACK_HOST,
        port: settings.SLACK_PORT,
        mediaHosts: settings.SLACK_MEDIA_HOSTS,
      }),
    );
  }
  return platforms;
}

function createDeliveries({ deliveries }: Store<MessageRecord>): Deliveries {
  return {
    async get(job) {
      const kept = await deliveries.get(job);
      return kept && { ...kept, platform: kept.platform as Platform };
    },
    ofMessage: (platform, message) => deliveries.ofMessage(platform, message),
    put: (delivery) => deliveries.put(delivery),
  };
}
