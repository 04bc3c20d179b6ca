/**
 * /usage: what was used, for admins of this chat; the operator sees all servers. Plots are pictures, since the page's
 * policy allows no style inside of them; every number of theirs is in a table too, and in a CSV file.
 */
import type { Hono } from 'hono';
import { html } from 'hono/html';
import { DarkroomError } from '../../../src/errors.ts';
import { Lru } from '../../../src/lru.ts';
import { type Say, sayIn, sentence } from '../../../src/sentences.ts';
import { SHEETS, type Sheet, writeCsv } from '../../../src/usage/csv.ts';
import {
  briefSeconds,
  drawPlot,
  INKS,
  type Ink,
  PLOT_SIZES,
  PLOTS,
  type Plot,
  type PlotSize,
} from '../../../src/usage/plots.ts';
import {
  RANGES,
  type Range,
  readUsage,
  type UsageReason,
  type UsageReport,
  type UsageStore,
  type UsageSum,
} from '../../../src/usage/report.ts';
import { reasonTitle, sumTitle } from '../../../src/usage/titles.ts';
import { WAIT_PRECISION } from '../../../src/usage/waits.ts';
import type { Call, Env } from './call.ts';
import { localeOfCall } from './language.ts';
import { drawFrame } from './page-frame.ts';

/** The web chat as a tenant. */
const TENANT = 'web';
/** Rows of a list on the page; the CSV file has the others. */
const ROWS = 15;
const DEFAULT_DAYS = 30;
/** Milliseconds for which the page, its plots and its files have one report. */
const FRESH = 10_000;
const REPORTS = 50;

