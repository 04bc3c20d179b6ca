/** Counters in Prometheus' text form (exposition format 0.0.4). */

const HELP = {
  darkroom_messages_total: 'Accepted messages.',
  darkroom_refusals_total: 'Refused calls, by error code.',
  darkroom_jobs_total: 'Ended jobs of the web chat, by state.',
  darkroom_job_seconds_total: 'Seconds from acceptance to picture, over all finished jobs.',
  darkroom_event_readers: 'Open event streams.',
} as const;
type Name = keyof typeof HELP;

export class Metrics {
  readonly #values = new Map<Name, Map<string, number>>();

  /** @param label `code="bad_request"` */
  add(name: Name, amount = 1, label = ''): void {
    const series = this.#values.get(name) ?? new Map<string, number>();
    series.set(label, (series.get(label) ?? 0) + amount);
    this.#values.set(name, series);
  }

  /** @param gauges current values */
  format(gauges: Partial<Record<Name, number>>): string {
    for (const [name, value] of Object.entries(gauges))
      this.#values.set(name as Name, new Map([['', value]]));
    return Object.entries(HELP)
      .flatMap(([name, help]) => [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`,
        ...[...(this.#values.get(name as Name) ?? [])].map(
          ([label, value]) => `${name}${label && `{${label}}`} ${value}`,
        ),
      ])
      .concat('')
      .join('\n');
  }
}
