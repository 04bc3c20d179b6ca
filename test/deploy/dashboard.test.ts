/** The Grafana dashboard asks only for metrics and labels that /metrics has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Metrics } from '../../adapters/web/server/metrics.ts';
import { formatFigures } from '../../src/queue/operators.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

/** What /metrics says after one of everything. */
function scrape(): string {
  const metrics = new Metrics();
  metrics.add('darkroom_messages_total');
  metrics.add('darkroom_refusals_total', 1, 'code="bad_request"');
  metrics.add('darkroom_jobs_total', 1, 'state="done"');
  metrics.add('darkroom_job_seconds_total', 2);
  const tenants = [{ tenant: 'web', gpuSeconds: 1, jobs: 1 }];
  const figures = {
    waiting: 1,
    running: 1,
    isPaused: false,
    workers: 1,
    leaseLosses: 0,
    retries: 0,
    tenants,
  };
  return formatFigures(figures) + metrics.format({ darkroom_event_readers: 1 });
}

test('every panel’s metrics and labels are in /metrics, and every metric has a panel', () => {
  const labels = new Map<string, Set<string>>();
  for (const [, name, inner = ''] of scrape().matchAll(/^(darkroom_\w+)(?:\{(.*)\})? /gm)) {
    labels.set(name!, new Set([...inner.matchAll(/(\w+)="/g)].map(([, label]) => label!)));
  }
  const file = new URL('../../deploy/grafana-dashboard.json', import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: Panel[] };
  const asked = new Set<string>();
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const names = [...expr.matchAll(/darkroom_\w+/g)].map(([name]) => name);
      assert.ok(names.length > 0, title);
      for (const name of names) {
        asked.add(name);
        assert.ok(labels.has(name), `${title}: ${name}`);
        for (const [, label] of expr.matchAll(/by \((\w+)\)|(?:\{|,)(\w+)=/g)) {
          if (label === undefined || label === 'instance') continue;
          assert.ok(labels.get(name)!.has(label), `${title}: ${name} has no label ${label}`);
        }
        // A counter is never shown as it is.
        if (name.endsWith('_total')) assert.match(expr, /rate\(|increase\(/, title);
      }
    }
  }
  assert.deepEqual([...asked].sort(), [...labels.keys()].sort());
});

test('panels have ids of their own and do not cover one another', () => {
  const file = new URL('../../deploy/grafana-dashboard.json', import.meta.url);
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: Panel[] };
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { title, gridPos: a } of panels) {
    assert.ok(a.x + a.w <= 24, title);
    const covered = panels.filter(
      ({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
    );
    assert.equal(covered.length, 1, title);
  }
});
