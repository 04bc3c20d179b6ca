/** /usage: what was used here, for admins; its page has all of it. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import { traitsOf } from '../adapters/platforms.ts';
import { DarkroomError } from '../src/errors.ts';
import { type Say, sentence } from '../src/sentences.ts';
import type { UsageReason, UsageSum } from '../src/store/usage.ts';
import { SHEETS, writeCsv } from '../src/usage/csv.ts';
import { briefSeconds, drawPlot, PLOTS } from '../src/usage/plots.ts';
import { RANGES, type Range, readUsage, type UsageReport } from '../src/usage/report.ts';
import { reasonTitle, sumTitle } from '../src/usage/titles.ts';
import { WAIT_PRECISION } from '../src/usage/waits.ts';
import { type Context, defineCommand } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';

type UsagePorts = Pick<Ports, 'usage' | 'plotPicture' | 'settings' | 'admins'>;

/** Rows of a list in a message. */
const ROWS = 8;
const DEFAULT_DAYS = 30;

export const usage = defineCommand({
  name: 'usage',
  isForAdmins: true,
  description: 'describe.usage',
  options: {
    days: {
      type: 'choice',
      choices: RANGES.map(String),
      description: 'describe.usage.days',
      example: '30',
    },
    zone: {
      type: 'text',
      single: true,
      flag: '--zone',
      description: 'describe.usage.zone',
      example: 'Asia/Seoul',
    },
  },
  examples: ['/usage', '/usage 7 --zone Asia/Seoul'],
  async run({ days, zone }, { invocation, reply, say, ports }: Context<UsagePorts>) {
    await requireAdminOf(invocation, ports);
    const report = await readUsage(ports.usage, {
      tenant: tenantOf(invocation),
      days: rangeOf(days),
      zone: zone ?? invocation.where.zone ?? 'UTC',
      now: Date.now(),
    });
    const { pages } = traitsOf(invocation.platform).capabilities;
    await reply.postEphemeral({
      ...usageCard(report, say),
      ...(!pages && { actions: [{ id: `csv:${report.days}:${report.zone}`, label: say('usage.csv') }] }),
      ...(!pages && ports.plotPicture && { plots: await plotsOf(report, say, ports.plotPicture) }),
      ...(pages && { notes: [say('usage.page')] }),
    });
  },
});

async function requireAdminOf(
  invocation: Invocation,
  ports: Pick<UsagePorts, 'settings' | 'admins'>,
): Promise<void> {
  if ((await Policy.of(invocation, ports)).isAdmin()) return;
  const admins = sentence(traitsOf(invocation.platform).admins);
  throw new DarkroomError('forbidden', sentence('usage.admins_only', { admins }));
}

/** Of one server; there is no list of servers. */
const OF_SERVER = SHEETS.filter((sheet) => sheet !== 'servers');

/** The button CSV. @param action `csv:DAYS:ZONE`; it is asked again who presses it */
export async function showSheets(
  action: string,
  { invocation, reply, say, ports }: Context<Pick<UsagePorts, 'usage' | 'settings' | 'admins'>>,
): Promise<void> {
  await requireAdminOf(invocation, ports);
  const [, days, zone = 'UTC'] = /^csv:(\d{1,4}):(.{1,64})$/.exec(action) ?? [];
  const tenant = tenantOf(invocation);
  const report = await readUsage(ports.usage, { tenant, days: rangeOf(days), zone, now: Date.now() });
  const files = OF_SERVER.map((sheet) => ({
    name: `darkroom-usage-${sheet}.csv`,
    bytes: Buffer.from(writeCsv(report, sheet, say)),
  }));
  const isBeside = traitsOf(invocation.platform).capabilities.privateFiles;
  await reply.postEphemeral({ text: say(isBeside ? 'usage.csv_files' : 'usage.csv_direct'), files });
}

/** @throws DarkroomError('bad_request') */
function rangeOf(days: string | undefined): Range {
  const range = RANGES.find((one) => one === Number(days ?? DEFAULT_DAYS));
  if (range !== undefined) return range;
  throw new DarkroomError(
    'bad_request',
    sentence('usage.bad_days', { days: days ?? '', choices: { anyOf: RANGES.map(String) } }),
  );
}

/** All of it in words, so that nobody needs the plots. */
function usageCard(report: UsageReport, say: Say): Card {
  const { days, total, byPerson, byModel, refused, failed } = report;
  const { done, cancelled, pictures, gpuSeconds, median, p95 } = total;
  const isEmpty = done + total.failed + cancelled + refused.length === 0;
  const since = `${report.byDay[0]!.day}`;
  if (isEmpty) return { text: say('usage.none', { days }) };
  const waits =
    median === undefined || p95 === undefined
      ? say('usage.wait_none')
      : `${say('usage.wait', { median: briefSeconds(median, say), high: briefSeconds(p95, say) })} ${say('usage.wait_precision', { percent: (WAIT_PRECISION * 100).toFixed(1) })}`;
  const summary = say('usage.summary', {
    ...{ gpu: briefSeconds(gpuSeconds, say), pictures, done, failed: total.failed, cancelled },
  });
  const lists = [
    ['usage.by_person', sumLines(byPerson, say)],
    ['usage.by_model', sumLines(byModel, say)],
    ['usage.refused', reasonLines(refused, say)],
    ['usage.failed', reasonLines(failed, say)],
  ] as const;
  return {
    text: `${say('usage.title_days', { days })}\n${summary} ${waits}`,
    fields: lists.flatMap(([key, lines]) =>
      lines.length === 0 ? [] : [{ name: say(key), value: lines.join('\n') }],
    ),
    footer: say('usage.of_server', { since, zone: report.zone }),
  };
}

function sumLines(sums: readonly UsageSum[], say: Say): string[] {
  const lines = sums
    .slice(0, ROWS)
    .map(
      (sum) =>
        `${sumTitle(sum, say)}: ${say('usage.row', { gpu: briefSeconds(sum.gpuSeconds, say), jobs: sum.jobs })}`,
    );
  const more = sums.length - lines.length;
  return more > 0 ? [...lines, say('usage.more', { count: more })] : lines;
}

const reasonLines = (reasons: readonly UsageReason[], say: Say): string[] =>
  reasons
    .slice(0, ROWS)
    .map(({ reason, count }) => `${reasonTitle(reason, say)}: ${say('usage.count', { count })}`);

async function plotsOf(
  report: UsageReport,
  say: Say,
  toPicture: NonNullable<Ports['plotPicture']>,
): Promise<NonNullable<Card['plots']>> {
  const titles = { gpu: say('usage.gpu_by_day'), waits: say('usage.waits_by_day') };
  return Promise.all(
    PLOTS.map(async (plot) => {
      // A machine may have no font with letters of every language: the lines are named by signs that all fonts have.
      const words = { series: ['50 %', '95 %'] as const, font: 'sans-serif' };
      const svg = await drawPlot(report, plot, { ink: 'paper', words });
      return { png: await toPicture(svg), alt: titles[plot] };
    }),
  );
}
