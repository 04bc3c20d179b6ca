/** Sums of use as CSV (RFC 4180), for spreadsheets. */
import type { Say } from '../sentences.ts';
import type { UsageReport } from './report.ts';
import { reasonTitle, sumTitle } from './titles.ts';

export const SHEETS = ['days', 'people', 'models', 'servers', 'reasons'] as const;
export type Sheet = (typeof SHEETS)[number];

type Cell = string | number | undefined;

/** @param sheet `servers` is empty where the report is of one tenant */
export function writeCsv(report: UsageReport, sheet: Sheet, say: Say): string {
  // A byte order mark: without it Excel takes the file for another encoding.
  return `\ufeff${rowsOf(report, sheet, say)
    .map((row) => `${row.map(cell).join(',')}\r\n`)
    .join('')}`;
}

function rowsOf(report: UsageReport, sheet: Sheet, say: Say): Cell[][] {
  if (sheet === 'days') {
    const head = [
      'day',
      'zone',
      'gpu_seconds',
      'done',
      'failed',
      'cancelled',
      'pictures',
      'wait_median',
      'wait_p95',
    ];
    return [
      head,
      ...report.byDay.map(({ day, gpuSeconds, done, failed, cancelled, pictures, median, p95 }) => [
        ...[day, report.zone, rounded(gpuSeconds), done, failed, cancelled, pictures],
        ...[rounded(median), rounded(p95)],
      ]),
    ];
  }
  if (sheet === 'reasons') {
    const all = [...report.refused, ...report.failed];
    return [
      ['kind', 'reason', 'title', 'count'],
      ...all.map(({ kind, reason, count }) => [kind, reason, reasonTitle(reason, say), count]),
    ];
  }
  const sums = { people: report.byPerson, models: report.byModel, servers: report.byTenant ?? [] }[sheet];
  return [
    ['id', 'name', 'gpu_seconds', 'jobs'],
    ...sums.map((sum) => [sum.key, sumTitle(sum, say), rounded(sum.gpuSeconds), sum.jobs]),
  ];
}

const rounded = (value: number | undefined) =>
  value === undefined ? undefined : Math.round(value * 1000) / 1000;

/** A name that begins as a formula does would be one in a spreadsheet (OWASP, "CSV Injection"). */
function cell(value: Cell): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