export function addUsagePage(
  app: Hono<Env>,
  { usage, base }: { readonly usage: UsageStore; readonly base: string },
): void {
  const reports = new Lru<{ readonly at: number; readonly report: Promise<UsageReport> }>({ limit: REPORTS });

  const reportOf = (c: Call): Promise<UsageReport> => {
    const { role } = c.get('sender');
    if (role === 'member') throw new DarkroomError('forbidden', sentence('web.status_by_admins'));
    const tenant = role === 'operator' ? undefined : TENANT;
    const days = rangeOf(c.req.query('days'));
    const zone = c.req.query('zone') ?? 'UTC';
    const key = JSON.stringify([tenant ?? null, days, zone]);
    const known = reports.get(key);
    const now = Date.now();
    if (known !== undefined && now - known.at < FRESH) return known.report;
    const report = readUsage(usage, { tenant, days, zone, now });
    report.catch(() => reports.delete(key));
    reports.set(key, { at: now, report });
    return report;
  };

  app.get('/usage', async (c) => {
    const report = await reportOf(c);
    const locale = localeOfCall(c);
    const say = sayIn(locale);
    return c.html(drawFrame(say('usage.title'), { base, locale }, drawReport(report, base, say)));
  });

  app.get('/usage/:file{[a-z]+\\.svg}', async (c) => {
    const plot = oneOf(c.req.param('file').replace(/\.svg$/, ''), PLOTS);
    const ink = oneOf(c.req.query('ink') ?? 'light', Object.keys(INKS) as Ink[]);
    const size = oneOf(c.req.query('size') ?? 'wide', Object.keys(PLOT_SIZES) as PlotSize[]);
    const say = sayIn(localeOfCall(c));
    const series = { gpu: [say('usage.gpu_time')], waits: [say('usage.median'), say('usage.p95')] } as const;
    const words = { series: series[plot], font: 'system-ui, sans-serif' };
    return c.body(await drawPlot(await reportOf(c), plot, { ink, words, size }), 200, {
      'content-type': 'image/svg+xml',
      'cache-control': 'private, max-age=60',
    });
  });

  app.get('/usage/:file{[a-z]+\\.csv}', async (c) => {
    const sheet = oneOf(c.req.param('file').replace(/\.csv$/, ''), SHEETS);
    return c.body(writeCsv(await reportOf(c), sheet, sayIn(localeOfCall(c))), 200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="darkroom-usage-${sheet}.csv"`,
    });
  });
}

function oneOf<const T extends string>(name: string, known: readonly T[]): T {
  const found = known.find((one) => one === name);
  if (found !== undefined) return found;
  throw new DarkroomError('not_found', sentence('usage.no_sheet', { name, choices: { anyOf: known } }));
}

function rangeOf(days = String(DEFAULT_DAYS)): Range {
  const range = RANGES.find((one) => String(one) === days);
  if (range !== undefined) return range;
  throw new DarkroomError(
    'bad_request',
    sentence('usage.bad_days', { days: days.slice(0, 20), choices: { anyOf: RANGES.map(String) } }),
  );
}

type Markup = ReturnType<typeof html>;

function drawReport(report: UsageReport, base: string, say: Say): Markup {
  const { days, zone, tenant, total, byDay, byPerson, byModel, byTenant, refused, failed } = report;
  const { gpuSeconds, pictures, done, cancelled, median, p95 } = total;
  const asked = (range: number) => `days=${range}&zone=${encodeURIComponent(zone)}`;
  const isEmpty = done + total.failed + cancelled + refused.length === 0;
  const since = byDay[0]!.day;
  const csv = (sheet: Sheet) =>
    html`<a class="usage-csv" href="${base}/usage/${sheet}.csv?${asked(days)}" download>${say('usage.csv')}</a>`;
  const list = (title: string, sheet: Sheet, sums: readonly UsageSum[]) =>
    sums.length === 0 ? '' : drawSums(title, sums, csv(sheet), say);
  return html`<script src="${base}/usage.js"></script>
<nav class="usage-days">${RANGES.map((range) =>
    range === days
      ? html`<strong aria-current="page">${say('usage.days_link', { days: range })}</strong>`
      : html`<a href="${base}/usage?${asked(range)}">${say('usage.days_link', { days: range })}</a>`,
  )}</nav>
<p>${say(tenant === undefined ? 'usage.of_all' : 'usage.of_server', { since, zone })}</p>
${
  isEmpty
    ? html`<p class="status">${say('usage.none', { days })}</p>`
    : html`<section class="status">
<p>${say('usage.summary', { gpu: briefSeconds(gpuSeconds, say), pictures, done, failed: total.failed, cancelled })}</p>
${
  median === undefined || p95 === undefined
    ? ''
    : html`<p>${say('usage.wait', { median: briefSeconds(median, say), high: briefSeconds(p95, say) })} ${say('usage.wait_precision', { percent: (WAIT_PRECISION * 100).toFixed(1) })}</p>`
}
${PLOTS.map((plot) => drawFigure(plot, `${base}/usage/${plot}.svg?${asked(days)}`, say))}
<details><summary>${say('usage.numbers')}</summary>${csv('days')}
<div class="usage-scroll"><table>
<tr>${(['day', 'gpu_time', 'done', 'failed', 'cancelled', 'pictures', 'median', 'p95'] as const).map((name) => html`<th scope="col">${say(`usage.${name}`)}</th>`)}</tr>
${byDay.map(
  (day) =>
    html`<tr><th scope="row">${day.day}</th><td>${briefSeconds(day.gpuSeconds, say)}</td><td>${day.done}</td><td>${day.failed}</td><td>${day.cancelled}</td><td>${day.pictures}</td><td>${brief(day.median, say)}</td><td>${brief(day.p95, say)}</td></tr>`,
)}
</table></div></details>
</section>
${byTenant === undefined ? '' : list(say('usage.by_server'), 'servers', byTenant)}
${list(say('usage.by_person'), 'people', byPerson)}
${list(say('usage.by_model'), 'models', byModel)}
${drawReasons(say('usage.refused'), refused, csv('reasons'), say)}
${drawReasons(say('usage.failed'), failed, csv('reasons'), say)}`
}
<p><a href="${base}/">${say('usage.back')}</a></p>`;
}

const brief = (seconds: number | undefined, say: Say) =>
  seconds === undefined ? '' : briefSeconds(seconds, say);

/** In both themes: the one that is not shown is not fetched. */
function drawFigure(plot: Plot, address: string, say: Say): Markup {
  const title = say(plot === 'gpu' ? 'usage.gpu_by_day' : 'usage.waits_by_day');
  const alt = say('usage.plot_alt', { plot: title });
  return html`<figure><figcaption>${title}</figcaption>${(['light', 'dark'] as const).map(
    (ink) =>
      html`<picture class="usage-${ink}"><source media="(max-width: 600px)" srcset="${address}&ink=${ink}&size=narrow" width="336" height="220"><img src="${address}&ink=${ink}" alt="${alt}" width="720" height="240" loading="lazy"></picture>`,
  )}</figure>`;
}

function drawSums(title: string, sums: readonly UsageSum[], csv: Markup, say: Say): Markup {
  const most = sums[0]?.gpuSeconds ?? 0;
  const more = sums.length - ROWS;
  return html`<section class="status"><h2>${title} ${csv}</h2>
<div class="usage-scroll"><table>
<tr><th scope="col">${say('usage.name')}</th><td aria-hidden="true"></td><th scope="col">${say('usage.gpu_time')}</th><th scope="col">${say('usage.jobs')}</th></tr>
${sums
  .slice(0, ROWS)
  .map(
    (sum) =>
      html`<tr><th scope="row">${sumTitle(sum, say)}</th><td class="usage-bar" aria-hidden="true"><progress max="${Math.max(most, 1e-9)}" value="${sum.gpuSeconds}"></progress></td><td>${briefSeconds(sum.gpuSeconds, say)}</td><td>${sum.jobs}</td></tr>`,
  )}
</table></div>${more > 0 ? html`<p>${say('usage.more', { count: more })}</p>` : ''}</section>`;
}

function drawReasons(title: string, reasons: readonly UsageReason[], csv: Markup, say: Say): Markup | '' {
  if (reasons.length === 0) return '';
  const most = reasons[0]!.count;
  return html`<section class="status"><h2>${title} ${csv}</h2>
<div class="usage-scroll"><table>
<tr><th scope="col">${say('usage.reason')}</th><td aria-hidden="true"></td><th scope="col">${say('usage.number')}</th></tr>
${reasons.map(
  ({ reason, count }) =>
    html`<tr><th scope="row">${reasonTitle(reason, say)}</th><td class="usage-bar" aria-hidden="true"><progress max="${most}" value="${count}"></progress></td><td>${count}</td></tr>`,
)}
</table></div></section>`;
}
